// One simulated container: its statuses over the clock's time. It sets a timer only for what will happen by itself.
import type { Clock, Timer } from "#lib/clock.ts";
import type { ContainerSpec, ContainerState, ContainerStats, PublishedPort } from "../port.ts";
import { simulatedLife, type SimulatedLife } from "./labels.ts";

const MIB = 1024 * 1024;
const NANOSECONDS_PER_MS = 1e6;
const KILLED = 137;

export interface SimContainer {
  readonly id: string;
  readonly spec: ContainerSpec;
  readonly life: SimulatedLife;
  /** Host ports it wants, taken while it runs. */
  readonly wantedPorts: readonly PublishedPort[];
  state(): ContainerState;
  stats(): ContainerStats | undefined;
  run(): void;
  /** Resolves when it has ended. */
  stop(timeoutMs: number): Promise<void>;
  discard(): void;
}

export function createSimContainer(
  id: string,
  spec: ContainerSpec,
  context: {
    readonly clock: Clock;
    readonly imageId: string;
    readonly cpus: number;
    readonly changed: (id: string) => void;
  },
): SimContainer {
  const { clock, imageId, cpus, changed } = context;
  const labels = labelsOf(spec);
  const life = simulatedLife(labels);
  const wantedPorts = portsOf(spec);
  const isChecked = spec.config["Healthcheck"] !== undefined;
  let status: ContainerState["status"] = "created";
  let startedAt: number | undefined;
  let finishedAt: number | undefined;
  let exitCode: number | undefined;
  let oomKilled = false;
  let health: ContainerState["health"];
  let timers: Timer[] = [];
  let waiting: (() => void)[] = [];

  const end = (code: number, outOfMemory = false) => {
    if (status !== "running") return;
    for (const timer of timers) timer.cancel();
    timers = [];
    status = "exited";
    // An end never has the time of its start: two runs within a millisecond must be told apart.
    finishedAt = Math.max(clock.now(), (startedAt ?? 0) + 1);
    exitCode = code;
    oomKilled = outOfMemory;
    for (const ended of waiting) ended();
    waiting = [];
    changed(id);
  };
  const later = (ms: number | undefined, then: () => void) => {
    if (ms !== undefined) timers.push(clock.after(ms, then));
  };
  const becomes = (next: NonNullable<ContainerState["health"]>) => {
    health = next;
    changed(id);
  };

  return {
    id,
    spec,
    life,
    wantedPorts,
    state: () => ({
      id,
      name: spec.name,
      labels,
      status,
      oomKilled,
      error: "",
      imageId,
      ports: status === "running" ? wantedPorts : [],
      ...(status === "exited" && exitCode !== undefined ? { exitCode } : {}),
      ...(startedAt === undefined ? {} : { startedAt }),
      ...(status === "exited" && finishedAt !== undefined ? { finishedAt } : {}),
      ...(isChecked && health !== undefined ? { health } : {}),
    }),
    stats() {
      if (status !== "running" || startedAt === undefined) return undefined;
      const ran = clock.now() - startedAt;
      return {
        cpuNanoseconds: Math.round((ran * NANOSECONDS_PER_MS * cpus * life.cpuPercent) / 100),
        memoryBytes: life.memoryMiB * MIB,
      };
    },
    run() {
      if (status === "running") return;
      status = "running";
      startedAt = Math.max(clock.now(), (finishedAt ?? 0) + 1);
      health = isChecked ? "starting" : undefined;
      later(life.runMs, () => end(life.exitCode, life.outOfMemory));
      const verdict = life.health;
      if (isChecked && verdict !== "starting") later(life.healthMs, () => becomes(verdict));
      if (isChecked) later(life.unhealthyAfterMs, () => becomes("unhealthy"));
      changed(id);
    },
    stop(timeoutMs) {
      if (status !== "running") return Promise.resolve();
      const ended = new Promise<void>((resolve) => waiting.push(resolve));
      if (life.stopMs === 0) end(life.stopExitCode);
      else if (life.stopMs < timeoutMs) later(life.stopMs, () => end(life.stopExitCode));
      else later(timeoutMs, () => end(KILLED));
      return ended;
    },
    discard: () => end(KILLED),
  };
}

export function labelsOf(spec: ContainerSpec): Readonly<Record<string, string>> {
  return (spec.config["Labels"] ?? {}) as Readonly<Record<string, string>>;
}

function portsOf(spec: ContainerSpec): readonly PublishedPort[] {
  const bindings = (spec.hostConfig["PortBindings"] ?? {}) as Readonly<
    Record<string, readonly { readonly HostPort: string; readonly HostIp?: string }[]>
  >;
  return Object.entries(bindings).flatMap(([key, list]) => {
    const [port, protocol] = key.split("/");
    return list.map((binding) => ({
      containerPort: Number(port),
      hostPort: Number(binding.HostPort),
      protocol: protocol === "udp" ? ("udp" as const) : ("tcp" as const),
      hostIp: binding.HostIp || "0.0.0.0",
    }));
  });
}
