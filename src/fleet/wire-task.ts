// A stored task and its definition → the task as the agent hears it (agent protocol, "The Task object on the wire"). Pure.
// Overrides are folded into the plain members: the agent refuses a task that carries any but `command`.
import type { Volume } from "@aws-sdk/client-ecs";
import type { WireContainer, WireNetworkInterface, WireTask, WireVolume } from "#acs/messages.ts";
import type { ContainerDefinition, TaskDefinitionBody } from "#domain/ecs/task-definition.ts";
import type { TaskRow } from "#domain/ecs/task.ts";
import { parseArn } from "#lib/arn.ts";
import { dockerConfig, dockerHostConfig } from "./docker-config.ts";
import { dockerLogConfig } from "./log-config.ts";
import type { TaskCredentials } from "./task-credentials.ts";
import { toWireSecrets } from "./wire-secrets.ts";

/** The lowest Docker API version our hostConfig strings need. */
const DOCKER_API_VERSION = "1.18";

/** `endpoint`: the URL by which the host reaches this server; `taskEndpoint`: by which SDKs in the task's containers do. */
export function toWireTask(
  task: TaskRow,
  definition: TaskDefinitionBody,
  credentials: readonly TaskCredentials[] = [],
  endpoint?: string,
  interfaces: readonly WireNetworkInterface[] = [],
  taskEndpoint = endpoint,
): WireTask {
  const issued = (type: TaskCredentials["roleType"]) =>
    credentials.find((c) => c.roleType === type)?.credentials;
  const [role, executionRole] = [issued("TaskApplication"), issued("TaskExecution")];
  return {
    arn: task.arn,
    taskClusterArn: task.clusterArn,
    family: task.family,
    version: String(task.revision),
    desiredStatus: "RUNNING",
    launchType: task.launchType,
    networkMode: task.networkMode,
    group: task.group,
    containers: definition.containerDefinitions.map((container) =>
      toWireContainer(task, container, { endpoint, taskEndpoint }, executionRole !== undefined),
    ),
    volumes: (definition.volumes ?? []).map(toWireVolume),
    ...(role === undefined ? {} : { roleCredentials: role }),
    ...(executionRole === undefined ? {} : { executionRoleCredentials: executionRole }),
    ...(interfaces.length === 0 ? {} : { elasticNetworkInterfaces: interfaces }),
    ...(task.cpu === undefined ? {} : { cpu: Number(task.cpu) / 1024 }),
    ...(task.memory === undefined ? {} : { memory: Number(task.memory) }),
    ...(task.serviceName === undefined ? {} : { serviceName: task.serviceName }),
    ...(definition.pidMode === undefined ? {} : { pidMode: definition.pidMode }),
    ...(definition.ipcMode === undefined ? {} : { ipcMode: definition.ipcMode }),
  };
}

function toWireVolume({ name = "", host, dockerVolumeConfiguration: docker }: Volume): WireVolume {
  if (docker === undefined)
    return {
      name,
      type: "host",
      host: host?.sourcePath === undefined ? {} : { sourcePath: host.sourcePath },
    };
  const { scope, autoprovision, driver, driverOpts, labels } = docker;
  return {
    name,
    type: "docker",
    dockerVolumeConfiguration: {
      ...(scope === undefined ? {} : { scope }),
      ...(autoprovision === undefined ? {} : { autoprovision }),
      ...(driver === undefined ? {} : { driver }),
      ...(driverOpts === undefined ? {} : { driverOpts }),
      ...(labels === undefined ? {} : { labels }),
    },
  };
}

/** The order to stop: the agent reads nothing but the ARN and the status of a task it knows. */
export function toStopOrder(task: TaskRow): WireTask {
  return {
    arn: task.arn,
    taskClusterArn: task.clusterArn,
    family: task.family,
    version: String(task.revision),
    desiredStatus: "STOPPED",
    containers: [],
    volumes: [],
  };
}

function toWireContainer(
  task: TaskRow,
  definition: ContainerDefinition,
  { endpoint, taskEndpoint }: Record<"endpoint" | "taskEndpoint", string | undefined>,
  hasExecutionRole: boolean,
): WireContainer {
  const name = definition.name ?? "";
  const override = task.overrides.containerOverrides?.find((o) => o.name === name);
  const memory = override?.memory ?? definition.memory;
  const memoryReservation = override?.memoryReservation ?? definition.memoryReservation;
  const command = override?.command ?? definition.command;
  const containerArn = task.containers.find((c) => c.name === name)?.arn;
  const environment: Record<string, string> = {
    AWS_EXECUTION_ENV: task.launchType === "FARGATE" ? "AWS_ECS_FARGATE" : "AWS_ECS_EC2",
    ...(taskEndpoint === undefined ? {} : { AWS_ENDPOINT_URL: taskEndpoint }),
  };
  for (const { name: key, value } of [...(definition.environment ?? []), ...(override?.environment ?? [])]) {
    if (key !== undefined) environment[key] = value ?? "";
  }
  const secrets = toWireSecrets(definition, {
    region: task.region,
    account: parseArn(task.arn)?.account ?? "",
  });
  const logConfig = dockerLogConfig(definition, { taskId: task.id, endpoint });
  return {
    name,
    image: definition.image ?? "",
    essential: definition.essential ?? true,
    cpu: override?.cpu ?? definition.cpu ?? 0,
    memory: memory ?? 0,
    environment,
    portMappings: (definition.portMappings ?? []).map((mapping) => ({
      containerPort: mapping.containerPort ?? 0,
      hostPort: mapping.hostPort ?? 0,
      protocol: mapping.protocol === "udp" ? "udp" : "tcp",
    })),
    mountPoints: (definition.mountPoints ?? []).map((mount) => ({
      sourceVolume: mount.sourceVolume ?? "",
      containerPath: mount.containerPath ?? "",
      readOnly: mount.readOnly ?? false,
    })),
    volumesFrom: (definition.volumesFrom ?? []).map((from) => ({
      sourceContainer: from.sourceContainer ?? "",
      readOnly: from.readOnly ?? false,
    })),
    dockerConfig: {
      version: DOCKER_API_VERSION,
      config: JSON.stringify(dockerConfig(definition)),
      hostConfig: JSON.stringify(
        dockerHostConfig(definition, task.networkMode, memory, memoryReservation, logConfig),
      ),
    },
    ...(containerArn === undefined ? {} : { containerArn }),
    ...(command === undefined ? {} : { command }),
    ...(definition.entryPoint === undefined ? {} : { entryPoint: definition.entryPoint }),
    ...(definition.links === undefined ? {} : { links: definition.links }),
    ...(definition.dependsOn === undefined
      ? {}
      : {
          dependsOn: definition.dependsOn.map((d) => ({
            containerName: d.containerName ?? "",
            condition: d.condition ?? "START",
          })),
        }),
    ...(definition.startTimeout === undefined ? {} : { startTimeout: definition.startTimeout }),
    ...(definition.stopTimeout === undefined ? {} : { stopTimeout: definition.stopTimeout }),
    ...(definition.restartPolicy === undefined
      ? {}
      : {
          restartPolicy: {
            enabled: definition.restartPolicy.enabled ?? false,
            ignoredExitCodes: definition.restartPolicy.ignoredExitCodes ?? [],
            restartAttemptPeriod: definition.restartPolicy.restartAttemptPeriod ?? 300,
          },
        }),
    ...(definition.healthCheck === undefined ? {} : { healthCheckType: "docker" as const }),
    ...(secrets.length === 0 ? {} : { secrets }),
    ...(logConfig?.Type === "awslogs" && hasExecutionRole
      ? { logsAuthStrategy: "ExecutionRole" as const }
      : {}),
  };
}
