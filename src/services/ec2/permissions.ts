// The rules of security groups between the API's form, IpPermission, and the stored one (EC2 API reference, "IpPermission";
// VPC User Guide, "Security group rules"). IPv6 and prefix lists are refused by name.
import type { IpPermission, IpRange, UserIdGroupPair } from "@aws-sdk/client-ec2";
import { ServiceError } from "#lib/errors.ts";
import { formatIpv4, parseIpv4 } from "#domain/ec2/ipv4.ts";
import type {
  RuleDirection,
  RuleMatch,
  RulePeer,
  SecurityGroupRow,
  SecurityGroupRule,
} from "#domain/ec2/security-group.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import type { Reader } from "#store/store.ts";
import { securityGroups } from "#store/tables/ec2.ts";
import { checkId, invalidValue, notImplemented } from "./errors.ts";
import { required } from "./lookup.ts";

export type RuleSpec = RuleMatch & Pick<SecurityGroupRule, "description">;

interface Asked {
  readonly reader: Reader;
  readonly account: string;
  readonly group: SecurityGroupRow;
  readonly direction: RuleDirection;
}

/** One rule for each other side that a permission names. */
export function readPermissions(asked: Asked, permissions: readonly IpPermission[]): readonly RuleSpec[] {
  return permissions.flatMap((permission) => {
    const what = { direction: asked.direction, ...readTraffic(permission) };
    if ((permission.Ipv6Ranges ?? []).length > 0) throw notImplemented("The parameter Ipv6Ranges");
    if ((permission.PrefixListIds ?? []).length > 0) throw notImplemented("The parameter PrefixListIds");
    const sides = [
      ...(permission.IpRanges ?? []).map((range) => ({ peer: readRange(range), ...described(range) })),
      ...(permission.UserIdGroupPairs ?? []).map((pair) => ({
        peer: readPair(asked, pair),
        ...described(pair),
      })),
    ];
    if (sides.length === 0)
      throw new ServiceError("MissingParameter", "Source/Destination must be specified in the rule");
    return sides.map((side) => ({ ...what, ...side }));
  });
}

const PROTOCOLS: Readonly<Record<string, string>> = { all: "-1", "6": "tcp", "17": "udp", "1": "icmp" };

/** @throws InvalidParameterValue, UnsupportedOperation for IPv6's ICMP */
export function readTraffic({
  IpProtocol,
  FromPort: from,
  ToPort: to,
}: Pick<IpPermission, "IpProtocol" | "FromPort" | "ToPort">): Pick<
  RuleMatch,
  "protocol" | "fromPort" | "toPort"
> {
  const given = required(IpProtocol, "ipProtocol").toLowerCase();
  const protocol = PROTOCOLS[given] ?? given;
  if (protocol === "icmpv6" || protocol === "58") throw notImplemented("The protocol icmpv6");
  if (protocol === "tcp" || protocol === "udp") {
    if (from === undefined || to === undefined)
      throw invalidValue("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.");
    for (const port of [from, to])
      if (!within(port, 0, 65_535)) throw invalidValue(`TCP/UDP port (${port}) out of range`);
    if (from > to) throw invalidValue(`Invalid TCP/UDP port range (${from}:${to})`);
    return { protocol, fromPort: from, toPort: to };
  }
  if (protocol === "icmp") {
    if (from === undefined || to === undefined)
      throw invalidValue("Invalid value 'Must specify both type and code with ICMP.' for portRange.");
    if (!within(from, -1, 255)) throw invalidValue(`ICMP type (${from}) out of range`);
    if (!within(to, -1, 255) || (from === -1 && to !== -1))
      throw invalidValue(`ICMP code (${to}) out of range`);
    return { protocol, fromPort: from, toPort: to };
  }
  const isNumber = /^\d{1,3}$/.test(protocol) && Number(protocol) <= 255;
  if (protocol !== "-1" && !isNumber)
    throw invalidValue(`Invalid value '${IpProtocol}' for IP protocol. Unknown protocol.`);
  // Of all protocols, and of those without ports, the ports that come with the call mean nothing, as on AWS.
  return { protocol: isNumber ? String(Number(protocol)) : protocol, fromPort: -1, toPort: -1 };
}

const within = (value: number, least: number, most: number) =>
  Number.isInteger(value) && value >= least && value <= most;

/** Bits of the host are cut off, as AWS does. @throws InvalidParameterValue */
export function readCidr(text: string): RulePeer {
  const [address = "", length = "", ...rest] = text.split("/");
  const value = parseIpv4(address);
  const prefix = /^\d{1,2}$/.test(length) ? Number(length) : 33;
  if (value === undefined || prefix > 32 || rest.length > 0)
    throw invalidValue(`CIDR block ${text} is malformed`);
  const size = 2 ** (32 - prefix);
  return { cidr: `${formatIpv4(Math.floor(value / size) * size)}/${prefix}` };
}

const readRange = ({ CidrIp }: IpRange): RulePeer => readCidr(required(CidrIp, "cidrIp"));

function readPair({ reader, account, group }: Asked, pair: UserIdGroupPair): RulePeer {
  for (const member of ["VpcPeeringConnectionId", "PeeringStatus"] as const)
    if (pair[member] !== undefined) throw notImplemented(`UserIdGroupPairs.${member}`);
  if (pair.UserId !== undefined && pair.UserId !== account)
    throw notImplemented("A security group of another account");
  const inVpc = reader.find(securityGroups, "vpc", group.vpcId).map(([, row]) => row);
  const id = pair.GroupId;
  const row =
    id === undefined
      ? inVpc.find(({ name }) => name === required(pair.GroupName, "groupId"))
      : reader.get(securityGroups, ec2Key(group.region, checkId("security-group", id)));
  return readReference(group, row, id ?? pair.GroupName ?? "");
}

/** @throws InvalidGroup.NotFound when there is no such group, or it is another VPC's */
export function readReference(
  group: SecurityGroupRow,
  row: SecurityGroupRow | undefined,
  given: string,
): RulePeer {
  if (row === undefined)
    throw new ServiceError("InvalidGroup.NotFound", `The security group '${given}' does not exist`);
  if (row.vpcId !== group.vpcId) {
    throw new ServiceError(
      "InvalidGroup.NotFound",
      "You have specified two resources that belong to different networks.",
    );
  }
  return { groupId: row.id };
}

const LONGEST_DESCRIPTION = 255;

function described({ Description: text }: { readonly Description?: string | undefined }): {
  readonly description?: string;
} {
  return text === undefined || text === "" ? {} : { description: checkDescription(text) };
}

/** @throws InvalidParameterValue */
export function checkDescription(text: string): string {
  if (text.length > LONGEST_DESCRIPTION || !/^[a-zA-Z0-9. _\-:/()#,@[\]+=&;{}!$*]*$/.test(text)) {
    throw invalidValue(
      "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
    );
  }
  return text;
}

/** As the refusal of a rule that is there, or is not, names it. */
export function ruleWords({ protocol, fromPort, toPort, peer }: RuleMatch): string {
  const other = "cidr" in peer ? peer.cidr : peer.groupId;
  const what =
    protocol === "-1" ? "ALL" : `${protocol.toUpperCase()}, from port: ${fromPort}, to port: ${toPort}`;
  return `peer: ${other}, ${what}, ALLOW`;
}

/** Rules of one direction, those of equal traffic together, as DescribeSecurityGroups shows them. */
export function showPermissions(
  group: SecurityGroupRow,
  direction: RuleDirection,
  account: string,
): IpPermission[] {
  const found = new Map<string, { first: SecurityGroupRule; ranges: IpRange[]; pairs: UserIdGroupPair[] }>();
  for (const rule of group.rules.filter((one) => one.direction === direction)) {
    const key = `${rule.protocol} ${rule.fromPort} ${rule.toPort}`;
    const together = found.get(key) ?? { first: rule, ranges: [], pairs: [] };
    found.set(key, together);
    const text = rule.description === undefined ? {} : { Description: rule.description };
    if ("cidr" in rule.peer) together.ranges.push({ CidrIp: rule.peer.cidr, ...text });
    else together.pairs.push({ GroupId: rule.peer.groupId, UserId: account, ...text });
  }
  return [...found.values()].map(({ first, ranges, pairs }) => ({
    IpProtocol: first.protocol,
    ...(hasPorts(first) ? { FromPort: first.fromPort, ToPort: first.toPort } : {}),
    IpRanges: ranges,
    UserIdGroupPairs: pairs,
    Ipv6Ranges: [],
    PrefixListIds: [],
  }));
}

const hasPorts = ({ protocol }: SecurityGroupRule) => ["tcp", "udp", "icmp"].includes(protocol);
