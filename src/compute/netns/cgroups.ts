// Control groups of both versions: made with their controllers, limited, emptied and removed. A path is the same in every
// hierarchy, for instance `/estiba/<scope>/i-1/tasks`. Processes are put into leaves only, as version 2 demands.
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "#lib/clock.ts";
import type { Mount } from "./mounts.ts";
import { until } from "./until.ts";

export interface Hierarchy {
  readonly root: string;
  readonly version: 1 | 2;
  /** Version 1: the controllers of this hierarchy. A named one (systemd's) has none and is only cleaned. */
  readonly controllers: readonly string[];
}

export interface ResourceLimit {
  readonly vcpus: number;
  readonly memoryMiB: number;
}

export interface Cgroups {
  /** Where groups are made: those of version 1 that have controllers, else the one of version 2. */
  readonly used: readonly Hierarchy[];
  /** Makes the group and those above it. No error when it is there. */
  create(path: string): Promise<void>;
  limit(path: string, limit: ResourceLimit): Promise<void>;
  /** SIGKILL to all processes in it and below; resolves when none is left. */
  kill(path: string): Promise<void>;
  /** Removes the group and those below; they must be empty. No error when it is gone. */
  remove(path: string): Promise<void>;
  /** Removes the group in each hierarchy where nothing is in it. */
  removeIfEmpty(path: string): Promise<void>;
}

const knownControllers = [
  "cpu",
  "cpuacct",
  "cpuset",
  "memory",
  "devices",
  "freezer",
  "blkio",
  "pids",
  "net_cls",
  "net_prio",
  "perf_event",
  "hugetlb",
  "rdma",
  "misc",
];
/** Controllers that version 2 must hand down for limits of instances and tasks. */
const handedDown = ["cpuset", "cpu", "io", "memory", "pids"];
const cpuPeriodMicroseconds = 100_000;
const killTimeoutMs = 15_000;

/** The hierarchies that are mounted. Beside version 1 controllers, version 2 is a mere bookkeeping tree (`hybrid`). */
export function hierarchiesOf(mounts: readonly Mount[]): Hierarchy[] {
  const seen = new Set<string>();
  return mounts.flatMap((mount): Hierarchy[] => {
    if ((mount.type !== "cgroup" && mount.type !== "cgroup2") || seen.has(mount.point)) return [];
    seen.add(mount.point);
    if (mount.type === "cgroup2") return [{ root: mount.point, version: 2, controllers: [] }];
    const controllers = mount.options.filter((option) => knownControllers.includes(option));
    return [{ root: mount.point, version: 1, controllers }];
  });
}

export function createCgroups(hierarchies: readonly Hierarchy[], clock: Clock): Cgroups {
  const v1 = hierarchies.filter((h) => h.version === 1 && h.controllers.length > 0);
  const v2 = v1.length > 0 ? undefined : hierarchies.find((h) => h.version === 2);
  const withController = (name: string) => v1.find((h) => h.controllers.includes(name));

  const processes = async (path: string) => {
    const pids = new Set<number>();
    for (const { root } of hierarchies)
      for (const group of await groupsBelow(join(root, path)))
        for (const line of (await readIfThere(join(group, "cgroup.procs"))).split("\n"))
          if (line !== "") pids.add(Number(line));
    return pids;
  };

  return {
    used: v2 === undefined ? v1 : [v2],
    async create(path) {
      if (v1.length === 0 && v2 === undefined)
        throw new Error("No control groups are mounted on this machine.");
      for (const { root, controllers } of v1) {
        await mkdir(join(root, path), { recursive: true });
        if (controllers.includes("cpuset")) await inheritCpuset(root, path);
      }
      if (v2 === undefined) return;
      await handDown(v2.root);
      for (const group of ancestors(path)) {
        await mkdir(join(v2.root, group), { recursive: true });
        if (group !== path) await handDown(join(v2.root, group));
      }
    },
    async limit(path, { vcpus, memoryMiB }) {
      const bytes = String(memoryMiB * 1024 * 1024);
      const quota = String(Math.round(vcpus * cpuPeriodMicroseconds));
      if (v2 !== undefined) {
        await writeFile(join(v2.root, path, "memory.max"), bytes);
        await writeFile(join(v2.root, path, "cpu.max"), `${quota} ${cpuPeriodMicroseconds}`);
        return;
      }
      const memory = withController("memory");
      const cpu = withController("cpu");
      if (memory === undefined || cpu === undefined)
        throw new Error("The cpu and memory control groups are not mounted, so an instance cannot be sized.");
      await writeFile(join(memory.root, path, "memory.limit_in_bytes"), bytes);
      await writeFile(join(cpu.root, path, "cpu.cfs_period_us"), String(cpuPeriodMicroseconds));
      await writeFile(join(cpu.root, path, "cpu.cfs_quota_us"), quota);
    },
    async kill(path) {
      await until(
        async () => {
          const pids = await processes(path);
          for (const pid of pids) kill(pid);
          return pids.size === 0 ? true : undefined;
        },
        { clock, timeoutMs: killTimeoutMs, late: () => `Processes in the control group ${path} do not end.` },
      );
    },
    async remove(path) {
      // A killed process leaves its group some moments after its end: EBUSY passes.
      for (const { root } of hierarchies)
        for (const group of (await groupsBelow(join(root, path))).reverse())
          await until(() => rmdirOnce(group), {
            clock,
            timeoutMs: killTimeoutMs,
            late: () => `The control group ${group} stays busy.`,
          });
    },
    async removeIfEmpty(path) {
      for (const { root } of hierarchies) await rmdir(join(root, path)).catch(() => undefined);
    },
  };
}

/** `/a`, `/a/b`, `/a/b/c`. */
export function ancestors(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "");
  return names.map((_, i) => `/${names.slice(0, i + 1).join("/")}`);
}

/** Lets the children of a version 2 group have the controllers that this group has. */
async function handDown(group: string): Promise<void> {
  const available = (await readFile(join(group, "cgroup.controllers"), "utf8")).trim().split(" ");
  const wanted = handedDown.filter((name) => available.includes(name)).map((name) => `+${name}`);
  if (wanted.length > 0) await writeFile(join(group, "cgroup.subtree_control"), wanted.join(" "));
}

/** A new version 1 cpuset is empty, and no process may enter an empty one. */
async function inheritCpuset(root: string, path: string): Promise<void> {
  for (const group of ancestors(path))
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      const own = join(root, group, file);
      if ((await readFile(own, "utf8")).trim() === "")
        await writeFile(own, await readFile(join(root, dirname(group), file), "utf8"));
    }
}

/** The group and all below it, parents before children; none when it does not exist. */
async function groupsBelow(group: string): Promise<string[]> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return [];
  const below = entries.filter((e) => e.isDirectory()).map((e) => groupsBelow(join(group, e.name)));
  return [group, ...(await Promise.all(below)).flat()];
}

async function readIfThere(file: string): Promise<string> {
  return readFile(file, "utf8").catch(() => "");
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended in between.
  }
}

async function rmdirOnce(group: string): Promise<true | undefined> {
  try {
    await rmdir(group);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return true;
    if (code === "EBUSY") return undefined;
    throw error;
  }
}
