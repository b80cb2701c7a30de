// What the scheduler knows of a container instance and of a task that looks for a place. Plain data; who keeps it current
// (the placement controller) and what comes of a plan is not decided here.
import type { Expression } from "./expression.ts";

/** Attribute name → value; attributes without a value have the empty string. Instances with equal attributes share one map. */
export type Attributes = ReadonlyMap<string, string>;

export interface SchedulerInstance {
  readonly arn: string;
  readonly id: string;
  readonly ec2InstanceId?: string;
  readonly status: "ACTIVE" | "DRAINING" | "INACTIVE";
  readonly agentConnected: boolean;
  readonly agentVersion?: string;
  readonly registeredAt: number;
  readonly zone: string;
  readonly attributes: Attributes;
  /** What is free, after everything that holds resources there. */
  readonly cpu: number;
  readonly memoryMiB: number;
  /** Host ports that are taken: by tasks and by the agent's reservation. */
  readonly tcpPorts: ReadonlySet<number>;
  readonly udpPorts: ReadonlySet<number>;
  /** Network interfaces that it may still be given. */
  readonly interfaces: number;
  /** Task group → tasks there that are wanted RUNNING. */
  readonly groups: ReadonlyMap<string, number>;
}

export interface Demand {
  readonly cpu: number;
  readonly memoryMiB: number;
  readonly tcpPorts: readonly number[];
  readonly udpPorts: readonly number[];
  /** The task needs a network interface, which can only be where its subnets are. */
  readonly interface?: { readonly vpcId: string; readonly zones: ReadonlySet<string> };
  /** The definition's requiresAttributes. */
  readonly attributes: readonly { readonly name: string; readonly value?: string }[];
  /** An attribute that an instance must not have. */
  readonly withoutAttribute?: string;
  readonly memberOf: readonly Expression[];
  readonly distinctInstance: boolean;
  readonly group: string;
}

/** The instance with one more task of this demand. */
export function occupied(instance: SchedulerInstance, demand: Demand): SchedulerInstance {
  return {
    ...instance,
    cpu: instance.cpu - demand.cpu,
    memoryMiB: instance.memoryMiB - demand.memoryMiB,
    tcpPorts: withAll(instance.tcpPorts, demand.tcpPorts),
    udpPorts: withAll(instance.udpPorts, demand.udpPorts),
    interfaces: instance.interfaces - (demand.interface === undefined ? 0 : 1),
    groups: new Map(instance.groups).set(demand.group, (instance.groups.get(demand.group) ?? 0) + 1),
  };
}

const withAll = (before: ReadonlySet<number>, ports: readonly number[]): ReadonlySet<number> =>
  ports.length === 0 ? before : new Set([...before, ...ports]);
