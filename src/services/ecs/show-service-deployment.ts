// Service deployments and revisions as the API shows them; Terraform's `wait_for_steady_state` reads them.
import type {
  ServiceDeployment,
  ServiceDeploymentBrief,
  ServiceRevision,
  ServiceRevisionSummary,
} from "@aws-sdk/client-ecs";
import { PLATFORM_VERSION } from "#domain/ecs/fargate.ts";
import {
  type ServiceDeploymentRow,
  serviceKey,
  type ServiceRevisionRow,
  type ServiceRow,
} from "#domain/ecs/service.ts";
import type { Reader } from "#store/store.ts";
import { services } from "#store/tables/ecs.ts";
import { showNetworking } from "./networking.ts";
import { activeTasksOf, countTasks } from "./service-tasks.ts";
import {
  showDeploymentConfiguration,
  showLaunch,
  showLoadBalancers,
  showRegistries,
} from "./show-service.ts";

export const showServiceDeploymentBrief = (row: ServiceDeploymentRow): ServiceDeploymentBrief => ({
  serviceDeploymentArn: row.arn,
  serviceArn: row.serviceArn,
  clusterArn: row.clusterArn,
  createdAt: new Date(row.createdAt),
  ...startAndEnd(row),
  targetServiceRevisionArn: row.targetServiceRevisionArn,
  status: row.status,
  ...(row.statusReason === undefined ? {} : { statusReason: row.statusReason }),
});

export function showServiceDeployment(rows: Reader, row: ServiceDeploymentRow): ServiceDeployment {
  const service = rows.get(services, serviceKey(row.region, row.clusterName, row.serviceName));
  const summary = (arn: string) => showRevisionSummary(rows, service, arn);
  return {
    ...showServiceDeploymentBrief(row),
    updatedAt: new Date(row.updatedAt),
    // Nothing is stopped by a caller yet: STOPPED is what another deployment, or the service's deletion, made of it.
    ...(row.status === "STOPPED" && row.finishedAt !== undefined
      ? { stoppedAt: new Date(row.finishedAt) }
      : {}),
    sourceServiceRevisions: row.sourceServiceRevisionArns.map(summary),
    targetServiceRevision: summary(row.targetServiceRevisionArn),
    deploymentConfiguration: showDeploymentConfiguration(row),
    deploymentCircuitBreaker: { status: "DISABLED", failureCount: 0, threshold: 0 },
    alarms: { status: "DISABLED" },
  };
}

/** Counts of the revision's tasks as they are now; a revision that the service has left has none. */
function showRevisionSummary(
  rows: Reader,
  service: ServiceRow | undefined,
  arn: string,
): ServiceRevisionSummary {
  const deployment = service?.deployments.find((d) => d.serviceRevisionArn === arn);
  if (service === undefined || deployment === undefined)
    return { arn, requestedTaskCount: 0, runningTaskCount: 0, pendingTaskCount: 0 };
  const { runningCount, pendingCount, wantedCount } = countTasks(activeTasksOf(rows, service), deployment.id);
  return {
    arn,
    requestedTaskCount: deployment.status === "PRIMARY" ? service.desiredCount : wantedCount,
    runningTaskCount: runningCount,
    pendingTaskCount: pendingCount,
  };
}

export const showServiceRevision = (row: ServiceRevisionRow): ServiceRevision => ({
  serviceRevisionArn: row.arn,
  serviceArn: row.serviceArn,
  clusterArn: row.clusterArn,
  taskDefinition: row.taskDefinitionArn,
  ...showLaunch(row, PLATFORM_VERSION),
  loadBalancers: showLoadBalancers(row.loadBalancers),
  networkConfiguration: showNetworking(row.network),
  serviceRegistries: showRegistries(row.serviceRegistries),
  containerImages: row.containerImages.map((image) => ({ ...image })),
  createdAt: new Date(row.createdAt),
});

const startAndEnd = ({
  startedAt,
  finishedAt,
}: ServiceDeploymentRow): Pick<ServiceDeploymentBrief, "startedAt" | "finishedAt"> => ({
  ...(startedAt === undefined ? {} : { startedAt: new Date(startedAt) }),
  ...(finishedAt === undefined ? {} : { finishedAt: new Date(finishedAt) }),
});
