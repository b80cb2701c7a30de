// VPCs: made, changed, removed, shown. A VPC gets its network when somebody is first put in; the security-groups controller takes it
// away when the VPC is gone. The first look at a region makes its default VPC.
import type { ModifyVpcAttributeRequest, Vpc, VpcAttributeName } from "@aws-sdk/client-ec2";
import { ServiceError } from "#lib/errors.ts";
import { newEc2Id } from "#lib/ids.ts";
import { ec2Key, setDnsHostnames, type VpcRow } from "#domain/ec2/instance.ts";
import { formatIpv4, parseBlock, parseIpv4 } from "#domain/ec2/ipv4.ts";
import { DEFAULT_GROUP, newDefaultGroup } from "#domain/ec2/security-group.ts";
import { isMain, newMainRouteTable } from "#domain/ec2/vpc-parts.ts";
import { rangeUser } from "#network/ranges.ts";
import type { Transaction } from "#store/store.ts";
import {
  instances,
  internetGateways,
  networkInterfaces,
  routeTables,
  securityGroups,
  subnets,
  vpcs,
} from "#store/tables/ec2.ts";
import { loadBalancers } from "#store/tables/elbv2.ts";
import { ensureDefaultVpc, overlap } from "../default-vpc.ts";
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { hasDependencies, invalidCombination, invalidParameter, notImplemented } from "../errors.ts";
import { type Fields, filterRows } from "../filters.ts";
import { inRegion, named, required, rowOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { refuseMembers } from "../refused.ts";
import { readTagSpecifications, showTags } from "../tags.ts";

/** Amazon VPC quotas, "VPC and subnets": VPCs per Region. */
const MOST_VPCS = 5;

export function vpcOperations(deps: Ec2Dependencies) {
  const { store, account, random } = deps;
  return {
    async CreateVpc(input, { region }) {
      const { CidrBlock, TagSpecifications, ...rest } = input;
      refuseMembers(rest, {
        DryRun: "false",
        InstanceTenancy: '"default"',
        AmazonProvidedIpv6CidrBlock: "false",
      });
      const cidrBlock = readRange(required(CidrBlock, "cidrBlock"));
      const tags = readTagSpecifications(TagSpecifications, "vpc");
      await ensureDefaultVpc(deps, region);
      const row = await store.transact((tx) => {
        if (inRegion(tx, vpcs, region).length >= MOST_VPCS)
          throw new ServiceError("VpcLimitExceeded", "The maximum number of VPCs has been reached.");
        refuseOverlap(tx, cidrBlock);
        const made: VpcRow = {
          id: newEc2Id("vpc", random),
          region,
          cidrBlock,
          isDefault: false,
          enableDnsHostnames: false,
          tags,
        };
        const [group, table] = [
          newDefaultGroup({ region, vpcId: made.id }, random),
          newMainRouteTable(made, random),
        ];
        tx.put(vpcs, ec2Key(region, made.id), made);
        tx.put(securityGroups, ec2Key(region, group.id), group);
        tx.put(routeTables, ec2Key(region, table.id), table);
        return made;
      });
      return { Vpc: showVpc(row, account) };
    },

    /** Its own group and its main route table go with it; everything else goes first. */
    async DeleteVpc(input, { region }) {
      await store.transact((tx) => {
        const { id } = rowOf(tx, vpcs, region, "vpc", input.VpcId, "vpcId");
        const groups = tx.find(securityGroups, "vpc", id);
        const tables = tx.find(routeTables, "vpc", id);
        if (
          [subnets, instances, networkInterfaces, internetGateways, loadBalancers].some(
            (table) => tx.find(table as typeof subnets, "vpc", id).length > 0,
          ) ||
          groups.some(([, group]) => group.name !== DEFAULT_GROUP) ||
          tables.some(([, table]) => !isMain(table))
        )
          throw hasDependencies("vpc", id);
        for (const [key] of groups) tx.delete(securityGroups, key);
        for (const [key] of tables) tx.delete(routeTables, key);
        tx.delete(vpcs, ec2Key(region, id));
      });
      return {};
    },

    async DescribeVpcs(input, context) {
      const { region } = context;
      await ensureDefaultVpc(deps, region);
      const all = named(store, vpcs, region, "vpc", input.VpcIds);
      const rows = filterRows(all, input.Filters, vpcFields(account), (row) => row.tags);
      const { items, rest } = page(rows, (r) => r.id, context, input);
      return { Vpcs: items.map((row) => showVpc(row, account)), ...rest };
    },

    DescribeVpcAttribute(input, { region }) {
      const row = rowOf(store, vpcs, region, "vpc", input.VpcId, "vpcId");
      const attribute: VpcAttributeName = required(input.Attribute, "attribute");
      switch (attribute) {
        case "enableDnsHostnames":
          return { VpcId: row.id, EnableDnsHostnames: { Value: row.enableDnsHostnames ?? row.isDefault } };
        case "enableDnsSupport":
          return { VpcId: row.id, EnableDnsSupport: { Value: true } };
        case "enableNetworkAddressUsageMetrics":
          return { VpcId: row.id, EnableNetworkAddressUsageMetrics: { Value: false } };
        default:
          throw invalidParameter(attribute, "attribute", "Unknown VPC attribute");
      }
    },

    /** Host names of instances are private ones here, with and without EnableDnsHostnames: it is kept and shown. */
    async ModifyVpcAttribute(input, { region }) {
      const { VpcId, EnableDnsHostnames: hostnames, ...rest } = input;
      if ([hostnames, ...Object.values(rest)].filter((value) => value !== undefined).length > 1)
        throw invalidCombination("Only one attribute can be modified at a time");
      refuseAttributes(rest);
      await store.transact((tx) => {
        const row = rowOf(tx, vpcs, region, "vpc", VpcId, "vpcId");
        if (hostnames?.Value !== undefined)
          tx.put(vpcs, ec2Key(region, row.id), setDnsHostnames(row, hostnames.Value));
      });
      return {};
    },
  } satisfies Ec2Operations;
}

function refuseAttributes(given: Omit<ModifyVpcAttributeRequest, "VpcId" | "EnableDnsHostnames">): void {
  if (given.EnableDnsSupport?.Value === false) throw notImplemented("A VPC without EnableDnsSupport");
  if (given.EnableNetworkAddressUsageMetrics?.Value === true)
    throw notImplemented("EnableNetworkAddressUsageMetrics");
}

/** The network's own address of what was given, /16 to /28. @throws InvalidParameterValue, InvalidVpc.Range */
function readRange(text: string): string {
  const [address = "", length = ""] = text.split("/");
  const value = parseIpv4(address);
  if (value === undefined || !/^\d{1,2}$/.test(length) || Number(length) > 32)
    throw invalidParameter(text, "cidrBlock", "This is not a valid CIDR block.");
  const size = 2 ** (32 - Number(length));
  if (Number(length) < 16 || Number(length) > 28)
    throw new ServiceError("InvalidVpc.Range", `The CIDR '${text}' is invalid.`);
  const cidr = `${formatIpv4(Math.floor(value / size) * size)}/${length}`;
  const user = rangeUser(cidr, [], "");
  if (user !== undefined)
    throw new ServiceError(
      "InvalidVpc.Range",
      `The CIDR '${cidr}' is in use by ${user.what} (${user.range}).`,
    );
  return cidr;
}

/** One machine carries all VPCs and reaches each of them, so that no two may have the same addresses, in whatever region. */
function refuseOverlap(tx: Transaction, cidr: string): void {
  const block = parseBlock(cidr);
  for (const [, other] of tx.scan(vpcs)) {
    const known = parseBlock(other.cidrBlock);
    if (block === undefined || known === undefined || !overlap(block, known)) continue;
    throw notImplemented(
      `A VPC whose CIDR '${cidr}' overlaps that of ${other.id} (${other.cidrBlock}, ${other.region})`,
    );
  }
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
