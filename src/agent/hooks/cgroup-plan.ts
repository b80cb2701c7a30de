// The cgroup above a task's containers: which folders are made and what is written into them. Pure; paths are below
// /sys/fs/cgroup. Kernel documentation: admin-guide/cgroup-v1 and admin-guide/cgroup-v2.

export interface TaskLimits {
  /** vCPUs. */
  readonly cpu?: number;
  readonly memoryMiB?: number;
}

export type CgroupVersion = "v1" | "v2";

export type CgroupStep =
  | { readonly type: "make"; readonly path: string }
  | { readonly type: "write"; readonly path: string; readonly value: string };

const MIB = 1024 * 1024;
const PERIOD_MICROSECONDS = 100_000;
/** The kernel takes no shorter quota. */
const SHORTEST_QUOTA_MICROSECONDS = 1_000;
const SHARES_OF_A_VCPU = 1024;
const [LEAST_SHARES, MOST_SHARES] = [2, 262_144];

/** The task's cgroup, slash-separated from the hierarchy's root: what Docker takes as `HostConfig.CgroupParent`. */
export function taskCgroup(parent: string, taskId: string): string {
  return `/${[...segments(parent), taskId].join("/")}`;
}

/** Steps in order, each safe to repeat; none when the task has no limits (Docker makes the cgroup itself then). */
export function cgroupPlan(
  version: CgroupVersion,
  parent: string,
  taskId: string,
  limits: TaskLimits,
): readonly CgroupStep[] {
  if (limits.cpu === undefined && limits.memoryMiB === undefined) return [];
  return version === "v1" ? planV1(parent, taskId, limits) : planV2(parent, taskId, limits);
}

/** One hierarchy for each controller. */
function planV1(parent: string, taskId: string, { cpu, memoryMiB }: TaskLimits): readonly CgroupStep[] {
  const path = taskCgroup(parent, taskId);
  const write = (file: string, value: number): CgroupStep => ({
    type: "write",
    path: `${file.startsWith("memory") ? "/memory" : "/cpu"}${path}/${file}`,
    value: String(value),
  });
  return [
    ...(memoryMiB === undefined
      ? []
      : [
          { type: "make" as const, path: `/memory${path}` },
          // Without it the limit would hold for the folder itself, which has no process.
          write("memory.use_hierarchy", 1),
          write("memory.limit_in_bytes", memoryMiB * MIB),
        ]),
    ...(cpu === undefined
      ? []
      : [
          { type: "make" as const, path: `/cpu${path}` },
          write("cpu.shares", sharesOf(cpu)),
          write("cpu.cfs_period_us", PERIOD_MICROSECONDS),
          write("cpu.cfs_quota_us", quotaOf(cpu)),
        ]),
  ];
}

/** One hierarchy; a controller must be enabled on every level above the cgroup that it limits. */
function planV2(parent: string, taskId: string, { cpu, memoryMiB }: TaskLimits): readonly CgroupStep[] {
  const controllers = [
    ...(cpu === undefined ? [] : ["+cpu"]),
    ...(memoryMiB === undefined ? [] : ["+memory"]),
  ];
  const levels = segments(parent).reduce(
    (above, segment) => [...above, `${above.at(-1) ?? ""}/${segment}`],
    [""],
  );
  const path = taskCgroup(parent, taskId);
  const write = (file: string, value: string): CgroupStep => ({
    type: "write",
    path: `${path}/${file}`,
    value,
  });
  return [
    ...levels.flatMap((level): readonly CgroupStep[] => [
      ...(level === "" ? [] : [{ type: "make" as const, path: level }]),
      { type: "write", path: `${level}/cgroup.subtree_control`, value: controllers.join(" ") },
    ]),
    { type: "make", path },
    ...(memoryMiB === undefined ? [] : [write("memory.max", String(memoryMiB * MIB))]),
    ...(cpu === undefined
      ? []
      : [
          write("cpu.weight", String(weightOf(sharesOf(cpu)))),
          write("cpu.max", `${quotaOf(cpu)} ${PERIOD_MICROSECONDS}`),
        ]),
  ];
}

function quotaOf(cpu: number): number {
  return Math.max(SHORTEST_QUOTA_MICROSECONDS, Math.round(cpu * PERIOD_MICROSECONDS));
}

function sharesOf(cpu: number): number {
  return Math.min(MOST_SHARES, Math.max(LEAST_SHARES, Math.round(cpu * SHARES_OF_A_VCPU)));
}

/** Shares 2…262144 onto weights 1…10000, as container runtimes map them. */
function weightOf(shares: number): number {
  return 1 + Math.floor(((shares - LEAST_SHARES) * 9999) / (MOST_SHARES - LEAST_SHARES));
}

function segments(path: string): readonly string[] {
  return path.split("/").filter((segment) => segment !== "");
}
