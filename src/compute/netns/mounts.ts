// Which mounts lie below a folder, and their removal. An engine leaves some behind: its data root, the layers of containers.
import { readFile } from "node:fs/promises";
import { run } from "./run.ts";

export interface Mount {
  readonly point: string;
  readonly type: string;
  /** Options of the file system itself, for instance the controllers of a version 1 cgroup mount. */
  readonly options: readonly string[];
}

/** The lines of `/proc/<pid>/mountinfo` (proc_pid_mountinfo(5)), in their order. */
export function parseMountinfo(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const [head, tail] = line.split(" - ");
    const point = head?.split(" ")[4];
    const [type, , options] = tail?.split(" ") ?? [];
    if (point === undefined || type === undefined) return [];
    return [{ point: unescape(point), type, options: options?.split(",") ?? [] }];
  });
}

/** Mount points at or below `folder`, the newest first: the order in which they can go. */
export function mountsBelow(mounts: readonly Mount[], folder: string): string[] {
  return mounts
    .map((mount) => mount.point)
    .filter((point) => point === folder || point.startsWith(`${folder}/`))
    .reverse();
}

export async function readMounts(): Promise<Mount[]> {
  return parseMountinfo(await readFile("/proc/self/mountinfo", "utf8"));
}

/** Takes every mount at or below `folder` away, also one that is still in use. */
export async function unmountBelow(folder: string): Promise<void> {
  for (const point of mountsBelow(await readMounts(), folder)) await run(["umount", "--lazy", point]);
}

/** The kernel writes blanks and backslashes of a path as octal numbers. */
function unescape(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
