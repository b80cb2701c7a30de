// Whether a task that the control plane sent can be run by this agent at all; what it does not honour is refused by name. Pure.
import type { WireTask, WireVolume } from "#acs/messages.ts";
import { dependencyFault } from "./task/dependencies.ts";

/** The reason with which the task is answered as STOPPED; undefined when it can be run. */
export function refusalOf(task: WireTask): string | undefined {
  const unrecognised = shapeFault(task);
  // The stock agent's own spelling, which control planes may know.
  if (unrecognised !== undefined) return `UnrecogniedTaskError: Error loading task - ${unrecognised}`;
  const dependency = dependencyFault(task);
  if (dependency !== undefined) return `TaskDependencyError: ${dependency}`;
  for (const container of task.containers) {
    if (task.memory !== undefined && task.memory > 0 && container.memory > task.memory) {
      return (
        `ResourceInitializationError: resource cannot be initialized for task ${task.arn}: ` +
        `container memory limit(${container.memory}) greater than task memory limit(${task.memory})`
      );
    }
  }
  return undefined;
}

function shapeFault(task: WireTask): string | undefined {
  if (task.containers.length === 0) return "the task has no containers";
  const names = task.containers.map((c) => c.name);
  if (names.some((name) => name === "")) return "a container has no name";
  if (new Set(names).size !== names.length) return "two containers have the same name";
  if (!task.containers.some((c) => c.essential)) return "no container is essential";
  const mode = task.networkMode ?? "bridge";
  if (!["bridge", "host", "none"].includes(mode))
    return `network mode ${mode} is not supported by this agent`;
  if (task.pidMode !== undefined && task.pidMode !== "host")
    return `pidMode ${task.pidMode} is not supported by this agent`;
  if (task.ipcMode !== undefined && task.ipcMode === "task")
    return `ipcMode ${task.ipcMode} is not supported by this agent`;
  for (const container of task.containers) {
    const unsupported = UNSUPPORTED.find((member) => isGiven(container, member));
    if (unsupported !== undefined) return `container member ${unsupported} is not supported by this agent`;
  }
  return task.volumes.map(volumeFault).find((fault) => fault !== undefined);
}

/** Members of the wire's container that the stock agent honours and this one does not. */
const UNSUPPORTED = [
  "secrets",
  "environmentFiles",
  "registryAuthentication",
  "firelensConfiguration",
  "credentialSpecs",
] as const;

function isGiven(container: object, member: string): boolean {
  const value = (container as Readonly<Record<string, unknown>>)[member];
  return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
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
