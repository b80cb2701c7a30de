// What Fargate is, as constants of AWS: task sizes, the platform, the capacity providers (ECS Developer Guide, "Fargate task
// definition considerations"). And what it is here: hosts of a pool that nobody sees (docs/decisions/0009). Pure.

/** Of launch type FARGATE, and the only names that a strategy may have here. */
export const CAPACITY_PROVIDERS = ["FARGATE", "FARGATE_SPOT"] as const;
export type CapacityProviderName = (typeof CAPACITY_PROVIDERS)[number];

export const isCapacityProvider = (name: string): name is CapacityProviderName =>
  CAPACITY_PROVIDERS.some((known) => known === name);

/** API reference, "CapacityProviderStrategyItem". */
export interface StrategyItem {
  readonly capacityProvider: CapacityProviderName;
  /** At least so many tasks run there. */
  readonly base: number;
  /** Its share of the rest. */
  readonly weight: number;
}

/** What LATEST means, and the only version that there is. */
export const PLATFORM_VERSION = "1.4.0";
export const PLATFORM_FAMILY = "Linux";

/** GiB: what a task has without asking, and what it may ask for. */
export const EPHEMERAL_STORAGE_GIB = { usual: 20, least: 21, most: 200 } as const;

/** Seconds. */
export const LONGEST_STOP_TIMEOUT = 120;

const GIB = 1024;
const steps = (from: number, to: number, by: number): readonly number[] =>
  Array.from({ length: (to - from) / by + 1 }, (_, i) => (from + i * by) * GIB);

/** CPU units → MiB that go with them (Developer Guide, "Task CPU and memory"). */
export const TASK_SIZES: ReadonlyMap<number, readonly number[]> = new Map([
  [256, [0.5 * GIB, 1 * GIB, 2 * GIB]],
  [512, steps(1, 4, 1)],
  [1024, steps(2, 8, 1)],
  [2048, steps(4, 16, 1)],
  [4096, steps(8, 30, 1)],
  [8192, steps(16, 60, 4)],
  [16_384, steps(32, 120, 8)],
]);

export const isTaskSize = (cpu: number, memoryMiB: number): boolean =>
  TASK_SIZES.get(cpu)?.includes(memoryMiB) ?? false;

/** The cluster of the pool's hosts: no user's can have this name, so that no call can name it. */
export const POOL_CLUSTER = ".fargate";

/** The role of the pool's hosts: no user's can have this name. */
export const poolRoleArn = (account: string): string => `arn:aws:iam::${account}:role/fargate!host`;

/**
 * What starts a task's containers: the machine's kernel shared (`runc`), or a kernel of their own by gVisor (`runsc`); the
 * docs/decisions say what that holds and what not.
 */
export type TaskRuntime = "runc" | "runsc";

/** The attribute of a task, and the label of its containers, that tell which. */
export const RUNTIME_ATTRIBUTE = "estiba.runtime";

/** What makes an EC2 instance's row one of the pool. */
export interface PoolHost {
  /** Of the tasks that it is for: CPU units, MiB. */
  readonly cpu: number;
  readonly memoryMiB: number;
  /** Chosen before the host registers, so that a task can be given to it before it is there. */
  readonly containerInstanceId: string;
  /** Absent: runc. */
  readonly runtime?: TaskRuntime;
  /** Since when it has no task (epoch milliseconds); absent while it has one. */
  readonly idleSince?: number;
}

/** Where a host is looked for: in the region's zone, for tasks of one size. */
export const poolPlace = (
  region: string,
  zone: string,
  { cpu, memoryMiB }: Pick<PoolHost, "cpu" | "memoryMiB">,
): string => `${region}/${zone}/${cpu}x${memoryMiB}`;

/** What the agent and the engine take beside the task. */
const OVERHEAD_MIB = 512;
/** An engine starts quickly with two. */
const FEWEST_VCPUS = 2;

/** The host around a task of this size; the task's own limits are its cgroup's. */
export const hostSizeFor = ({ cpu, memoryMiB }: Pick<PoolHost, "cpu" | "memoryMiB">) => ({
  vcpus: Math.max(FEWEST_VCPUS, Math.ceil(cpu / 1024)),
  memoryMiB: memoryMiB + OVERHEAD_MIB,
});
