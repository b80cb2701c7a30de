// Overrides of RunTask and StartTask: checked against the definition; what the agent is not told is refused by name.
import type { ContainerOverride, TaskOverride } from "@aws-sdk/client-ecs";
import type { ContainerDefinition, TaskDefinitionRow } from "#domain/ecs/task-definition.ts";
import type { Reader } from "#store/store.ts";
import { isStorageSize } from "./definition/fargate.ts";
import { roleArn } from "./definition/roles.ts";
import { cpuUnits, memoryMiB } from "./definition/units.ts";
import { clientException, invalidParameter } from "./errors.ts";
import { honourOnly } from "./refuse.ts";

/** ECS API reference, TaskOverride: the JSON's longest form. */
const MOST_CHARACTERS = 8192;

/** @throws InvalidParameterException, ClientException */
export function readOverrides(
  rows: Reader,
  account: string,
  given: TaskOverride | undefined,
  definition: TaskDefinitionRow,
): TaskOverride {
  if (given === undefined) return {};
  honourOnly(
    given,
    ["containerOverrides", "cpu", "memory", "taskRoleArn", "executionRoleArn", "ephemeralStorage"],
    "InvalidParameterException",
    "overrides.",
  );
  if (JSON.stringify(given).length > MOST_CHARACTERS)
    throw invalidParameter(`Overrides length must be at most ${MOST_CHARACTERS}.`);
  const names = new Set<string>();
  const containerOverrides = (given.containerOverrides ?? []).flatMap((override, i) => {
    // AWS takes an empty override as none.
    if (Object.values(override).every((value) => value === undefined)) return [];
    const read = readContainer(override, i, definition);
    if (names.has(read.name ?? ""))
      throw invalidParameter(`Container ${read.name} has more than one override.`);
    names.add(read.name ?? "");
    return [read];
  });
  const { cpu, memory, taskRoleArn, executionRoleArn, ephemeralStorage } = given;
  if (ephemeralStorage !== undefined && !isStorageSize(ephemeralStorage.sizeInGiB))
    throw invalidParameter("The ephemeral storage must be between 21 and 200 GiB.");
  return {
    ...(containerOverrides.length === 0 ? {} : { containerOverrides }),
    ...(ephemeralStorage === undefined ? {} : { ephemeralStorage }),
    ...(cpu === undefined ? {} : { cpu: cpuUnits(cpu) }),
    ...(memory === undefined ? {} : { memory: memoryMiB(memory) }),
    ...(taskRoleArn === undefined ? {} : { taskRoleArn: roleArn(rows, account, taskRoleArn) }),
    ...(executionRoleArn === undefined ? {} : { executionRoleArn: roleArn(rows, account, executionRoleArn) }),
  };
}

function readContainer(
  override: ContainerOverride,
  index: number,
  definition: TaskDefinitionRow,
): ContainerOverride {
  const path = `overrides.containerOverrides[${index}].`;
  honourOnly(
    override,
    ["name", "command", "environment", "cpu", "memory", "memoryReservation"],
    "InvalidParameterException",
    path,
  );
  const { name, command, environment, cpu, memory, memoryReservation } = override;
  if (name === undefined || name === "") throw invalidParameter("Container override must have a name.");
  const container = definition.body.containerDefinitions.find((c) => c.name === name);
  if (container === undefined)
    throw invalidParameter(`Override for container named ${name} is not a container in the TaskDefinition.`);
  if (cpu !== undefined && !(Number.isInteger(cpu) && cpu >= 0))
    throw invalidParameter(`Invalid 'cpu' override for container '${name}'.`);
  checkMemory(container, override);
  for (const { name: variable } of environment ?? [])
    if (variable === undefined || variable === "")
      throw invalidParameter(`Environment variables of container '${name}' must have a name.`);
  const secret = container.secrets?.find((s) => environment?.some((e) => e.name === s.name));
  if (secret !== undefined)
    throw clientException(
      `The secret name must be unique and not shared with any new or existing environment variables set on the container, such as '${secret.name}'.`,
    );
  return {
    name,
    ...(command === undefined ? {} : { command }),
    ...(environment === undefined ? {} : { environment }),
    ...(cpu === undefined ? {} : { cpu }),
    ...(memory === undefined ? {} : { memory }),
    ...(memoryReservation === undefined ? {} : { memoryReservation }),
  };
}

/** Docker takes no container below 6 MiB. */
const LEAST_MIB = 6;

function checkMemory(container: ContainerDefinition, override: ContainerOverride): void {
  for (const member of ["memory", "memoryReservation"] as const) {
    const value = override[member];
    if (value !== undefined && !(Number.isInteger(value) && value >= LEAST_MIB))
      throw invalidParameter(
        `Invalid '${member}' override for container '${container.name}': at least ${LEAST_MIB} MiB are needed.`,
      );
  }
  const memory = override.memory ?? container.memory;
  const reservation = override.memoryReservation ?? container.memoryReservation;
  if (memory !== undefined && reservation !== undefined && reservation > memory)
    throw invalidParameter(
      `Invalid 'memoryReservation' override for container '${container.name}': it exceeds 'memory'.`,
    );
}
