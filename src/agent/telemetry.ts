// What the agent measures: CPU and memory of running containers as percent of the host and MiB, container health, and whether
// the engine answers. One sample an interval; the engine is asked only while a telemetry session is open.
import type { TcsAgentMessages, TelemetryMetadata } from "#acs/messages.ts";
import type { TelemetrySession } from "#acs/client-telemetry-session.ts";
import type { Clock, Timer } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { Engine } from "./engine/port.ts";
import { definitionOf, type TaskContainer, type TaskState } from "./task/state.ts";

type TaskMetrics = NonNullable<TcsAgentMessages["PublishMetricsRequest"]["taskMetrics"]>[number];
type TaskHealth = TcsAgentMessages["PublishHealthRequest"]["tasks"][number];
type RuntimeStatus = TcsAgentMessages["PublishInstanceStatusRequest"]["statuses"][number]["status"];

const MIB = 1024 * 1024;
const NANOSECONDS_PER_MS = 1e6;
const TASKS_PER_MESSAGE = 10;

export interface TelemetryOptions {
  readonly engine: Pick<Engine, "stats" | "info">;
  readonly cpus: number;
  readonly cluster: string;
  readonly tasks: () => Iterable<{ readonly state: TaskState }>;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface Telemetry {
  /** Publishes over this session from now on: at once, and every interval. */
  attach(session: TelemetrySession, containerInstanceArn: string): void;
  detach(): void;
  /** Asks the engine whether it is well and publishes that (on each heartbeat of ACS). */
  checkRuntime(): Promise<void>;
  close(): void;
}

interface Sample {
  readonly at: number;
  readonly cpuNanoseconds: number;
}

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { engine, clock, random, logger } = options;
  let link: { readonly session: TelemetrySession; readonly containerInstance: string } | undefined;
  let timer: Timer | undefined;
  let samples = new Map<string, Sample>();
  let runtime: { readonly status: RuntimeStatus; readonly since: number } | undefined;

  const measure = async (seen: Map<string, Sample>, container: TaskContainer) => {
    const stats = await engine.stats(container.runtimeId ?? "");
    const restarts = { restartStatsSet: { restartCount: container.restartCount } };
    if (stats === undefined) return { containerName: container.name, ...restarts };
    const now = { at: clock.monotonic(), cpuNanoseconds: stats.cpuNanoseconds };
    const before = samples.get(container.runtimeId ?? "");
    seen.set(container.runtimeId ?? "", now);
    const elapsed = before === undefined ? 0 : (now.at - before.at) * NANOSECONDS_PER_MS * options.cpus;
    // CPU time that fell: the container was restarted between the samples.
    const used = before === undefined ? -1 : now.cpuNanoseconds - before.cpuNanoseconds;
    return {
      containerName: container.name,
      ...(elapsed > 0 && used >= 0 ? { cpuStatsSet: oneSample((100 * used) / elapsed) } : {}),
      memoryStatsSet: oneSample(stats.memoryBytes / MIB),
      ...restarts,
    };
  };

  const taskMetrics = async (): Promise<readonly TaskMetrics[]> => {
    const seen = new Map<string, Sample>();
    const found: TaskMetrics[] = [];
    for (const { state } of options.tasks()) {
      const running = state.containers.filter((c) => c.status === "RUNNING");
      if (running.length === 0) continue;
      const containerMetrics = await Promise.all(running.map((c) => measure(seen, c)));
      found.push({ ...identify(state), containerMetrics });
    }
    samples = seen;
    return found;
  };

  const publishMetrics = async () => {
    const metrics = await taskMetrics();
    inBatches(metrics, (taskMetrics, metadata) =>
      link?.session.send("PublishMetricsRequest", {
        metadata: { ...metadata, idle: metrics.length === 0 },
        timestamp: clock.now() / 1000,
        ...(taskMetrics.length === 0 ? {} : { taskMetrics }),
      }),
    );
    const health = healthOf(options.tasks());
    if (health.length === 0) return;
    inBatches(health, (tasks, metadata) =>
      link?.session.send("PublishHealthRequest", { metadata, timestamp: clock.now() / 1000, tasks }),
    );
  };

  const inBatches = <T>(
    items: readonly T[],
    send: (items: readonly T[], metadata: TelemetryMetadata) => void,
  ) => {
    if (link === undefined) return;
    const messageId = random.uuid();
    for (let from = 0; from === 0 || from < items.length; from += TASKS_PER_MESSAGE)
      send(items.slice(from, from + TASKS_PER_MESSAGE), {
        cluster: options.cluster,
        containerInstance: link.containerInstance,
        messageId,
        fin: from + TASKS_PER_MESSAGE >= items.length,
      });
  };

  const round = () => {
    publishMetrics()
      .catch((error: unknown) => logger.warn("Telemetry is incomplete", { reason: messageOf(error) }))
      .finally(() => {
        if (link !== undefined) timer = clock.after(options.intervalMs, round);
      });
  };
  const detach = () => {
    link = undefined;
    timer?.cancel();
  };

  return {
    attach(session, containerInstance) {
      detach();
      link = { session, containerInstance };
      round();
    },
    detach,
    async checkRuntime() {
      const status = await engine.info().then(
        () => "OK" as const,
        () => "IMPAIRED" as const,
      );
      if (runtime?.status !== status) runtime = { status, since: clock.now() };
      link?.session.send("PublishInstanceStatusRequest", {
        metadata: {
          cluster: options.cluster,
          containerInstance: link.containerInstance,
          requestId: random.uuid(),
        },
        timestamp: clock.now() / 1000,
        statuses: [
          {
            type: "ContainerRuntime",
            status,
            lastUpdated: clock.now() / 1000,
            lastStatusChange: runtime.since / 1000,
          },
        ],
      });
    },
    close: detach,
  };
}

const identify = ({ task }: TaskState) => ({
  taskArn: task.arn,
  taskDefinitionFamily: task.family,
  taskDefinitionVersion: task.version,
});

function healthOf(tasks: Iterable<{ readonly state: TaskState }>): readonly TaskHealth[] {
  const found: TaskHealth[] = [];
  for (const { state } of tasks) {
    const containers = state.containers
      .filter((c) => c.status === "RUNNING" && definitionOf(state, c.name).healthCheckType === "docker")
      .map((c) => ({
        containerName: c.name,
        healthStatus: c.health?.status ?? ("UNKNOWN" as const),
        ...(c.health === undefined ? {} : { statusSince: c.health.since / 1000 }),
      }));
    if (containers.length > 0) found.push({ ...identify(state), containers });
  }
  return found;
}

const oneSample = (value: number) => ({ min: value, max: value, sampleCount: 1, sum: value });
