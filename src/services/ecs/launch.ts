// How tasks of a definition are launched: which launch types Estiba runs, and which a definition allows.
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
