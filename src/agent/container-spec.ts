// A task and one of its containers → what the engine creates it from (agent protocol, sections 3.10 and 5.6 to 5.9). Pure.
import type { WireContainer, WireTask } from "#acs/messages.ts";
import { RUNTIME_ATTRIBUTE, type TaskRuntime } from "#domain/ecs/fargate.ts";
import type { ContainerSpec } from "./engine/port.ts";
import { TaskFailure } from "./hooks/hook.ts";
import { definitionOf, type TaskState } from "./task/state.ts";
import { volumeSource } from "./volume-source.ts";

/** The labels by which a container is found again; the last one is Estiba's own: this agent made it. */
export const LABELS = {
  taskArn: "com.amazonaws.ecs.task-arn",
  containerName: "com.amazonaws.ecs.container-name",
  family: "com.amazonaws.ecs.task-definition-family",
  version: "com.amazonaws.ecs.task-definition-version",
  cluster: "com.amazonaws.ecs.cluster",
  agent: "estiba.agent",
} as const;

/** Whoever knows its value has the execution role's credentials. */
export const LOG_CREDENTIALS_OPTION = "awslogs-credentials-endpoint";

export interface SpecSettings {
  /** What starts the containers; the engine's usual one when absent. */
  readonly runtime?: TaskRuntime;
  /** The configured cluster: a name or an ARN. */
  readonly cluster: string;
  readonly region: string;
  /** Credentials and metadata are served at 169.254.170.2. */
  readonly servesCredentials: boolean;
  /** The engine's path of the host's root. */
  readonly hostRoot?: string;
}

const MIB = 1024 * 1024;
/** Docker's own bounds of CPU shares and memory. */
const MINIMUM_SHARES = 2;
const MAXIMUM_SHARES = 262_144;
const MINIMUM_MEMORY = 4 * MIB;

export const dockerNameOf = (task: WireTask, container: string, unique: string): string =>
  `ecs-${task.family}-${task.version}-${container.replace(/[^A-Za-z0-9-]/g, "")}-${unique}`;

export function containerSpec(state: TaskState, name: string, settings: SpecSettings): ContainerSpec {
  const { task } = state;
  const container = definitionOf(state, name);
  const config = dockerJson(container.dockerConfig?.config, "DockerClientConfigError");
  const hostConfig = dockerJson(container.dockerConfig?.hostConfig, "HostConfigError");
  if (container.healthCheckType === "docker" && config["Healthcheck"] === undefined) {
    throw new TaskFailure(
      "DockerClientConfigError",
      "The container's health is to be checked, but its configuration has no health check.",
    );
  }
  const networkMode = hostConfig["NetworkMode"] ?? task.networkMode ?? "bridge";
  const ports = networkMode === "bridge" ? (state.hostPorts[name] ?? []) : [];
  return {
    name: state.containers.find((c) => c.name === name)?.dockerName ?? name,
    config: {
      Image: container.image,
      ...(container.command === undefined ? {} : { Cmd: container.command }),
      ...(container.entryPoint === undefined ? {} : { Entrypoint: container.entryPoint }),
      Env: environmentOf(state, container, settings),
      ...(container.portMappings.length === 0
        ? {}
        : {
            ExposedPorts: Object.fromEntries(
              container.portMappings.map((p) => [`${p.containerPort}/${p.protocol}`, {}]),
            ),
          }),
      ...config,
      Labels: {
        ...(config["Labels"] as Readonly<Record<string, string>> | undefined),
        ...labelsOf(task, name, settings),
      },
    },
    hostConfig: {
      NetworkMode: networkMode,
      CpuShares: Math.min(MAXIMUM_SHARES, Math.max(MINIMUM_SHARES, container.cpu)),
      ...(container.memory === 0 ? {} : { Memory: Math.max(MINIMUM_MEMORY, container.memory * MIB) }),
      ...(ports.length === 0 ? {} : { PortBindings: portBindings(ports) }),
      ...nonEmpty("Binds", bindsOf(task, container, settings.hostRoot)),
      ...nonEmpty(
        "Links",
        (container.links ?? []).map((link) => {
          const [target = "", alias = target] = link.split(":");
          return `${dockerName(state, target)}:${alias}`;
        }),
      ),
      ...nonEmpty(
        "VolumesFrom",
        container.volumesFrom.map(
          (v) => `${dockerName(state, v.sourceContainer)}:${v.readOnly ? "ro" : "rw"}`,
        ),
      ),
      ...(task.pidMode === "host" ? { PidMode: "host" } : {}),
      ...(task.ipcMode === undefined ? {} : { IpcMode: task.ipcMode }),
      ...hostConfig,
      ...logConfigOf(state, container, hostConfig["LogConfig"], settings),
      ...(settings.runtime === undefined ? {} : { Runtime: settings.runtime }),
    },
  };
}

/** A Fargate task is in a cluster of the user's, its host in none that anybody knows. */
export const clusterOf = (task: Pick<WireTask, "launchType" | "taskClusterArn">, ofHost: string): string =>
  task.launchType === "FARGATE" ? (task.taskClusterArn ?? ofHost) : ofHost;

export function labelsOf(
  task: WireTask,
  container: string,
  settings: Pick<SpecSettings, "cluster" | "runtime">,
): Readonly<Record<string, string>> {
  return {
    [LABELS.taskArn]: task.arn,
    [LABELS.containerName]: container,
    [LABELS.family]: task.family,
    [LABELS.version]: task.version,
    [LABELS.cluster]: clusterOf(task, settings.cluster),
    [LABELS.agent]: "1",
    ...(settings.runtime === undefined ? {} : { [RUNTIME_ATTRIBUTE]: settings.runtime }),
  };
}

function environmentOf(state: TaskState, container: WireContainer, settings: SpecSettings): string[] {
  const metadataId = state.containers.find((c) => c.name === container.name)?.metadataId;
  const environment: Record<string, string> = {
    AWS_REGION: settings.region,
    AWS_DEFAULT_REGION: settings.region,
    ...container.environment,
    ...(state.credentialsId !== undefined && settings.servesCredentials
      ? { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: `/v2/credentials/${state.credentialsId}` }
      : {}),
    ...(settings.servesCredentials
      ? {
          ECS_CONTAINER_METADATA_URI: `http://169.254.170.2/v3/${metadataId}`,
          ECS_CONTAINER_METADATA_URI_V4: `http://169.254.170.2/v4/${metadataId}`,
          ECS_AGENT_URI: `http://169.254.170.2/api/${metadataId}`,
        }
      : {}),
  };
  return Object.entries(environment).map(([name, value]) => `${name}=${value}`);
}

/** The driver asks 169.254.170.2 by this path, from the engine's own network. */
function logConfigOf(
  { executionCredentialsId: id }: TaskState,
  { logsAuthStrategy }: WireContainer,
  given: unknown,
  { servesCredentials }: SpecSettings,
): Readonly<Record<string, unknown>> {
  const log = given as { readonly Type?: unknown; readonly Config?: object } | undefined;
  if (log?.Type !== "awslogs" || logsAuthStrategy !== "ExecutionRole") return {};
  if (id === undefined || !servesCredentials) return {};
  return {
    LogConfig: { ...log, Config: { ...log.Config, [LOG_CREDENTIALS_OPTION]: `/v2/credentials/${id}` } },
  };
}

function portBindings(ports: TaskState["hostPorts"][string]): Readonly<Record<string, unknown>> {
  const bindings: Record<string, { HostPort: string }[]> = {};
  for (const { containerPort, hostPort, protocol } of ports)
    (bindings[`${containerPort}/${protocol}`] ??= []).push({ HostPort: String(hostPort) });
  return bindings;
}

function bindsOf(task: WireTask, container: WireContainer, hostRoot: string | undefined): string[] {
  return container.mountPoints.map((mount) => {
    const volume = task.volumes.find((v) => v.name === mount.sourceVolume);
    if (volume === undefined) {
      throw new TaskFailure(
        "InvalidVolumeError",
        `The mount point's source volume "${mount.sourceVolume}" is not a volume of the task.`,
      );
    }
    return `${volumeSource(task, volume, hostRoot)}:${mount.containerPath}${mount.readOnly ? ":ro" : ""}`;
  });
}

function dockerName(state: TaskState, container: string): string {
  return state.containers.find((c) => c.name === container)?.dockerName ?? container;
}

function dockerJson(text: string | undefined, reasonName: string): Readonly<Record<string, unknown>> {
  if (text === undefined || text === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Readonly<Record<string, unknown>>;
  } catch {
    // Told below, with what is not an object.
  }
  throw new TaskFailure(reasonName, "The container's Docker configuration is not a JSON object.");
}

const nonEmpty = (name: string, values: readonly string[]) => (values.length === 0 ? {} : { [name]: values });
