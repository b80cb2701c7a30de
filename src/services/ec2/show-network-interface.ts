// Network interfaces as the API shows them: those of tasks, which are rows of their own, and each instance's primary one, which is
// a part of the instance's row.
import type { InstanceNetworkInterface, NetworkInterface } from "@aws-sdk/client-ec2";
import { ec2Key, type InstanceRow } from "#domain/ec2/instance.ts";
import { type NetworkInterfaceRow, privateDnsNameOf, REQUESTER_ID } from "#domain/ec2/network-interface.ts";
import type { Reader } from "#store/store.ts";
import { instances, networkInterfaces, securityGroups, subnets } from "#store/tables/ec2.ts";
import { showTags } from "./tags.ts";

/** All of the region, by id. */
export function allInterfaces(reader: Reader, region: string): readonly NetworkInterface[] {
  const prefix = `${region}/`;
  const primary = Array.from(reader.scan(instances, { prefix }), ([, row]) => row)
    .filter((row) => row.state !== "terminated")
    .map((row) => showPrimary(reader, row));
  const ofTasks = Array.from(reader.scan(networkInterfaces, { prefix }), ([, row]) =>
    showInterface(reader, row),
  );
  const idOf = (i: NetworkInterface) => i.NetworkInterfaceId ?? "";
  return [...primary, ...ofTasks].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
}

function showPrimary(reader: Reader, row: InstanceRow): NetworkInterface {
  return {
    ...common(reader, row),
    NetworkInterfaceId: row.networkInterfaceId,
    Description: "",
    Status: "in-use",
    RequesterManaged: false,
    Attachment: {
      AttachmentId: row.networkInterfaceId.replace("eni-", "eni-attach-"),
      AttachTime: new Date(row.launchTime),
      DeleteOnTermination: true,
      DeviceIndex: 0,
      NetworkCardIndex: 0,
      InstanceId: row.id,
      InstanceOwnerId: row.ownerId,
      Status: row.state === "pending" ? "attaching" : "attached",
    },
    TagSet: [],
  };
}

function showInterface(reader: Reader, row: NetworkInterfaceRow): NetworkInterface {
  return {
    ...common(reader, row),
    NetworkInterfaceId: row.id,
    Description: row.description,
    Status: row.status === "detached" ? "available" : "in-use",
    RequesterManaged: true,
    RequesterId: REQUESTER_ID,
    ...(row.status === "detached"
      ? {}
      : {
          Attachment: {
            AttachmentId: row.attachmentId,
            AttachTime: new Date(row.attachTime),
            DeleteOnTermination: false,
            DeviceIndex: row.deviceIndex,
            NetworkCardIndex: 0,
            ...instanceOf(reader, row),
            Status: row.status === "attaching" ? "attaching" : "attached",
          },
        }),
    TagSet: showTags(row.tags),
  };
}

/** The host of a Fargate task is not the account's, and not shown. */
const instanceOf = (reader: Reader, { region, instanceId, ownerId }: NetworkInterfaceRow) =>
  reader.get(instances, ec2Key(region, instanceId)) === undefined
    ? { InstanceOwnerId: "amazon-aws" }
    : { InstanceId: instanceId, InstanceOwnerId: ownerId };

type Placed = Pick<
  NetworkInterfaceRow,
  | "region"
  | "ownerId"
  | "vpcId"
  | "subnetId"
  | "availabilityZone"
  | "privateIp"
  | "macAddress"
  | "securityGroupIds"
>;

function common(reader: Reader, row: Placed): NetworkInterface {
  const { region } = row;
  const dnsName = privateDnsNameOf(row.privateIp, region);
  const zoneId = reader.get(subnets, ec2Key(region, row.subnetId))?.availabilityZoneId;
  return {
    InterfaceType: "interface",
    OwnerId: row.ownerId,
    VpcId: row.vpcId,
    SubnetId: row.subnetId,
    AvailabilityZone: row.availabilityZone,
    ...(zoneId === undefined ? {} : { AvailabilityZoneId: zoneId }),
    MacAddress: row.macAddress,
    PrivateIpAddress: row.privateIp,
    PrivateDnsName: dnsName,
    PrivateIpAddresses: [{ Primary: true, PrivateIpAddress: row.privateIp, PrivateDnsName: dnsName }],
    Ipv6Addresses: [],
    Groups: groupsOf(reader, row),
    SourceDestCheck: true,
  };
}

const groupsOf = (reader: Reader, { region, securityGroupIds }: Placed) =>
  securityGroupIds.map((id) => ({
    GroupId: id,
    GroupName: reader.get(securityGroups, ec2Key(region, id))?.name ?? "",
  }));

/** Beside the primary one, in DescribeInstances. */
export function taskInterfacesOf(reader: Reader, instanceId: string): readonly InstanceNetworkInterface[] {
  return reader
    .find(networkInterfaces, "instance", instanceId)
    .map(([, row]) => row)
    .filter((row) => row.status !== "detached")
    .sort((a, b) => a.deviceIndex - b.deviceIndex)
    .map((row) => {
      const { TagSet: _, RequesterManaged: __, RequesterId: ___, ...shown } = showInterface(reader, row);
      const { AvailabilityZone: _zone, AvailabilityZoneId: _zoneId, Attachment: attachment, ...own } = shown;
      const { InstanceId: _id, InstanceOwnerId: _owner, ...attached } = attachment ?? {};
      return { ...own, Attachment: attached };
    });
}
