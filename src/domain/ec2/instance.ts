// EC2 instances and the VPC records around them, as stored. Keys: region/id.
import type { PoolHost } from "../ecs/fargate.ts";
import type { Tags } from "../tags.ts";

export type InstanceState = "pending" | "running" | "shutting-down" | "terminated";

export interface InstanceRow {
  readonly id: string;
  readonly region: string;
  readonly reservationId: string;
  readonly ownerId: string;
  readonly imageId: string;
  readonly instanceType: string;
  readonly state: InstanceState;
  readonly stateReason?: { readonly code: string; readonly message: string };
  readonly stateTransitionReason?: string;
  readonly launchTime: number;
  readonly launchIndex: number;
  readonly terminatedAt?: number;
  readonly availabilityZone: string;
  readonly vpcId: string;
  readonly subnetId: string;
  readonly privateIp: string;
  readonly macAddress: string;
  readonly networkInterfaceId: string;
  readonly securityGroupIds: readonly string[];
  /** ARN of the instance profile. */
  readonly instanceProfileArn?: string;
  /** Base64, as given. */
  readonly userData?: string;
  readonly keyName?: string;
  readonly metadataOptions: {
    readonly httpTokens: "required" | "optional";
    readonly httpPutResponseHopLimit: number;
    readonly httpEndpoint: "enabled" | "disabled";
  };
  /** It goes out by an internet gateway. Absent in rows from before it was known: as its subnet says. */
  readonly hasPublicAddress?: boolean;
  /** Of a host of Fargate's pool only: no call of EC2 shows it. */
  readonly fargate?: PoolHost;
  /** Of another machine that joined only: how its tunnel runs. */
  readonly joined?: MachineTunnel;
  /** Of a Spot Instance only. */
  readonly spot?: SpotRequest;
  readonly clientToken?: string;
  /** Digest of the request that came with the client token: the same token must come with the same request. */
  readonly clientRequest?: string;
  readonly tags: Tags;
}

/** The tunnel between this server's machine and another one (VXLAN, one for each instance). */
export interface MachineTunnel {
  /** Addresses outside of the VPC by which the two machines reach one another. */
  readonly machineAddress: string;
  readonly serverAddress: string;
  /** VXLAN network identifier, 24 bits. */
  readonly vni: number;
}

/** A one-time request lives and ends with its instance, so it is a part of the row. Transitions: spot.ts. */
export interface SpotRequest {
  /** `sir-…` */
  readonly requestId: string;
  /** CancelSpotInstanceRequests: the instance runs on. */
  readonly cancelledAt?: number;
  readonly interruption?: SpotInterruption;
}

/** The interruption notice, stored before anybody can see it. Both epoch milliseconds. */
export interface SpotInterruption {
  readonly noticedAt: number;
  /** When the instance goes. */
  readonly at: number;
}

export interface VpcRow {
  readonly id: string;
  readonly region: string;
  readonly cidrBlock: string;
  readonly isDefault: boolean;
  /** The network of Fargate's pool: no call of EC2 shows it. */
  readonly isPool?: true;
  /** Absent in rows from before it could be set: true for default VPCs. */
  readonly enableDnsHostnames?: boolean;
  readonly tags: Tags;
}

export interface SubnetRow {
  readonly id: string;
  readonly region: string;
  readonly vpcId: string;
  readonly cidrBlock: string;
  readonly availabilityZone: string;
  readonly availabilityZoneId: string;
  readonly defaultForAz: boolean;
  readonly mapPublicIpOnLaunch: boolean;
  readonly tags: Tags;
}

/** One private address in use. Key: subnet id/address. */
export interface AddressRow {
  readonly subnetId: string;
  readonly address: string;
  /** Who holds it: an instance id, a load-balancer ARN, an ENI id. */
  readonly owner: string;
}

export const ec2Key = (region: string, id: string): string => `${region}/${id}`;

export const TERMINATED_INSTANCE_RETENTION_MS = 60 * 60 * 1000;

/** ModifySubnetAttribute: for instances that are launched from now on. */
export const setMapPublicIp = (subnet: SubnetRow, mapPublicIpOnLaunch: boolean): SubnetRow => ({
  ...subnet,
  mapPublicIpOnLaunch,
});

/** ModifyVpcAttribute. */
export const setDnsHostnames = (vpc: VpcRow, enableDnsHostnames: boolean): VpcRow => ({
  ...vpc,
  enableDnsHostnames,
});

/** The host is up. */
export function instanceRunning(instance: InstanceRow): InstanceRow {
  return instance.state === "pending" ? { ...instance, state: "running" } : instance;
}

/** TerminateInstances, or a launch that failed. A second call changes nothing. */
export function terminateInstance(
  instance: InstanceRow,
  reason: { readonly code: string; readonly message: string },
  now: number,
): InstanceRow {
  if (instance.state === "shutting-down" || instance.state === "terminated") return instance;
  return {
    ...instance,
    state: "shutting-down",
    stateReason: reason,
    stateTransitionReason: `${reason.code === "Client.UserInitiatedShutdown" ? "User initiated" : reason.message} (${new Date(now).toISOString().slice(0, 19).replace("T", " ")} GMT)`,
  };
}

/** The machine, or the server, has another address now. */
export function moveTunnel(
  instance: InstanceRow,
  to: Pick<MachineTunnel, "machineAddress" | "serverAddress">,
): InstanceRow {
  const { joined } = instance;
  if (joined === undefined) return instance;
  const isSame = joined.machineAddress === to.machineAddress && joined.serverAddress === to.serverAddress;
  return isSame ? instance : { ...instance, joined: { ...joined, ...to } };
}

/** Nothing of the host is left. */
export function instanceTerminated(instance: InstanceRow, now: number): InstanceRow {
  return instance.state === "terminated" ? instance : { ...instance, state: "terminated", terminatedAt: now };
}

/** ModifyInstanceMetadataOptions. The metadata service answers by the row, from the next request on. */
export function setMetadataOptions(
  instance: InstanceRow,
  change: Partial<Pick<InstanceRow["metadataOptions"], "httpTokens" | "httpEndpoint">>,
): InstanceRow {
  if (instance.state === "shutting-down" || instance.state === "terminated") return instance;
  return { ...instance, metadataOptions: { ...instance.metadataOptions, ...change } };
}
