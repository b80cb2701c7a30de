// Security groups and their rules as stored, and how they change (VPC User Guide, "Control traffic to your AWS resources using
// security groups"). Key: region/id. What the network makes of them is the security-groups controller's.
import { newEc2Id } from "#lib/ids.ts";
import type { Random } from "#lib/random.ts";
import type { Tags } from "../tags.ts";

export interface SecurityGroupRow {
  readonly id: string;
  readonly region: string;
  readonly vpcId: string;
  readonly name: string;
  readonly description: string;
  readonly rules: readonly SecurityGroupRule[];
  readonly tags: Tags;
}

export type RuleDirection = "ingress" | "egress";

export interface SecurityGroupRule {
  /** `sgr-…`. */
  readonly id: string;
  readonly direction: RuleDirection;
  /** `-1` for all, `tcp`, `udp`, `icmp`, or another protocol's number. */
  readonly protocol: string;
  /** The first port, or ICMP's type; -1 for all. */
  readonly fromPort: number;
  /** The last port, or ICMP's code; -1 for all. */
  readonly toPort: number;
  readonly peer: RulePeer;
  readonly description?: string;
  readonly tags: Tags;
}

/** The other side: a network, or the members of a group of the same VPC. */
export type RulePeer = { readonly cidr: string } | { readonly groupId: string };

/** What makes two rules the same rule. */
export type RuleMatch = Pick<SecurityGroupRule, "direction" | "protocol" | "fromPort" | "toPort" | "peer">;

export const ruleKey = ({ direction, protocol, fromPort, toPort, peer }: RuleMatch): string =>
  [direction, protocol, fromPort, toPort, "cidr" in peer ? peer.cidr : peer.groupId].join(" ");

const everything = { protocol: "-1", fromPort: -1, toPort: -1, tags: {} } as const;

/** A group as CreateSecurityGroup makes it: nothing comes in, everything goes out. */
export function newSecurityGroup(
  given: Omit<SecurityGroupRow, "id" | "rules">,
  random: Random,
): SecurityGroupRow {
  const peer = { cidr: "0.0.0.0/0" };
  return {
    ...given,
    id: newEc2Id("sg", random),
    rules: [{ ...everything, id: newEc2Id("sgr", random), direction: "egress", peer }],
  };
}

/** A VPC's own group: its members reach one another besides. */
export function newDefaultGroup(
  { region, vpcId }: Pick<SecurityGroupRow, "region" | "vpcId">,
  random: Random,
): SecurityGroupRow {
  const description = "default VPC security group";
  const group = newSecurityGroup({ region, vpcId, name: DEFAULT_GROUP, description, tags: {} }, random);
  const own = { ...everything, id: newEc2Id("sgr", random), peer: { groupId: group.id } };
  return { ...group, rules: [{ ...own, direction: "ingress" }, ...group.rules] };
}

export const DEFAULT_GROUP = "default";

/** Rows of before groups had rules: all were default groups. Their rules' ids come from the group's. */
export function withDefaultRules(row: Omit<SecurityGroupRow, "rules">): SecurityGroupRow {
  const digits = row.id.slice("sg-".length);
  const backwards = [...digits].reverse().join("");
  return {
    ...row,
    rules: [
      { ...everything, id: `sgr-${digits}`, direction: "ingress", peer: { groupId: row.id } },
      { ...everything, id: `sgr-${backwards}`, direction: "egress", peer: { cidr: "0.0.0.0/0" } },
    ],
  };
}

export const addRules = (group: SecurityGroupRow, rules: readonly SecurityGroupRule[]): SecurityGroupRow => ({
  ...group,
  rules: [...group.rules, ...rules],
});

export const removeRules = (group: SecurityGroupRow, ids: ReadonlySet<string>): SecurityGroupRow => ({
  ...group,
  rules: group.rules.filter(({ id }) => !ids.has(id)),
});

/** Changes one rule in its place; what it matches has its own name in `ModifySecurityGroupRules`. */
export const changeRule = (
  group: SecurityGroupRow,
  id: string,
  change: (rule: SecurityGroupRule) => SecurityGroupRule,
): SecurityGroupRow => ({
  ...group,
  rules: group.rules.map((rule) => (rule.id === id ? change(rule) : rule)),
});

/** Without a text the description goes. */
export function describeRule(rule: SecurityGroupRule, description: string | undefined): SecurityGroupRule {
  const { description: _, ...rest } = rule;
  return description === undefined || description === "" ? rest : { ...rest, description };
}

/** The groups that a group's rules refer to, itself among them. */
export const referencedGroups = (group: SecurityGroupRow): ReadonlySet<string> =>
  new Set(group.rules.flatMap(({ peer }) => ("groupId" in peer ? [peer.groupId] : [])));
