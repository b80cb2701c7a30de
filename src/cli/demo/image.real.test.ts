// The demo's image without Docker: its archive's shape, and its container run from the layer in namespaces of its own.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "#tests/support/estiba.ts";
import { buildDemoImage, DEMO_IMAGE } from "./image.ts";

const folder = mkdtempSync(join(tmpdir(), "estiba-demo-image-"));
const archive = join(folder, "first.tar");
const rootfs = join(folder, "rootfs");
const sha256 = (content: Buffer) => createHash("sha256").update(content).digest("hex");

beforeAll(async () => {
  await buildDemoImage(archive);
  mkdirSync(rootfs);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const member = (name: string) =>
  spawnSync("tar", ["-xOf", archive, name], { maxBuffer: 64 * 1024 * 1024 }).stdout;

describe("the archive", () => {
  it("is the same byte for byte each time", async () => {
    await buildDemoImage(join(folder, "second.tar"));
    expect(readFileSync(join(folder, "second.tar")).equals(readFileSync(archive))).toBe(true);
  });

  it("names the image, and its configuration and layer by their digests", () => {
    const [entry] = JSON.parse(member("manifest.json").toString()) as {
      Config: string;
      RepoTags: string[];
      Layers: string[];
    }[];
    expect(entry?.RepoTags).toEqual([DEMO_IMAGE]);
    const config = member(entry?.Config ?? "");
    expect(entry?.Config).toBe(`${sha256(config)}.json`);
    const { rootfs: described } = JSON.parse(config.toString()) as { rootfs: { diff_ids: string[] } };
    expect(described.diff_ids).toEqual([`sha256:${sha256(member(entry?.Layers[0] ?? ""))}`]);
  });

  it("refuses to be made without a busybox, naming the package", async () => {
    await expect(buildDemoImage(join(folder, "never.tar"), "/nowhere/busybox")).rejects.toThrow(
      /apt-get install busybox-static/,
    );
  });
});

describe("the container", () => {
  let container: ChildProcess;
  let inside: number;
  const enter = (...command: string[]) => ["-t", String(inside), "--net", ...command];
  const get = () =>
    spawnSync(
      "nsenter",
      enter("/bin/busybox", "wget", "-q", "-O-", "http://127.0.0.1:8080/"),
    ).stdout.toString();

  beforeAll(async () => {
    const layer = (JSON.parse(member("manifest.json").toString()) as { Layers: string[] }[])[0]?.Layers[0];
    spawnSync("tar", ["-xf", "-", "-C", rootfs], { input: member(layer ?? "") });
    for (const name of ["proc", "dev"]) mkdirSync(join(rootfs, name));
    writeFileSync(join(rootfs, "dev/null"), "");
    const start =
      'mount -t proc proc "$1/proc"; mount --bind /dev/null "$1/dev/null"; ip link set lo up; hostname 0123456789ab; exec chroot "$1" /bin/serve';
    container = spawn(
      "unshare",
      ["--pid", "--fork", "--mount", "--net", "--uts", "sh", "-c", start, "sh", rootfs],
      { env: { PATH: "/bin:/usr/sbin:/usr/bin:/sbin", REVISION: "7" }, stdio: "inherit" },
    );
    inside = await eventually("the container's first process", () => {
      const child = readFileSync(`/proc/${container.pid}/task/${container.pid}/children`, "utf8").trim();
      return child === "" ? undefined : Number(child);
    });
    await eventually("an answer", () => get() || undefined);
  });
  afterAll(() => {
    if (container.exitCode === null) process.kill(inside, "SIGKILL");
  });

  it("answers with its revision and its container's name", () => {
    expect(get()).toBe("estiba demo\nrevision 7\ncontainer 0123456789ab\n");
  });

  it("on SIGTERM ends a request in flight, then itself with code 0", async () => {
    const client = spawn("nsenter", enter("/bin/busybox", "nc", "127.0.0.1", "8080"), {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const closed = new Promise((resolve) => client.once("close", resolve));
    let answer = "";
    client.stdout.setEncoding("utf8").on("data", (text: string) => (answer += text));
    client.stdin.write("GET / HTTP/1.1\r\nHost: demo\r\n");
    // The listener and the child that reads the half request.
    const httpds = () =>
      spawnSync("ps", ["-C", "httpd", "-o", "pid="]).stdout.toString().trim().split("\n").filter(Boolean)
        .length;
    await eventually("the half request is read", () => (httpds() >= 2 ? true : undefined));
    const ended = new Promise<number | null>((resolve) => container.once("exit", resolve));
    process.kill(inside, "SIGTERM");
    await eventually("the listener is gone", () => (get() === "" ? true : undefined));
    client.stdin.end("\r\n");
    expect(await ended).toBe(0);
    await closed;
    expect(answer).toMatch(/^HTTP\/1\.[01] 200 OK[\s\S]*revision 7\n/);
  });
});
