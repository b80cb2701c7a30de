// Who is in which groups, and what the groups allow, as the network is told it. Pure.
import type { InstanceRow } from "#domain/ec2/instance.ts";
import type { OutsideRoute } from "#domain/ec2/outside.ts";
import type { NetworkInterfaceRow } from "#domain/ec2/network-interface.ts";
import type { SecurityGroupRow, SecurityGroupRule } from "#domain/ec2/security-group.ts";
import type { LoadBalancerRow } from "#domain/elbv2/load-balancer.ts";
import type { GroupMember, GroupRule, SecurityGroups } from "#network/group-rules.ts";
import { hostInterface, taskInterface } from "#network/names.ts";

/** Of the hosts of Fargate's pool, which have no groups of the user's: they reach what they need, and nobody reaches them. */
const POOL_GROUP = {
  id: "sg-00000000",
  ingress: [],
  egress: [{ protocol: "all", peer: { cidr: "0.0.0.0/0" } }],
} as const;

/** A host is in its groups until nothing of it is left. The pool's hosts have no routes of the user's either. */
export const instanceMember = (
  row: InstanceRow,
  outside?: readonly OutsideRoute[],
): GroupMember | undefined =>
  row.state === "terminated"
    ? undefined
    : {
        address: row.privateIp,
        interface: hostInterface(row.id),
        ...(row.fargate === undefined
          ? { groups: row.securityGroupIds, ...routed(outside) }
          : { groups: [POOL_GROUP.id] }),
      };

/** `isTunnelled`: behind the one interface of a host on another machine. */
export const interfaceMember = (
  row: NetworkInterfaceRow,
  isTunnelled = false,
  outside?: readonly OutsideRoute[],
): GroupMember | undefined =>
  row.status === "detached"
    ? undefined
    : {
        address: row.privateIp,
        interface: isTunnelled ? hostInterface(row.instanceId) : taskInterface(row.id),
        groups: row.securityGroupIds,
        ...routed(outside),
      };

const routed = (outside: readonly OutsideRoute[] | undefined): Pick<GroupMember, "outside"> =>
  outside === undefined ? {} : { outside };

export const balancerMember = (row: LoadBalancerRow): GroupMember => ({
  address: row.address,
  groups: row.securityGroupIds,
});

export const decideGroups = (
  groups: readonly SecurityGroupRow[],
  members: readonly GroupMember[],
): SecurityGroups => ({
  groups: [
    ...groups.map(({ id, rules }) => ({
      id,
      ingress: rules.filter(({ direction }) => direction === "ingress").map(ruleOf),
      egress: rules.filter(({ direction }) => direction === "egress").map(ruleOf),
    })),
    ...(members.some((m) => m.groups.includes(POOL_GROUP.id)) ? [POOL_GROUP] : []),
  ],
  members,
});

const numbers: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17 };

function ruleOf({ protocol, fromPort, toPort, peer }: SecurityGroupRule): GroupRule {
  const other = "cidr" in peer ? peer : { group: peer.groupId };
  switch (protocol) {
    case "-1":
      return { protocol: "all", peer: other };
    case "tcp":
    case "udp":
      return { protocol: numbers[protocol] ?? 0, ports: { from: fromPort, to: toPort }, peer: other };
    case "icmp":
      return { protocol: 1, ...icmpOf(fromPort, toPort), peer: other };
    default:
      return { protocol: Number(protocol), peer: other };
  }
}

const icmpOf = (type: number, code: number): Pick<GroupRule, "icmp"> =>
  type < 0 ? {} : { icmp: { type, ...(code < 0 ? {} : { code }) } };
