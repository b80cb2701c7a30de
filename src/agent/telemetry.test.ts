import { beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { EngineError, type ContainerStats } from "./engine/port.ts";
import { Walk, wireContainer } from "./task/fixture.suite.ts";
import { createTelemetry, type Telemetry } from "./telemetry.ts";

type Message = { readonly type: string; readonly message: Readonly<Record<string, unknown>> };

let clock: TestClock;
let sent: Message[];
let walks: Walk[];
let stats: (id: string) => ContainerStats | undefined;
let engineFails: boolean;
let telemetry: Telemetry;

const session = {
  send: (type: string, message: unknown) => void sent.push({ type, message } as Message),
  close: () => {},
};
const of = (type: string) => sent.filter((m) => m.type === type).map((m) => m.message);

beforeEach(() => {
  [clock, sent, walks, engineFails] = [new TestClock(), [], [], false];
  stats = () => ({ cpuNanoseconds: 0, memoryBytes: 0 });
  telemetry = createTelemetry({
    engine: {
      stats: async (id) => stats(id),
      async info() {
        if (engineFails) throw new EngineError("unreachable", "away");
        return { version: "1.0", cpus: 2, memoryBytes: 1, logDrivers: [] };
      },
    },
    cpus: 2,
    cluster: "main",
    tasks: () => walks,
    intervalMs: 20_000,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
  });
});

const addTask = (arn: string, more: Parameters<typeof wireContainer>[1] = {}) => {
  const walk = new Walk([wireContainer("web", more)], { arn });
  walk.begin();
  walk.running("web", { id: `id-${arn}`, health: "healthy" });
  walks.push(walk);
  return walk;
};
const begin = async () => {
  telemetry.attach(session, "instance");
  await clock.advance(0);
};

describe("telemetry", () => {
  it("says that an idle host is idle, every twenty seconds, and that it has no health to tell", async () => {
    await begin();
    await clock.advance(40_000);
    expect(of("PublishMetricsRequest")).toHaveLength(3);
    expect(of("PublishMetricsRequest")[0]).toMatchObject({
      metadata: { cluster: "main", containerInstance: "instance", idle: true, fin: true },
    });
    expect(of("PublishMetricsRequest")[0]).not.toHaveProperty("taskMetrics");
    expect(of("PublishHealthRequest")).toEqual([]);
  });

  it("measures CPU as percent of the whole host and memory in MiB", async () => {
    addTask("t1");
    stats = () => ({ cpuNanoseconds: clock.monotonic() * 1e6, memoryBytes: 64 * 1024 * 1024 });
    await begin();
    await clock.advance(20_000);
    const [first, second] = of("PublishMetricsRequest").map(
      (m) => (m["taskMetrics"] as { containerMetrics: unknown[] }[])[0]?.containerMetrics[0],
    );
    // Nothing to compare with at first.
    expect(first).not.toHaveProperty("cpuStatsSet");
    expect(second).toEqual({
      containerName: "web",
      cpuStatsSet: { min: 50, max: 50, sampleCount: 1, sum: 50 },
      memoryStatsSet: { min: 64, max: 64, sampleCount: 1, sum: 64 },
      restartStatsSet: { restartCount: 0 },
    });
  });

  it("tells no CPU when a counter fell, as after a restart", async () => {
    addTask("t1");
    stats = () => ({ cpuNanoseconds: 1e9 - clock.monotonic(), memoryBytes: 0 });
    await begin();
    await clock.advance(20_000);
    expect(JSON.stringify(of("PublishMetricsRequest"))).not.toContain("cpuStatsSet");
  });

  it("sends at most ten tasks a message, the last one marked", async () => {
    for (let i = 0; i < 23; i++) addTask(`t${i}`);
    await begin();
    const messages = of("PublishMetricsRequest") as {
      metadata: { messageId: string; fin: boolean };
      taskMetrics: unknown[];
    }[];
    expect(messages.map((m) => m.taskMetrics.length)).toEqual([10, 10, 3]);
    expect(messages.map((m) => m.metadata.fin)).toEqual([false, false, true]);
    expect(new Set(messages.map((m) => m.metadata.messageId)).size).toBe(1);
  });

  it("tells the health of containers that have a check", async () => {
    addTask("plain");
    addTask("checked", { healthCheckType: "docker" });
    await begin();
    expect(of("PublishHealthRequest")).toMatchObject([
      {
        metadata: { fin: true },
        tasks: [{ taskArn: "checked", containers: [{ containerName: "web", healthStatus: "HEALTHY" }] }],
      },
    ]);
  });

  it("goes on when the engine does not answer for once", async () => {
    addTask("t1");
    stats = () => {
      throw new EngineError("unreachable", "away");
    };
    await begin();
    expect(sent).toEqual([]);
    stats = () => ({ cpuNanoseconds: 0, memoryBytes: 0 });
    await clock.advance(20_000);
    expect(of("PublishMetricsRequest")).toHaveLength(1);
  });

  it("tells how the engine is, and since when", async () => {
    await begin();
    const at = clock.now() / 1000;
    await telemetry.checkRuntime();
    await clock.advance(30_000);
    await telemetry.checkRuntime();
    engineFails = true;
    await telemetry.checkRuntime();
    const statuses = of("PublishInstanceStatusRequest").map((m) => (m["statuses"] as unknown[])[0]);
    expect(statuses).toMatchObject([
      { type: "ContainerRuntime", status: "OK", lastStatusChange: at, lastUpdated: at },
      { status: "OK", lastStatusChange: at, lastUpdated: at + 30 },
      { status: "IMPAIRED", lastStatusChange: at + 30 },
    ]);
  });

  it("asks nothing and sends nothing without a session", async () => {
    addTask("t1");
    let asked = 0;
    stats = () => void asked++;
    await begin();
    telemetry.detach();
    const before = sent.length;
    await clock.advance(120_000);
    expect([asked, sent.length]).toEqual([1, before]);
    expect(clock.pendingTimers).toBe(0);
  });
});
