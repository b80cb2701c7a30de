// The default VPC as rows: one VPC, a /24 subnet in each of three zones, the default security group.
import type { Random } from "#lib/random.ts";
import { newEc2Id } from "#lib/ids.ts";
import type { SubnetRow, VpcRow } from "./instance.ts";
import { formatIpv4, parseBlock } from "./ipv4.ts";
import { newDefaultGroup, type SecurityGroupRow } from "./security-group.ts";

export interface DefaultVpcRows {
  readonly vpc: VpcRow;
  readonly subnets: readonly SubnetRow[];
  readonly securityGroup: SecurityGroupRow;
}

const ZONE_LETTERS = ["a", "b", "c"] as const;

export interface Zone {
  readonly name: string;
  /** The same place under the same id in every account, for instance `use1-az1`. */
  readonly id: string;
}

/** The three zones of a region. */
export function zonesOf(region: string): readonly Zone[] {
  const short = region
    .split("-")
    .map((part, i) => (i === 0 || /^\d+$/.test(part) ? part : shortDirection(part)))
    .join("");
  return ZONE_LETTERS.map((letter, i) => ({ name: `${region}${letter}`, id: `${short}-az${i + 1}` }));
}

/** `southeast` → `se`, `central` → `c`, `gov` → `g`: as AWS writes zone ids. */
const shortDirection = (word: string): string =>
  /^(north|south)(east|west)$/.test(word)
    ? `${word.charAt(0)}${word.replace(/^(north|south)/, "").charAt(0)}`
    : word.charAt(0);

/** @param cidrBlock /16 to /22: it holds three /24 networks. */
export function newDefaultVpc(region: string, cidrBlock: string, random: Random): DefaultVpcRows {
  const block = parseBlock(cidrBlock);
  if (block === undefined || block.prefix > 22) throw new RangeError(`Not a VPC's network: ${cidrBlock}`);
  const vpc: VpcRow = { id: newEc2Id("vpc", random), region, cidrBlock, isDefault: true, tags: {} };
  const subnets = zonesOf(region).map((zone, i): SubnetRow => ({
    id: newEc2Id("subnet", random),
    region,
    vpcId: vpc.id,
    cidrBlock: `${formatIpv4(block.base + i * 256)}/24`,
    availabilityZone: zone.name,
    availabilityZoneId: zone.id,
    defaultForAz: true,
    mapPublicIpOnLaunch: true,
    tags: {},
  }));
  return { vpc, subnets, securityGroup: newDefaultGroup({ region, vpcId: vpc.id }, random) };
}
