// Whether a task that the control plane sent can be run by this agent at all; what it does not honour is refused by name. Pure.
import type { WireTask, WireVolume } from "#acs/messages.ts";
import { dependencyFault } from "./task/dependencies.ts";

export interface Refusal {
  /** With which the task is answered as STOPPED. */
  readonly reason: string;
  /** The order itself makes no sense: its payload is not acknowledged. Otherwise the task only fails, as any may. */
  readonly isInvalid: boolean;
}

/** What this agent does for tasks only on some hosts. */
export interface Honoured {
  /** Tasks may have network interfaces of their own. */
  readonly awsvpc: boolean;
  /** Secrets are fetched. */
  readonly secrets: boolean;
  /** The runtime that tasks of this host are to have, which its engine does not offer. */
  readonly lacksRuntime?: string;
}

/** Undefined when the task can be run. */
export function refusalOf(task: WireTask, honours: Honoured): Refusal | undefined {
  const unrecognised = shapeFault(task, honours);
  // The stock agent's own spelling, which control planes may know.
  if (unrecognised !== undefined)
    return { reason: `UnrecogniedTaskError: Error loading task - ${unrecognised}`, isInvalid: true };
  if (honours.lacksRuntime !== undefined)
    return {
      reason: `RuntimeNotAvailable: tasks are to run with ${honours.lacksRuntime}, which is not installed on their host`,
      isInvalid: false,
    };
  const dependency = dependencyFault(task);
  if (dependency !== undefined) return { reason: `TaskDependencyError: ${dependency}`, isInvalid: false };
  const over = task.containers.find((c) => (task.memory ?? 0) > 0 && c.memory > (task.memory ?? 0));
  if (over === undefined) return undefined;
  return {
    reason:
      `resource cannot be initialized for task ${task.arn}: ` +
      `container memory limit(${over.memory}) greater than task memory limit(${task.memory ?? 0})`,
    isInvalid: false,
  };
}

function shapeFault(task: WireTask, { awsvpc, secrets }: Honoured): string | undefined {
  if (!isWhole(task)) return "a member is missing or of a wrong type";
  if (task.containers.length === 0) return "the task has no containers";
  const names = task.containers.map((c) => c.name);
  if (names.some((name) => name === "")) return "a container has no name";
  if (new Set(names).size !== names.length) return "two containers have the same name";
  if (!task.containers.some((c) => c.essential)) return "no container is essential";
  const mode = task.networkMode ?? "bridge";
  if (!["bridge", "host", "none", ...(awsvpc ? ["awsvpc"] : [])].includes(mode))
    return `network mode ${mode} is not supported by this agent`;
  if (mode === "awsvpc" && !hasInterface(task)) return "a task in network mode awsvpc needs one interface";
  if (task.pidMode !== undefined && task.pidMode !== "host")
    return `pidMode ${task.pidMode} is not supported by this agent`;
  if (task.ipcMode !== undefined && task.ipcMode === "task")
    return `ipcMode ${task.ipcMode} is not supported by this agent`;
  for (const container of task.containers) {
    const unsupported = UNSUPPORTED.find((member) => isGiven(container, member));
    if (unsupported !== undefined) return `container member ${unsupported} is not supported by this agent`;
    if (!secrets && isGiven(container, "secrets"))
      return "container member secrets is not supported by this agent";
    const secret = container.secrets?.find((s) => s.type === "MOUNT_POINT");
    if (secret !== undefined) return `secret type ${secret.type} is not supported by this agent`;
  }
  return task.volumes.map(volumeFault).find((fault) => fault !== undefined);
}

type Fields = Readonly<Record<string, unknown>>;

/** What the rest of the agent reads without looking. */
function isWhole(task: WireTask): boolean {
  const { family, version, containers, volumes } = task as unknown as Fields;
  return (
    typeof family === "string" &&
    typeof version === "string" &&
    isListOf(volumes, () => true) &&
    isListOf(
      containers,
      (c) =>
        typeof c["name"] === "string" &&
        typeof c["image"] === "string" &&
        typeof c["essential"] === "boolean" &&
        typeof c["cpu"] === "number" &&
        typeof c["memory"] === "number" &&
        isFields(c["environment"]) &&
        isListOf(c["portMappings"], (p) => Number.isInteger(p["containerPort"])) &&
        isListOf(c["mountPoints"], () => true) &&
        (c["secrets"] === undefined || c["secrets"] === null || isListOf(c["secrets"], isSecret)) &&
        isListOf(c["volumesFrom"], () => true),
    )
  );
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isListOf = (value: unknown, test: (item: Fields) => boolean): boolean =>
  Array.isArray(value) && value.every((item) => isFields(item) && test(item));

const isSecret = (s: Fields): boolean =>
  ["name", "valueFrom", "region"].every((member) => typeof s[member] === "string" && s[member] !== "") &&
  (s["provider"] === "ssm" || s["provider"] === "asm");

const hasInterface = ({ elasticNetworkInterfaces: given }: WireTask): boolean =>
  isListOf(
    given,
    (i) =>
      typeof i["macAddress"] === "string" &&
      typeof i["privateDnsName"] === "string" &&
      isListOf(i["ipv4Addresses"], (a) => /^\d+\.\d+\.\d+\.\d+$/.test(String(a["privateAddress"]))) &&
      (i["ipv4Addresses"] as readonly unknown[]).length > 0,
  ) && given?.length === 1;

/** Members of the wire's container that the stock agent honours and this one does not. */
const UNSUPPORTED = [
  "environmentFiles",
  "registryAuthentication",
  "firelensConfiguration",
  "credentialSpecs",
  "overrides",
] as const;

function isGiven(container: object, member: string): boolean {
  const value = (container as Readonly<Record<string, unknown>>)[member];
  const isEmpty = value === undefined || value === null || value === "" || value === "{}";
  return !isEmpty && !(Array.isArray(value) && value.length === 0);
}

function volumeFault(volume: WireVolume): string | undefined {
  if (!volume.name) return "invalid Volume; must include a name";
  const type = volume.type ?? "host";
  if (type === "host")
    return volume.host === undefined ? "invalid Volume; empty volume configuration" : undefined;
  if ((type as string) !== "docker") return `volume type ${type as string} is not supported by this agent`;
  const docker = volume.dockerVolumeConfiguration;
  if (docker === undefined) return "invalid Volume; empty volume configuration";
  if (docker.driver !== undefined && docker.driver !== "local")
    return `volume driver ${docker.driver} is not supported by this agent`;
  if (docker.driverOpts !== undefined && Object.keys(docker.driverOpts).length > 0)
    return "volume driver options are not supported by this agent";
  if (docker.scope === "shared" && docker.autoprovision !== true)
    return "a shared volume without autoprovision is not supported by this agent";
  return undefined;
}
