// The agent's configuration: environment, then the lines of ESTIBA_ECS_CONFIG (/etc/ecs/ecs.config), then defaults. Names and
// defaults are the stock agent's (ECS Developer Guide, "Amazon ECS container agent configuration"); what a host's file asks for
// and this agent does not honour is refused by name.
import type { TaskRuntime } from "#domain/ecs/fargate.ts";
import { parseDuration } from "./duration.ts";
import type { PortRange } from "./host-ports.ts";
import type { ImagePullBehavior } from "./hooks/image.ts";
import type { RequestRate } from "./metadata/request-rate.ts";

export interface AgentConfig {
  /** A name or an ARN, sent as it is. */
  readonly cluster: string;
  /** No cluster was named: the default one is created when it is missing. */
  readonly clusterIsDefault: boolean;
  readonly region: string;
  /** Base URL of the ECS API. */
  readonly endpoint: string;
  /** Where the metadata service answers. */
  readonly imdsEndpoint: string;
  readonly dataDirectory: string;
  readonly dockerHost: string;
  /** Folder of image archives that the engine may take images from. */
  readonly imagesFolder?: string;
  readonly reservedTcpPorts: readonly number[];
  readonly reservedUdpPorts: readonly number[];
  readonly reservedMemoryMiB: number;
  readonly dynamicPorts: PortRange;
  readonly attributes: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly logDrivers: readonly string[];
  readonly imagePullBehavior: ImagePullBehavior;
  readonly stopTimeoutSeconds: number;
  readonly startTimeoutMs: number;
  readonly createTimeoutMs: number;
  readonly pullTimeoutMs: number;
  readonly cleanupWaitMs: number;
  /** Requests of one task's address to the metadata and credentials endpoint. */
  readonly metadataRate: RequestRate;
  /** Drain this host when its Spot interruption is announced. */
  readonly drainsOnSpotNotice: boolean;
  /** The host is no EC2 instance ("ECS Anywhere"). */
  readonly external: boolean;
  /** Tasks with an interface of their own do not reach the instance's metadata service. */
  readonly blocksMetadata: boolean;
  /** What starts tasks' containers; the engine's usual one, untold, when absent. Never another instead. */
  readonly taskRuntime?: TaskRuntime;
  /** Where the machine's /proc is; tasks can have interfaces of their own only where it is known. */
  readonly machineProc?: string;
  /** What this machine kept of its joining, for one that is no EC2 instance. */
  readonly joinFile?: string;
  /** The interface on which tasks' interfaces are made here; where the platform makes them, absent. */
  readonly trunk?: string;
  /** Of this host; what the engine says when absent. */
  readonly vcpus?: number;
  readonly memoryMiB?: number;
  /** Cgroup below which each task has its own. */
  readonly cgroupParent?: string;
  /** The engine's path of this host's root, before a volume's source path. */
  readonly hostRoot?: string;
  readonly logLevel: "debug" | "info" | "warn" | "error";
}

/** The configuration makes no sense or asks for what this agent does not do: it must not be started again as it is. */
export class BadAgentConfig extends Error {
  override readonly name = "BadAgentConfig";
}

type Values = Readonly<Record<string, string | undefined>>;

export const DEFAULT_CONFIG_FILE = "/etc/ecs/ecs.config";

/** As on AWS's own image for container instances; of these, those that the engine has. */
const LOG_DRIVERS = ["json-file", "syslog", "awslogs", "fluentd", "none"];

/** `file`: the text of the configuration file, empty when there is none. @throws BadAgentConfig */
export function readAgentConfig(environment: Values, file: string): AgentConfig {
  const lines = parseConfigFile(file);
  const unsupported = Object.entries(lines).filter(([name, value]) => !isHonoured(name, value));
  if (unsupported.length > 0) {
    const settings = unsupported.map(([name, value]) => `${name}=${value}`).join(", ");
    throw new BadAgentConfig(`This agent does not support: ${settings}`);
  }
  const get = (name: string): string | undefined => environment[name] || lines[name] || undefined;
  const cluster = get("ECS_CLUSTER");
  const region = get("AWS_DEFAULT_REGION") ?? get("AWS_REGION");
  if (region === undefined) throw new BadAgentConfig("AWS_DEFAULT_REGION is not set.");
  const endpoint = get("ECS_BACKEND_HOST");
  if (endpoint === undefined) throw new BadAgentConfig("ECS_BACKEND_HOST is not set.");

  return {
    cluster: cluster ?? "default",
    clusterIsDefault: cluster === undefined,
    region,
    endpoint: (/^https?:\/\//.test(endpoint) ? endpoint : `https://${endpoint}`).replace(/\/+$/, ""),
    imdsEndpoint: (get("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? "http://169.254.169.254").replace(/\/+$/, ""),
    dataDirectory: get("ECS_DATADIR") ?? "/var/lib/ecs/data",
    dockerHost: get("DOCKER_HOST") ?? "unix:///var/run/docker.sock",
    reservedTcpPorts: portList("ECS_RESERVED_PORTS", [22, 2375, 2376, 51678, 51679]),
    reservedUdpPorts: portList("ECS_RESERVED_PORTS_UDP", []),
    reservedMemoryMiB: whole("ECS_RESERVED_MEMORY") ?? 0,
    dynamicPorts: portRange("ECS_DYNAMIC_HOST_PORT_RANGE", { first: 32_768, last: 60_999 }),
    attributes: textMap("ECS_INSTANCE_ATTRIBUTES"),
    tags: textMap("ECS_CONTAINER_INSTANCE_TAGS"),
    logDrivers: json("ECS_AVAILABLE_LOGGING_DRIVERS", isTextList) ?? LOG_DRIVERS,
    imagePullBehavior: choice("ECS_IMAGE_PULL_BEHAVIOR", ["prefer-cached", "default", "always"], "default"),
    stopTimeoutSeconds: duration("ECS_CONTAINER_STOP_TIMEOUT", 30_000, 1_000) / 1000,
    startTimeoutMs: duration("ECS_CONTAINER_START_TIMEOUT", 180_000, 45_000),
    createTimeoutMs: duration("ECS_CONTAINER_CREATE_TIMEOUT", 240_000, 60_000),
    pullTimeoutMs: duration("ECS_IMAGE_PULL_INACTIVITY_TIMEOUT", 60_000, 1_000),
    cleanupWaitMs: duration("ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION", 3 * 3_600_000, 1_000),
    metadataRate: requestRate("ECS_TASK_METADATA_RPS_LIMIT", { perSecond: 40, burst: 60 }),
    drainsOnSpotNotice: choice("ECS_ENABLE_SPOT_INSTANCE_DRAINING", ["false", "true"], "false") === "true",
    external: choice("ECS_EXTERNAL", ["false", "true"], "false") === "true",
    blocksMetadata: choice("ECS_AWSVPC_BLOCK_IMDS", ["false", "true"], "false") === "true",
    logLevel: choice("ECS_LOGLEVEL", ["info", "debug", "warn", "error"], "info"),
    ...(get("ESTIBA_TASK_RUNTIME") === undefined
      ? {}
      : { taskRuntime: choice("ESTIBA_TASK_RUNTIME", ["runc", "runsc"], "runc") }),
    ...optional("joinFile", get("ESTIBA_JOIN_FILE")),
    ...optional("trunk", get("ESTIBA_TRUNK")),
    ...optional("machineProc", get("ESTIBA_PROC")?.replace(/\/+$/, "")),
    ...optional("imagesFolder", get("ESTIBA_IMAGES")),
    ...optional("vcpus", positive("ESTIBA_VCPUS")),
    ...optional("memoryMiB", whole("ESTIBA_MEMORY_MIB")),
    ...optional("hostRoot", get("ESTIBA_HOST_ROOT")?.replace(/\/+$/, "")),
    ...optional("cgroupParent", get("ESTIBA_CGROUP_PARENT")?.replace(/\/+$/, "")),
  };

  function bad(name: string, expected: string): BadAgentConfig {
    return new BadAgentConfig(`${name} is ${JSON.stringify(get(name))}; expected ${expected}.`);
  }
  function json<T>(name: string, check: (value: unknown) => value is T): T | undefined {
    const text = get(name);
    if (text === undefined) return undefined;
    try {
      const value: unknown = JSON.parse(text);
      if (check(value)) return value;
    } catch {
      // Told below.
    }
    throw bad(name, "JSON of the shape that the ECS Developer Guide gives");
  }
  function portList(name: string, otherwise: readonly number[]): readonly number[] {
    return json(name, isPortList) ?? otherwise;
  }
  function textMap(name: string): Readonly<Record<string, string>> {
    return json(name, isTextMap) ?? {};
  }
  function positive(name: string): number | undefined {
    const text = get(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!Number.isFinite(value) || value <= 0) throw bad(name, "a number above 0");
    return value;
  }
  function whole(name: string): number | undefined {
    const text = get(name);
    if (text === undefined) return undefined;
    if (!/^\d+$/.test(text)) throw bad(name, "a whole number of MiB");
    return Number(text);
  }
  function portRange(name: string, otherwise: PortRange): PortRange {
    const text = get(name);
    if (text === undefined) return otherwise;
    const [, first, last] = (/^(\d+)-(\d+)$/.exec(text) ?? []).map(Number);
    if (first === undefined || last === undefined || !isPort(first) || !isPort(last) || first > last)
      throw bad(name, "two ports as in 32768-60999");
    return { first, last };
  }
  function requestRate(name: string, otherwise: RequestRate): RequestRate {
    const text = get(name);
    if (text === undefined) return otherwise;
    const [, perSecond = 0, burst = 0] = (/^(\d+),(\d+)$/.exec(text) ?? []).map(Number);
    if (perSecond === 0 || burst === 0) throw bad(name, "steady and burst requests a second, as in 40,60");
    return { perSecond, burst };
  }
  function duration(name: string, otherwise: number, minimum: number): number {
    const text = get(name);
    if (text === undefined) return otherwise;
    const value = parseDuration(text);
    if (value === undefined || value < minimum)
      throw bad(name, `a duration of at least ${minimum / 1000}s, as in 1m30s`);
    return value;
  }
  function choice<T extends string>(name: string, values: readonly T[], otherwise: T): T {
    const text = get(name);
    if (text === undefined) return otherwise;
    const found = values.find((value) => value === text);
    if (found === undefined) throw bad(name, `one of ${values.join(", ")}`);
    return found;
  }
}

/** `KEY=VALUE` lines; `#` begins a comment line; one pair of quotes around the value is taken off, as systemd does. */
export function parseConfigFile(text: string): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const found = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line);
    if (found === null || found[1] === undefined || found[2] === undefined) continue;
    const value = found[2].trim();
    values[found[1]] = /^(["']).*\1$/s.test(value) && value.length > 1 ? value.slice(1, -1) : value;
  }
  return values;
}

const HONOURED = new Set([
  ...["ECS_CLUSTER", "ECS_BACKEND_HOST", "ECS_DATADIR", "ECS_RESERVED_PORTS", "ECS_RESERVED_PORTS_UDP"],
  ...["ECS_RESERVED_MEMORY", "ECS_DYNAMIC_HOST_PORT_RANGE", "ECS_INSTANCE_ATTRIBUTES", "ECS_LOGLEVEL"],
  ...["ECS_CONTAINER_INSTANCE_TAGS", "ECS_AVAILABLE_LOGGING_DRIVERS", "ECS_IMAGE_PULL_BEHAVIOR"],
  ...["ECS_CONTAINER_STOP_TIMEOUT", "ECS_CONTAINER_START_TIMEOUT", "ECS_CONTAINER_CREATE_TIMEOUT"],
  ...["ECS_IMAGE_PULL_INACTIVITY_TIMEOUT", "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION"],
  ...["ECS_ENABLE_SPOT_INSTANCE_DRAINING", "ECS_TASK_METADATA_RPS_LIMIT", "ECS_AWSVPC_BLOCK_IMDS"],
  "ECS_EXTERNAL",
]);

/** What this agent always does, or never: asking for just that is no wish it would ignore. */
const FIXED: Readonly<Record<string, string>> = {
  ECS_CHECKPOINT: "true",
  ECS_ENABLE_TASK_IAM_ROLE: "true",
  ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST: "true",
  ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE: "true",
  ECS_ENABLE_TASK_CPU_MEM_LIMIT: "true",
  ECS_DISABLE_IMAGE_CLEANUP: "true",
  ECS_ENABLE_TASK_ENI: "true",
  ECS_DISABLE_METRICS: "false",
  ECS_DISABLE_PRIVILEGED: "false",
  ECS_DISABLE_DOCKER_HEALTH_CHECK: "false",
  ECS_ENABLE_CONTAINER_METADATA: "false",
  ECS_ENABLE_GPU_SUPPORT: "false",
  ECS_UPDATES_ENABLED: "false",
  ECS_WARM_POOLS_CHECK: "false",
};

const isHonoured = (name: string, value: string): boolean =>
  !name.startsWith("ECS_") || value === "" || HONOURED.has(name) || FIXED[name] === value;

const isPort = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536;
const isPortList = (value: unknown): value is number[] => Array.isArray(value) && value.every(isPort);
const isTextList = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === "string");
const isTextMap = (value: unknown): value is Record<string, string> =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((item) => typeof item === "string");

const optional = <K extends string, T>(name: K, value: T | undefined): { [P in K]?: T } =>
  (value === undefined ? {} : { [name]: value }) as { [P in K]?: T };
