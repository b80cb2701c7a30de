// Every region has a default VPC: the first one's is made at the server's start, the others' when they are first used. Each
// has a network of its own, so that one machine can reach all of them.
import { ServiceError } from "#lib/errors.ts";
import { newEc2Id } from "#lib/ids.ts";
import type { Random } from "#lib/random.ts";
import { newDefaultVpc } from "#domain/ec2/default-vpc.ts";
import { ec2Key, type VpcRow } from "#domain/ec2/instance.ts";
import { formatIpv4, type Ipv4Block, parseBlock } from "#domain/ec2/ipv4.ts";
import { newMainRouteTable, putRoute } from "#domain/ec2/vpc-parts.ts";
import type { Reader, Store, Transaction } from "#store/store.ts";
import { internetGateways, routeTables, securityGroups, subnets, vpcs } from "#store/tables/ec2.ts";

interface Parts {
  readonly store: Store;
  readonly random: Random;
  /** /16 to /22. */
  readonly defaultVpcCidr: string;
}

/** The region's default VPC, made when there is none. @throws AuthFailure when the region's name cannot be one */
export async function ensureDefaultVpc(
  { store, random, defaultVpcCidr }: Parts,
  region: string,
): Promise<VpcRow> {
  const known = defaultVpcOf(store, region);
  if (known !== undefined) {
    // Default VPCs of earlier releases came without.
    if (store.find(routeTables, "vpc", known.id).length === 0)
      await store.transact((tx) => addParts(tx, known, random));
    return known;
  }
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(region))
    throw new ServiceError("AuthFailure", "Credential should be scoped to a valid region.", {
      statusCode: 401,
    });
  return store.transact(
    (tx) => defaultVpcOf(tx, region) ?? makeDefaultVpc(tx, region, defaultVpcCidr, random),
  );
}

export function defaultVpcOf(reader: Reader, region: string): VpcRow | undefined {
  for (const [, row] of reader.scan(vpcs, { prefix: `${region}/` })) if (row.isDefault) return row;
  return undefined;
}

function makeDefaultVpc(tx: Transaction, region: string, first: string, random: Random): VpcRow {
  const taken = Array.from(tx.scan(vpcs), ([, row]) => parseBlock(row.cidrBlock));
  const { vpc, subnets: zones, securityGroup } = newDefaultVpc(region, freeBlock(first, taken), random);
  tx.put(vpcs, ec2Key(region, vpc.id), vpc);
  for (const subnet of zones) tx.put(subnets, ec2Key(region, subnet.id), subnet);
  tx.put(securityGroups, ec2Key(region, securityGroup.id), securityGroup);
  addParts(tx, vpc, random);
  return vpc;
}

/** An internet gateway, and a main route table that leads to it. */
function addParts(tx: Transaction, vpc: VpcRow, random: Random): void {
  if (tx.find(routeTables, "vpc", vpc.id).length > 0) return;
  const { region } = vpc;
  const gateway = { id: newEc2Id("igw", random), region, vpcId: vpc.id, tags: {} };
  const route = { destination: "0.0.0.0/0", gatewayId: gateway.id };
  const table = putRoute(newMainRouteTable(vpc, random), route);
  tx.put(internetGateways, ec2Key(region, gateway.id), gateway);
  tx.put(routeTables, ec2Key(region, table.id), table);
}

/** RFC 1918: a block from outside of it has only itself. */
const PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/** The first block of this size, from the given one upwards and round the private range, that overlaps none. */
function freeBlock(first: string, taken: readonly (Ipv4Block | undefined)[]): string {
  const start = parseBlock(first);
  if (start === undefined) throw new RangeError(`Not a network: ${first}`);
  const range = PRIVATE.map(parseBlock).find((b) => b !== undefined && overlap(b, start)) ?? start;
  const blocks = range.size / start.size;
  for (let i = 0; i < blocks; i += 1) {
    const base = range.base + ((start.base - range.base + i * start.size) % range.size);
    const block = { ...start, base };
    if (!taken.some((t) => t !== undefined && overlap(t, block)))
      return `${formatIpv4(base)}/${start.prefix}`;
  }
  throw new ServiceError("VpcLimitExceeded", "There is no free network for another default VPC.");
}

export const overlap = (a: Ipv4Block, b: Ipv4Block): boolean =>
  a.base < b.base + b.size && b.base < a.base + a.size;
