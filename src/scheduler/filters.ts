// Who may take a task: a list of filters that explain themselves. The same data makes RunTask's failures[].reason and the
// words of a service event. In this order: the further an instance comes, the closer it matches.
import { compile } from "./evaluate.ts";
import type { Attributes, Demand, SchedulerInstance } from "./instance.ts";

export type Check = (instance: SchedulerInstance) => boolean;

export interface Filter {
  readonly name: string;
  appliesTo(demand: Demand): boolean;
  /** Prepared once for a request, asked of many instances. */
  check(demand: Demand): Check;
  /** As RunTask's `failures[].reason` has it (ECS Developer Guide, "API failure reasons"). */
  readonly reason: string;
  /** What the closest matching instance lacks (ECS Developer Guide, "Service event messages"). */
  readonly lacks: string;
}

const encountered = (reason: string) => `encountered error "${reason}".`;
const always = () => true;

export const filters: readonly Filter[] = [
  {
    name: "active",
    appliesTo: always,
    check: () => (i) => i.status === "ACTIVE",
    reason: "INACTIVE",
    lacks: encountered("INACTIVE"),
  },
  {
    name: "agent",
    appliesTo: always,
    check: () => (i) => i.agentConnected,
    reason: "AGENT",
    lacks: encountered("AGENT"),
  },
  {
    name: "attributes",
    appliesTo: (demand) => demand.attributes.length > 0 || demand.withoutAttribute !== undefined,
    check: attributesCheck,
    reason: "ATTRIBUTE",
    lacks: "is missing an attribute required by your task.",
  },
  {
    name: "location",
    appliesTo: (demand) => demand.interface !== undefined,
    check:
      ({ interface: wanted }) =>
      (i) =>
        wanted !== undefined && wanted.zones.has(i.zone) && i.attributes.get("ecs.vpc-id") === wanted.vpcId,
    reason: "LOCATION",
    lacks: encountered("LOCATION"),
  },
  {
    name: "memberOf",
    appliesTo: (demand) => demand.memberOf.length > 0,
    check(demand) {
      const predicates = demand.memberOf.map(compile);
      return (i) => predicates.every((holds) => holds(i));
    },
    reason: "MemberOf placement constraint unsatisfied.",
    lacks: encountered("MemberOf placement constraint unsatisfied."),
  },
  {
    name: "distinctInstance",
    appliesTo: (demand) => demand.distinctInstance,
    check: (demand) => (i) => (i.groups.get(demand.group) ?? 0) === 0,
    reason: "DistinctInstance placement constraint unsatisfied.",
    lacks: encountered("DistinctInstance placement constraint unsatisfied."),
  },
  {
    name: "ports",
    appliesTo: (demand) => demand.tcpPorts.length + demand.udpPorts.length > 0,
    check(demand) {
      const twice = hasTwice(demand.tcpPorts) || hasTwice(demand.udpPorts);
      return (i) =>
        !twice &&
        !demand.tcpPorts.some((p) => i.tcpPorts.has(p)) &&
        !demand.udpPorts.some((p) => i.udpPorts.has(p));
    },
    reason: "RESOURCE:PORTS",
    lacks: "is already using a port required by your task.",
  },
  {
    name: "interfaces",
    appliesTo: (demand) => demand.interface !== undefined,
    check: () => (i) => i.interfaces > 0,
    reason: "RESOURCE:ENI",
    lacks: encountered("RESOURCE:ENI"),
  },
  {
    name: "cpu",
    appliesTo: (demand) => demand.cpu > 0,
    check: (demand) => (i) => i.cpu >= demand.cpu,
    reason: "RESOURCE:CPU",
    lacks: "has insufficient CPU units available.",
  },
  {
    name: "memory",
    appliesTo: (demand) => demand.memoryMiB > 0,
    check: (demand) => (i) => i.memoryMiB >= demand.memoryMiB,
    reason: "RESOURCE:MEMORY",
    lacks: "has insufficient memory available.",
  },
];

/** The filters of a request, prepared: index of the first one that an instance fails, -1 when it may take the task. */
export function firstRefusal(demand: Demand): {
  readonly applying: readonly Filter[];
  readonly refusedBy: (instance: SchedulerInstance) => number;
} {
  const applying = filters.filter((f) => f.appliesTo(demand));
  const checks = applying.map((f) => f.check(demand));
  return { applying, refusedBy: (instance) => checks.findIndex((passes) => !passes(instance)) };
}

/** Instances with equal attributes share their map, so each distinct set is looked at once. */
function attributesCheck(demand: Demand): Check {
  const known = new Map<Attributes, boolean>();
  return ({ attributes }) => {
    let passes = known.get(attributes);
    if (passes === undefined) {
      passes =
        (demand.withoutAttribute === undefined || !attributes.has(demand.withoutAttribute)) &&
        demand.attributes.every(
          ({ name, value }) =>
            attributes.has(name) && (value === undefined || value === "" || attributes.get(name) === value),
        );
      known.set(attributes, passes);
    }
    return passes;
  };
}

const hasTwice = (ports: readonly number[]): boolean => new Set(ports).size < ports.length;
