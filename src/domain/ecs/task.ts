// Tasks as stored. Transitions stand in task-transitions.ts. Key: region/cluster/id.
import type { TaskOverride } from "@aws-sdk/client-ecs";
import type { Tags } from "../tags.ts";
import type { CapacityProviderName, TaskRuntime } from "./fargate.ts";
import type { ServiceRegistry } from "./service.ts";

/** ECS Developer Guide, "Amazon ECS task lifecycle", in the order a task walks it. */
export const TASK_STATUSES = [
  "PROVISIONING",
  "PENDING",
  "ACTIVATING",
  "RUNNING",
  "DEACTIVATING",
  "STOPPING",
  "DEPROVISIONING",
  "STOPPED",
] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

export type HealthStatus = "HEALTHY" | "UNHEALTHY" | "UNKNOWN";

export interface NetworkBinding {
  readonly bindIP: string;
  readonly containerPort: number;
  readonly hostPort: number;
  readonly protocol: "tcp" | "udp";
}

export interface TaskContainer {
  readonly arn: string;
  readonly name: string;
  readonly image: string;
  readonly imageDigest?: string;
  readonly runtimeId?: string;
  readonly essential: boolean;
  readonly hasHealthCheck: boolean;
  readonly cpu: number;
  readonly memory?: number;
  readonly memoryReservation?: number;
  readonly lastStatus: "PENDING" | "RUNNING" | "STOPPED";
  /** It was RUNNING at some time: tells a failed start from an exit. */
  readonly hasRun: boolean;
  readonly exitCode?: number;
  readonly reason?: string;
  readonly healthStatus: HealthStatus;
  readonly networkBindings: readonly NetworkBinding[];
}

/** What the agent's own account takes for the task (agent protocol, "Admission"), held from PENDING until STOPPED. */
export interface TaskResources {
  readonly cpu: number;
  readonly memoryMiB: number;
  readonly tcpPorts: readonly number[];
  readonly udpPorts: readonly number[];
}

export type StopCode =
  | "TaskFailedToStart"
  | "EssentialContainerExited"
  | "UserInitiated"
  | "ServiceSchedulerInitiated"
  | "SpotInterruption"
  | "TerminationNotice";

/** A Cloud Map service that the task's service names. */
export interface TaskRegistry extends ServiceRegistry {
  /** Id of the Cloud Map service once the task was registered there, under its own id. */
  readonly discoveryServiceId?: string;
}

/** A target group that the task's service names: which container port is to be registered there. */
export interface TaskLoadBalancer {
  readonly targetGroupArn: string;
  readonly containerName: string;
  readonly containerPort: number;
  /** Key of the target's row once it was registered. */
  readonly targetKey?: string;
}

/** In the order in which it walks them (API reference, "Attachment"). */
export const ATTACHMENT_STATUSES = ["PRECREATED", "ATTACHING", "ATTACHED", "DETACHED", "DELETED"] as const;
export type AttachmentStatus = (typeof ATTACHMENT_STATUSES)[number];

/** The network interface of an awsvpc task, as the task's row tells of it; the interface itself is EC2's row. */
export interface NetworkAttachment {
  /** A UUID; the end of the attachment's ARN. */
  readonly id: string;
  readonly status: AttachmentStatus;
  readonly subnetId: string;
  readonly networkInterfaceId: string;
  readonly macAddress: string;
  readonly privateDnsName: string;
  readonly privateIp: string;
  /** Epoch milliseconds: a task whose interface is not ATTACHED by then fails. */
  readonly attachBy: number;
}

export interface TaskRow {
  readonly arn: string;
  readonly id: string;
  readonly region: string;
  readonly clusterName: string;
  readonly clusterArn: string;
  readonly taskDefinitionArn: string;
  readonly family: string;
  readonly revision: number;
  readonly networkMode: "bridge" | "host" | "none" | "awsvpc";
  readonly launchType: "EC2" | "EXTERNAL" | "FARGATE";
  /** Of a task that a capacity provider strategy placed. */
  readonly capacityProviderName?: CapacityProviderName;
  /** Fargate only: `1.4.0`. */
  readonly platformVersion?: string;
  /** Fargate only. */
  readonly ephemeralStorageGiB?: number;
  /** Fargate only: what its host starts its containers with. */
  readonly runtime?: TaskRuntime;
  /** On Fargate a host of the pool, which nobody is told of. */
  readonly containerInstanceArn?: string;
  readonly availabilityZone?: string;
  readonly serviceName?: string;
  /** `ecs-svc/…` of the deployment that started it; also `startedBy` then. */
  readonly deploymentId?: string;
  readonly group: string;
  readonly startedBy?: string;
  readonly lastStatus: TaskStatus;
  readonly desiredStatus: "RUNNING" | "STOPPED";
  readonly version: number;
  readonly cpu?: string;
  readonly memory?: string;
  readonly resources: TaskResources;
  /** Network mode awsvpc only. */
  readonly attachment?: NetworkAttachment;
  readonly containers: readonly TaskContainer[];
  readonly overrides: TaskOverride;
  readonly healthStatus: HealthStatus;
  readonly loadBalancers: readonly TaskLoadBalancer[];
  readonly serviceRegistries?: readonly TaskRegistry[];
  readonly createdAt: number;
  readonly pullStartedAt?: number;
  readonly pullStoppedAt?: number;
  readonly startedAt?: number;
  readonly stoppingAt?: number;
  readonly executionStoppedAt?: number;
  readonly stoppedAt?: number;
  readonly stopCode?: StopCode;
  readonly stoppedReason?: string;
  readonly enableExecuteCommand: boolean;
  /** Protected from scale-in and deployments until then (epoch milliseconds); past it, it is no longer. */
  readonly protectedUntil?: number;
  readonly tags: Tags;
  /** Idempotency of RunTask. */
  readonly clientToken?: string;
  /** Of the request that brought the client token: the token with another request is a conflict. */
  readonly requestFingerprint?: string;
}

export const taskKey = (region: string, clusterName: string, id: string): string =>
  `${region}/${clusterName}/${id}`;

/** Stopped tasks stay describable this long. */
export const STOPPED_TASK_RETENTION_MS = 60 * 60 * 1000;

const RANK = new Map<TaskStatus, number>(TASK_STATUSES.map((status, index) => [status, index]));

/** The status is at or past `mark` on the task's way. */
export function hasReached(task: Pick<TaskRow, "lastStatus">, mark: TaskStatus): boolean {
  return (RANK.get(task.lastStatus) ?? 0) >= (RANK.get(mark) ?? 0);
}

/** Its instance has one network interface less for others, until it is gone. */
export const holdsInterface = (task: Pick<TaskRow, "attachment">): boolean =>
  task.attachment !== undefined && task.attachment.status !== "DELETED";

/** Holds resources on its instance: the agent's account frees them with its STOPPED. */
export const holdsResources = (task: Pick<TaskRow, "lastStatus">): boolean =>
  !hasReached(task, "DEPROVISIONING");

/** Whether neither a scale-in nor a deployment may stop the task now (ECS Developer Guide, "Task scale-in protection"). */
export const isProtected = (task: Pick<TaskRow, "protectedUntil">, now: number): boolean =>
  task.protectedUntil !== undefined && now < task.protectedUntil;
