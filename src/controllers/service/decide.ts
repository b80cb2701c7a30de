// What a service needs next: tasks to start and to stop, what becomes of its deployments, what is to be told. Pure; run.ts
// reads the rows, applies the decision in one transaction and asks Placement for the starts.
import type { Deployment, ServiceRow } from "#domain/ecs/service.ts";
import {
  completeDeployment,
  forgetDeployments,
  leaveSteadyState,
  primaryOf,
  reachSteadyState,
  serviceGone,
  setHeld,
  setShortfall,
  startsFailed,
  startsSucceeded,
} from "#domain/ecs/service-transitions.ts";
import { isProtected, type TaskRow } from "#domain/ecs/task.ts";
import type { StopCause } from "#domain/ecs/task-transitions.ts";
import { failedStartAt, healthOf, scheduler, type ServiceTask } from "./health.ts";
import { type Member, planRollout, type Rollout } from "./rollout.ts";

export interface ServiceSettings {
  /** A task without health checks counts as healthy so long after it was RUNNING: 40 s at AWS. */
  readonly steadyAfterMs: number;
  /** Delays between failing starts: none after the first, then doubling from the first of these to the second. */
  readonly backoffMs: { readonly initial: number; readonly maximum: number };
}
export const DEFAULT_SETTINGS: ServiceSettings = {
  steadyAfterMs: 40_000,
  backoffMs: { initial: 1000, maximum: 300_000 },
};

export interface ServiceState {
  readonly service: ServiceRow;
  /** Every task of the service that is not STOPPED. */
  readonly tasks: readonly ServiceTask[];
  /** Those that are STOPPED and still kept. */
  readonly stopped: readonly TaskRow[];
  readonly now: number;
  readonly settings: ServiceSettings;
}

export interface Decision {
  /** The service's row as it becomes. */
  readonly service: ServiceRow;
  /** Tasks of PRIMARY to place; `atMost` tasks of it may then be wanted RUNNING. */
  readonly start?: { readonly deploymentId: string; readonly count: number; readonly atMost: number };
  readonly stop: readonly { readonly task: TaskRow; readonly cause: StopCause }[];
  /** Service deployments that end, by their `ecs-svc/…` id; every other listed one is at least in progress. */
  readonly finished: readonly {
    readonly deployment: Deployment;
    readonly status: "SUCCESSFUL" | "STOPPED";
    readonly reason?: string;
  }[];
  /** In order, without "(service X) ". */
  readonly events: readonly string[];
  /** When to look again though nothing changes. */
  readonly wakeAt?: number;
}

const STEADY_EVENT_EVERY_MS = 6 * 60 * 60 * 1000;
/** So many rounds of failed starts make the event. */
const FAILED_ROUNDS_TOLD = 3;
/** The rest follows in further decisions: a transaction is bounded. */
const STOPS_AT_ONCE = 40;

export const BLOCKED =
  "was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the minimumHealthyPercent or maximumPercent value and try again.";
const FAILING =
  "is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.";

export function decideService(state: ServiceState): Decision {
  const { service } = state;
  const primary = primaryOf(service);
  if (service.status !== "ACTIVE" || primary === undefined) return decideEnd(state);
  const members = state.tasks
    // What was on a host that is gone is lost, though its row does not say so yet.
    .filter((t) => t.row.desiredStatus === "RUNNING" && t.instanceStatus !== "INACTIVE")
    .map((task): Member => ({
      task,
      isPrimary: task.row.deploymentId === primary.id,
      isProtected: isProtected(task.row, state.now),
      health: healthOf(task, {
        now: state.now,
        steadyAfterMs: state.settings.steadyAfterMs,
        gracePeriodSeconds: service.healthCheckGracePeriodSeconds ?? 0,
      }),
    }));
  const short = service.shortfall?.reason === BLOCKED ? 0 : (service.shortfall?.count ?? 0);
  const plan = planRollout(service, members, state.tasks.length - members.length, short);
  const starts = decideStarts(state, primary, plan, members);
  const stop = [
    ...plan.surplus.map((m) => ({ m, cause: scaling(primary) })),
    ...plan.leaving.map((m) => ({
      m,
      cause: m.health.state === "unhealthy" ? m.health.cause : scaling(primary),
    })),
  ].slice(0, STOPS_AT_ONCE);
  const events = [...starts.events];
  for (const { m } of stop)
    if (m.health.state === "unhealthy" && m.health.event !== undefined) events.push(m.health.event);
  events.push(...stopEvent(stop.map(({ m }) => m.task.row)));

  let next = starts.service;
  if (plan.isBlocked && next.shortfall?.reason !== BLOCKED) {
    next = setShortfall(next, { count: plan.missing, reason: BLOCKED }, state.now);
    events.push(BLOCKED);
  } else if (!plan.isBlocked && (next.shortfall?.reason === BLOCKED || plan.missing === 0)) {
    next = setShortfall(next, undefined, state.now);
  }
  const protection = decideHeld(next, primary, plan);
  events.push(...protection.events);
  const rollout = decideDeployments(state, protection.service, primary, members);
  const steady = decideSteady(state, rollout.service, members);
  const wakeAt = earliest([
    ...members.map((m) => (m.health.state === "starting" ? m.health.until : undefined)),
    ...plan.held.map((m) => m.task.row.protectedUntil),
    starts.wakeAt,
    steady.wakeAt,
  ]);
  return {
    service: steady.service,
    ...(starts.start === undefined ? {} : { start: starts.start }),
    stop: stop.map(({ m, cause }) => ({ task: m.task.row, cause })),
    finished: rollout.finished,
    events: [...events, ...rollout.events, ...steady.events],
    ...(wakeAt === undefined ? {} : { wakeAt }),
  };
}

/** DeleteService: everything stops, then the service is gone. */
function decideEnd({ service, tasks, now }: ServiceState): Decision {
  const primary = primaryOf(service);
  const cause = scaling(primary);
  const stop = tasks
    .filter((t) => t.row.desiredStatus === "RUNNING")
    .slice(0, STOPS_AT_ONCE)
    .map(({ row }) => ({ task: row, cause }));
  const events = stopEvent(stop.map((s) => s.task));
  if (tasks.length > 0) return { service, stop, finished: [], events };
  const gone = forgetDeployments(
    serviceGone(service, now),
    service.deployments.map((d) => d.id),
  );
  const finished = service.deployments.map((deployment) => ({
    deployment,
    status: "STOPPED" as const,
    reason: "The service was deleted.",
  }));
  return { service: gone, stop, finished, events };
}

function decideStarts(
  { service, tasks, stopped, now, settings }: ServiceState,
  primary: Deployment,
  plan: Rollout,
  members: readonly Member[],
) {
  const failures = [...tasks.map((t) => t.row), ...stopped]
    .filter((row) => row.deploymentId === primary.id)
    .map((row) => failedStartAt(row, settings.steadyAfterMs))
    .filter((at) => at !== undefined);
  // Counted by time, and by number for those that ended in one millisecond; stopped rows are kept for an hour only.
  const fresh = failures.filter((at) => at > (primary.lastFailureAt ?? 0)).length;
  const known = failures.filter((at) => at > (primary.countedSince ?? 0)).length;
  const failedTasks = Math.max(primary.failedTasks + fresh, known);
  const lastFailureAt = Math.max(primary.lastFailureAt ?? 0, ...failures);
  const events: string[] = [];
  let next = service;
  let { notBefore } = primary;
  if (failedTasks > primary.failedTasks) {
    const healthy = members.filter((m) => m.isPrimary && m.health.state === "healthy").length;
    const rounds = (failed: number) => Math.ceil(failed / Math.max(1, service.desiredCount - healthy));
    const { initial, maximum } = settings.backoffMs;
    const exponent = rounds(failedTasks) - 2;
    notBefore = lastFailureAt + (exponent < 0 ? 0 : Math.min(maximum, initial * 2 ** Math.min(exponent, 30)));
    next = startsFailed(next, primary.id, { failedTasks, lastFailureAt, notBefore });
    if (rounds(failedTasks) >= FAILED_ROUNDS_TOLD && rounds(primary.failedTasks) < FAILED_ROUNDS_TOLD)
      events.push(FAILING);
  } else if (
    members.some((m) => m.isPrimary && m.health.state === "healthy" && m.task.row.createdAt > lastFailureAt)
  ) {
    next = startsSucceeded(next, primary.id, now);
    notBefore = undefined;
  }
  if (plan.start === 0) return { service: next, events };
  if (notBefore !== undefined && now < notBefore) return { service: next, events, wakeAt: notBefore };
  const present = tasks.filter(
    ({ row }) => row.desiredStatus === "RUNNING" && row.deploymentId === primary.id,
  ).length;
  const start = { deploymentId: primary.id, count: plan.start, atMost: present + plan.start };
  return { service: next, events, start };
}

/** Told when protected tasks come to be in the way of a deployment or a scale-in, and when they become more. */
function decideHeld(service: ServiceRow, primary: Deployment, { held }: Rollout) {
  if (held.length === 0) return { service: setHeld(service, undefined), events: [] };
  const before = service.held?.deploymentId === primary.id ? service.held.count : 0;
  const tasks = held.map((m) => `(task ${m.task.row.id})`).join(" ");
  return {
    service: setHeld(service, { count: held.length, deploymentId: primary.id }),
    events:
      held.length > before
        ? [`was unable to stop ${held.length} tasks because of task scale-in protection: ${tasks}.`]
        : [],
  };
}

function decideDeployments(
  { tasks, now }: ServiceState,
  service: ServiceRow,
  primary: Deployment,
  members: readonly Member[],
) {
  const finished: Decision["finished"][number][] = [];
  const events: string[] = [];
  const superseded = service.deployments.filter((d) => d.id !== primary.id);
  for (const deployment of superseded)
    finished.push({ deployment, status: "STOPPED", reason: `Superseded by deployment ${primary.id}.` });
  const inUse = new Set(tasks.map((t) => t.row.deploymentId));
  let next = forgetDeployments(
    service,
    superseded.map((d) => d.id).filter((id) => !inUse.has(id)),
  );
  const healthy = members.filter((m) => m.isPrimary && m.health.state === "healthy").length;
  const isComplete = healthy >= service.desiredCount && members.every((m) => m.isPrimary);
  if (isComplete && primary.rolloutState === "IN_PROGRESS") {
    next = completeDeployment(next, primary.id, now);
    finished.push({ deployment: primary, status: "SUCCESSFUL" });
    events.push(`(deployment ${primary.id}) deployment completed.`);
  }
  return { service: next, finished, events };
}

function decideSteady({ tasks, now }: ServiceState, service: ServiceRow, members: readonly Member[]) {
  const isSteady =
    service.deployments.length === 1 &&
    tasks.length === service.desiredCount &&
    members.length === tasks.length &&
    members.every((m) => m.isPrimary && m.health.state === "healthy" && m.task.instanceStatus === "ACTIVE");
  if (!isSteady) return { service: leaveSteadyState(service), events: [] };
  const due = (service.lastSteadyEventAt ?? 0) + STEADY_EVENT_EVERY_MS;
  if (service.steadySince !== undefined && now < due) return { service, events: [], wakeAt: due };
  const events = ["has reached a steady state."];
  return { service: reachSteadyState(service, now), events, wakeAt: now + STEADY_EVENT_EVERY_MS };
}

function stopEvent(rows: readonly TaskRow[]): readonly string[] {
  if (rows.length === 0) return [];
  return [`has stopped ${rows.length} running tasks: ${rows.map((t) => `(task ${t.id})`).join(" ")}.`];
}

const scaling = (deployment: Deployment | undefined): StopCause =>
  scheduler(`Scaling activity initiated by (deployment ${deployment?.id ?? "none"})`);

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((t) => t !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
