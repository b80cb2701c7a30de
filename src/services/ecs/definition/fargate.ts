// Whether a definition can run on Fargate, and what keeps it from there, in AWS's words (ECS Developer Guide, "Fargate task
// definition considerations"). Asked by whoever requires it; for the others it only tells their compatibilities.
import type { ContainerDefinition, RegisterTaskDefinitionRequest, Volume } from "@aws-sdk/client-ecs";
import { EPHEMERAL_STORAGE_GIB, isTaskSize, LONGEST_STOP_TIMEOUT } from "#domain/ecs/fargate.ts";
import { clientException } from "../errors.ts";
import { asksForNothing } from "../refuse.ts";

type Input = Pick<
  RegisterTaskDefinitionRequest,
  | "networkMode"
  | "placementConstraints"
  | "volumes"
  | "containerDefinitions"
  | "ipcMode"
  | "executionRoleArn"
  | "inferenceAccelerators"
>;

/** @param size as the task's, in units */
export function fargateProblem(
  input: Input,
  { cpu, memory }: { readonly cpu: string | undefined; readonly memory: string | undefined },
): string | undefined {
  if (input.networkMode !== "awsvpc") return "Fargate only supports network mode ‘awsvpc’.";
  if (cpu === undefined) return "Fargate requires that 'cpu' be defined at the task level.";
  if (memory === undefined) return "Fargate requires that 'memory' be defined at the task level.";
  if (!isTaskSize(Number(cpu), Number(memory)))
    return `No Fargate configuration exists for given values: ${cpu} CPU, ${memory} memory. See the Amazon ECS documentation for the valid values.`;
  if (!asksForNothing(input.ipcMode)) return "Tasks using the Fargate launch type do not support ipcMode.";
  const unsupported =
    (asksForNothing(input.placementConstraints) ? undefined : "constraints") ??
    (asksForNothing(input.inferenceAccelerators) ? undefined : "inferenceAccelerators") ??
    first(input.volumes, ofVolume) ??
    first(input.containerDefinitions, ofContainer);
  if (unsupported !== undefined) return `Fargate compatible task definitions do not support ${unsupported}`;
  return first(input.containerDefinitions, (container) => settingProblem(container, input.executionRoleArn));
}

function first<T>(
  all: readonly T[] | undefined,
  problem: (item: T) => string | undefined,
): string | undefined {
  for (const item of all ?? []) {
    const found = problem(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

const ofVolume = ({ host, dockerVolumeConfiguration }: Volume): string | undefined =>
  dockerVolumeConfiguration !== undefined
    ? "dockerVolumeConfiguration"
    : host?.sourcePath !== undefined
      ? "sourcePath"
      : undefined;

function ofContainer(container: ContainerDefinition): string | undefined {
  const members = ["privileged", "links", "dockerSecurityOptions", "disableNetworking"] as const;
  const ofLinux = ["devices", "sharedMemorySize", "tmpfs", "maxSwap", "swappiness"] as const;
  return (
    members.find((name) => !asksForNothing(container[name])) ??
    ofLinux.find((name) => !asksForNothing(container.linuxParameters?.[name]))
  );
}

const ECR_IMAGE = /^\d{12}\.dkr\.ecr\.[a-z0-9-]+\./;

function settingProblem(
  { name, stopTimeout, linuxParameters, image }: ContainerDefinition,
  executionRoleArn: string | undefined,
): string | undefined {
  const added = linuxParameters?.capabilities?.add?.find((capability) => capability !== "SYS_PTRACE");
  if (added !== undefined)
    return `Fargate compatible task definitions do not support adding the capability ${added}`;
  if ((stopTimeout ?? 0) > LONGEST_STOP_TIMEOUT)
    return `Invalid 'stopTimeout' setting for container '${name}'. On Fargate it can be at most ${LONGEST_STOP_TIMEOUT} seconds.`;
  if (ECR_IMAGE.test(image ?? "") && executionRoleArn === undefined)
    return "Fargate requires task definition to have execution role ARN to support ECR images.";
  return undefined;
}

/** @throws ClientException */
export function checkEphemeralStorage({
  ephemeralStorage,
  requiresCompatibilities,
}: RegisterTaskDefinitionRequest): void {
  if (ephemeralStorage === undefined) return;
  if (requiresCompatibilities?.includes("FARGATE") !== true)
    throw clientException("Ephemeral storage is supported by Fargate compatible task definitions only.");
  if (!isStorageSize(ephemeralStorage.sizeInGiB))
    throw clientException(
      `Invalid 'ephemeralStorage' setting for task. The size must be between ${EPHEMERAL_STORAGE_GIB.least} and ${EPHEMERAL_STORAGE_GIB.most} GiB.`,
    );
}

export const isStorageSize = (gib: number | undefined): boolean =>
  Number.isInteger(gib) &&
  (gib ?? 0) >= EPHEMERAL_STORAGE_GIB.least &&
  (gib ?? 0) <= EPHEMERAL_STORAGE_GIB.most;
