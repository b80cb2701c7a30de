// How tasks of a definition are launched: by a launch type or by a capacity provider strategy, which one of the cluster's stands
// in for; and what goes with Fargate only, or not with it.
import type {
  CapacityProviderStrategyItem,
  PlacementConstraint,
  PlacementStrategy,
  TaskOverride,
} from "@aws-sdk/client-ecs";
import { ServiceError } from "#lib/errors.ts";
import type { ClusterRow } from "#domain/ecs/cluster.ts";
import { isTaskSize, PLATFORM_VERSION, type StrategyItem } from "#domain/ecs/fargate.ts";
import type { TaskDefinitionRow } from "#domain/ecs/task-definition.ts";
import { checkWeights, providersOf, readStrategyItems } from "./capacity-strategy.ts";
import { invalidParameter, notImplemented } from "./errors.ts";

export interface LaunchInput {
  readonly launchType?: string | undefined;
  readonly capacityProviderStrategy?: readonly CapacityProviderStrategyItem[] | undefined;
  readonly platformVersion?: string | undefined;
}

export interface Launch {
  readonly launchType: "EC2" | "EXTERNAL" | "FARGATE";
  readonly capacityProviderStrategy?: readonly StrategyItem[];
  /** Fargate only, as it was asked for. */
  readonly platformVersion?: string;
}

/** @throws InvalidParameterException for what is unknown or contradicts itself, the cluster or the definition; PlatformUnknownException */
export function readLaunch(cluster: ClusterRow, definition: TaskDefinitionRow, input: LaunchInput): Launch {
  const given = input.capacityProviderStrategy ?? [];
  if (given.length > 0 && input.launchType !== undefined)
    throw invalidParameter(
      "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
    );
  const strategy =
    given.length > 0
      ? readStrategyItems(given, providersOf(cluster))
      : input.launchType === undefined
        ? (cluster.defaultStrategy ?? [])
        : [];
  checkWeights(strategy);
  const launchType = launchTypeFor(strategy.length > 0 ? "FARGATE" : input.launchType, definition);
  return {
    launchType,
    ...(strategy.length === 0 ? {} : { capacityProviderStrategy: strategy }),
    ...(launchType === "FARGATE"
      ? { platformVersion: readPlatformVersion(input.platformVersion) }
      : refusePlatformVersion(input.platformVersion)),
  };
}

/** @throws InvalidParameterException for one that is unknown, that the definition does not allow, or that Estiba does not run */
export function launchTypeFor(
  given: string | undefined,
  definition: TaskDefinitionRow,
): "EC2" | "EXTERNAL" | "FARGATE" {
  const launchType = given ?? "EC2";
  if (launchType === "MANAGED_INSTANCES") throw notImplemented(`The launchType '${launchType}'`);
  if (launchType !== "EC2" && launchType !== "EXTERNAL" && launchType !== "FARGATE")
    throw invalidParameter(`Invalid launch type '${launchType}'.`);
  const { compatibilities } = definition.body;
  // Definitions of earlier releases say nothing, and are none of Fargate's.
  if (compatibilities === undefined ? launchType === "FARGATE" : !compatibilities.includes(launchType))
    throw invalidParameter(`Task definition does not support launch_type ${launchType}.`);
  return launchType;
}

/** @throws PlatformUnknownException */
export function readPlatformVersion(given = "LATEST"): string {
  if (given === "LATEST" || given === PLATFORM_VERSION) return given;
  throw new ServiceError("PlatformUnknownException", "The specified platform version does not exist.");
}

/** @throws InvalidParameterException */
export function refusePlatformVersion(given: string | undefined): Record<string, never> {
  if (given !== undefined && given !== "")
    throw invalidParameter("The platform version must be null when specifying an EC2 launch type.");
  return {};
}

/** Fargate places by itself. @throws InvalidParameterException */
export function checkPlacement(
  launchType: Launch["launchType"],
  constraints: readonly PlacementConstraint[] = [],
  strategy: readonly PlacementStrategy[] = [],
): void {
  if (launchType !== "FARGATE") return;
  if (constraints.length > 0)
    throw invalidParameter("Placement constraints are not supported with FARGATE launch type.");
  if (strategy.length > 0)
    throw invalidParameter("Placement strategies are not supported with FARGATE launch type.");
}

/** A task of another size must be one of Fargate's, too. @throws InvalidParameterException */
export function checkOverrides(
  launchType: Launch["launchType"],
  { body }: TaskDefinitionRow,
  overrides: TaskOverride,
): void {
  if (launchType !== "FARGATE") {
    if (overrides.ephemeralStorage !== undefined)
      throw invalidParameter("Ephemeral storage is supported by tasks on Fargate only.");
    return;
  }
  const cpu = overrides.cpu ?? body.cpu ?? "";
  const memory = overrides.memory ?? body.memory ?? "";
  if (!isTaskSize(Number(cpu), Number(memory)))
    throw invalidParameter(
      `No Fargate configuration exists for given values: ${cpu} CPU, ${memory} memory. See the Amazon ECS documentation for the valid values.`,
    );
}
