// Subnets: made, changed, removed, shown.
import type { ModifySubnetAttributeRequest, Subnet } from "@aws-sdk/client-ec2";
import { ServiceError } from "#lib/errors.ts";
import { newEc2Id } from "#lib/ids.ts";
import { zonesOf } from "#domain/ec2/default-vpc.ts";
import { ec2Key, setMapPublicIp, type SubnetRow, type VpcRow } from "#domain/ec2/instance.ts";
import { blockContains, type Ipv4Block, parseBlock, usableAddresses } from "#domain/ec2/ipv4.ts";
import { removeAssociation } from "#domain/ec2/vpc-parts.ts";
import type { Reader } from "#store/store.ts";
import { addresses, routeTables, subnets, vpcs } from "#store/tables/ec2.ts";
import { loadBalancers } from "#store/tables/elbv2.ts";
import { ensureDefaultVpc, overlap } from "../default-vpc.ts";
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { hasDependencies, invalidCombination, invalidParameter, notImplemented } from "../errors.ts";
import { type Fields, filterRows } from "../filters.ts";
import { arnOf, named, required, rowOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { refuseMembers } from "../refused.ts";
import { readTagSpecifications, showTags } from "../tags.ts";

/** Amazon VPC quotas, "VPC and subnets": subnets per VPC. */
const MOST_SUBNETS = 200;

export function subnetOperations(deps: Ec2Dependencies) {
  const { store, account, random } = deps;
  return {
    async CreateSubnet(input, { region }) {
      const { VpcId, CidrBlock, AvailabilityZone, AvailabilityZoneId, TagSpecifications, ...rest } = input;
      refuseMembers(rest, { DryRun: "false", Ipv6Native: "false" });
      const tags = readTagSpecifications(TagSpecifications, "subnet");
      const zone = readZone(region, AvailabilityZone, AvailabilityZoneId);
      const row = await store.transact((tx) => {
        const vpc = rowOf(tx, vpcs, region, "vpc", VpcId, "vpcId");
        const others = tx.find(subnets, "vpc", vpc.id).map(([, other]) => other);
        if (others.length >= MOST_SUBNETS) {
          throw new ServiceError(
            "SubnetLimitExceeded",
            `The maximum number of subnets has been reached for the VPC '${vpc.id}'.`,
          );
        }
        const made: SubnetRow = {
          id: newEc2Id("subnet", random),
          region,
          vpcId: vpc.id,
          cidrBlock: readRange(vpc, others, required(CidrBlock, "cidrBlock")),
          availabilityZone: zone.name,
          availabilityZoneId: zone.id,
          defaultForAz: false,
          mapPublicIpOnLaunch: false,
          tags,
        };
        tx.put(subnets, ec2Key(region, made.id), made);
        return made;
      });
      return { Subnet: showSubnet(store, row, account) };
    },

    /** What is in it goes first; its association with a route table goes with it. */
    async DeleteSubnet(input, { region }) {
      await store.transact((tx) => {
        const row = rowOf(tx, subnets, region, "subnet", input.SubnetId, "subnetId");
        const balancers = tx.find(loadBalancers, "vpc", row.vpcId);
        if (
          [...tx.scan(addresses, { prefix: `${row.id}/` })].length > 0 ||
          balancers.some(([, lb]) => lb.subnets.some(({ subnetId }) => subnetId === row.id))
        )
          throw hasDependencies("subnet", row.id);
        for (const [key, table] of tx.find(routeTables, "subnet", row.id)) {
          const gone = table.associations.find(({ subnetId }) => subnetId === row.id);
          tx.put(routeTables, key, removeAssociation(table, gone?.id ?? ""));
        }
        tx.delete(subnets, ec2Key(region, row.id));
      });
      return {};
    },

    /** There is no IPv6: every attribute but MapPublicIpOnLaunch can only be what it is. */
    async ModifySubnetAttribute(input, { region }) {
      const { SubnetId, ...given } = input;
      const { MapPublicIpOnLaunch: map, ...attributes } = given;
      rowOf(store, subnets, region, "subnet", SubnetId, "subnetId");
      if (Object.values(given).filter((value) => value !== undefined).length > 1)
        throw invalidCombination("Only one attribute can be modified at a time");
      for (const [name, value] of Object.entries(attributes))
        if (!isAsItIs(name as keyof ModifySubnetAttributeRequest, value))
          throw notImplemented(`The attribute ${name}`);
      if (map?.Value !== undefined) {
        const wanted = map.Value;
        await store.transact((tx) => {
          const row = rowOf(tx, subnets, region, "subnet", SubnetId, "subnetId");
          tx.put(subnets, ec2Key(region, row.id), setMapPublicIp(row, wanted));
        });
      }
      return {};
    },

    async DescribeSubnets(input, context) {
      const { region } = context;
      await ensureDefaultVpc(deps, region);
      const all = named(store, subnets, region, "subnet", input.SubnetIds);
      const rows = filterRows(all, input.Filters, subnetFields(store, account), (row) => row.tags);
      const { items, rest } = page(rows, (r) => r.id, context, input);
      return { Subnets: items.map((row) => showSubnet(store, row, account)), ...rest };
    },
  } satisfies Ec2Operations;
}

const isAsItIs = (name: keyof ModifySubnetAttributeRequest, value: unknown): boolean =>
  value === undefined ||
  (name === "PrivateDnsHostnameTypeOnLaunch"
    ? value === "ip-name"
    : (value as { readonly Value?: unknown }).Value === false);

function readZone(region: string, name: string | undefined, id: string | undefined) {
  const zones = zonesOf(region);
  const found = zones.find((zone) => (name ?? zone.name) === zone.name && (id ?? zone.id) === zone.id);
  if (found !== undefined) return found;
  throw invalidParameter(
    name ?? id,
    "availabilityZone",
    `Subnets can currently only be created in the following availability zones: ${zones.map((z) => z.name).join(", ")}.`,
  );
}

/** A part of the VPC's range that no other subnet has, /16 to /28. @throws InvalidSubnet.Range, InvalidSubnet.Conflict */
function readRange(vpc: VpcRow, others: readonly SubnetRow[], cidr: string): string {
  const [block, whole] = [parseBlock(cidr), parseBlock(vpc.cidrBlock)];
  if (block === undefined) throw invalidParameter(cidr, "cidrBlock", "This is not a valid CIDR block.");
  const inside = whole !== undefined && block.size <= whole.size && blockContains(whole, block.base);
  if (!inside || block.prefix < 16 || block.prefix > 28)
    throw new ServiceError("InvalidSubnet.Range", `The CIDR '${cidr}' is invalid.`);
  const blocks = others
    .map((other) => parseBlock(other.cidrBlock))
    .filter((one): one is Ipv4Block => one !== undefined);
  if (blocks.some((one) => overlap(one, block)))
    throw new ServiceError("InvalidSubnet.Conflict", `The CIDR '${cidr}' conflicts with another subnet`);
  return cidr;
}

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
