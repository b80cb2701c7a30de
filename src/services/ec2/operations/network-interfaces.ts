// Network interfaces: shown to everybody; those of tasks are ECS's to manage, an instance's primary one lives as long as it.
import type { NetworkInterface } from "@aws-sdk/client-ec2";
import { ServiceError } from "#lib/errors.ts";
import type { Reader } from "#store/store.ts";
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { checkId, notFound } from "../errors.ts";
import { type Fields, filterRows } from "../filters.ts";
import { required } from "../lookup.ts";
import { page } from "../paging.ts";
import { allInterfaces } from "../show-network-interface.ts";

export function networkInterfaceOperations({ store }: Ec2Dependencies) {
  return {
    DescribeNetworkInterfaces(input, context) {
      const all = allInterfaces(store, context.region);
      const ids = [...new Set(input.NetworkInterfaceIds ?? [])];
      const named = ids.length === 0 ? all : ids.map((id) => find(all, id));
      const rows = filterRows(named, input.Filters, fields, tagsOf);
      const { items, rest } = page(rows, (r) => r.NetworkInterfaceId ?? "", context, input);
      return { NetworkInterfaces: [...items], ...rest };
    },

    /** No interface is ever free to be deleted: each belongs to a task or is an instance's primary one. */
    DeleteNetworkInterface(input, { region }) {
      const row = interfaceOf(store, region, input.NetworkInterfaceId);
      throw new ServiceError(
        "InvalidParameterValue",
        `Network interface '${row.NetworkInterfaceId}' is currently in use.`,
      );
    },

    DetachNetworkInterface(input, { region }) {
      const id = required(input.AttachmentId, "attachmentId");
      const row = allInterfaces(store, region).find((i) => i.Attachment?.AttachmentId === id);
      if (row === undefined)
        throw new ServiceError("InvalidAttachmentID.NotFound", `The attachment '${id}' does not exist`);
      if (row.RequesterManaged === true) throw notYours();
      throw new ServiceError(
        "OperationNotPermitted",
        "The network interface at device index 0 cannot be detached.",
      );
    },

    ModifyNetworkInterfaceAttribute(input, { region }) {
      const row = interfaceOf(store, region, input.NetworkInterfaceId);
      if (row.RequesterManaged === true) throw notYours();
      throw new ServiceError(
        "UnsupportedOperation",
        "Changing attributes of an instance's primary network interface is not implemented by Estiba",
      );
    },
  } satisfies Ec2Operations;
}

/** EC2 User Guide, "Requester-managed network interfaces". */
const notYours = () =>
  new ServiceError("AuthFailure", "You do not have permission to access the specified resource.");

/** @throws InvalidNetworkInterfaceID.NotFound, InvalidNetworkInterfaceID.Malformed */
function find(all: readonly NetworkInterface[], id: string): NetworkInterface {
  const row = all.find((i) => i.NetworkInterfaceId === checkId("network-interface", id));
  if (row === undefined) throw notFound("network-interface", [id]);
  return row;
}

const interfaceOf = (reader: Reader, region: string, id: string | undefined): NetworkInterface =>
  find(allInterfaces(reader, region), required(id, "networkInterfaceId"));

const tagsOf = ({ TagSet: tags = [] }: NetworkInterface) =>
  Object.fromEntries(tags.map((t) => [t.Key ?? "", t.Value ?? ""]));

const fields: Fields<NetworkInterface> = {
  "network-interface-id": (i) => i.NetworkInterfaceId,
  "attachment.attachment-id": (i) => i.Attachment?.AttachmentId,
  "attachment.attach-time": (i) => i.Attachment?.AttachTime?.toISOString(),
  "attachment.delete-on-termination": (i) => i.Attachment?.DeleteOnTermination,
  "attachment.device-index": (i) => i.Attachment?.DeviceIndex,
  "attachment.instance-id": (i) => i.Attachment?.InstanceId,
  "attachment.instance-owner-id": (i) => i.Attachment?.InstanceOwnerId,
  "attachment.status": (i) => i.Attachment?.Status,
  "addresses.private-ip-address": (i) => i.PrivateIpAddress,
  "addresses.primary": () => true,
  "availability-zone": (i) => i.AvailabilityZone,
  "availability-zone-id": (i) => i.AvailabilityZoneId,
  description: (i) => i.Description,
  "group-id": (i) => (i.Groups ?? []).flatMap((g) => g.GroupId ?? []),
  "group-name": (i) => (i.Groups ?? []).flatMap((g) => g.GroupName ?? []),
  "interface-type": (i) => i.InterfaceType,
  "mac-address": (i) => i.MacAddress,
  "owner-id": (i) => i.OwnerId,
  "private-dns-name": (i) => i.PrivateDnsName,
  "private-ip-address": (i) => i.PrivateIpAddress,
  "requester-id": (i) => i.RequesterId,
  "requester-managed": (i) => i.RequesterManaged,
  "source-dest-check": (i) => i.SourceDestCheck,
  status: (i) => i.Status,
  "subnet-id": (i) => i.SubnetId,
  "vpc-id": (i) => i.VpcId,
  // There are no public addresses.
  "association.public-ip": () => undefined,
  "addresses.association.public-ip": () => undefined,
};
