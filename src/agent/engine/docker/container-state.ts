// Docker's inspect and stats answers → what the port says about a container. Pure; trusts no member to be there.
import type { ContainerState, ContainerStats, PublishedPort } from "../port.ts";

/** The members read of `GET /containers/{id}/json`. */
export interface DockerContainer {
  readonly Id: string;
  readonly Name?: string;
  readonly Image?: string;
  readonly Created?: string;
  readonly HostConfig?: {
    readonly LogConfig?: {
      readonly Type?: string;
      readonly Config?: Readonly<Record<string, string>> | null;
    };
  };
  readonly State?: {
    readonly Status?: string;
    readonly Pid?: number;
    readonly ExitCode?: number;
    readonly OOMKilled?: boolean;
    readonly Error?: string;
    readonly StartedAt?: string;
    readonly FinishedAt?: string;
    readonly Health?: {
      readonly Status?: string;
      readonly Log?: readonly { readonly ExitCode?: number; readonly Output?: string }[] | null;
    } | null;
  };
  readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null };
  readonly NetworkSettings?: {
    readonly Ports?: Readonly<
      Record<string, readonly { readonly HostIp?: string; readonly HostPort?: string }[] | null>
    > | null;
    readonly Networks?: Readonly<Record<string, { readonly IPAddress?: string } | null>> | null;
  };
}

/** The members read of `GET /containers/{id}/stats`. */
export interface DockerStats {
  readonly cpu_stats?: { readonly cpu_usage?: { readonly total_usage?: number } };
  readonly memory_stats?: {
    readonly usage?: number;
    readonly stats?: { readonly cache?: number; readonly inactive_file?: number };
  };
}

export function toContainerState(container: DockerContainer): ContainerState {
  const { State: state = {} } = container;
  const status = toStatus(state.Status);
  const startedAt = toMilliseconds(state.StartedAt);
  const finishedAt = toMilliseconds(state.FinishedAt);
  const createdAt = toMilliseconds(container.Created);
  const health = toHealth(state.Health?.Status);
  const probe = state.Health?.Log?.at(-1);
  const log = container.HostConfig?.LogConfig;
  return {
    id: container.Id,
    name: (container.Name ?? "").replace(/^\//, ""),
    labels: container.Config?.Labels ?? {},
    status,
    ...(status === "exited" ? { exitCode: state.ExitCode ?? 0 } : {}),
    oomKilled: state.OOMKilled ?? false,
    error: state.Error ?? "",
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined || status !== "exited" ? {} : { finishedAt }),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(health === undefined ? {} : { health }),
    ...(probe === undefined ? {} : { probe: { exitCode: probe.ExitCode ?? 0, output: probe.Output ?? "" } }),
    ...(log?.Type === undefined ? {} : { log: { driver: log.Type, options: log.Config ?? {} } }),
    ports: toPorts(container.NetworkSettings?.Ports ?? {}),
    addresses: Object.values(container.NetworkSettings?.Networks ?? {}).flatMap((network) =>
      network?.IPAddress === undefined || network.IPAddress === "" ? [] : [network.IPAddress],
    ),
    imageId: container.Image ?? "",
    ...(state.Pid === undefined || state.Pid === 0 ? {} : { pid: state.Pid }),
  };
}

/** Undefined for a container that does not run: Docker answers zeros then. */
export function toContainerStats(stats: DockerStats): ContainerStats | undefined {
  const cpuNanoseconds = stats.cpu_stats?.cpu_usage?.total_usage ?? 0;
  const usage = stats.memory_stats?.usage;
  if (usage === undefined) return undefined;
  // The page cache is the kernel's to take back: cgroup v1 calls it `cache`; v2 counts what it would drop first.
  const reclaimable = stats.memory_stats?.stats?.cache ?? stats.memory_stats?.stats?.inactive_file ?? 0;
  return { cpuNanoseconds, memoryBytes: Math.max(0, usage - reclaimable) };
}

function toStatus(status: string | undefined): ContainerState["status"] {
  switch (status) {
    case "running":
    case "paused":
    case "restarting":
      return "running";
    case "created":
      return "created";
    default:
      return "exited";
  }
}

function toHealth(status: string | undefined): ContainerState["health"] {
  return status === "starting" || status === "healthy" || status === "unhealthy" ? status : undefined;
}

/** Docker writes the year 1 for "never". */
function toMilliseconds(time: string | undefined): number | undefined {
  const at = Date.parse(time ?? "");
  return at > 0 ? at : undefined;
}

/** An IPv6 wildcard binding beside the same IPv4 one is left out, as ECS's agent does by default. */
function toPorts(
  ports: NonNullable<NonNullable<DockerContainer["NetworkSettings"]>["Ports"]>,
): readonly PublishedPort[] {
  const published = Object.entries(ports).flatMap(([key, bindings]): readonly PublishedPort[] => {
    const [port = "", protocol] = key.split("/");
    if (protocol !== "tcp" && protocol !== "udp") return [];
    return (bindings ?? []).map(({ HostIp: hostIp = "", HostPort: hostPort = "0" }) => ({
      containerPort: Number(port),
      hostPort: Number(hostPort),
      protocol,
      hostIp: hostIp === "" ? "0.0.0.0" : hostIp,
    }));
  });
  const sameOnIpv4 = (p: PublishedPort) =>
    published.some(
      (other) =>
        other.hostIp === "0.0.0.0" &&
        other.containerPort === p.containerPort &&
        other.hostPort === p.hostPort &&
        other.protocol === p.protocol,
    );
  return published.filter((p) => p.hostIp !== "::" || !sameOnIpv4(p));
}
