// Stored instances as the API shows them. A terminated one has neither place nor addresses any more.
import type { Instance, InstanceState, Reservation } from "@aws-sdk/client-ec2";
import type { InstanceRow } from "#domain/ec2/instance.ts";
import { instanceType } from "#domain/ec2/instance-types.ts";
import type { Reader } from "#store/store.ts";
import { securityGroups, subnets } from "#store/tables/ec2.ts";
import { instanceProfiles } from "#store/tables/iam.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import { privateDnsNameOf } from "#domain/ec2/network-interface.ts";
import { ARCHITECTURE } from "./image.ts";
import { taskInterfacesOf } from "./show-network-interface.ts";
import { showTags } from "./tags.ts";

export const STATE_CODES = { pending: 0, running: 16, "shutting-down": 32, terminated: 48 } as const;

export const showState = (state: InstanceRow["state"]): InstanceState => ({
  Code: STATE_CODES[state],
  Name: state,
});

export const privateDnsName = (row: Pick<InstanceRow, "privateIp" | "region">): string =>
  privateDnsNameOf(row.privateIp, row.region);

export function showInstance(reader: Reader, row: InstanceRow): Instance {
  const vcpus = instanceType(row.instanceType)?.vcpus ?? 1;
  return {
    InstanceId: row.id,
    ImageId: row.imageId,
    InstanceType: row.instanceType as NonNullable<Instance["InstanceType"]>,
    AmiLaunchIndex: row.launchIndex,
    State: showState(row.state),
    ...(row.stateReason === undefined
      ? {}
      : { StateReason: { Code: row.stateReason.code, Message: row.stateReason.message } }),
    StateTransitionReason: row.stateTransitionReason ?? "",
    LaunchTime: new Date(row.launchTime),
    ...(row.spot === undefined
      ? {}
      : { InstanceLifecycle: "spot", SpotInstanceRequestId: row.spot.requestId }),
    Placement: { AvailabilityZone: row.availabilityZone, GroupName: "", Tenancy: "default" },
    Monitoring: { State: "disabled" },
    PrivateDnsName: "",
    PublicDnsName: "",
    ProductCodes: [],
    Architecture: ARCHITECTURE,
    BlockDeviceMappings: [],
    ClientToken: row.clientToken ?? "",
    EbsOptimized: false,
    EnaSupport: true,
    Hypervisor: "xen",
    NetworkInterfaces: [],
    RootDeviceType: "instance-store",
    SecurityGroups: [],
    SourceDestCheck: true,
    Tags: showTags(row.tags),
    VirtualizationType: "hvm",
    CpuOptions: { CoreCount: Math.max(1, vcpus / 2), ThreadsPerCore: vcpus > 1 ? 2 : 1 },
    CapacityReservationSpecification: { CapacityReservationPreference: "open" },
    HibernationOptions: { Configured: false },
    EnclaveOptions: { Enabled: false },
    PlatformDetails: "Linux/UNIX",
    UsageOperation: "RunInstances",
    MetadataOptions: {
      State: row.state === "pending" ? "pending" : "applied",
      HttpTokens: row.metadataOptions.httpTokens,
      HttpPutResponseHopLimit: row.metadataOptions.httpPutResponseHopLimit,
      HttpEndpoint: row.metadataOptions.httpEndpoint,
      HttpProtocolIpv6: "disabled",
      InstanceMetadataTags: "disabled",
    },
    ...(row.state === "terminated" ? {} : showPlace(reader, row)),
  };
}

function showPlace(reader: Reader, row: InstanceRow): Partial<Instance> {
  const groups = row.securityGroupIds.map((id) => ({
    GroupId: id,
    GroupName: reader.get(securityGroups, ec2Key(row.region, id))?.name ?? "",
  }));
  const dnsName = privateDnsName(row);
  const profile = showProfile(reader, row.instanceProfileArn);
  return {
    VpcId: row.vpcId,
    SubnetId: row.subnetId,
    PrivateIpAddress: row.privateIp,
    PrivateDnsName: dnsName,
    SecurityGroups: groups,
    ...(profile === undefined ? {} : { IamInstanceProfile: profile }),
    NetworkInterfaces: [
      {
        NetworkInterfaceId: row.networkInterfaceId,
        MacAddress: row.macAddress,
        Status: "in-use",
        InterfaceType: "interface",
        OwnerId: row.ownerId,
        VpcId: row.vpcId,
        SubnetId: row.subnetId,
        SourceDestCheck: true,
        Description: "",
        Groups: groups,
        Ipv6Addresses: [],
        PrivateDnsName: dnsName,
        PrivateIpAddress: row.privateIp,
        PrivateIpAddresses: [{ Primary: true, PrivateIpAddress: row.privateIp, PrivateDnsName: dnsName }],
        Attachment: {
          AttachmentId: row.networkInterfaceId.replace("eni-", "eni-attach-"),
          AttachTime: new Date(row.launchTime),
          DeleteOnTermination: true,
          DeviceIndex: 0,
          NetworkCardIndex: 0,
          Status: row.state === "pending" ? "attaching" : "attached",
        },
      },
      ...taskInterfacesOf(reader, row.id),
    ],
  };
}

export function showProfile(
  reader: Reader,
  arn: string | undefined,
): { Arn: string; Id?: string } | undefined {
  if (arn === undefined) return undefined;
  const id = reader.find(instanceProfiles, "arn", arn)[0]?.[1].id;
  return { Arn: arn, ...(id === undefined ? {} : { Id: id }) };
}

/** Instances by the reservations they came in, in their order. */
export function showReservations(reader: Reader, rows: readonly InstanceRow[]): Reservation[] {
  const found = new Map<string, InstanceRow[]>();
  for (const row of rows) {
    const together = found.get(row.reservationId);
    if (together === undefined) found.set(row.reservationId, [row]);
    else together.push(row);
  }
  return [...found].map(([id, instances]) => ({
    ReservationId: id,
    OwnerId: instances[0]?.ownerId,
    Groups: [],
    Instances: instances
      .sort((a, b) => a.launchIndex - b.launchIndex)
      .map((row) => showInstance(reader, row)),
  }));
}

/** The zone's id, for filters. */
export const zoneIdOf = (reader: Reader, row: InstanceRow): string | undefined =>
  reader.get(subnets, ec2Key(row.region, row.subnetId))?.availabilityZoneId;
