// A task's first row, from its definition and the request.
import { newHexId } from "#lib/ids.ts";
import type { Random } from "#lib/random.ts";
import { resourcesOf } from "#scheduler/demand.ts";
import { containerArn, taskArn } from "#domain/ecs/arns.ts";
import type { ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import type { ServiceSpecification } from "#domain/ecs/service.ts";
import type { TaskDefinitionRow } from "#domain/ecs/task-definition.ts";
import type { TaskContainer, TaskRow } from "#domain/ecs/task.ts";
import type { PlacementRequest } from "#domain/ports/placement.ts";

export function newTask(
  request: PlacementRequest,
  definition: TaskDefinitionRow,
  instance: Pick<ContainerInstanceRow, "arn" | "clusterArn" | "availabilityZone">,
  deployment: Pick<ServiceSpecification, "loadBalancers" | "serviceRegistries"> | undefined,
  random: Random,
  now: number,
): TaskRow {
  const { region, account, clusterName, overrides, service } = request;
  const { body } = definition;
  const id = newHexId(random);
  const cpu = overrides.cpu ?? body.cpu;
  const memory = overrides.memory ?? body.memory;
  return {
    arn: taskArn(region, account, clusterName, id),
    id,
    region,
    clusterName,
    clusterArn: instance.clusterArn,
    taskDefinitionArn: definition.arn,
    family: definition.family,
    revision: definition.revision,
    networkMode: body.networkMode ?? "bridge",
    launchType: request.launchType,
    containerInstanceArn: instance.arn,
    // An external host is in no zone.
    ...(instance.availabilityZone === "" ? {} : { availabilityZone: instance.availabilityZone }),
    ...(service === undefined ? {} : { serviceName: service.name, deploymentId: service.deploymentId }),
    group: request.group,
    ...(request.startedBy === undefined ? {} : { startedBy: request.startedBy }),
    lastStatus: "PENDING",
    desiredStatus: "RUNNING",
    version: 1,
    ...(cpu === undefined ? {} : { cpu }),
    ...(memory === undefined ? {} : { memory }),
    resources: resourcesOf(body, overrides),
    containers: containersOf(request, definition, id, random),
    overrides,
    healthStatus: "UNKNOWN",
    loadBalancers: deployment?.loadBalancers ?? [],
    ...(deployment?.serviceRegistries === undefined
      ? {}
      : { serviceRegistries: deployment.serviceRegistries }),
    createdAt: now,
    enableExecuteCommand: request.enableExecuteCommand,
    tags: request.tags,
    ...(request.clientToken === undefined ? {} : { clientToken: request.clientToken }),
    ...(request.requestFingerprint === undefined ? {} : { requestFingerprint: request.requestFingerprint }),
  };
}

function containersOf(
  { region, account, clusterName, overrides }: PlacementRequest,
  { body }: TaskDefinitionRow,
  taskId: string,
  random: Random,
): readonly TaskContainer[] {
  return body.containerDefinitions.map((definition) => {
    const name = definition.name ?? "";
    const override = overrides.containerOverrides?.find((o) => o.name === name);
    const memory = override?.memory ?? definition.memory;
    const memoryReservation = override?.memoryReservation ?? definition.memoryReservation;
    return {
      arn: containerArn(region, account, clusterName, taskId, random.uuid()),
      name,
      image: definition.image ?? "",
      essential: definition.essential ?? true,
      hasHealthCheck: definition.healthCheck !== undefined,
      cpu: override?.cpu ?? definition.cpu ?? 0,
      ...(memory === undefined ? {} : { memory }),
      ...(memoryReservation === undefined ? {} : { memoryReservation }),
      lastStatus: "PENDING",
      hasRun: false,
      healthStatus: "UNKNOWN",
      networkBindings: [],
    };
  });
}
