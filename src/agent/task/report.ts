// What the control plane has not accepted of a task yet, as SubmitTaskStateChange says it (agent protocol, section 2.4). Pure.
import {
  definitionOf,
  isStopped,
  rank,
  type Reported,
  type ReportedStatus,
  type TaskState,
} from "./state.ts";

export interface PendingReport {
  readonly input: Readonly<Record<string, unknown>>;
  /** What is reported once the control plane accepted it. */
  readonly reported: Reported;
  /** Worth a call of its own; what is not may wait for the next one that is. */
  readonly urgent: boolean;
}

const REPORT_RANK: Readonly<Record<ReportedStatus, number>> = { NONE: 0, PENDING: 1, RUNNING: 2, STOPPED: 3 };
const MAXIMUM_REASON = 1024;

export function pendingReport(state: TaskState): PendingReport | undefined {
  const status = later(statusOf(state), state.reported.status);
  const changed = state.containers.filter(
    (c) => REPORT_RANK[containerStatus(c.status)] > REPORT_RANK[state.reported.containers[c.name] ?? "NONE"],
  );
  const taskMoved = status !== state.reported.status;
  if (!taskMoved && changed.length === 0) return undefined;
  return {
    input: {
      task: state.task.arn,
      status: status === "NONE" ? "PENDING" : status,
      reason: (state.reason ?? "").slice(0, MAXIMUM_REASON),
      ...seconds("pullStartedAt", state.pullStartedAt),
      ...seconds("pullStoppedAt", state.pullStoppedAt),
      ...seconds("executionStoppedAt", state.executionStoppedAt),
      ...(changed.length === 0 ? {} : { containers: changed.map((c) => containerReport(c)) }),
    },
    reported: {
      status,
      containers: {
        ...state.reported.containers,
        ...Object.fromEntries(changed.map((c) => [c.name, containerStatus(c.status)])),
      },
    },
    urgent:
      (taskMoved && status !== "PENDING") ||
      changed.some((c) => c.status === "STOPPED" && definitionOf(state, c.name).essential),
  };
}

/** Of the task: RUNNING once every container has begun, PENDING once the first was made. */
function statusOf(state: TaskState): ReportedStatus {
  if (isStopped(state)) return "STOPPED";
  const least = Math.min(...state.containers.map((c) => rank(c.status)));
  if (least >= rank("RUNNING")) return "RUNNING";
  return least >= rank("CREATED") ? "PENDING" : "NONE";
}

const later = (a: ReportedStatus, b: ReportedStatus): ReportedStatus =>
  REPORT_RANK[a] >= REPORT_RANK[b] ? a : b;

function containerStatus(status: TaskState["containers"][number]["status"]): ReportedStatus {
  return status === "RUNNING" || status === "STOPPED" ? status : "NONE";
}

function containerReport(container: TaskState["containers"][number]): Readonly<Record<string, unknown>> {
  const bindings = container.ports
    .filter((p) => !p.hostIp.includes(":"))
    .map((p) => ({
      bindIP: p.hostIp === "" ? "0.0.0.0" : p.hostIp,
      containerPort: p.containerPort,
      hostPort: p.hostPort,
      protocol: p.protocol,
    }));
  return {
    containerName: container.name,
    status: containerStatus(container.status),
    ...(container.runtimeId === undefined ? {} : { runtimeId: container.runtimeId }),
    ...(container.exitCode === undefined || container.status !== "STOPPED"
      ? {}
      : { exitCode: container.exitCode }),
    ...(container.reason === undefined ? {} : { reason: container.reason.slice(0, MAXIMUM_REASON) }),
    ...(bindings.length === 0 ? {} : { networkBindings: bindings }),
  };
}

const seconds = (name: string, time: number | undefined) =>
  time === undefined ? {} : { [name]: time / 1000 };
