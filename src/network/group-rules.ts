// Security groups as one nft table of a VPC's namespace: who may reach whom, stateful, and nobody by default. Every packet is
// judged twice, by the egress of the address it comes from and by the ingress of the address it goes to; an address without
// groups reaches nothing but the VPC's own services, and is reached by nothing. Pure.
import type { OutsideRoute } from "#domain/ec2/outside.ts";
import { DNS_ADDRESS, VPC_HOP, type VpcAddresses } from "./ranges.ts";
import { UPLINK } from "./names.ts";

/** One of a group's rules (VPC User Guide, "Security group rules"). */
export interface GroupRule {
  /** `all`, or the number of an IP protocol: 1 ICMP, 6 TCP, 17 UDP. */
  readonly protocol: "all" | number;
  /** TCP and UDP: the first and the last port; absent for all. */
  readonly ports?: { readonly from: number; readonly to: number };
  /** ICMP: a type, and a code of it; absent for all. */
  readonly icmp?: { readonly type: number; readonly code?: number };
  /** The other side: a network, or every member of a group. */
  readonly peer: { readonly cidr: string } | { readonly group: string };
}

export interface Group {
  readonly id: string;
  readonly ingress: readonly GroupRule[];
  readonly egress: readonly GroupRule[];
}

/** An address of the VPC and the groups it is in. */
export interface GroupMember {
  readonly address: string;
  /**
   * The interface of the VPC's namespace behind which the address lives, a host's or an ENI's: whoever gets the address next
   * has another interface, and never these groups. Absent for an address of the namespace itself, a load balancer's.
   */
  readonly interface?: string;
  readonly groups: readonly string[];
  /** What it reaches beyond the VPC, of what its groups allow, the most specific first; absent: everything. */
  readonly outside?: readonly OutsideRoute[];
}

export interface SecurityGroups {
  readonly groups: readonly Group[];
  readonly members: readonly GroupMember[];
}

export const NO_GROUPS: SecurityGroups = { groups: [], members: [] };

export const groupsTable = "inet groups";

/**
 * Lines for one `nft -f`, which replace the table whole: a packet sees the old rules or the new ones, and connections that
 * are under way stay, since the kernel's list of them is no part of the table.
 * @throws RangeError for a value that is none of ours
 */
export function groupLines(vpc: VpcAddresses, { groups, members }: SecurityGroups): readonly string[] {
  const known = [...groups].sort((a, b) => (a.id < b.id ? -1 : 1));
  const ids = new Set(known.map(({ id }) => checked(id, /^sg-[0-9a-f]{8,17}$/)));
  const present = [...members].sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
  const combinations = [...new Set(present.map((member) => combinationOf(member, ids)))].sort();
  const chainFor = (direction: Direction, member: GroupMember) =>
    `${direction}-${combinations.indexOf(combinationOf(member, ids))}`;
  const verdicts = (direction: Direction, local: boolean) =>
    present
      .filter((member) => (member.interface === undefined) === local)
      .map((member) => `${keyOf(member)} : goto ${chainFor(direction, member)}`);

  return [
    `add table ${groupsTable}`,
    `delete table ${groupsTable}`,
    `add table ${groupsTable}`,
    ...known.flatMap(({ id }) => [
      `add set ${groupsTable} ${id} { type ipv4_addr; }`,
      ...elements(id, [
        ...new Set(present.filter((m) => m.groups.includes(id)).map((m) => checkedAddress(m.address))),
      ]),
    ]),
    ...known.flatMap((group) =>
      directions.flatMap((direction) =>
        chain(
          `${group.id}-${direction}`,
          group[direction === "in" ? "ingress" : "egress"].flatMap((rule) => accept(direction, rule, ids)),
        ),
      ),
    ),
    ...combinations.flatMap((combination, i) =>
      directions.flatMap((direction) =>
        chain(`${direction}-${i}`, [
          ...combination
            .split(" ")
            .filter((id) => id !== "")
            .map((id) => `jump ${id}-${direction}`),
          "drop",
        ]),
      ),
    ),
    ...directions.flatMap((direction) => [
      `add map ${groupsTable} hosts-${direction} { type ifname . ipv4_addr : verdict; }`,
      ...elements(`hosts-${direction}`, verdicts(direction, false)),
      `add map ${groupsTable} own-${direction} { type ipv4_addr : verdict; }`,
      ...elements(`own-${direction}`, verdicts(direction, true)),
    ]),
    ...outsideLines(present),
    ...hooks(vpc, present.some(isRouted)),
  ];
}

/** Whose way beyond the VPC is limited by routes. */
const isRouted = ({ interface: name, outside }: GroupMember): boolean =>
  name !== undefined && outside !== undefined;

/** A chain for each different list of routes, and who has which. */
function outsideLines(present: readonly GroupMember[]): readonly string[] {
  const routed = present.filter(isRouted);
  if (routed.length === 0) return [];
  const rulesOf = ({ outside = [] }: GroupMember) => [
    ...outside.map(({ destination, passes }) => `${toWhom(destination)} ${passes ? "accept" : "drop"}`),
    "drop",
  ];
  const lists = [...new Set(routed.map((member) => rulesOf(member).join("\n")))].sort();
  const chainOf = (member: GroupMember) => `outside-${lists.indexOf(rulesOf(member).join("\n"))}`;
  return [
    ...lists.flatMap((list, i) => chain(`outside-${i}`, list.split("\n"))),
    `add map ${groupsTable} hosts-outside { type ifname . ipv4_addr : verdict; }`,
    ...elements(
      "hosts-outside",
      routed.map((member) => `${keyOf(member)} : goto ${chainOf(member)}`),
    ),
  ];
}

const toWhom = (cidr: string): string =>
  cidr === "0.0.0.0/0" ? "meta nfproto ipv4" : `ip daddr ${checkedCidr(cidr)}`;

type Direction = "in" | "out";
const directions: readonly Direction[] = ["in", "out"];

/**
 * Egress is judged before ingress, each by a chain of its own: an accept ends one chain only. What comes by the uplink is
 * outside, this machine included; what the namespace says itself (the DNS server, refusals by ICMP) is no member's.
 */
function hooks(vpc: VpcAddresses, byRoutes: boolean): readonly string[] {
  const services = [vpc.endpoint, vpc.router, DNS_ADDRESS, VPC_HOP].join(", ");
  const base = (hook: string, direction: Direction, rules: readonly string[]) => [
    `add chain ${groupsTable} ${hook}-${direction} { type filter hook ${hook} priority ${direction === "out" ? 10 : 20}; policy drop; }`,
    ...["ct state { established, related } accept", ...rules].map(
      (rule) => `add rule ${groupsTable} ${hook}-${direction} ${rule}`,
    ),
  ];
  const fromHost = "iifname . ip saddr vmap @hosts-out";
  const toHost = "oifname . ip daddr vmap @hosts-in";
  const outside = `{ "lo", "${UPLINK}" }`;
  return [
    ...base("forward", "out", [`iifname "${UPLINK}" accept`, `ip daddr { ${services} } accept`, fromHost]),
    ...base("forward", "in", [
      ...(byRoutes
        ? [`oifname "${UPLINK}" ip daddr != { ${services} } iifname . ip saddr vmap @hosts-outside`]
        : []),
      `oifname "${UPLINK}" accept`,
      toHost,
    ]),
    ...base("input", "out", [`iifname ${outside} accept`, `ip daddr { ${services} } accept`, fromHost]),
    ...base("input", "in", [
      `ip daddr { ${services} } accept`,
      "ip daddr 127.0.0.0/8 accept",
      "ip daddr vmap @own-in",
    ]),
    ...base("output", "out", [
      `ip saddr { ${services} } accept`,
      "ip saddr 127.0.0.0/8 accept",
      "ip saddr vmap @own-out",
    ]),
    ...base("output", "in", [`oifname ${outside} accept`, toHost]),
  ];
}

/** A rule that names a group which is not there allows nobody. */
function accept(direction: Direction, rule: GroupRule, known: ReadonlySet<string>): readonly string[] {
  const field = direction === "in" ? "saddr" : "daddr";
  const { peer } = rule;
  const whole = "cidr" in peer && peer.cidr.endsWith("/0");
  if ("group" in peer && !known.has(peer.group)) return [];
  const other = "cidr" in peer ? checkedCidr(peer.cidr) : `@${peer.group}`;
  return [[...(whole ? [] : [`ip ${field} ${other}`]), ...whatOf(rule), "accept"].join(" ")];
}

function whatOf({ protocol, ports, icmp }: GroupRule): readonly string[] {
  // Without an address the rule would speak of IPv6 too, which has no place in a VPC.
  if (protocol === "all") return ["meta nfproto ipv4"];
  if (ports !== undefined)
    return [`meta l4proto ${number(protocol, 255)} th dport ${number(ports.from)}-${number(ports.to)}`];
  if (icmp === undefined) return [`meta l4proto ${number(protocol, 255)}`];
  const code = icmp.code === undefined ? [] : [`icmp code ${number(icmp.code, 255)}`];
  return [`icmp type ${number(icmp.type, 255)}`, ...code];
}

const chain = (name: string, rules: readonly string[]): readonly string[] => [
  `add chain ${groupsTable} ${name}`,
  ...rules.map((rule) => `add rule ${groupsTable} ${name} ${rule}`),
];

const elements = (set: string, all: readonly string[]): readonly string[] =>
  all.length === 0 ? [] : [`add element ${groupsTable} ${set} { ${all.join(", ")} }`];

const combinationOf = ({ groups }: GroupMember, known: ReadonlySet<string>): string =>
  [...new Set(groups)]
    .filter((id) => known.has(id))
    .sort()
    .join(" ");

const keyOf = (member: GroupMember): string =>
  member.interface === undefined
    ? checkedAddress(member.address)
    : `"${checked(member.interface, /^[a-z0-9]{1,15}$/)}" . ${checkedAddress(member.address)}`;

const sortKey = (member: GroupMember): string => `${member.interface ?? ""} ${member.address}`;

const checkedCidr = (cidr: string): string => checked(cidr, /^[0-9.]{7,15}\/\d{1,2}$/);
const checkedAddress = (address: string): string => checked(address, /^\d{1,3}(\.\d{1,3}){3}$/);

/** Every word of the lines is one of ours: nobody's text becomes a rule. */
function checked(value: string, pattern: RegExp): string {
  if (!pattern.test(value)) throw new RangeError(`Not a part of a rule: "${value}"`);
  return value;
}

function number(value: number, most = 65_535): number {
  if (!Number.isInteger(value) || value < 0 || value > most)
    throw new RangeError(`Not a part of a rule: ${value}`);
  return value;
}
