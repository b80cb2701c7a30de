// Container instances as stored, and their transitions. Key: region/cluster/id.
import { instanceType } from "../ec2/instance-types.ts";
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
  /** Idempotency of RegisterContainerInstance: the agent's process makes one token for its registration. */
  readonly clientToken?: string;
  readonly tags: Tags;
}

export interface InstanceAttribute {
  readonly name: string;
  readonly value?: string;
}

/** What RegisterContainerInstance says and what is known of the host. */
export type InstanceRegistration = Pick<
  ContainerInstanceRow,
  | "ec2InstanceId"
  | "registered"
  | "reservedTcpPorts"
  | "reservedUdpPorts"
  | "attributes"
  | "availabilityZone"
  | "versionInfo"
  | "clientToken"
  | "tags"
>;

export const containerInstanceKey = (region: string, clusterName: string, id: string): string =>
  `${region}/${clusterName}/${id}`;

/** Everything but what the agent and the platform say of themselves. */
export const isCustomAttribute = (name: string): boolean =>
  !name.startsWith("ecs.") && !name.startsWith("com.amazonaws.");

/** By which an agent says that its host is no EC2 instance ("ECS Anywhere"): tasks of the launch type EXTERNAL alone go there. */
export const EXTERNAL_ATTRIBUTE = "ecs.capability.external";

export const isExternal = (instance: Pick<ContainerInstanceRow, "attributes">): boolean =>
  instance.attributes.some((a) => a.name === EXTERNAL_ATTRIBUTE);

/** Network interfaces that its tasks may have together; its primary one is its own. None on a host of no known type. */
export function interfaceCapacity({ attributes }: Pick<ContainerInstanceRow, "attributes">): number {
  const type = instanceType(attributes.find((a) => a.name === "ecs.instance-type")?.value ?? "");
  return type === undefined ? 0 : type.maximumNetworkInterfaces - 1;
}

/** The first registration. */
export function newContainerInstance(
  identity: Pick<ContainerInstanceRow, "arn" | "id" | "region" | "clusterName" | "clusterArn">,
  registration: InstanceRegistration,
  now: number,
): ContainerInstanceRow {
  return {
    ...identity,
    ...registration,
    status: "ACTIVE",
    agentConnected: false,
    registeredAt: now,
    version: 1,
  };
}

/**
 * The agent registers again under its ARN. Custom attributes and tags that it does not name stay, because it sends them with
 * its first registration only; a DRAINING instance goes on draining; an INACTIVE one is revived.
 */
export function registerAgain(
  before: ContainerInstanceRow,
  registration: InstanceRegistration,
  now: number,
): ContainerInstanceRow {
  const { deregisteredAt: _, ...instance } = before;
  const named = new Set(registration.attributes.map((a) => a.name));
  const kept = before.attributes.filter((a) => isCustomAttribute(a.name) && !named.has(a.name));
  return {
    ...instance,
    ...registration,
    ...(before.status === "INACTIVE" ? { status: "ACTIVE" as const, registeredAt: now } : {}),
    attributes: [...registration.attributes, ...kept],
    versionInfo: { ...before.versionInfo, ...registration.versionInfo },
    tags: { ...before.tags, ...registration.tags },
    version: before.version + 1,
  };
}

/** PutAttributes: an attribute of the same name is replaced. */
export function putInstanceAttributes(
  instance: ContainerInstanceRow,
  attributes: readonly InstanceAttribute[],
): ContainerInstanceRow {
  const names = new Set(attributes.map((a) => a.name));
  const kept = instance.attributes.filter((a) => !names.has(a.name));
  return { ...instance, attributes: [...kept, ...attributes], version: instance.version + 1 };
}

/** DeleteAttributes. */
export function deleteInstanceAttributes(
  instance: ContainerInstanceRow,
  names: ReadonlySet<string>,
): ContainerInstanceRow {
  const attributes = instance.attributes.filter((a) => !names.has(a.name));
  if (attributes.length === instance.attributes.length) return instance;
  return { ...instance, attributes, version: instance.version + 1 };
}

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
