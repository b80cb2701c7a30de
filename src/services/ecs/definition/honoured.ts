// Which members of a task definition act on the way to the agent (fleet/wire-task.ts, fleet/docker-config.ts). Every other one
// is refused by name at any depth.
import type { ContainerDefinition, RegisterTaskDefinitionRequest, Volume } from "@aws-sdk/client-ecs";
import { clientException, notImplemented } from "../errors.ts";
import { honourOnly } from "../refuse.ts";

const TASK = [
  "family",
  "containerDefinitions",
  "taskRoleArn",
  "executionRoleArn",
  "networkMode",
  "volumes",
  "placementConstraints",
  "requiresCompatibilities",
  "cpu",
  "memory",
  "tags",
  "runtimePlatform",
  "ephemeralStorage",
] as const;

export const CONTAINER = [
  "name",
  "image",
  "cpu",
  "memory",
  "memoryReservation",
  "links",
  "portMappings",
  "essential",
  "restartPolicy",
  "entryPoint",
  "command",
  "environment",
  "secrets",
  "mountPoints",
  "volumesFrom",
  "linuxParameters",
  "dependsOn",
  "startTimeout",
  "stopTimeout",
  "versionConsistency",
  "hostname",
  "user",
  "workingDirectory",
  "privileged",
  "readonlyRootFilesystem",
  "dnsServers",
  "dnsSearchDomains",
  "extraHosts",
  "dockerSecurityOptions",
  "interactive",
  "pseudoTerminal",
  "dockerLabels",
  "ulimits",
  "logConfiguration",
  "healthCheck",
  "systemControls",
] as const satisfies readonly (keyof ContainerDefinition)[];

/** Docker's own; which of them a host's engine has, its agent tells. */
const LOG_DRIVERS: ReadonlySet<string> = new Set([
  ...["awslogs", "fluentd", "gelf", "journald", "json-file", "none", "splunk", "syslog"],
]);

const refuse = (what: string) => notImplemented(what, "ClientException");

/** @throws ClientException */
export function checkHonoured(input: RegisterTaskDefinitionRequest): void {
  honourOnly(input, TASK, "ClientException");
  checkNetworkMode(input.networkMode);
  for (const compatibility of input.requiresCompatibilities ?? []) checkCompatibility(compatibility);
  const { cpuArchitecture = "X86_64", operatingSystemFamily = "LINUX" } = input.runtimePlatform ?? {};
  if (cpuArchitecture !== "X86_64") throw refuse(`runtimePlatform.cpuArchitecture '${cpuArchitecture}'`);
  if (operatingSystemFamily !== "LINUX")
    throw refuse(`runtimePlatform.operatingSystemFamily '${operatingSystemFamily}'`);
  input.containerDefinitions?.forEach((container, i) =>
    checkContainer(container, `containerDefinitions[${i}].`),
  );
  input.volumes?.forEach((volume, i) => checkVolume(volume, `volumes[${i}].`));
}

function checkNetworkMode(mode: string | undefined): void {
  if (mode === undefined || ["awsvpc", "bridge", "host", "none"].includes(mode)) return;
  throw clientException(`Invalid network mode '${mode}'.`);
}

function checkCompatibility(compatibility: string): void {
  if (["EC2", "EXTERNAL", "FARGATE"].includes(compatibility)) return;
  if (compatibility === "MANAGED_INSTANCES") throw refuse(`requiresCompatibilities '${compatibility}'`);
  throw clientException(`Invalid value '${compatibility}' in requiresCompatibilities.`);
}

function checkContainer(container: ContainerDefinition, path: string): void {
  honourOnly(container, CONTAINER, "ClientException", path);
  // Digests are not resolved at deployment: what `enabled` asks for would not happen.
  if (container.versionConsistency === "enabled") throw refuse(`${path}versionConsistency 'enabled'`);
  container.secrets?.forEach((secret, i) =>
    honourOnly(secret, ["name", "valueFrom"], "ClientException", `${path}secrets[${i}].`),
  );
  const log = container.logConfiguration;
  if (log !== undefined) {
    const members = ["logDriver", "options", "secretOptions"] as const;
    honourOnly(log, members, "ClientException", `${path}logConfiguration.`);
    if (!LOG_DRIVERS.has(log.logDriver ?? ""))
      throw refuse(`${path}logConfiguration.logDriver '${log.logDriver}'`);
  }
  container.portMappings?.forEach((mapping, i) =>
    honourOnly(
      mapping,
      ["containerPort", "hostPort", "protocol", "name", "appProtocol"],
      "ClientException",
      `${path}portMappings[${i}].`,
    ),
  );
  for (const option of container.dockerSecurityOptions ?? [])
    if (option.startsWith("credentialspec")) throw refuse(`${path}dockerSecurityOptions '${option}'`);
}

function checkVolume(volume: Volume, path: string): void {
  honourOnly(volume, ["name", "host", "dockerVolumeConfiguration"], "ClientException", path);
  if (volume.host?.sourcePath !== undefined) {
    if (volume.host.sourcePath === "") throw clientException("host.sourcePath should not be blank.");
    throw refuse(`The member '${path}host.sourcePath'`);
  }
  const docker = volume.dockerVolumeConfiguration;
  if (docker === undefined) return;
  if (docker.scope !== undefined && docker.scope !== "task")
    throw refuse(`${path}dockerVolumeConfiguration.scope '${docker.scope}'`);
  if (docker.autoprovision === true)
    throw clientException("Autoprovision is only valid for volumes with the scope 'shared'.");
}
