// Network interfaces (ENIs) that ECS makes for tasks, as stored, and their transitions. An instance's primary interface is part
// of the instance's own row. Key: region/id.
import type { Tags } from "../tags.ts";

/**
 * `attaching`: the address is taken, the interface is to be made on its host. `in-use`: it is there. `detached`: nothing of it is
 * on the host any more; its row and its address go next.
 */
export type NetworkInterfaceStatus = "attaching" | "in-use" | "detached";

export interface NetworkInterfaceRow {
  readonly id: string;
  readonly region: string;
  readonly ownerId: string;
  readonly vpcId: string;
  readonly subnetId: string;
  readonly availabilityZone: string;
  readonly privateIp: string;
  readonly macAddress: string;
  readonly securityGroupIds: readonly string[];
  readonly description: string;
  readonly status: NetworkInterfaceStatus;
  readonly attachmentId: string;
  /** Of the EC2 instance that it is on; the primary interface has index 0. */
  readonly instanceId: string;
  /** Its task asked for a public address: it goes out by an internet gateway. */
  readonly hasPublicAddress?: boolean;
  readonly deviceIndex: number;
  readonly attachTime: number;
  /** Key of the task that it was made for. */
  readonly taskKey: string;
  readonly tags: Tags;
}

/** How ECS attaches interfaces: who manages them may detach and delete them, users may not. */
export const REQUESTER_ID = "amazon-ecs";

/** `ip-10-64-0-4.ec2.internal` (VPC User Guide, "DNS attributes for your VPC"). */
export const privateDnsNameOf = (privateIp: string, region: string): string =>
  `ip-${privateIp.replaceAll(".", "-")}.${internalDomain(region)}`;

/** What hosts and tasks of the region search names in. */
export const internalDomain = (region: string): string =>
  region === "us-east-1" ? "ec2.internal" : `${region}.compute.internal`;

/** The host has it. */
export function interfaceAttached(row: NetworkInterfaceRow): NetworkInterfaceRow {
  return row.status === "attaching" ? { ...row, status: "in-use" } : row;
}

/** The host has it no longer. */
export function interfaceDetached(row: NetworkInterfaceRow): NetworkInterfaceRow {
  return row.status === "detached" ? row : { ...row, status: "detached" };
}

/** The lowest index that no other interface of the instance has; 0 is the primary one's. */
export function freeDeviceIndex(taken: readonly number[]): number {
  let index = 1;
  while (taken.includes(index)) index += 1;
  return index;
}
