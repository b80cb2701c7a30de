// A task as the detail of "ECS Task State Change" (ECS Developer Guide, "Amazon ECS task state change events"): DescribeTasks'
// members, with times as text and interfaces called `eni`.
import type { ContainerInstanceRow } from "../ecs/container-instance.ts";
import type { TaskContainer, TaskRow } from "../ecs/task.ts";
import type { Json } from "./json.ts";

/** `instance`: where the task is, if it is known. */
export function taskDetail(task: TaskRow, instance: ContainerInstanceRow | undefined, now: number): Json {
  const { attachment } = task;
  return present({
    attachments:
      attachment === undefined
        ? []
        : [
            {
              id: attachment.id,
              type: "eni",
              status: attachment.status,
              details: [
                { name: "subnetId", value: attachment.subnetId },
                { name: "networkInterfaceId", value: attachment.networkInterfaceId },
                { name: "macAddress", value: attachment.macAddress },
                { name: "privateDnsName", value: attachment.privateDnsName },
                { name: "privateIPv4Address", value: attachment.privateIp },
              ],
            },
          ],
    attributes: (instance?.attributes ?? [])
      .filter(({ name }) => name === "ecs.cpu-architecture")
      .map(({ name, value }) => present({ name, value })),
    availabilityZone: task.availabilityZone,
    clusterArn: task.clusterArn,
    connectivity: instance === undefined ? undefined : instance.agentConnected ? "CONNECTED" : "DISCONNECTED",
    connectivityAt: time(instance?.agentConnectedAt),
    capacityProviderName: task.capacityProviderName,
    ephemeralStorage:
      task.ephemeralStorageGiB === undefined ? undefined : { sizeInGiB: task.ephemeralStorageGiB },
    platformVersion: task.platformVersion,
    containerInstanceArn: task.launchType === "FARGATE" ? undefined : task.containerInstanceArn,
    containers: task.containers.map((container) => containerDetail(task, container)),
    cpu: task.cpu ?? String(task.resources.cpu),
    createdAt: time(task.createdAt),
    desiredStatus: task.desiredStatus,
    enableExecuteCommand: task.enableExecuteCommand,
    executionStoppedAt: time(task.executionStoppedAt),
    group: task.group,
    healthStatus: task.healthStatus,
    lastStatus: task.lastStatus,
    launchType: task.launchType,
    memory: task.memory ?? String(task.resources.memoryMiB),
    overrides: overrides(task),
    pullStartedAt: time(task.pullStartedAt),
    pullStoppedAt: time(task.pullStoppedAt),
    startedAt: time(task.startedAt),
    startedBy: task.startedBy,
    stopCode: task.stopCode,
    stoppedAt: time(task.stoppedAt),
    stoppedReason: task.stoppedReason,
    stoppingAt: time(task.stoppingAt),
    taskArn: task.arn,
    taskDefinitionArn: task.taskDefinitionArn,
    updatedAt: time(now),
    version: task.version,
  });
}

const containerDetail = (task: TaskRow, container: TaskContainer): Json =>
  present({
    containerArn: container.arn,
    cpu: String(container.cpu),
    exitCode: container.exitCode,
    image: container.image,
    imageDigest: container.imageDigest,
    lastStatus: container.lastStatus,
    memory: container.memory === undefined ? undefined : String(container.memory),
    memoryReservation:
      container.memoryReservation === undefined ? undefined : String(container.memoryReservation),
    name: container.name,
    networkBindings: container.networkBindings.map((binding) => ({ ...binding })),
    networkInterfaces:
      task.attachment === undefined
        ? []
        : [{ attachmentId: task.attachment.id, privateIpv4Address: task.attachment.privateIp }],
    reason: container.reason,
    runtimeId: container.runtimeId,
    taskArn: task.arn,
  });

/** As DescribeTasks: an entry for every container. */
const overrides = (task: TaskRow): Json =>
  plain({
    ...task.overrides,
    containerOverrides: task.containers.map(
      ({ name }) => task.overrides.containerOverrides?.find((given) => given.name === name) ?? { name },
    ),
  });

export const time = (milliseconds: number | undefined): string | undefined =>
  milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();

/** Without the members that have no value. */
export const present = (members: Readonly<Record<string, Json | undefined>>): Json =>
  Object.fromEntries(Object.entries(members).filter((entry) => entry[1] !== undefined)) as Json;

const plain = (value: object): Json => JSON.parse(JSON.stringify(value)) as Json;
