// Where tasks go: a snapshot of instances and a demand in, a plan or reasons out. Pure; the Placement port commits the plan and
// checks again what it rests on.
import type { Random } from "#lib/random.ts";
import type { PlacementStrategy } from "#domain/ecs/service.ts";
import { type Filter, firstRefusal } from "./filters.ts";
import { count as countOf, type InstanceSource } from "./free-index.ts";
import { type Demand, occupied, type SchedulerInstance } from "./instance.ts";
import { createRanking, isRandom } from "./strategies.ts";

export interface PlaceInput {
  readonly instances: InstanceSource;
  readonly demand: Demand;
  readonly strategy: readonly PlacementStrategy[];
  readonly count: number;
  readonly random: Pick<Random, "below">;
}

export interface Refusal {
  readonly instanceArn: string;
  /** As in RunTask's failures[]. */
  readonly reason: string;
}

export interface Plan {
  /** Instance ARNs, one a task. */
  readonly assignments: readonly string[];
  /** Why each instance takes no further task, when fewer were placed than asked for. */
  readonly refusals: readonly Refusal[];
  /** The event's words, from "was unable to place" on; absent when all were placed. */
  readonly explanation?: string;
}

/** failures[] name at most this many instances. */
const REFUSALS_NAMED = 100;

export function place(input: PlaceInput): Plan {
  const { demand, count } = input;
  const { applying, refusedBy } = firstRefusal(demand);
  const touched = new Map<string, SchedulerInstance>();
  const fits = (instance: SchedulerInstance) => refusedBy(instance) < 0;
  const assignments = isRandom(input.strategy)
    ? anywhere(input, fits, touched)
    : ranked(input, fits, touched);
  if (assignments.length >= count) return { assignments, refusals: [] };
  return { assignments, ...explain(input.instances, touched, applying, refusedBy) };
}

/** The first that fits from a random point on: instances beyond it need not be looked at. */
function anywhere(
  { instances, demand, count, random }: PlaceInput,
  fits: (instance: SchedulerInstance) => boolean,
  touched: Map<string, SchedulerInstance>,
): string[] {
  const chunks = instances.candidates(demand.cpu, demand.memoryMiB);
  const total = countOf(chunks);
  const assignments: string[] = [];
  while (assignments.length < count) {
    let found: SchedulerInstance | undefined;
    for (const listed of from(chunks, random.below(Math.max(1, total)))) {
      const instance = touched.get(listed.arn) ?? listed;
      if (!fits(instance)) continue;
      found = instance;
      break;
    }
    if (found === undefined) return assignments;
    touched.set(found.arn, occupied(found, demand));
    assignments.push(found.arn);
  }
  return assignments;
}

function ranked(
  { instances, demand, strategy, count, random }: PlaceInput,
  fits: (instance: SchedulerInstance) => boolean,
  touched: Map<string, SchedulerInstance>,
): string[] {
  const ranking = createRanking(strategy, demand.group, instances.all(), random);
  for (const chunk of instances.candidates(demand.cpu, demand.memoryMiB))
    for (const instance of chunk) if (fits(instance)) ranking.add(instance);
  const assignments: string[] = [];
  while (assignments.length < count) {
    const best = ranking.best();
    if (best === undefined) return assignments;
    const next = occupied(best, demand);
    touched.set(best.arn, next);
    ranking.took(fits(next) ? next : undefined);
    assignments.push(best.arn);
  }
  return assignments;
}

function* from(
  chunks: readonly (readonly SchedulerInstance[])[],
  offset: number,
): Generator<SchedulerInstance, void, undefined> {
  let skip = offset;
  let first = 0;
  while (first < chunks.length && skip >= (chunks[first]?.length ?? 0)) {
    skip -= chunks[first]?.length ?? 0;
    first += 1;
  }
  for (let n = 0; n <= chunks.length; n += 1) {
    const chunk = chunks[(first + n) % Math.max(1, chunks.length)] ?? [];
    const start = n === 0 ? skip : 0;
    const end = n === chunks.length ? skip : chunk.length;
    for (let i = start; i < end; i += 1) yield chunk[i] as SchedulerInstance;
  }
}

function explain(
  instances: InstanceSource,
  touched: ReadonlyMap<string, SchedulerInstance>,
  applying: readonly Filter[],
  refusedBy: (instance: SchedulerInstance) => number,
): Pick<Plan, "refusals" | "explanation"> {
  const refusals: Refusal[] = [];
  let closest: { readonly id: string; readonly refusal: number } | undefined;
  for (const listed of instances.all()) {
    const instance = touched.get(listed.arn) ?? listed;
    const refusal = refusedBy(instance);
    const filter = applying[refusal];
    if (filter === undefined) continue;
    if (refusals.length < REFUSALS_NAMED) refusals.push({ instanceArn: instance.arn, reason: filter.reason });
    const isCloser =
      closest === undefined ||
      refusal > closest.refusal ||
      (refusal === closest.refusal && instance.id < closest.id);
    if (isCloser) closest = { id: instance.id, refusal };
  }
  const why =
    closest === undefined
      ? "Reason: No Container Instances were found in your cluster."
      : `The closest matching (container-instance ${closest.id}) ${applying[closest.refusal]?.lacks ?? ""}`;
  return {
    refusals,
    explanation: `was unable to place a task because no container instance met all of its requirements. ${why}`,
  };
}
