// Every change of a task: pure, total, and monotonic (no status ever moves back). Ingest, services and controllers
// call these inside a transaction and write nothing else of a task.
import {
  hasReached,
  holdsInterface,
  ATTACHMENT_STATUSES,
  type AttachmentStatus,
  type HealthStatus,
  type NetworkBinding,
  type StopCode,
  type TaskContainer,
  type TaskRow,
  type TaskStatus,
} from "./task.ts";

/** What SubmitTaskStateChange says, decoded. Times in epoch milliseconds. */
export interface TaskReport {
  /** Absent for a report that only carries containers. */
  readonly status?: "PENDING" | "RUNNING" | "STOPPED";
  readonly reason?: string;
  readonly pullStartedAt?: number;
  readonly pullStoppedAt?: number;
  readonly executionStoppedAt?: number;
  /** In the agent's order; the same container may occur twice. */
  readonly containers: readonly ContainerReport[];
  /** Ids of attachments that the agent has found on its host. */
  readonly attached?: readonly string[];
}

export interface ContainerReport {
  readonly name: string;
  readonly status?: "PENDING" | "RUNNING" | "STOPPED";
  readonly runtimeId?: string;
  readonly imageDigest?: string;
  readonly exitCode?: number;
  readonly reason?: string;
  readonly networkBindings?: readonly NetworkBinding[];
}

export interface StopCause {
  readonly code: StopCode;
  readonly reason: string;
}

/** The agent's report. Never moves back; unknown containers are ignored; a stopped task stays as it is. */
export function reportTask(task: TaskRow, report: TaskReport, now: number): TaskRow {
  if (hasReached(task, "DEPROVISIONING")) return task;
  let next: TaskRow = {
    ...task,
    ...once("pullStartedAt", task.pullStartedAt ?? report.pullStartedAt),
    ...once("pullStoppedAt", task.pullStoppedAt ?? report.pullStoppedAt),
    ...once("executionStoppedAt", task.executionStoppedAt ?? report.executionStoppedAt),
    containers: report.containers.reduce(applyContainerReport, task.containers),
  };
  if (task.attachment !== undefined && report.attached?.includes(task.attachment.id))
    next = attachmentReached(next, "ATTACHED");
  if (report.status === "STOPPED") return bump(task, stoppedByAgent(next, report, now));
  if (report.status === "RUNNING" && !hasReached(next, "ACTIVATING")) {
    next =
      (next.loadBalancers.length > 0 || (next.serviceRegistries ?? []).length > 0) &&
      next.desiredStatus === "RUNNING"
        ? { ...next, lastStatus: "ACTIVATING" }
        : running(next, now);
  }
  if (
    next.desiredStatus === "RUNNING" &&
    next.containers.some((c) => c.essential && c.lastStatus === "STOPPED")
  ) {
    next = endOfItself(next, report.reason, now);
  }
  return bump(task, next);
}

/**
 * All its targets and discovery instances are registered: ACTIVATING ends. `targetKeys` in the order of `loadBalancers`,
 * `discoveryServiceIds` in that of `serviceRegistries`; what could not be registered has none.
 */
export function activateTask(
  task: TaskRow,
  targetKeys: readonly (string | undefined)[],
  now: number,
  discoveryServiceIds: readonly (string | undefined)[] = [],
): TaskRow {
  if (task.lastStatus !== "ACTIVATING") return task;
  const loadBalancers = task.loadBalancers.map((lb, i) => ({
    ...lb,
    ...once("targetKey", targetKeys[i] ?? lb.targetKey),
  }));
  const serviceRegistries = task.serviceRegistries?.map((registry, i) => ({
    ...registry,
    ...once("discoveryServiceId", discoveryServiceIds[i] ?? registry.discoveryServiceId),
  }));
  return bump(
    task,
    running({ ...task, loadBalancers, ...once("serviceRegistries", serviceRegistries) }, now),
  );
}

/**
 * Estiba or a caller decides the stop. With registered targets or discovery instances the task drains first (DEACTIVATING); the agent hears
 * of it only at STOPPING. The first cause stands.
 */
export function stopTask(task: TaskRow, cause: StopCause, now: number): TaskRow {
  if (task.desiredStatus === "STOPPED") return task;
  // Its agent has not heard of it: nothing runs that must be stopped, but there may be an interface.
  if (task.lastStatus === "PROVISIONING") return loseTask(task, cause, now);
  const drains =
    task.loadBalancers.some((lb) => lb.targetKey !== undefined) ||
    (task.serviceRegistries ?? []).some((registry) => registry.discoveryServiceId !== undefined);
  const lastStatus = furthest(task.lastStatus, drains ? "DEACTIVATING" : "STOPPING");
  return bump(task, {
    ...task,
    desiredStatus: "STOPPED",
    lastStatus,
    stoppingAt: now,
    stopCode: cause.code,
    stoppedReason: cause.reason,
  });
}

/**
 * FARGATE_SPOT takes the task's capacity back: the agent hears of it at once. Whoever calls this takes the task's targets out of
 * their load balancers in the same transaction.
 */
export function interruptTask(task: TaskRow, now: number): TaskRow {
  if (task.capacityProviderName !== "FARGATE_SPOT") return task;
  const reason = "Your Spot Task was interrupted.";
  const stopped = stopTask(task, { code: "SpotInterruption", reason }, now);
  return stopped === task ? task : taskDrained(stopped);
}

/** Scale-in protection until then (epoch milliseconds), or its end. A task that is to stop is past protecting. */
export function protectTask(task: TaskRow, until: number | undefined): TaskRow {
  if (task.desiredStatus === "STOPPED") return task;
  const { protectedUntil: _, ...unprotected } = task;
  return bump(task, { ...unprotected, ...once("protectedUntil", until) });
}

/** Every target is idle, gone or past its deadline: now the agent may hear of the stop. */
export function taskDrained(task: TaskRow): TaskRow {
  return task.lastStatus === "DEACTIVATING" ? bump(task, { ...task, lastStatus: "STOPPING" }) : task;
}

/** The task cannot run any more and nobody will report it: its host is gone, or no agent ever took it. */
export function loseTask(task: TaskRow, cause: StopCause, now: number): TaskRow {
  if (hasReached(task, "DEPROVISIONING")) return task;
  const containers = task.containers.map((c): TaskContainer => ({ ...c, lastStatus: "STOPPED" }));
  return bump(
    task,
    finish(
      {
        ...task,
        containers,
        stopCode: task.stopCode ?? cause.code,
        stoppedReason: task.stoppedReason ?? cause.reason,
      },
      now,
    ),
  );
}

/** The task's interface is on its host; its agent has yet to confirm it. */
export function interfaceOnHost(task: TaskRow): TaskRow {
  return bump(task, attachmentReached(task, "ATTACHING"));
}

/** An interface that its agent did not find in time. Only a task that still waits for it fails. */
export function provisioningTimedOut(task: TaskRow, now: number): TaskRow {
  if (task.lastStatus !== "PROVISIONING") return task;
  const reason = "Timeout waiting for network interface provisioning to complete.";
  return loseTask(task, { code: "TaskFailedToStart", reason }, now);
}

/** Nothing of the task's interface is on its host any more. */
export function interfaceOffHost(task: TaskRow): TaskRow {
  return task.lastStatus === "DEPROVISIONING" ? bump(task, attachmentReached(task, "DETACHED")) : task;
}

/** The interface is deleted and its address free: the last step of a task that had one. */
export function interfaceGone(task: TaskRow, now: number): TaskRow {
  if (task.lastStatus !== "DEPROVISIONING") return task;
  return bump(task, { ...attachmentReached(task, "DELETED"), lastStatus: "STOPPED", stoppedAt: now });
}

/** Moves the attachment forward; with ATTACHED a task that was waiting for it goes to its agent. */
function attachmentReached(task: TaskRow, status: AttachmentStatus): TaskRow {
  const { attachment } = task;
  if (attachment === undefined) return task;
  if (ATTACHMENT_STATUSES.indexOf(attachment.status) >= ATTACHMENT_STATUSES.indexOf(status)) return task;
  const isAwaited = status === "ATTACHED" && task.lastStatus === "PROVISIONING";
  return {
    ...task,
    attachment: { ...attachment, status },
    ...(isAwaited ? { lastStatus: "PENDING" as const } : {}),
  };
}

/** Container health from telemetry, on change only. */
export function reportTaskHealth(task: TaskRow, containers: Readonly<Record<string, HealthStatus>>): TaskRow {
  if (task.lastStatus === "STOPPED") return task;
  let changed = false;
  const next = task.containers.map((c) => {
    const health = containers[c.name];
    if (health === undefined || health === c.healthStatus || !c.hasHealthCheck) return c;
    changed = true;
    return { ...c, healthStatus: health };
  });
  return changed ? bump(task, { ...task, containers: next, healthStatus: overallHealth(next) }) : task;
}

/** A task is HEALTHY when all essential containers with a check are; UNHEALTHY when one is (ECS Developer Guide, "Health check"). */
export function overallHealth(containers: readonly TaskContainer[]): HealthStatus {
  const checked = containers.filter((c) => c.essential && c.hasHealthCheck);
  if (checked.some((c) => c.healthStatus === "UNHEALTHY")) return "UNHEALTHY";
  if (checked.length === 0 || checked.some((c) => c.healthStatus === "UNKNOWN")) return "UNKNOWN";
  return "HEALTHY";
}

function running(task: TaskRow, now: number): TaskRow {
  return { ...task, lastStatus: furthest(task.lastStatus, "RUNNING"), startedAt: task.startedAt ?? now };
}

/** An essential container ended while others may still run: the agent stops those, nobody drains a dead port. */
function endOfItself(task: TaskRow, reason: string | undefined, now: number): TaskRow {
  return {
    ...task,
    desiredStatus: "STOPPED",
    lastStatus: furthest(task.lastStatus, "STOPPING"),
    stoppingAt: task.stoppingAt ?? now,
    ...causeOfEnd(task, reason),
  };
}

function stoppedByAgent(task: TaskRow, report: TaskReport, now: number): TaskRow {
  const containers = task.containers.map((c): TaskContainer => ({ ...c, lastStatus: "STOPPED" }));
  const cause = task.stopCode === undefined ? causeOfEnd(task, report.reason) : {};
  return finish({ ...task, containers, ...cause }, now);
}

function causeOfEnd(
  task: TaskRow,
  reason: string | undefined,
): { stopCode: StopCode; stoppedReason: string } {
  if (task.containers.some((c) => c.hasRun)) {
    return {
      stopCode: "EssentialContainerExited",
      stoppedReason: reason || "Essential container in task exited",
    };
  }
  const ofContainer = task.containers.find((c) => c.reason !== undefined)?.reason;
  return { stopCode: "TaskFailedToStart", stoppedReason: reason || ofContainer || "Task failed to start" };
}

/** A task with an interface is STOPPED only when that is gone. */
function finish(task: TaskRow, now: number): TaskRow {
  const ended = { ...task, desiredStatus: "STOPPED" as const, stoppingAt: task.stoppingAt ?? now };
  return holdsInterface(task)
    ? { ...ended, lastStatus: "DEPROVISIONING" }
    : { ...ended, lastStatus: "STOPPED", stoppedAt: now };
}

const CONTAINER_RANK = { PENDING: 0, RUNNING: 1, STOPPED: 2 } as const;

function applyContainerReport(
  containers: readonly TaskContainer[],
  report: ContainerReport,
): readonly TaskContainer[] {
  return containers.map((c) => {
    if (c.name !== report.name) return c;
    const status = report.status ?? c.lastStatus;
    const forward = CONTAINER_RANK[status] >= CONTAINER_RANK[c.lastStatus];
    return {
      ...c,
      lastStatus: forward ? status : c.lastStatus,
      hasRun: c.hasRun || status === "RUNNING" || report.exitCode !== undefined,
      ...once("runtimeId", report.runtimeId ?? c.runtimeId),
      ...once("imageDigest", report.imageDigest ?? c.imageDigest),
      ...once("exitCode", status === "STOPPED" ? (report.exitCode ?? c.exitCode) : c.exitCode),
      ...once("reason", report.reason || c.reason),
      networkBindings:
        report.networkBindings !== undefined && report.networkBindings.length > 0
          ? report.networkBindings
          : c.networkBindings,
    };
  });
}

function furthest(a: TaskStatus, b: TaskStatus): TaskStatus {
  return hasReached({ lastStatus: a }, b) ? a : b;
}

/** A member that is present only when it has a value. */
function once<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}

function bump(before: TaskRow, after: TaskRow): TaskRow {
  return JSON.stringify(before) === JSON.stringify(after)
    ? before
    : { ...after, version: before.version + 1 };
}
