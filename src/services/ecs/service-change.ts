// UpdateService's input → the change it means, checked against the service as it is. What is absent stays.
import type { UpdateServiceRequest } from "@aws-sdk/client-ecs";
import type { Deployment, ServiceRow } from "#domain/ecs/service.ts";
import type { TaskDefinitionRow } from "#domain/ecs/task-definition.ts";
import { primaryOf, type ServiceChange } from "#domain/ecs/service-transitions.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { checkController, readPercentages } from "./deployment-configuration.ts";
import { invalidParameter } from "./errors.ts";
import {
  checkPlacement,
  type Launch,
  launchTypeFor,
  readLaunch,
  readPlatformVersion,
  refusePlatformVersion,
} from "./launch.ts";
import { clusterOf, findTaskDefinition, usableTaskDefinition } from "./lookup.ts";
import { readNetworking } from "./networking.ts";
import { readConstraints, readStrategy } from "./placement-settings.ts";
import { honourOnly } from "./refuse.ts";
import { imagesOf, readDesiredCount, readGracePeriod, readPropagateTags } from "./service-input.ts";
import { checkRegistries, readRegistries } from "./service-registries.ts";
import { checkTargetGroups, readLoadBalancers } from "./target-group-checks.ts";

const MEMBERS = [
  "availabilityZoneRebalancing",
  "capacityProviderStrategy",
  "cluster",
  "deploymentConfiguration",
  "deploymentController",
  "desiredCount",
  "enableECSManagedTags",
  "forceNewDeployment",
  "healthCheckGracePeriodSeconds",
  "loadBalancers",
  "networkConfiguration",
  "placementConstraints",
  "placementStrategy",
  "platformVersion",
  "propagateTags",
  "service",
  "serviceRegistries",
  "taskDefinition",
] as const satisfies readonly (keyof UpdateServiceRequest)[];

/** @throws InvalidParameterException, ClientException */
export function readServiceChange(
  rows: Reader,
  context: RequestContext,
  input: UpdateServiceRequest,
  service: ServiceRow,
): ServiceChange {
  honourOnly(input, MEMBERS);
  checkController(input);
  const present = primaryOf(service);
  const definition =
    input.taskDefinition === undefined
      ? // A service goes on with the definition it has, deregistered or not.
        findTaskDefinition(rows, context, present?.taskDefinitionArn ?? "")
      : usableTaskDefinition(rows, context, input.taskDefinition);
  if (definition === undefined || present === undefined)
    throw invalidParameter("The service's task definition was not found.");
  const launch = readLaunchChange(rows, context, input, present, definition);
  checkPlacement(launch.launchType, input.placementConstraints, input.placementStrategy);
  // A service keeps its network unless another is given, or its tasks have none any more.
  const network =
    input.networkConfiguration === undefined && definition.body.networkMode === "awsvpc" && present.network
      ? present.network
      : readNetworking(rows, context.region, definition, input.networkConfiguration, launch.launchType);
  const loadBalancers =
    input.loadBalancers === undefined ? present.loadBalancers : readLoadBalancers(input.loadBalancers);
  if (input.loadBalancers !== undefined || input.taskDefinition !== undefined)
    checkTargetGroups(rows, context.region, loadBalancers, definition, launch.launchType);
  const registries =
    input.serviceRegistries === undefined
      ? (present.serviceRegistries ?? [])
      : readRegistries(input.serviceRegistries);
  if (input.serviceRegistries !== undefined || input.taskDefinition !== undefined)
    checkRegistries(rows, context.region, registries, definition, launch.launchType);
  return {
    specification: {
      serviceRegistries: registries.length === 0 ? undefined : registries,
      ...{ capacityProviderStrategy: undefined, platformVersion: undefined },
      ...launch,
      taskDefinitionArn: definition.arn,
      loadBalancers,
      network,
    },
    containerImages: imagesOf(definition),
    ...(input.forceNewDeployment === undefined ? {} : { forceNewDeployment: input.forceNewDeployment }),
    ...readSettings(input, service, loadBalancers.length > 0),
  };
}

/** Another strategy may take the place of a launch type; without one the service is launched as before. */
function readLaunchChange(
  rows: Reader,
  context: RequestContext,
  input: UpdateServiceRequest,
  present: Deployment,
  definition: TaskDefinitionRow,
): Launch {
  const { capacityProviderStrategy: given, platformVersion } = input;
  if (given !== undefined) return readLaunch(clusterOf(rows, context, input.cluster), definition, input);
  const { launchType, capacityProviderStrategy } = present;
  if (input.taskDefinition !== undefined) launchTypeFor(launchType, definition);
  if (launchType !== "FARGATE") return { launchType, ...refusePlatformVersion(platformVersion) };
  return {
    launchType,
    ...(capacityProviderStrategy === undefined ? {} : { capacityProviderStrategy }),
    platformVersion: readPlatformVersion(platformVersion ?? present.platformVersion),
  };
}

function readSettings(
  input: UpdateServiceRequest,
  service: ServiceRow,
  hasLoadBalancers: boolean,
): ServiceChange {
  const { desiredCount, healthCheckGracePeriodSeconds, propagateTags, enableECSManagedTags } = input;
  return {
    ...(desiredCount === undefined ? {} : { desiredCount: readDesiredCount(desiredCount) }),
    ...readPercentages(input.deploymentConfiguration, service),
    ...(healthCheckGracePeriodSeconds === undefined
      ? {}
      : {
          healthCheckGracePeriodSeconds: readGracePeriod(healthCheckGracePeriodSeconds, hasLoadBalancers),
        }),
    ...(input.placementConstraints === undefined
      ? {}
      : { placementConstraints: readConstraints(input.placementConstraints) }),
    ...(input.placementStrategy === undefined
      ? {}
      : { placementStrategy: readStrategy(input.placementStrategy) }),
    ...(enableECSManagedTags === undefined ? {} : { enableEcsManagedTags: enableECSManagedTags }),
    ...(propagateTags === undefined ? {} : { propagateTags: readPropagateTags(propagateTags) }),
  };
}
