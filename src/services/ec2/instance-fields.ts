// The filters of DescribeInstances and DescribeInstanceStatus, under the API reference's names.
import { ec2Key, type InstanceRow } from "#domain/ec2/instance.ts";
import type { Reader } from "#store/store.ts";
import { securityGroups } from "#store/tables/ec2.ts";
import type { Fields } from "./filters.ts";
import { ARCHITECTURE } from "./image.ts";
import { privateDnsName, showProfile, STATE_CODES, zoneIdOf } from "./show-instance.ts";

export const tagsOf = (row: InstanceRow) => row.tags;

/** A terminated instance has no place any more: such filters do not find it. */
const placed =
  <T>(field: (row: InstanceRow) => T) =>
  (row: InstanceRow): T | undefined =>
    row.state === "terminated" ? undefined : field(row);

export function instanceFields(reader: Reader): Fields<InstanceRow> {
  const groupIds = placed((row) => row.securityGroupIds);
  const groupNames = placed((row) =>
    row.securityGroupIds.flatMap((id) => reader.get(securityGroups, ec2Key(row.region, id))?.name ?? []),
  );
  const vpcId = placed((row) => row.vpcId);
  const subnetId = placed((row) => row.subnetId);
  const privateIp = placed((row) => row.privateIp);
  return {
    "instance-id": (row) => row.id,
    "instance-state-name": (row) => row.state,
    "instance-state-code": (row) => STATE_CODES[row.state],
    "instance-type": (row) => row.instanceType,
    "image-id": (row) => row.imageId,
    "reservation-id": (row) => row.reservationId,
    "owner-id": (row) => row.ownerId,
    "client-token": (row) => row.clientToken,
    "launch-index": (row) => row.launchIndex,
    "launch-time": (row) => new Date(row.launchTime).toISOString(),
    "availability-zone": (row) => row.availabilityZone,
    "availability-zone-id": (row) => zoneIdOf(reader, row),
    "vpc-id": vpcId,
    "subnet-id": subnetId,
    "private-ip-address": privateIp,
    "private-dns-name": placed(privateDnsName),
    "instance.group-id": groupIds,
    "instance.group-name": groupNames,
    "group-id": groupIds,
    "group-name": groupNames,
    "network-interface.network-interface-id": placed((row) => row.networkInterfaceId),
    "network-interface.mac-address": placed((row) => row.macAddress),
    "network-interface.vpc-id": vpcId,
    "network-interface.subnet-id": subnetId,
    "network-interface.addresses.private-ip-address": privateIp,
    "network-interface.private-ip-address": privateIp,
    "iam-instance-profile.arn": placed((row) => row.instanceProfileArn),
    "iam-instance-profile.id": placed((row) => showProfile(reader, row.instanceProfileArn)?.Id),
    "metadata-options.http-tokens": (row) => row.metadataOptions.httpTokens,
    "metadata-options.http-endpoint": (row) => row.metadataOptions.httpEndpoint,
    "metadata-options.http-put-response-hop-limit": (row) => row.metadataOptions.httpPutResponseHopLimit,
    "state-reason-code": (row) => row.stateReason?.code,
    "state-reason-message": (row) => row.stateReason?.message,
    reason: (row) => row.stateTransitionReason,
    architecture: () => ARCHITECTURE,
    hypervisor: () => "xen",
    "root-device-type": () => "instance-store",
    "virtualization-type": () => "hvm",
    tenancy: () => "default",
    "platform-details": () => "Linux/UNIX",
    "monitoring-state": () => "disabled",
    "source-dest-check": () => true,
    "instance-lifecycle": (row) => (row.spot === undefined ? undefined : "spot"),
    "spot-instance-request-id": (row) => row.spot?.requestId,
    // Neither Windows nor with a key pair: these find nothing.
    platform: () => undefined,
    "key-name": () => undefined,
    "ip-address": () => undefined,
    "dns-name": () => undefined,
  };
}

const status = (row: InstanceRow) =>
  row.state === "running" ? "ok" : row.state === "pending" ? "initializing" : "not-applicable";
const reachability = (row: InstanceRow) =>
  row.state === "running" ? "passed" : row.state === "pending" ? "initializing" : undefined;

export const statusFields: Fields<InstanceRow> = {
  "availability-zone": (row) => row.availabilityZone,
  "instance-state-name": (row) => row.state,
  "instance-state-code": (row) => STATE_CODES[row.state],
  "instance-status.status": status,
  "instance-status.reachability": reachability,
  "system-status.status": status,
  "system-status.reachability": reachability,
  // No events are ever scheduled.
  "event.code": () => undefined,
  "event.description": () => undefined,
  "event.instance-event-id": () => undefined,
  "event.not-after": () => undefined,
  "event.not-before": () => undefined,
};
