// A task as its agent knows it: plain data, stored as it is. step.ts alone makes a new one out of an old one.
import type { WireContainer, WireTask } from "#acs/messages.ts";
import type { PublishedPort } from "../engine/port.ts";
import type { HookTask } from "../hooks/hook.ts";

/** In the order in which a container walks it; it never goes back. */
export const CONTAINER_STATUSES = ["NONE", "PULLED", "CREATED", "RUNNING", "STOPPED"] as const;
export type ContainerStatus = (typeof CONTAINER_STATUSES)[number];

/** What the engine is being asked for; lost with the process and asked again. */
export type ContainerAction = "pull" | "create" | "start" | "stop";

export interface TaskContainer {
  readonly name: string;
  readonly status: ContainerStatus;
  /** The container's name in the engine, chosen before it is created so that it can be found again. */
  readonly dockerName: string;
  /** By which the container asks for its metadata; nobody else knows it. */
  readonly metadataId: string;
  readonly runtimeId?: string;
  /** `sha256:…` */
  readonly imageId?: string;
  readonly exitCode?: number;
  /** `Name: text`. */
  readonly reason?: string;
  /** Of its newest start, and of the newest end that was taken notice of. Epoch milliseconds, the engine's clock. */
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly ports: readonly PublishedPort[];
  readonly health?: { readonly status: "HEALTHY" | "UNHEALTHY" | "UNKNOWN"; readonly since: number };
  readonly restartCount: number;
  /** It ended and is to be started again. */
  readonly restarting?: true;
  readonly action?: ContainerAction;
  /** After a temporary failure: when to ask again, for the how manieth time. */
  readonly retry?: { readonly at: number; readonly attempt: number; readonly since: number };
}

/** Where the task stands on this host before its containers: in the queue, with resources, with its hooks prepared. */
export type HostPhase = "waiting" | "admitted" | "prepared";

export interface AssignedPort {
  readonly containerPort: number;
  readonly hostPort: number;
  readonly protocol: "tcp" | "udp";
}

export type ReportedStatus = "NONE" | "PENDING" | "RUNNING" | "STOPPED";

/** What the control plane has accepted. */
export interface Reported {
  readonly status: ReportedStatus;
  readonly containers: Readonly<Record<string, ReportedStatus>>;
}

export interface TaskState {
  /** As the control plane sent it, without the credentials themselves. */
  readonly task: WireTask;
  /** Of the task role's credentials, when it has any. */
  readonly credentialsId?: string;
  /** Of the execution role's, likewise. */
  readonly executionCredentialsId?: string;
  readonly desired: "RUNNING" | "STOPPED";
  readonly phase: HostPhase;
  /** Host ports of this task's containers, static and chosen ones. */
  readonly hostPorts: Readonly<Record<string, readonly AssignedPort[]>>;
  readonly containers: readonly TaskContainer[];
  /** Why the task as a whole failed. */
  readonly reason?: string;
  readonly pullStartedAt?: number;
  readonly pullStoppedAt?: number;
  readonly executionStoppedAt?: number;
  /** All containers have ended. */
  readonly stoppedAt?: number;
  readonly reported: Reported;
  /** Hooks are at work for the whole task; lost with the process. */
  readonly hostAction?: "prepare" | "cleanup";
  readonly cleanupRetryAt?: number;
}

export const taskIdOf = (arn: string): string => arn.slice(arn.lastIndexOf("/") + 1);

/** What hooks are told of the task. */
export const hookTaskOf = ({ task, executionCredentialsId }: TaskState): HookTask => ({
  id: taskIdOf(task.arn),
  task,
  ...(executionCredentialsId === undefined ? {} : { executionCredentialsId }),
});

export const rank = (status: ContainerStatus): number => CONTAINER_STATUSES.indexOf(status);

export const isStopped = (state: TaskState): boolean => state.containers.every((c) => c.status === "STOPPED");

export function definitionOf(state: TaskState, name: string): WireContainer {
  const found = state.task.containers.find((c) => c.name === name);
  if (found === undefined) throw new Error(`The task has no container ${name}.`);
  return found;
}

/** A task just received. `names` in the order of its containers. */
export function newTask(
  task: WireTask,
  names: readonly { readonly dockerName: string; readonly metadataId: string }[],
): TaskState {
  const { roleCredentials, executionRoleCredentials, ...kept } = task;
  return {
    task: kept,
    ...(roleCredentials === undefined ? {} : { credentialsId: roleCredentials.credentialsId }),
    ...(executionRoleCredentials === undefined
      ? {}
      : { executionCredentialsId: executionRoleCredentials.credentialsId }),
    desired: task.desiredStatus,
    phase: "waiting",
    hostPorts: {},
    containers: task.containers.map((c, i) => ({
      name: c.name,
      status: "NONE",
      dockerName: names[i]?.dockerName ?? c.name,
      metadataId: names[i]?.metadataId ?? c.name,
      ports: [],
      restartCount: 0,
    })),
    reported: { status: "NONE", containers: {} },
  };
}

/** A task that cannot be run: ended from the beginning, so that its end is reported like any other. */
export function rejectedTask(task: WireTask, reason: string): TaskState {
  return { ...newTask({ ...task, containers: [], volumes: [] }, []), desired: "STOPPED", reason };
}

/** What the process knew and the disk must not: read back after a restart, nothing is in progress. */
export function settled(state: TaskState): TaskState {
  const { hostAction: _, cleanupRetryAt: __, ...rest } = state;
  return {
    ...rest,
    containers: state.containers.map(({ action: _, retry: __, ...container }) => container),
  };
}
