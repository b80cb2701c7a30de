// Container instances as stored, and their transitions. Key: region/cluster/id.
import type { Tags } from "../tags.ts";

export interface HostResources {
  /** CPU units, 1024 a vCPU. */
  readonly cpu: number;
  readonly memoryMiB: number;
}

export interface ContainerInstanceRow {
  readonly arn: string;
  readonly id: string;
  readonly region: string;
  readonly clusterName: string;
  readonly clusterArn: string;
  readonly ec2InstanceId?: string;
  readonly status: "ACTIVE" | "DRAINING" | "INACTIVE";
  readonly statusReason?: string;
  /** Falls only after a grace period without an ACS connection. */
  readonly agentConnected: boolean;
  /** When agentConnected last changed, epoch milliseconds. */
  readonly agentConnectedAt?: number;
  readonly registeredAt: number;
  readonly deregisteredAt?: number;
  readonly versionInfo: {
    readonly agentVersion?: string;
    readonly agentHash?: string;
    readonly dockerVersion?: string;
  };
  readonly registered: HostResources;
  /** Ports the agent keeps for the system. */
  readonly reservedTcpPorts: readonly number[];
  readonly reservedUdpPorts: readonly number[];
  readonly attributes: readonly InstanceAttribute[];
  readonly availabilityZone: string;
  readonly healthStatus?: "OK" | "IMPAIRED" | "INSUFFICIENT_DATA" | "INITIALIZING";
  readonly healthStatusAt?: number;
  /** Rises with every change, as the API's `version`. */
  readonly version: number;
  readonly tags: Tags;
}

export interface InstanceAttribute {
  readonly name: string;
  readonly value?: string;
}

export const containerInstanceKey = (region: string, clusterName: string, id: string): string =>
  `${region}/${clusterName}/${id}`;

/** The agent's connection came or was lost. No change when it already was so. */
export function setAgentConnected(
  instance: ContainerInstanceRow,
  connected: boolean,
  now: number,
): ContainerInstanceRow {
  if (instance.agentConnected === connected) return instance;
  return { ...instance, agentConnected: connected, agentConnectedAt: now, version: instance.version + 1 };
}

/** UpdateContainerInstancesState. */
export function setInstanceState(
  instance: ContainerInstanceRow,
  status: "ACTIVE" | "DRAINING",
): ContainerInstanceRow {
  if (instance.status === status || instance.status === "INACTIVE") return instance;
  return { ...instance, status, version: instance.version + 1 };
}

/** Deregistered or its host is gone: stays describable, never places again. */
export function deregisterInstance(instance: ContainerInstanceRow, now: number): ContainerInstanceRow {
  if (instance.status === "INACTIVE") return instance;
  return {
    ...instance,
    status: "INACTIVE",
    agentConnected: false,
    deregisteredAt: now,
    version: instance.version + 1,
  };
}

/** The agent's container-runtime health, on change only. */
export function reportInstanceHealth(
  instance: ContainerInstanceRow,
  health: NonNullable<ContainerInstanceRow["healthStatus"]>,
  now: number,
): ContainerInstanceRow {
  return instance.healthStatus === health
    ? instance
    : { ...instance, healthStatus: health, healthStatusAt: now };
}
