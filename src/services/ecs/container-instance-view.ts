// A container instance as the API shows it: what remains is what its tasks do not hold in the agent's own account.
import type { ContainerInstance, Resource } from "@aws-sdk/client-ecs";
import { interfaceCapacity, type ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import { holdsInterface, holdsResources, type TaskRow } from "#domain/ecs/task.ts";
import type { SchedulerInstance } from "#scheduler/instance.ts";
import type { Reader } from "#store/store.ts";
import { tasks } from "#store/tables/ecs.ts";
import { isPending } from "./cluster-view.ts";
import { invalidParameter } from "./errors.ts";
import { showTags } from "./tags.ts";

export type InstanceField = "TAGS" | "CONTAINER_INSTANCE_HEALTH";

/** @throws InvalidParameterException */
export function readInstanceFields(include: readonly string[] = []): readonly InstanceField[] {
  return include.map((field) => {
    if (field !== "TAGS" && field !== "CONTAINER_INSTANCE_HEALTH")
      throw invalidParameter(`Invalid value '${field}' in include.`);
    return field;
  });
}

/** Tasks on it that are not STOPPED. */
export const tasksOn = (reader: Reader, arn: string): readonly TaskRow[] =>
  reader.find(tasks, "activeOnInstance", arn).map(([, task]) => task);

export function showContainerInstance(
  reader: Reader,
  row: ContainerInstanceRow,
  include: readonly InstanceField[],
): ContainerInstance {
  const present = tasksOn(reader, row.arn);
  const left = remaining(row, present);
  return {
    containerInstanceArn: row.arn,
    ec2InstanceId: row.ec2InstanceId,
    version: row.version,
    versionInfo: { ...row.versionInfo },
    remainingResources: showResources(left.cpu, left.memoryMiB, left.tcpPorts, left.udpPorts),
    registeredResources: showResources(
      row.registered.cpu,
      row.registered.memoryMiB,
      row.reservedTcpPorts,
      row.reservedUdpPorts,
    ),
    status: row.status,
    statusReason: row.statusReason,
    agentConnected: row.agentConnected,
    runningTasksCount: present.filter((t) => t.lastStatus === "RUNNING").length,
    pendingTasksCount: present.filter(isPending).length,
    attributes: row.attributes.map((a) => ({ ...a })),
    registeredAt: new Date(row.registeredAt),
    attachments: [],
    tags: include.includes("TAGS") ? showTags(row.tags) : [],
    healthStatus: include.includes("CONTAINER_INSTANCE_HEALTH") ? showHealth(row) : undefined,
  };
}

/** The instance as the cluster query language sees it. */
export function asSchedulerInstance(reader: Reader, row: ContainerInstanceRow): SchedulerInstance {
  const present = tasksOn(reader, row.arn);
  const left = remaining(row, present);
  const groups = new Map<string, number>();
  for (const task of present)
    if (task.desiredStatus === "RUNNING") groups.set(task.group, (groups.get(task.group) ?? 0) + 1);
  const { agentVersion } = row.versionInfo;
  return {
    arn: row.arn,
    id: row.id,
    ...(row.ec2InstanceId === undefined ? {} : { ec2InstanceId: row.ec2InstanceId }),
    ...(agentVersion === undefined ? {} : { agentVersion }),
    status: row.status,
    agentConnected: row.agentConnected,
    registeredAt: row.registeredAt,
    zone: row.availabilityZone,
    attributes: new Map(row.attributes.map(({ name, value }) => [name, value ?? ""])),
    cpu: left.cpu,
    memoryMiB: left.memoryMiB,
    tcpPorts: new Set(left.tcpPorts),
    udpPorts: new Set(left.udpPorts),
    interfaces: interfaceCapacity(row) - present.filter(holdsInterface).length,
    groups,
  };
}

function remaining(row: ContainerInstanceRow, present: readonly TaskRow[]) {
  const held = present.filter(holdsResources).map((task) => task.resources);
  return {
    cpu: held.reduce((left, r) => left - r.cpu, row.registered.cpu),
    memoryMiB: held.reduce((left, r) => left - r.memoryMiB, row.registered.memoryMiB),
    tcpPorts: [...row.reservedTcpPorts, ...held.flatMap((r) => r.tcpPorts)],
    udpPorts: [...row.reservedUdpPorts, ...held.flatMap((r) => r.udpPorts)],
  };
}

function showResources(
  cpu: number,
  memory: number,
  tcpPorts: readonly number[],
  udpPorts: readonly number[],
): Resource[] {
  const zero = { doubleValue: 0, longValue: 0 };
  const integer = (name: string, integerValue: number): Resource => ({
    name,
    type: "INTEGER",
    ...zero,
    integerValue,
  });
  const set = (name: string, ports: readonly number[]): Resource => ({
    name,
    type: "STRINGSET",
    ...zero,
    integerValue: 0,
    stringSetValue: ports.map(String),
  });
  return [integer("CPU", cpu), integer("MEMORY", memory), set("PORTS", tcpPorts), set("PORTS_UDP", udpPorts)];
}

function showHealth({
  healthStatus,
  healthStatusAt,
}: ContainerInstanceRow): ContainerInstance["healthStatus"] {
  if (healthStatus === undefined) return { overallStatus: "INSUFFICIENT_DATA", details: [] };
  const at = healthStatusAt === undefined ? undefined : new Date(healthStatusAt);
  return {
    overallStatus: healthStatus,
    details: [{ type: "CONTAINER_RUNTIME", status: healthStatus, lastUpdated: at, lastStatusChange: at }],
  };
}
