// How tasks of a definition are launched: which launch types and network modes Estiba runs, and AWS's rules between them.
import type { NetworkConfiguration } from "@aws-sdk/client-ecs";
import type { TaskDefinitionRow } from "#domain/ecs/task-definition.ts";
import { invalidParameter, notImplemented } from "./errors.ts";

/** @throws InvalidParameterException for one that is unknown, that the definition does not allow, or that Estiba does not run */
export function launchTypeFor(given: string | undefined, definition: TaskDefinitionRow): "EC2" | "EXTERNAL" {
  const launchType = given ?? "EC2";
  if (launchType === "FARGATE" || launchType === "MANAGED_INSTANCES")
    throw notImplemented(`The launchType '${launchType}'`);
  if (launchType !== "EC2" && launchType !== "EXTERNAL")
    throw invalidParameter(`Invalid launch type '${launchType}'.`);
  const { compatibilities } = definition.body;
  if (compatibilities !== undefined && !compatibilities.includes(launchType))
    throw invalidParameter(`Task definition does not support launch_type ${launchType}.`);
  return launchType;
}

/** @throws InvalidParameterException */
export function checkNetworking(
  definition: TaskDefinitionRow,
  networkConfiguration: NetworkConfiguration | undefined,
): void {
  const isGiven = networkConfiguration?.awsvpcConfiguration !== undefined;
  if (definition.body.networkMode !== "awsvpc") {
    if (isGiven)
      throw invalidParameter(
        "Network Configuration is not valid for the given networkMode of this task definition.",
      );
    return;
  }
  if (!isGiven)
    throw invalidParameter("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
  throw notImplemented("The network mode 'awsvpc'");
}
