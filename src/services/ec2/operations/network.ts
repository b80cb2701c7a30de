// DescribeVpcs, DescribeSubnets, DescribeSecurityGroups. The first look at a region makes its default VPC.
import type { SecurityGroup, Subnet, Vpc } from "@aws-sdk/client-ec2";
import { ServiceError } from "#lib/errors.ts";
import { ec2Key, type SubnetRow, type VpcRow } from "#domain/ec2/instance.ts";
import type { SecurityGroupRow } from "#domain/ec2/security-group.ts";
import { parseBlock, usableAddresses } from "#domain/ec2/ipv4.ts";
import type { Reader, Row, Table } from "#store/store.ts";
import { addresses, securityGroups, subnets, vpcs } from "#store/tables/ec2.ts";
import { ensureDefaultVpc } from "../default-vpc.ts";
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { checkId, notFound, type ResourceKind } from "../errors.ts";
import { type Fields, filterRows } from "../filters.ts";
import { page } from "../paging.ts";
import { showTags } from "../tags.ts";

export function networkOperations(deps: Ec2Dependencies) {
  const { store, account } = deps;
  const tags = (row: VpcRow | SubnetRow | SecurityGroupRow) => row.tags;
  return {
    async DescribeVpcs(input, context) {
      const { region } = context;
      await ensureDefaultVpc(deps, region);
      const all = named(store, vpcs, region, "vpc", input.VpcIds);
      const rows = filterRows(all, input.Filters, vpcFields(account), tags);
      const { items, rest } = page(rows, (r) => r.id, context, input);
      return { Vpcs: items.map((row) => showVpc(row, account)), ...rest };
    },

    async DescribeSubnets(input, context) {
      const { region } = context;
      await ensureDefaultVpc(deps, region);
      const all = named(store, subnets, region, "subnet", input.SubnetIds);
      const rows = filterRows(all, input.Filters, subnetFields(store, account), tags);
      const { items, rest } = page(rows, (r) => r.id, context, input);
      return { Subnets: items.map((row) => showSubnet(store, row, account)), ...rest };
    },

    async DescribeSecurityGroups(input, context) {
      const { region } = context;
      const vpc = await ensureDefaultVpc(deps, region);
      const all = named(store, securityGroups, region, "security-group", input.GroupIds);
      const names = input.GroupNames ?? [];
      for (const name of names) {
        if (!all.some((row) => row.name === name && row.vpcId === vpc.id)) {
          throw new ServiceError(
            "InvalidGroup.NotFound",
            `The security group '${name}' does not exist in default VPC '${vpc.id}'`,
          );
        }
      }
      const chosen = names.length === 0 ? all : all.filter((row) => names.includes(row.name));
      const rows = filterRows(chosen, input.Filters, groupFields(account), tags);
      const { items, rest } = page(rows, (r) => r.id, context, input);
      return { SecurityGroups: items.map((row) => showGroup(row, account)), ...rest };
    },
  } satisfies Ec2Operations;
}

function named<R extends Row>(
  reader: Reader,
  table: Table<R>,
  region: string,
  kind: ResourceKind,
  ids: readonly string[] | undefined,
): readonly Readonly<R>[] {
  if (ids === undefined || ids.length === 0)
    return Array.from(reader.scan(table, { prefix: `${region}/` }), ([, row]) => row);
  return [...new Set(ids)].map((id) => {
    const row = reader.get(table, ec2Key(region, checkId(kind, id)));
    if (row === undefined) throw notFound(kind, [id]);
    return row;
  });
}

const arnOf = (
  row: { readonly id: string; readonly region: string },
  kind: string,
  account: string,
): string => `arn:aws:ec2:${row.region}:${account}:${kind}/${row.id}`;

const vpcFields = (account: string): Fields<VpcRow> => ({
  "vpc-id": (row) => row.id,
  cidr: (row) => row.cidrBlock,
  "cidr-block-association.cidr-block": (row) => row.cidrBlock,
  "cidr-block-association.state": () => "associated",
  "is-default": (row) => row.isDefault,
  isDefault: (row) => row.isDefault,
  "owner-id": () => account,
  state: () => "available",
});

const showVpc = (row: VpcRow, account: string): Vpc => ({
  VpcId: row.id,
  OwnerId: account,
  State: "available",
  CidrBlock: row.cidrBlock,
  CidrBlockAssociationSet: [
    {
      AssociationId: row.id.replace("vpc-", "vpc-cidr-assoc-"),
      CidrBlock: row.cidrBlock,
      CidrBlockState: { State: "associated" },
    },
  ],
  DhcpOptionsId: "default",
  InstanceTenancy: "default",
  IsDefault: row.isDefault,
  Tags: showTags(row.tags),
});

/** Addresses that can still be handed out. */
function freeAddresses(reader: Reader, row: SubnetRow): number {
  const block = parseBlock(row.cidrBlock);
  let taken = 0;
  for (const _ of reader.scan(addresses, { prefix: `${row.id}/` })) taken += 1;
  return block === undefined ? 0 : usableAddresses(block) - taken;
}

const subnetFields = (reader: Reader, account: string): Fields<SubnetRow> => ({
  "subnet-id": (row) => row.id,
  "subnet-arn": (row) => arnOf(row, "subnet", account),
  "vpc-id": (row) => row.vpcId,
  "availability-zone": (row) => row.availabilityZone,
  availabilityZone: (row) => row.availabilityZone,
  "availability-zone-id": (row) => row.availabilityZoneId,
  availabilityZoneId: (row) => row.availabilityZoneId,
  "available-ip-address-count": (row) => freeAddresses(reader, row),
  "cidr-block": (row) => row.cidrBlock,
  cidr: (row) => row.cidrBlock,
  cidrBlock: (row) => row.cidrBlock,
  "default-for-az": (row) => row.defaultForAz,
  defaultForAz: (row) => row.defaultForAz,
  "map-public-ip-on-launch": (row) => row.mapPublicIpOnLaunch,
  "owner-id": () => account,
  state: () => "available",
});

const showSubnet = (reader: Reader, row: SubnetRow, account: string): Subnet => ({
  SubnetId: row.id,
  SubnetArn: arnOf(row, "subnet", account),
  VpcId: row.vpcId,
  OwnerId: account,
  State: "available",
  CidrBlock: row.cidrBlock,
  AvailableIpAddressCount: freeAddresses(reader, row),
  AvailabilityZone: row.availabilityZone,
  AvailabilityZoneId: row.availabilityZoneId,
  DefaultForAz: row.defaultForAz,
  MapPublicIpOnLaunch: row.mapPublicIpOnLaunch,
  MapCustomerOwnedIpOnLaunch: false,
  AssignIpv6AddressOnCreation: false,
  EnableDns64: false,
  Ipv6Native: false,
  Ipv6CidrBlockAssociationSet: [],
  PrivateDnsNameOptionsOnLaunch: {
    HostnameType: "ip-name",
    EnableResourceNameDnsARecord: false,
    EnableResourceNameDnsAAAARecord: false,
  },
  Tags: showTags(row.tags),
});

const groupFields = (account: string): Fields<SecurityGroupRow> => ({
  "group-id": (row) => row.id,
  "group-name": (row) => row.name,
  "vpc-id": (row) => row.vpcId,
  description: (row) => row.description,
  "owner-id": () => account,
});

/** A default group's rules (VPC User Guide, "Default security groups"): all from itself, all out. */
const showGroup = (row: SecurityGroupRow, account: string): SecurityGroup => ({
  GroupId: row.id,
  GroupName: row.name,
  Description: row.description,
  OwnerId: account,
  VpcId: row.vpcId,
  SecurityGroupArn: arnOf(row, "security-group", account),
  IpPermissions: [
    {
      IpProtocol: "-1",
      UserIdGroupPairs: [{ GroupId: row.id, UserId: account }],
      IpRanges: [],
      Ipv6Ranges: [],
      PrefixListIds: [],
    },
  ],
  IpPermissionsEgress: [
    {
      IpProtocol: "-1",
      UserIdGroupPairs: [],
      IpRanges: [{ CidrIp: "0.0.0.0/0" }],
      Ipv6Ranges: [],
      PrefixListIds: [],
    },
  ],
  Tags: showTags(row.tags),
});
