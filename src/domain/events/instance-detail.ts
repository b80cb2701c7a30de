// A container instance as the detail of "ECS Container Instance State Change" (ECS Developer Guide, "Amazon ECS container instance
// state change events").
import type { ContainerInstanceRow } from "../ecs/container-instance.ts";
import { holdsResources, type TaskRow } from "../ecs/task.ts";
import type { Json } from "./json.ts";
import { present, time } from "./task-detail.ts";

/** `tasks`: those of the instance that are not STOPPED. */
export function instanceDetail(instance: ContainerInstanceRow, tasks: readonly TaskRow[], now: number): Json {
  const held = tasks.filter(holdsResources).map(({ resources }) => resources);
  const { registered, reservedTcpPorts, reservedUdpPorts, versionInfo } = instance;
  return present({
    agentConnected: instance.agentConnected,
    attributes: instance.attributes.map(({ name, value }) => present({ name, value })),
    clusterArn: instance.clusterArn,
    containerInstanceArn: instance.arn,
    ec2InstanceId: instance.ec2InstanceId,
    registeredAt: time(instance.registeredAt),
    registeredResources: resources(registered.cpu, registered.memoryMiB, reservedTcpPorts, reservedUdpPorts),
    remainingResources: resources(
      registered.cpu - held.reduce((sum, { cpu }) => sum + cpu, 0),
      registered.memoryMiB - held.reduce((sum, { memoryMiB }) => sum + memoryMiB, 0),
      [...reservedTcpPorts, ...held.flatMap(({ tcpPorts }) => tcpPorts)],
      [...reservedUdpPorts, ...held.flatMap(({ udpPorts }) => udpPorts)],
    ),
    status: instance.status,
    statusReason: instance.statusReason,
    updatedAt: time(now),
    version: instance.version,
    versionInfo: present({ ...versionInfo }),
  });
}

const resources = (
  cpu: number,
  memory: number,
  tcp: readonly number[],
  udp: readonly number[],
): readonly Json[] => [
  { name: "CPU", type: "INTEGER", integerValue: cpu },
  { name: "MEMORY", type: "INTEGER", integerValue: memory },
  { name: "PORTS", type: "STRINGSET", stringSetValue: tcp.map(String) },
  { name: "PORTS_UDP", type: "STRINGSET", stringSetValue: udp.map(String) },
];
