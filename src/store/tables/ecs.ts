// The ECS tables and the ways to look rows up. Keys are built by the functions beside the row types.
import { defineTable } from "#store/store.ts";
import type { ClusterRow } from "#domain/ecs/cluster.ts";
import type { ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import type {
  ServiceDeploymentRow,
  ServiceEventRow,
  ServiceRevisionRow,
  ServiceRow,
} from "#domain/ecs/service.ts";
import type { TaskDefinitionFamilyRow, TaskDefinitionRow } from "#domain/ecs/task-definition.ts";
import type { TaskRow } from "#domain/ecs/task.ts";

/** region/name */
export const clusters = defineTable<ClusterRow>({ name: "ecs-clusters" });

/** region/family/revision, padded */
export const taskDefinitions = defineTable<TaskDefinitionRow>({
  name: "ecs-task-definitions",
  indexes: { arn: (row) => [row.arn] },
});

/** region/family */
export const taskDefinitionFamilies = defineTable<TaskDefinitionFamilyRow>({
  name: "ecs-task-definition-families",
});

/** region/cluster/id */
export const containerInstances = defineTable<ContainerInstanceRow>({
  name: "ecs-container-instances",
  indexes: {
    ec2InstanceId: (row) => (row.ec2InstanceId === undefined ? [] : [row.ec2InstanceId]),
    clientToken: (row) => (row.clientToken === undefined ? [] : [`${row.region}/${row.clientToken}`]),
  },
});

/** region/cluster/id. Index values: `service`: serviceKey(...); `instance`: container instance ARN; `active` adds those not STOPPED. */
export const tasks = defineTable<TaskRow>({
  name: "ecs-tasks",
  indexes: {
    service: (row) =>
      row.serviceName === undefined ? [] : [`${row.region}/${row.clusterName}/${row.serviceName}`],
    instance: (row) => (row.containerInstanceArn === undefined ? [] : [row.containerInstanceArn]),
    /** Tasks that are not STOPPED, by container instance. */
    activeOnInstance: (row) =>
      row.containerInstanceArn === undefined || row.lastStatus === "STOPPED"
        ? []
        : [row.containerInstanceArn],
    /** Tasks that are not STOPPED, by service. */
    activeOfService: (row) =>
      row.serviceName === undefined || row.lastStatus === "STOPPED"
        ? []
        : [`${row.region}/${row.clusterName}/${row.serviceName}`],
    clientToken: (row) => (row.clientToken === undefined ? [] : [`${row.region}/${row.clientToken}`]),
    /** `all`: tasks that are stopped, for retention. */
    stopped: (row) => (row.lastStatus === "STOPPED" ? ["all"] : []),
  },
});

/** region/cluster/name. Index `targetGroup`: services that register tasks in it. */
export const services = defineTable<ServiceRow>({
  name: "ecs-services",
  indexes: {
    targetGroup: (row) => [
      ...new Set(row.deployments.flatMap((d) => d.loadBalancers.map((lb) => lb.targetGroupArn))),
    ],
  },
});

/** region/cluster/service/id */
export const serviceDeployments = defineTable<ServiceDeploymentRow>({ name: "ecs-service-deployments" });

/** region/cluster/service/id */
export const serviceRevisions = defineTable<ServiceRevisionRow>({ name: "ecs-service-revisions" });

/** region/cluster/service/time-id */
export const serviceEvents = defineTable<ServiceEventRow>({ name: "ecs-service-events" });
