// CreateService's input → the service it means, checked against the rows; and whether a service that is there is that one.
import type { CreateServiceRequest } from "@aws-sdk/client-ecs";
import type { ServiceRow } from "#domain/ecs/service.ts";
import { type NewServiceInput, primaryOf } from "#domain/ecs/service-transitions.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { fingerprintOf } from "./client-token.ts";
import { checkController, DEFAULT_PERCENTAGES, readPercentages } from "./deployment-configuration.ts";
import { invalidParameter, notImplemented } from "./errors.ts";
import { checkPlacement, readLaunch } from "./launch.ts";
import { clusterOf, usableTaskDefinition } from "./lookup.ts";
import { readNetworking } from "./networking.ts";
import { readConstraints, readStrategy } from "./placement-settings.ts";
import { honourOnly } from "./refuse.ts";
import {
  imagesOf,
  readDesiredCount,
  readGracePeriod,
  readPropagateTags,
  readServiceName,
} from "./service-input.ts";
import { checkRegistries, readRegistries } from "./service-registries.ts";
import { readTags } from "./tags.ts";
import { checkTargetGroups, readLoadBalancers } from "./target-group-checks.ts";

/** enableExecuteCommand may be false only: there is no ExecuteCommand yet. */
const MEMBERS = [
  "availabilityZoneRebalancing",
  "capacityProviderStrategy",
  "clientToken",
  "cluster",
  "deploymentConfiguration",
  "deploymentController",
  "desiredCount",
  "enableECSManagedTags",
  "healthCheckGracePeriodSeconds",
  "launchType",
  "loadBalancers",
  "networkConfiguration",
  "placementConstraints",
  "placementStrategy",
  "platformVersion",
  "propagateTags",
  "schedulingStrategy",
  "serviceName",
  "serviceRegistries",
  "tags",
  "taskDefinition",
] as const satisfies readonly (keyof CreateServiceRequest)[];

/** @throws InvalidParameterException, ClientException, ClusterNotFoundException */
export function readNewService(
  rows: Reader,
  context: RequestContext,
  input: CreateServiceRequest,
): NewServiceInput {
  honourOnly(input, MEMBERS);
  const name = readServiceName(input.serviceName ?? "");
  const cluster = clusterOf(rows, context, input.cluster);
  const { schedulingStrategy = "REPLICA", clientToken, desiredCount } = input;
  if (schedulingStrategy !== "REPLICA")
    throw notImplemented(`The scheduling strategy '${schedulingStrategy as string}'`);
  checkController(input);
  if (input.taskDefinition === undefined || input.taskDefinition === "")
    throw invalidParameter("TaskDefinition can not be blank.");
  if (desiredCount === undefined)
    throw invalidParameter("desiredCount is required when schedulingStrategy is REPLICA.");
  const definition = usableTaskDefinition(rows, context, input.taskDefinition);
  const launch = readLaunch(cluster, definition, input);
  const { launchType } = launch;
  checkPlacement(launchType, input.placementConstraints, input.placementStrategy);
  const network = readNetworking(rows, context.region, definition, input.networkConfiguration, launchType);
  const loadBalancers = readLoadBalancers(input.loadBalancers ?? []);
  checkTargetGroups(rows, context.region, loadBalancers, definition, launchType);
  const registries = readRegistries(input.serviceRegistries ?? []);
  checkRegistries(rows, context.region, registries, definition, launchType);
  const hasLoadBalancers = loadBalancers.length > 0;
  const gracePeriod = readGracePeriod(input.healthCheckGracePeriodSeconds ?? 0, hasLoadBalancers);
  return {
    region: context.region,
    account: context.account,
    clusterName: cluster.name,
    clusterArn: cluster.arn,
    name,
    desiredCount: readDesiredCount(desiredCount),
    specification: {
      taskDefinitionArn: definition.arn,
      ...launch,
      loadBalancers,
      ...(registries.length === 0 ? {} : { serviceRegistries: registries }),
      ...(network === undefined ? {} : { network }),
    },
    containerImages: imagesOf(definition),
    ...readPercentages(input.deploymentConfiguration, DEFAULT_PERCENTAGES),
    ...(hasLoadBalancers ? { healthCheckGracePeriodSeconds: gracePeriod } : {}),
    placementConstraints: readConstraints(input.placementConstraints),
    placementStrategy: readStrategy(input.placementStrategy),
    enableEcsManagedTags: input.enableECSManagedTags ?? false,
    propagateTags: readPropagateTags(input.propagateTags ?? "NONE"),
    enableExecuteCommand: false,
    createdBy: context.principal.arn,
    ...(clientToken === undefined ? {} : { clientToken }),
    tags: readTags(input.tags),
  };
}

/** The service is as this creation would make it: a repeated call changes nothing. */
export function sameAsNew(service: ServiceRow, wanted: NewServiceInput): boolean {
  const primary = primaryOf(service);
  return (
    primary !== undefined &&
    fingerprintOf(comparable(service, primary)) === fingerprintOf(comparable(wanted, wanted.specification))
  );
}

const comparable = (
  settings: ServiceRow | NewServiceInput,
  specification: NewServiceInput["specification"],
) => [
  specification.taskDefinitionArn,
  specification.launchType,
  specification.capacityProviderStrategy,
  specification.platformVersion,
  specification.loadBalancers,
  specification.serviceRegistries,
  specification.network,
  settings.desiredCount,
  settings.minimumHealthyPercent,
  settings.maximumPercent,
  settings.healthCheckGracePeriodSeconds,
  settings.placementConstraints,
  settings.placementStrategy,
  settings.enableEcsManagedTags,
  settings.propagateTags,
  settings.tags,
];
