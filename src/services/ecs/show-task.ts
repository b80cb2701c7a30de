// A stored task as the API shows it. Members that clients index without looking are always there, empty if need be.
import type { Attachment, Container, Task, TaskOverride } from "@aws-sdk/client-ecs";
import { keyOfEcsArn } from "#domain/ecs/arns.ts";
import type { ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import { PLATFORM_FAMILY, RUNTIME_ATTRIBUTE } from "#domain/ecs/fargate.ts";
import type { TaskContainer, TaskRow } from "#domain/ecs/task.ts";
import type { Reader } from "#store/store.ts";
import { containerInstances } from "#store/tables/ecs.ts";
import { showTags } from "./tags.ts";

export function showTask(rows: Reader, row: TaskRow, { tags }: { readonly tags: boolean }): Task {
  const instanceKey = keyOfEcsArn(row.containerInstanceArn ?? "");
  const instance = instanceKey === undefined ? undefined : rows.get(containerInstances, instanceKey);
  return {
    taskArn: row.arn,
    clusterArn: row.clusterArn,
    taskDefinitionArn: row.taskDefinitionArn,
    ...(row.launchType === "FARGATE" ? showFargate(row) : showInstance(row)),
    ...(row.availabilityZone === undefined ? {} : { availabilityZone: row.availabilityZone }),
    ...connectivity(row, instance),
    attachments: showAttachments(row),
    attributes: [...architecture(instance), ...isolation(row)],
    containers: row.containers.map((container) => showContainer(row, container)),
    overrides: showOverrides(row),
    cpu: row.cpu ?? String(row.resources.cpu),
    memory: row.memory ?? String(row.resources.memoryMiB),
    group: row.group,
    launchType: row.launchType,
    lastStatus: row.lastStatus,
    desiredStatus: row.desiredStatus,
    healthStatus: row.healthStatus,
    version: row.version,
    enableExecuteCommand: row.enableExecuteCommand,
    ...(row.startedBy === undefined ? {} : { startedBy: row.startedBy }),
    ...(row.stopCode === undefined ? {} : { stopCode: row.stopCode }),
    ...(row.stoppedReason === undefined ? {} : { stoppedReason: row.stoppedReason }),
    ...times(row),
    tags: tags ? showTags(row.tags) : [],
  };
}

const showInstance = ({ containerInstanceArn }: TaskRow): Pick<Task, "containerInstanceArn"> =>
  containerInstanceArn === undefined ? {} : { containerInstanceArn };

/** The host is nobody's to know. */
function showFargate({ capacityProviderName, platformVersion, ephemeralStorageGiB: sizeInGiB }: TaskRow) {
  return {
    ...(capacityProviderName === undefined ? {} : { capacityProviderName }),
    ...(platformVersion === undefined ? {} : { platformVersion }),
    platformFamily: PLATFORM_FAMILY,
    ...(sizeInGiB === undefined
      ? {}
      : { ephemeralStorage: { sizeInGiB }, fargateEphemeralStorage: { sizeInGiB } }),
  };
}

function showContainer(task: TaskRow, row: TaskContainer): Container {
  const { imageDigest, runtimeId, exitCode, reason, memory, memoryReservation } = row;
  return {
    containerArn: row.arn,
    taskArn: task.arn,
    name: row.name,
    image: row.image,
    ...(imageDigest === undefined ? {} : { imageDigest }),
    ...(runtimeId === undefined ? {} : { runtimeId }),
    lastStatus: row.lastStatus,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(reason === undefined ? {} : { reason }),
    networkBindings: row.networkBindings.map((binding) => ({ ...binding })),
    networkInterfaces:
      task.attachment === undefined
        ? []
        : [
            {
              attachmentId: task.attachment.id,
              privateIpv4Address: task.attachment.privateIp,
            },
          ],
    healthStatus: row.healthStatus,
    cpu: String(row.cpu),
    ...(memory === undefined ? {} : { memory: String(memory) }),
    ...(memoryReservation === undefined ? {} : { memoryReservation: String(memoryReservation) }),
  };
}

function showAttachments({ attachment }: TaskRow): Attachment[] {
  if (attachment === undefined) return [];
  return [
    {
      id: attachment.id,
      type: "ElasticNetworkInterface",
      status: attachment.status,
      details: [
        { name: "subnetId", value: attachment.subnetId },
        { name: "networkInterfaceId", value: attachment.networkInterfaceId },
        { name: "macAddress", value: attachment.macAddress },
        { name: "privateDnsName", value: attachment.privateDnsName },
        { name: "privateIPv4Address", value: attachment.privateIp },
      ],
    },
  ];
}

/** As AWS: an entry for every container, with its name alone when nothing of it is overridden. */
const showOverrides = ({ containers, overrides }: TaskRow): TaskOverride => ({
  ...overrides,
  containerOverrides: containers.map(
    ({ name }) => overrides.containerOverrides?.find((o) => o.name === name) ?? { name },
  ),
  inferenceAcceleratorOverrides: [],
});

/** A task is reached through its instance's agent. */
function connectivity(
  task: TaskRow,
  instance: ContainerInstanceRow | undefined,
): Pick<Task, "connectivity" | "connectivityAt"> {
  if (instance === undefined) return {};
  if (!instance.agentConnected) return { connectivity: "DISCONNECTED" };
  return {
    connectivity: "CONNECTED",
    connectivityAt: new Date(Math.max(task.createdAt, instance.agentConnectedAt ?? 0)),
  };
}

const architecture = (instance: ContainerInstanceRow | undefined): NonNullable<Task["attributes"]> =>
  (instance?.attributes ?? []).flatMap(({ name, value }) =>
    name === "ecs.cpu-architecture" && value !== undefined ? [{ name, value }] : [],
  );

/** Estiba's own: which runtime a Fargate task's containers have. */
const isolation = ({ runtime }: TaskRow): NonNullable<Task["attributes"]> =>
  runtime === undefined ? [] : [{ name: RUNTIME_ATTRIBUTE, value: runtime }];

const TIMES = [
  "createdAt",
  "pullStartedAt",
  "pullStoppedAt",
  "startedAt",
  "stoppingAt",
  "executionStoppedAt",
  "stoppedAt",
] as const;

const times = (row: TaskRow): Pick<Task, (typeof TIMES)[number]> =>
  Object.fromEntries(
    TIMES.flatMap((name) => {
      const at = row[name];
      return at === undefined ? [] : [[name, new Date(at)]];
    }),
  );
