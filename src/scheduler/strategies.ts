// Which of the instances that may take a task is best: placement strategies in order, each settling the ties of those before.
// And the way back: which of a service's tasks go first when it scales in.
import type { Random } from "#lib/random.ts";
import type { PlacementStrategy } from "#domain/ecs/service.ts";
import type { SchedulerInstance } from "./instance.ts";

/**
 * Without a strategy a service balances over zones, and within a zone favours the instance with the fewest of its tasks (ECS
 * API, UpdateService).
 */
export const SERVICE_DEFAULT: readonly PlacementStrategy[] = [
  { type: "spread", field: "attribute:ecs.availability-zone" },
  { type: "spread", field: "instanceId" },
];
/** RunTask without a strategy. */
export const RUN_TASK_DEFAULT: readonly PlacementStrategy[] = [{ type: "random" }];

/** How many tasks of the group share a value of a spread field. */
interface Tally {
  tasks: number;
}
type Level =
  | { readonly type: "spread"; readonly tallyOf: (instance: SchedulerInstance) => Tally }
  | { readonly type: "binpack"; readonly free: (instance: SchedulerInstance) => number };

interface Entry {
  instance: SchedulerInstance;
  readonly tallies: readonly (Tally | undefined)[];
}

export interface Ranking {
  add(instance: SchedulerInstance): void;
  /** The best instance at present; undefined when none is left. */
  best(): SchedulerInstance | undefined;
  /** The best one took a task: `next` is what it looks like now, undefined when it can take no more. */
  took(next: SchedulerInstance | undefined): void;
}

/** No level decides: any instance is as good as another. */
export const isRandom = (strategy: readonly PlacementStrategy[]): boolean =>
  strategy.every((s) => s.type === "random");

/** @param all every instance of the cluster: the counts of a spread include tasks where no more can go */
export function createRanking(
  strategy: readonly PlacementStrategy[],
  group: string,
  all: Iterable<SchedulerInstance>,
  random: Pick<Random, "below">,
): Ranking {
  const levels = strategy.flatMap((s) => levelOf(s));
  const spreads = levels.flatMap((l) => (l.type === "spread" ? [l] : []));
  for (const instance of all) {
    const tasks = instance.status === "ACTIVE" ? (instance.groups.get(group) ?? 0) : 0;
    if (tasks > 0) for (const spread of spreads) spread.tallyOf(instance).tasks += tasks;
  }
  const entries: Entry[] = [];
  let chosen = -1;
  const worse = (a: Entry, b: Entry): number => {
    for (let i = 0; i < levels.length; i += 1) {
      const level = levels[i] as Level;
      const difference =
        level.type === "spread"
          ? (a.tallies[i]?.tasks ?? 0) - (b.tallies[i]?.tasks ?? 0)
          : level.free(a.instance) - level.free(b.instance);
      if (difference !== 0) return difference;
    }
    return 0;
  };
  return {
    add(instance) {
      const tallies = levels.map((l) => (l.type === "spread" ? l.tallyOf(instance) : undefined));
      entries.push({ instance, tallies });
    },
    best() {
      if (entries.length === 0) return undefined;
      const start = random.below(entries.length);
      chosen = start;
      for (let n = 1; n < entries.length; n += 1) {
        const i = start + n < entries.length ? start + n : start + n - entries.length;
        if (worse(entries[i] as Entry, entries[chosen] as Entry) < 0) chosen = i;
      }
      return entries[chosen]?.instance;
    },
    took(next) {
      const entry = entries[chosen];
      if (entry === undefined) return;
      for (const tally of entry.tallies) if (tally !== undefined) tally.tasks += 1;
      if (next !== undefined) entry.instance = next;
      else {
        const last = entries.pop() as Entry;
        if (last !== entry) entries[chosen] = last;
      }
    },
  };
}

function levelOf(strategy: PlacementStrategy): readonly Level[] {
  const field = strategy.field?.toLowerCase() ?? "";
  if (strategy.type === "random") return [];
  if (strategy.type === "binpack")
    return [{ type: "binpack", free: field === "cpu" ? (i) => i.cpu : (i) => i.memoryMiB }];
  const tallies = new Map<string, Tally>();
  return [
    {
      type: "spread",
      tallyOf(instance) {
        const value = spreadValue(instance, strategy.field ?? "instanceId");
        let tally = tallies.get(value);
        if (tally === undefined) tallies.set(value, (tally = { tasks: 0 }));
        return tally;
      },
    },
  ];
}

/** Instances without the attribute share one value. */
function spreadValue(instance: SchedulerInstance, field: string): string {
  if (!field.startsWith("attribute:")) return instance.arn;
  const name = field.slice("attribute:".length);
  return name === "ecs.availability-zone" ? instance.zone : (instance.attributes.get(name) ?? "");
}

export interface PlacedTask {
  readonly arn: string;
  readonly zone: string;
  readonly instanceArn: string;
  readonly createdAt: number;
}

/**
 * The first `count` tasks to stop: each from the zone, and in it from the instance, that has most of the service's tasks at
 * that time; the newest there.
 * @param staying tasks that count but are not to be stopped
 */
export function scaleIn(
  tasks: readonly PlacedTask[],
  count: number,
  staying: readonly Pick<PlacedTask, "zone" | "instanceArn">[] = [],
): readonly PlacedTask[] {
  const zones = new Map<string, number>();
  const instances = new Map<string, number>();
  const add = ({ zone, instanceArn }: Pick<PlacedTask, "zone" | "instanceArn">, n: number) => {
    zones.set(zone, (zones.get(zone) ?? 0) + n);
    instances.set(instanceArn, (instances.get(instanceArn) ?? 0) + n);
  };
  for (const task of [...tasks, ...staying]) add(task, 1);
  const left = [...tasks].sort((a, b) => (a.arn < b.arn ? -1 : 1));
  const fuller = (a: PlacedTask, b: PlacedTask) =>
    (zones.get(a.zone) ?? 0) - (zones.get(b.zone) ?? 0) ||
    (instances.get(a.instanceArn) ?? 0) - (instances.get(b.instanceArn) ?? 0) ||
    a.createdAt - b.createdAt;
  const chosen: PlacedTask[] = [];
  while (chosen.length < count && left.length > 0) {
    const next = left.reduce((best, task) => (fuller(task, best) > 0 ? task : best));
    left.splice(left.indexOf(next), 1);
    add(next, -1);
    chosen.push(next);
  }
  return chosen;
}
