// requiresAttributes: which capabilities of the agent a definition needs (agent protocol, "Capability attributes").
import type { Attribute, ContainerDefinition, Secret } from "@aws-sdk/client-ecs";
import { parseSecretReference } from "#domain/ecs/secret-reference.ts";
import type { TaskDefinitionBody } from "#domain/ecs/task-definition.ts";

const agent = (name: string) => `ecs.capability.${name}`;
const docker = (name: string) => `com.amazonaws.ecs.capability.${name}`;
const dockerApi = (version: string) => docker(`docker-remote-api.${version}`);

/** The account's own registry, by AWS's name and by ours. */
const ECR_IMAGE = /^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.(amazonaws\.com|estiba\.internal(:\d+)?)\//;
/** More than ten vCPUs need a newer agent. */
const INCREASED_CPU = 10_240;

type Definition = Omit<TaskDefinitionBody, "requiresAttributes" | "compatibilities">;

/** Sorted by name, each once. */
export function requiredAttributes(definition: Definition): Attribute[] {
  const names = new Set([
    ...ofTask(definition),
    ...definition.containerDefinitions.flatMap((c) => ofContainer(c, definition)),
  ]);
  return [...names].sort().map((name) => ({ name }));
}

function ofTask({ taskRoleArn, networkMode, cpu, memory, volumes = [] }: Definition): string[] {
  return [
    ...(taskRoleArn === undefined
      ? []
      : [docker(networkMode === "host" ? "task-iam-role-network-host" : "task-iam-role")]),
    ...(networkMode === "awsvpc" ? [agent("task-eni")] : []),
    ...(cpu === undefined && memory === undefined ? [] : [agent("task-cpu-mem-limit")]),
    ...(Number(cpu ?? 0) > INCREASED_CPU ? [agent("increased-task-cpu-limit")] : []),
    ...volumes.flatMap(({ dockerVolumeConfiguration: volume }) =>
      volume === undefined ? [] : [agent(`docker-plugin.${volume.driver ?? "local"}`)],
    ),
  ];
}

function ofContainer(container: ContainerDefinition, { executionRoleArn }: Definition): string[] {
  const needs: readonly (readonly [boolean, readonly string[]])[] = [
    [container.privileged === true, [docker("privileged-container")]],
    [container.memoryReservation !== undefined, [dockerApi("1.21")]],
    [(container.ulimits ?? []).length > 0, [dockerApi("1.18")]],
    [Object.keys(container.dockerLabels ?? {}).length > 0, [dockerApi("1.18")]],
    [container.linuxParameters?.initProcessEnabled === true, [dockerApi("1.25")]],
    [container.healthCheck !== undefined, [agent("container-health-check"), dockerApi("1.24")]],
    [(container.dependsOn ?? []).length > 0, [agent("container-ordering")]],
    [container.restartPolicy?.enabled === true, [agent("container-restart-policy")]],
    [ECR_IMAGE.test(container.image ?? ""), ecr(executionRoleArn)],
    [container.logConfiguration !== undefined, logging(container, executionRoleArn)],
    ...secrets(container.secrets, "environment-variables"),
    ...secrets(container.logConfiguration?.secretOptions, "bootstrap.log-driver"),
  ];
  return needs.flatMap(([needed, names]) => (needed ? names : []));
}

const ecr = (executionRoleArn: string | undefined): readonly string[] =>
  executionRoleArn === undefined
    ? [docker("ecr-auth")]
    : [docker("ecr-auth"), agent("execution-role-ecr-pull")];

const logging = (
  { logConfiguration }: ContainerDefinition,
  executionRoleArn: string | undefined,
): readonly string[] => [
  docker(`logging-driver.${logConfiguration?.logDriver ?? "json-file"}`),
  dockerApi("1.18"),
  ...(logConfiguration?.logDriver === "awslogs" && executionRoleArn !== undefined
    ? [agent("execution-role-awslogs")]
    : []),
];

function secrets(
  given: readonly Secret[] = [],
  use: string,
): readonly (readonly [boolean, readonly string[]])[] {
  const providers = new Set(given.map(({ valueFrom = "" }) => parseSecretReference(valueFrom)?.provider));
  return (["asm", "ssm"] as const).map((provider) => [
    providers.has(provider),
    [agent(`secrets.${provider}.${use}`)],
  ]);
}
