// A stored service as the API shows it: its deployments with their counts, its newest events.
import type {
  Deployment as ShownDeployment,
  LoadBalancer,
  Service,
  ServiceEvent,
  ServiceRegistry,
} from "@aws-sdk/client-ecs";
import {
  type Deployment,
  SERVICE_EVENTS_KEPT,
  serviceKey,
  type ServiceRow,
  type ServiceSpecification,
} from "#domain/ecs/service.ts";
import { PLATFORM_FAMILY, PLATFORM_VERSION } from "#domain/ecs/fargate.ts";
import { primaryOf } from "#domain/ecs/service-transitions.ts";
import type { TaskRow } from "#domain/ecs/task.ts";
import type { Reader } from "#store/store.ts";
import { serviceEvents, serviceRevisions } from "#store/tables/ecs.ts";
import { showNetworking } from "./networking.ts";
import { activeTasksOf, countTasks } from "./service-tasks.ts";
import { showTags } from "./tags.ts";

export function showService(rows: Reader, row: ServiceRow, { tags }: { readonly tags: boolean }): Service {
  const active = activeTasksOf(rows, row);
  const primary = primaryOf(row);
  const { runningCount, pendingCount } = countTasks(active);
  const specification = primary ?? lastSpecification(rows, row);
  return {
    serviceArn: row.arn,
    serviceName: row.name,
    clusterArn: row.clusterArn,
    status: row.status,
    desiredCount: row.desiredCount,
    runningCount,
    pendingCount,
    ...(specification === undefined
      ? {}
      : { taskDefinition: specification.taskDefinitionArn, ...showLaunch(specification) }),
    loadBalancers: showLoadBalancers(specification?.loadBalancers ?? []),
    networkConfiguration: showNetworking(specification?.network),
    serviceRegistries: showRegistries(specification?.serviceRegistries),
    deploymentConfiguration: showDeploymentConfiguration(row),
    deploymentController: { type: "ECS" },
    schedulingStrategy: row.schedulingStrategy,
    availabilityZoneRebalancing: "DISABLED",
    taskSets: [],
    deployments: row.deployments.map((d) => showDeployment(row, d, active)),
    ...(primary === undefined ? {} : { currentServiceDeployment: primary.serviceDeploymentArn }),
    currentServiceRevisions: row.deployments.map((d) => {
      const counts = countTasks(active, d.id);
      return {
        arn: d.serviceRevisionArn,
        requestedTaskCount: requested(row, d, counts.wantedCount),
        runningTaskCount: counts.runningCount,
        pendingTaskCount: counts.pendingCount,
      };
    }),
    events: showEvents(rows, row),
    placementConstraints: row.placementConstraints.map((c) => ({ ...c })),
    placementStrategy: row.placementStrategy.map((s) => ({ ...s })),
    ...(row.healthCheckGracePeriodSeconds === undefined
      ? {}
      : { healthCheckGracePeriodSeconds: row.healthCheckGracePeriodSeconds }),
    createdAt: new Date(row.createdAt),
    createdBy: row.createdBy,
    enableECSManagedTags: row.enableEcsManagedTags,
    propagateTags: row.propagateTags,
    enableExecuteCommand: row.enableExecuteCommand,
    tags: tags ? showTags(row.tags) : [],
  };
}

/** With a strategy there is no launch type to show. A deployment and a revision tell which version the platform has. */
export function showLaunch(
  { launchType, capacityProviderStrategy, platformVersion = "LATEST" }: ServiceSpecification,
  resolved = platformVersion,
) {
  return {
    ...(capacityProviderStrategy === undefined
      ? { launchType }
      : { capacityProviderStrategy: capacityProviderStrategy.map((item) => ({ ...item })) }),
    ...(launchType === "FARGATE" ? { platformVersion: resolved, platformFamily: PLATFORM_FAMILY } : {}),
  };
}

export const showLoadBalancers = (entries: ServiceSpecification["loadBalancers"]): LoadBalancer[] =>
  entries.map((entry) => ({ ...entry }));

export const showRegistries = (entries: ServiceSpecification["serviceRegistries"] = []): ServiceRegistry[] =>
  entries.map((entry) => ({ ...entry }));

export const showDeploymentConfiguration = ({
  minimumHealthyPercent,
  maximumPercent,
}: Pick<ServiceRow, "minimumHealthyPercent" | "maximumPercent">): NonNullable<
  Service["deploymentConfiguration"]
> => ({
  deploymentCircuitBreaker: { enable: false, rollback: false },
  minimumHealthyPercent,
  maximumPercent,
  strategy: "ROLLING",
  bakeTimeInMinutes: 0,
});

/** PRIMARY is asked for all of the service's tasks, a superseded one for those it may keep for now. */
const requested = (service: ServiceRow, { status }: Deployment, wanted: number): number =>
  status === "PRIMARY" ? service.desiredCount : wanted;

function showDeployment(
  row: ServiceRow,
  deployment: Deployment,
  active: readonly TaskRow[],
): ShownDeployment {
  const { runningCount, pendingCount, wantedCount } = countTasks(active, deployment.id);
  return {
    id: deployment.id,
    status: deployment.status,
    taskDefinition: deployment.taskDefinitionArn,
    ...showLaunch(deployment, PLATFORM_VERSION),
    networkConfiguration: showNetworking(deployment.network),
    desiredCount: requested(row, deployment, wantedCount),
    runningCount,
    pendingCount,
    failedTasks: deployment.failedTasks,
    createdAt: new Date(deployment.createdAt),
    updatedAt: new Date(deployment.updatedAt),
    rolloutState: deployment.rolloutState,
    rolloutStateReason: deployment.rolloutStateReason,
  };
}

/** Newest first. A name that was used before brings none of its former service's events. */
function showEvents(rows: Reader, { region, clusterName, name, createdAt }: ServiceRow): ServiceEvent[] {
  const all = Array.from(
    rows.scan(serviceEvents, { prefix: `${serviceKey(region, clusterName, name)}/` }),
    ([, event]) => event,
  );
  return all
    .filter((event) => event.createdAt >= createdAt)
    .slice(-SERVICE_EVENTS_KEPT)
    .reverse()
    .map((event) => ({ id: event.id, createdAt: new Date(event.createdAt), message: event.message }));
}

/** Of a service whose deployments are gone: what its last revision said. */
function lastSpecification(
  rows: Reader,
  { region, clusterName, name, createdAt }: ServiceRow,
): ServiceSpecification | undefined {
  const revisions = Array.from(
    rows.scan(serviceRevisions, { prefix: `${serviceKey(region, clusterName, name)}/` }),
    ([, revision]) => revision,
  ).filter((revision) => revision.createdAt >= createdAt);
  return revisions.sort((a, b) => a.createdAt - b.createdAt).at(-1);
}
