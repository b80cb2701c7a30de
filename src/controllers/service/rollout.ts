// The arithmetic of a rolling deployment, a drain and a scale-in: how many tasks may start and which may stop, between
// minimumHealthyPercent (rounded up) and maximumPercent (rounded down) of desiredCount. Pure.
import type { ServiceRow } from "#domain/ecs/service.ts";
import { type PlacedTask, scaleIn } from "#scheduler/strategies.ts";
import type { Health, ServiceTask } from "./health.ts";

/** A task that is wanted RUNNING. */
export interface Member {
  readonly task: ServiceTask;
  readonly isPrimary: boolean;
  readonly health: Health;
  /** Protected from scale-in and deployments now. */
  readonly isProtected: boolean;
}

export interface Rollout {
  /** How many tasks of PRIMARY are to be started now. */
  readonly start: number;
  /** How many are missing, whether they may be started now or not. */
  readonly missing: number;
  /** More than desired. */
  readonly surplus: readonly Member[];
  /** Superseded, unhealthy or on a draining instance, and to be stopped now. */
  readonly leaving: readonly Member[];
  /** Surplus, superseded or on a draining instance, and would be stopped now if they were not protected. */
  readonly held: readonly Member[];
  /** The two percentages leave no way on, and nothing under way will change that. */
  readonly isBlocked: boolean;
}

export const healthyLimits = (
  service: Pick<ServiceRow, "desiredCount" | "minimumHealthyPercent" | "maximumPercent">,
): { readonly lower: number; readonly upper: number } => ({
  lower: Math.ceil((service.desiredCount * service.minimumHealthyPercent) / 100),
  upper: Math.max(service.desiredCount, Math.floor((service.desiredCount * service.maximumPercent) / 100)),
});

/**
 * @param stopping tasks on their way out: they no longer count, but their room will come free
 * @param short tasks that found no place at the last attempt
 */
export function planRollout(
  service: Pick<ServiceRow, "desiredCount" | "minimumHealthyPercent" | "maximumPercent">,
  members: readonly Member[],
  stopping: number,
  short: number,
): Rollout {
  const { desiredCount } = service;
  const { lower, upper } = healthyLimits(service);
  const mayStay = (m: Member) =>
    m.isPrimary && m.health.state !== "unhealthy" && m.task.instanceStatus !== "DRAINING";
  const staying = members.filter(mayStay);
  const leavers = members.filter((m) => !mayStay(m));
  const mayStop = (m: Member) => !m.isProtected || m.health.state === "unhealthy";
  const excess = Math.max(0, staying.length - desiredCount);
  const surplus = surplusOf(staying.filter(mayStop), leavers, excess);
  const kept = staying.length - surplus.length;
  const healthyKept = staying.filter((m) => isHealthy(m) && !surplus.includes(m)).length;
  // Protected ones may be more than are desired.
  const missing = Math.max(0, desiredCount - kept);

  // Tasks that never served go at once; that makes room.
  const [idle, idleHeld] = split(
    leavers.filter((m) => m.task.row.lastStatus !== "RUNNING"),
    mayStop,
  );
  const serving = inOrder(
    leavers.filter((m) => m.task.row.lastStatus === "RUNNING"),
    staying,
  );
  const [stoppable, servingHeld] = split(serving, mayStop);
  const unhealthy = serving.filter((m) => m.health.state === "unhealthy").length;
  const present = kept + serving.length + idleHeld.length;
  const start = Math.max(0, Math.min(missing, upper - present));

  // Those whose replacement is healthy: whatever is there beyond desiredCount.
  let stops = Math.max(0, healthyKept + serving.length - desiredCount);
  const wanted = Math.max(missing - start, Math.min(missing, short) - stopping);
  if (wanted > 0) {
    // What is available beyond the minimum makes room; unhealthy ones, which are not, go one by one.
    const spare = Math.max(0, healthyKept + serving.length - unhealthy - lower);
    const oneByOne = unhealthy > 0 && kept === healthyKept && stopping === 0 ? 1 : 0;
    const room = unhealthy > 0 ? Math.max(oneByOne, Math.min(spare, unhealthy)) : spare;
    stops = Math.max(stops, Math.min(wanted, room));
  }
  stops = Math.min(stops, serving.length);
  const leaving = stoppable.slice(0, stops);
  const held = [
    ...staying.filter((m) => !mayStop(m)).slice(0, excess - surplus.length),
    ...idleHeld,
    ...servingHeld.slice(0, stops - leaving.length),
  ];
  const isAtRest = stopping === 0 && idle.length === 0 && surplus.length === 0 && kept === healthyKept;
  return {
    start,
    missing,
    surplus,
    leaving: [...idle, ...leaving],
    held,
    isBlocked: missing > start && start === 0 && stops === 0 && held.length === 0 && isAtRest,
  };
}

const isHealthy = (m: Member): boolean => m.health.state === "healthy";

/** Scale-in: those that are not healthy yet first, then from the fullest zone and instance. */
function surplusOf(
  staying: readonly Member[],
  leavers: readonly Member[],
  excess: number,
): readonly Member[] {
  if (excess === 0) return [];
  const young = staying.filter((m) => !isHealthy(m));
  const first = pick(young, Math.min(excess, young.length), staying.filter(isHealthy));
  const rest = staying.filter((m) => !first.includes(m) && isHealthy(m));
  return [...first, ...pick(rest, excess - first.length, leavers)];
}

/** Unhealthy ones first, then those on draining instances, then the superseded; each from the fullest place. */
function inOrder(leavers: readonly Member[], staying: readonly Member[]): readonly Member[] {
  const kind = (m: Member) =>
    m.health.state === "unhealthy" ? 0 : m.task.instanceStatus === "DRAINING" ? 1 : 2;
  return [0, 1, 2].flatMap((k) => {
    const group = leavers.filter((m) => kind(m) === k);
    return pick(group, group.length, staying);
  });
}

function split<T>(all: readonly T[], goes: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [all.filter(goes), all.filter((item) => !goes(item))];
}

function pick(from: readonly Member[], count: number, others: readonly Member[]): readonly Member[] {
  const byArn = new Map(from.map((m) => [m.task.row.arn, m]));
  return scaleIn(from.map(placed), count, others.map(placed)).flatMap((t) => byArn.get(t.arn) ?? []);
}

const placed = ({ task: { row } }: Member): PlacedTask => ({
  arn: row.arn,
  zone: row.availabilityZone ?? "",
  instanceArn: row.containerInstanceArn ?? "",
  createdAt: row.createdAt,
});
