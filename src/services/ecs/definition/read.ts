// RegisterTaskDefinition's input → the normalised definition that Register and Describe answer and tasks are made of. Pure:
// whether its roles exist, and which revision it becomes, is not decided here.
import type {
  ContainerDefinition,
  RegisterTaskDefinitionRequest,
  TaskDefinitionPlacementConstraint,
  Volume,
} from "@aws-sdk/client-ecs";
import type { TaskDefinitionBody } from "#domain/ecs/task-definition.ts";
import { ExpressionError, parseExpression } from "#scheduler/expression.ts";
import { clientException } from "../errors.ts";
import { requiredAttributes } from "./capabilities.ts";
import { checkContainers } from "./containers.ts";
import { checkEphemeralStorage, fargateProblem } from "./fargate.ts";
import { checkHonoured, CONTAINER } from "./honoured.ts";
import { checkLogging } from "./logging.ts";
import { checkMappings, normaliseMapping } from "./ports.ts";
import { checkRelations } from "./relations.ts";
import { checkSecrets } from "./secrets.ts";
import { cpuUnits, memoryMiB } from "./units.ts";

const MOST_BYTES = 65_536;
const MOST_CONSTRAINTS = 10;

/** @throws ClientException */
export function readDefinition(input: RegisterTaskDefinitionRequest): TaskDefinitionBody {
  const { family = "", volumes = [], placementConstraints = [] } = input;
  if (family === "") throw clientException("Family should not be null or empty.");
  if (!/^[A-Za-z0-9_-]+$/.test(family)) throw clientException("Family contains invalid characters.");
  if (family.length > 255) throw clientException("Family should be 255 characters or less");
  const cpu = input.cpu === undefined ? undefined : cpuUnits(input.cpu);
  const memory = input.memory === undefined ? undefined : memoryMiB(input.memory);
  const problem = fargateProblem(input, { cpu, memory });
  if (input.requiresCompatibilities?.includes("FARGATE") === true && problem !== undefined)
    throw clientException(problem);
  checkHonoured(input);
  checkEphemeralStorage(input);
  const networkMode = input.networkMode ?? "bridge";
  const given = input.containerDefinitions ?? [];
  checkContainers(given, memory === undefined ? undefined : Number(memory));
  checkSecrets(given, input.executionRoleArn);
  checkLogging(given, {
    onFargate: input.requiresCompatibilities?.includes("FARGATE") ?? false,
    executionRoleArn: input.executionRoleArn,
  });
  const containerDefinitions = given.map((container) => normaliseContainer(container, networkMode));
  checkMappings(containerDefinitions, networkMode);
  checkRelations(containerDefinitions, volumes, networkMode);
  checkConstraints(placementConstraints);
  const definition = {
    family,
    containerDefinitions,
    volumes: volumes.map(normaliseVolume),
    placementConstraints: placementConstraints.map((c) => ({ ...c })),
    ...present({
      taskRoleArn: input.taskRoleArn,
      executionRoleArn: input.executionRoleArn,
      networkMode: input.networkMode,
      requiresCompatibilities: input.requiresCompatibilities,
      runtimePlatform: input.runtimePlatform,
      ephemeralStorage: input.ephemeralStorage,
      cpu,
      memory,
    }),
  };
  const bytes = Buffer.byteLength(JSON.stringify(definition));
  if (bytes > MOST_BYTES)
    throw clientException(`Actual length: '${bytes}'. Max allowed length is '${MOST_BYTES}' bytes.`);
  return {
    ...definition,
    requiresAttributes: requiredAttributes(definition),
    // External hosts have no network interfaces of the VPC to give away.
    compatibilities: [
      ...(networkMode === "awsvpc" ? [] : ["EXTERNAL" as const]),
      "EC2",
      ...(problem === undefined ? ["FARGATE" as const] : []),
    ],
  };
}

function normaliseContainer(container: ContainerDefinition, networkMode: string): ContainerDefinition {
  const honoured = Object.fromEntries(
    CONTAINER.flatMap((name) => (container[name] === undefined ? [] : [[name, container[name]]])),
  ) as ContainerDefinition;
  const check = container.healthCheck;
  return {
    ...honoured,
    cpu: container.cpu ?? 0,
    portMappings: (container.portMappings ?? []).map((m) => normaliseMapping(container, m, networkMode)),
    essential: container.essential ?? true,
    environment: container.environment ?? [],
    mountPoints: container.mountPoints ?? [],
    volumesFrom: container.volumesFrom ?? [],
    systemControls: container.systemControls ?? [],
    ...(check === undefined
      ? {}
      : {
          healthCheck: {
            ...check,
            interval: check.interval ?? 30,
            timeout: check.timeout ?? 5,
            retries: check.retries ?? 3,
          },
        }),
  };
}

const normaliseVolume = ({ name, dockerVolumeConfiguration: docker }: Volume): Volume =>
  docker === undefined
    ? { name, host: {} }
    : { name, dockerVolumeConfiguration: { ...docker, scope: docker.scope ?? "task" } };

function checkConstraints(constraints: readonly TaskDefinitionPlacementConstraint[]): void {
  if (constraints.length > MOST_CONSTRAINTS)
    throw clientException(`Too many placement constraints: at most ${MOST_CONSTRAINTS} are allowed.`);
  for (const { type, expression } of constraints) {
    if (type !== "memberOf")
      throw clientException("The placement constraints of a task definition must be of type 'memberOf'.");
    try {
      parseExpression(expression ?? "");
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      throw clientException(`Invalid placement constraint expression '${expression}': ${error.message}.`);
    }
  }
}

/** Without the members that are undefined. */
function present<T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(members).filter(([, v]) => v !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
