// Where the machine's cgroup hierarchies are: version 1 has one for each controller, version 2 one for all, and a machine
// may have both at once.
import { readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";

/** Mount points of every hierarchy. @param mounts the text of /proc/self/mounts */
export function cgroupHierarchies(mounts = readFileSync("/proc/self/mounts", "utf8")): readonly string[] {
  const points = mounts
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, , type]) => type === "cgroup" || type === "cgroup2")
    .map(([, point]) => (point ?? "").replace(/\\040/g, " "));
  return [...new Set(points)];
}

/** Removes the group from every hierarchy where nothing is in it any more. */
export function removeCgroup(hierarchies: readonly string[], path: string): void {
  for (const hierarchy of hierarchies) {
    try {
      rmdirSync(join(hierarchy, path));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "EBUSY" && code !== "ENOTEMPTY") throw error;
    }
  }
}
