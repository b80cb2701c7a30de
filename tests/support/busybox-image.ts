// Builds an image archive of `docker save` from the machine's static busybox, so that tests of containers need no registry.
import { readFileSync, writeFileSync } from "node:fs";
import { imageArchive } from "#lib/image-archive.ts";

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
  const executable = (name: string, content: string | Buffer) => ({ name, mode: 0o755, content });
  const { archive, imageId } = imageArchive(
    image.tags,
    [
      ...["bin", "dev", "etc", "proc", "sys", "tmp", "www"].map((name) => ({ name: `${name}/` })),
      executable("bin/busybox", readFileSync("/bin/busybox")),
      ...APPLETS.map((applet) => ({ name: `bin/${applet}`, mode: 0o777, linkTo: "busybox" })),
      { name: "etc/passwd", content: "root:x:0:0:root:/:/bin/sh\n" },
      ...Object.entries(image.files ?? {}).map(([name, content]) => executable(name, content)),
    ],
    { Env: ["PATH=/bin"], Cmd: ["/bin/sh"], ...image.config },
  );
  writeFileSync(path, archive);
  return imageId;
}
