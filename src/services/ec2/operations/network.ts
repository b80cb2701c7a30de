// DescribeVpcs, DescribeSubnets. The first look at a region makes its default VPC.
import type { Subnet, Vpc } from "@aws-sdk/client-ec2";
import { type SubnetRow, type VpcRow } from "#domain/ec2/instance.ts";
import { parseBlock, usableAddresses } from "#domain/ec2/ipv4.ts";
import type { Reader } from "#store/store.ts";
import { addresses, subnets, vpcs } from "#store/tables/ec2.ts";
import { ensureDefaultVpc } from "../default-vpc.ts";
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { type Fields, filterRows } from "../filters.ts";
import { arnOf, named } from "../lookup.ts";
import { page } from "../paging.ts";
import { showTags } from "../tags.ts";

export function networkOperations(deps: Ec2Dependencies) {
  const { store, account } = deps;
  const tags = (row: VpcRow | SubnetRow) => row.tags;
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
  } satisfies Ec2Operations;
}

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
