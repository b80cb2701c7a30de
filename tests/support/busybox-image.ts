// Builds an image archive of `docker save` from the machine's static busybox, so that tests of containers need no registry.
// The form is Docker Image Specification v1.2: manifest.json, a configuration, one layer.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

export interface BusyboxImage {
  /** `repository:tag`, any number. */
  readonly tags: readonly string[];
  /** Members of the image's `config`: Cmd, Env, StopSignal, Healthcheck … */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Further files, path → content; made executable. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
}

const APPLETS =
  "sh cat cut echo tr sleep true false kill httpd nc wget id ls mkdir mount ip ps test dd touch rm env hostname tail yes head".split(
    " ",
  );

/** Writes the archive; answers the image's id (`sha256:…` of its configuration). */
export function writeBusyboxImage(path: string, image: BusyboxImage): string {
  const busybox = readFileSync("/bin/busybox");
  const layer = tar([
    ...["bin", "dev", "etc", "proc", "sys", "tmp", "www"].map((name) => ({
      name,
      type: "directory" as const,
    })),
    { name: "bin/busybox", type: "file" as const, content: busybox },
    ...APPLETS.map((applet) => ({ name: `bin/${applet}`, type: "link" as const, target: "busybox" })),
    { name: "etc/passwd", type: "file" as const, content: Buffer.from("root:x:0:0:root:/:/bin/sh\n") },
    ...Object.entries(image.files ?? {}).map(([name, content]) => ({
      name,
      type: "file" as const,
      content: typeof content === "string" ? Buffer.from(content) : content,
    })),
  ]);
  const layerDigest = sha256(layer);
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      os: "linux",
      created: "2026-01-01T00:00:00Z",
      config: { Env: ["PATH=/bin"], Cmd: ["/bin/sh"], ...image.config },
      history: [{ created: "2026-01-01T00:00:00Z", created_by: "static busybox" }],
      rootfs: { type: "layers", diff_ids: [`sha256:${layerDigest}`] },
    }),
  );
  const id = sha256(config);
  const manifest = [{ Config: `${id}.json`, RepoTags: image.tags, Layers: [`${layerDigest}/layer.tar`] }];
  writeFileSync(
    path,
    tar([
      { name: layerDigest, type: "directory" },
      { name: `${layerDigest}/layer.tar`, type: "file", content: layer },
      { name: `${id}.json`, type: "file", content: config },
      { name: "manifest.json", type: "file", content: Buffer.from(JSON.stringify(manifest)) },
    ]),
  );
  return `sha256:${id}`;
}

type TarEntry = { readonly name: string } & (
  | { readonly type: "directory" }
  | { readonly type: "file"; readonly content: Buffer }
  | { readonly type: "link"; readonly target: string }
);

/** A ustar archive; everything belongs to root and may be executed. */
export function tar(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const content = entry.type === "file" ? entry.content : Buffer.alloc(0);
    return [tarHeader(entry, content.length), content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function tarHeader(entry: TarEntry, size: number): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, at: number, digits: number) =>
    header.write(`${value.toString(8).padStart(digits, "0")}\0`, at, "latin1");
  header.write(entry.type === "directory" ? `${entry.name}/` : entry.name, 0, 100);
  octal(0o755, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(Date.UTC(2026, 0, 1) / 1000, 136, 11);
  header.write(entry.type === "directory" ? "5" : entry.type === "link" ? "2" : "0", 156);
  if (entry.type === "link") header.write(entry.target, 157, 100);
  header.write("ustar\x0000", 257, "latin1");
  header.fill(32, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
