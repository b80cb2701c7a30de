// The two strings of Docker Engine API JSON that carry a container's settings to the agent (agent protocol, "The Task object").
// Pure. What has a typed member on the wire (command, environment, ports, memory …) must not stand here: it would override.
import type { ContainerDefinition } from "#domain/ecs/task-definition.ts";
import type { DockerLogConfig } from "./log-config.ts";

const MIB = 1024 * 1024;
const SECOND_IN_NANOSECONDS = 1_000_000_000;

/** Docker's container `Config` as far as the definition sets it. */
export function dockerConfig(definition: ContainerDefinition): Record<string, unknown> {
  const check = definition.healthCheck;
  return withoutUndefined({
    Hostname: definition.hostname,
    User: definition.user,
    WorkingDir: definition.workingDirectory,
    Tty: definition.pseudoTerminal,
    OpenStdin: definition.interactive,
    Labels: definition.dockerLabels,
    Healthcheck:
      check === undefined
        ? undefined
        : {
            Test: check.command,
            Interval: (check.interval ?? 30) * SECOND_IN_NANOSECONDS,
            Timeout: (check.timeout ?? 5) * SECOND_IN_NANOSECONDS,
            Retries: check.retries ?? 3,
            StartPeriod: (check.startPeriod ?? 0) * SECOND_IN_NANOSECONDS,
          },
  });
}

/** Docker's `HostConfig` as far as the definition sets it; `memoryReservation` in MiB after overrides. */
export function dockerHostConfig(
  definition: ContainerDefinition,
  networkMode: string,
  memory: number | undefined,
  memoryReservation: number | undefined,
  logConfig?: DockerLogConfig,
): Record<string, unknown> {
  const linux = definition.linuxParameters;
  return withoutUndefined({
    // In awsvpc mode the agent's own: the network of the task's pause container.
    NetworkMode: networkMode === "awsvpc" ? undefined : networkMode,
    Privileged: definition.privileged,
    ReadonlyRootfs: definition.readonlyRootFilesystem,
    CapAdd: linux?.capabilities?.add ?? [],
    CapDrop: linux?.capabilities?.drop ?? [],
    Init: linux?.initProcessEnabled,
    ShmSize: linux?.sharedMemorySize === undefined ? undefined : linux.sharedMemorySize * MIB,
    MemoryReservation: memoryReservation === undefined ? undefined : memoryReservation * MIB,
    // Docker counts memory and swap together, ECS swap alone.
    MemorySwap:
      linux?.maxSwap === undefined || memory === undefined ? undefined : (memory + linux.maxSwap) * MIB,
    MemorySwappiness: linux?.swappiness,
    Devices: linux?.devices?.map((d) => ({
      PathOnHost: d.hostPath,
      PathInContainer: d.containerPath ?? d.hostPath,
      CgroupPermissions: (d.permissions ?? ["read", "write", "mknod"]).map((p) => p[0]).join(""),
    })),
    Tmpfs:
      linux?.tmpfs === undefined
        ? undefined
        : Object.fromEntries(
            linux.tmpfs.map((t) => [
              t.containerPath,
              [`size=${t.size}m`, ...(t.mountOptions ?? [])].join(","),
            ]),
          ),
    Ulimits: definition.ulimits?.map((u) => ({ Name: u.name, Soft: u.softLimit, Hard: u.hardLimit })),
    Sysctls:
      definition.systemControls === undefined || definition.systemControls.length === 0
        ? undefined
        : Object.fromEntries(definition.systemControls.map((s) => [s.namespace, s.value])),
    ExtraHosts: definition.extraHosts?.map((h) => `${h.hostname}:${h.ipAddress}`),
    Dns: definition.dnsServers,
    DnsSearch: definition.dnsSearchDomains,
    SecurityOpt: definition.dockerSecurityOptions,
    LogConfig: logConfig,
  });
}

function withoutUndefined(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined));
}
