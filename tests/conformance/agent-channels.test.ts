// The channels of our agent and what it says over them unasked, on a test clock, held to the protocol.
import { beforeEach, describe, expect, it } from "vitest";
import { CallFailed } from "#agent/control-plane.ts";
import { recordedFrame } from "./recording.ts";
import { expectAbout, gaps, useStrictAgent } from "./strict-agent.suite.ts";
import { inactive, INSTANCE_ARN, order, taskArn, type StrictServer } from "./strict-server.ts";

const world = useStrictAgent();
const MINUTE = 60_000;
let server: StrictServer;
beforeEach(() => void (server = world.server));
const { heard, payload, statuses } = world;

describe("the channels", () => {
  it("say of themselves what the stock agent says", () => {
    const facts = {
      containerInstanceArn: INSTANCE_ARN,
      cluster: "default",
      agentVersion: "1.105.1",
      agentHash: "a8b3e7d3",
      dockerVersion: "0.0.0-sim",
    };
    expect(server.channel("acs").query).toEqual({ channel: "acs", ...facts, sendCredentials: true });
    expect(server.channel("tcs").query).toEqual({ channel: "tcs", ...facts, sendCredentials: false });
  });

  it("of a server that is silent end within one to two minutes and are opened anew; any message of ACS counts", async () => {
    const first = server.channel();
    for (let i = 0; i < 5; i++) {
      await server.clock.advance(55_000);
      first.sendText(recordedFrame("bogus"));
    }
    expect(first.closed).toBeUndefined();
    const silentSince = server.clock.monotonic();
    await server.until(() => first.closed !== undefined, 130);
    const silence = (first.closed?.at ?? 0) - silentSince;
    expect(silence).toBeGreaterThanOrEqual(MINUTE);
    expect(silence).toBeLessThanOrEqual(2 * MINUTE + 1000);
    await server.until(() => server.acs.length > 1, 5);
  });

  it("of telemetry live by acknowledgements and heartbeats alone", async () => {
    const first = server.channel("tcs");
    for (const type of [
      "AckPublishMetric",
      "HeartbeatMessage",
      "AckPublishHealth",
      "AckPublishInstanceStatus",
    ]) {
      first.send(type, { message: "OK", healthy: true });
      await server.clock.advance(55_000);
    }
    expect(first.closed).toBeUndefined();
    first.send("AckPublishMetric", { message: "OK" });
    for (let i = 0; i < 12 && first.closed === undefined; i++) {
      await server.clock.advance(11_000);
      first.send("Bogus", {});
    }
    expect(first.closed).toBeDefined();
  });

  it("are closed by their agent after 30 to 35 minutes, with 1000, and opened at once", async () => {
    const first = server.channel();
    const beat = async () => {
      for (const channel of [server.channel("acs"), server.channel("tcs")])
        channel.send("HeartbeatMessage", { healthy: true, messageId: "h" });
      await server.clock.advance(30_000);
    };
    for (let i = 0; i < 72 && first.closed === undefined; i++) await beat();
    expect(first.closed).toMatchObject({ code: 1000, reason: "ConnectionExpired: Reconnect to continue" });
    const age = (first.closed?.at ?? 0) - first.openedAt;
    expect(age).toBeGreaterThanOrEqual(30 * MINUTE);
    expect(age).toBeLessThanOrEqual(35 * MINUTE);
    expect(server.acs[1]?.openedAt).toBe(first.closed?.at);
  });

  it.each([1000, 1001, 1006, 1011])("that end with %d are opened again at once", async (code) => {
    const first = server.channel();
    await server.clock.advance(10_000);
    first.close(code);
    await server.clock.advance(0);
    await server.until(() => server.acs.length > 1, 1);
    expect((server.acs[1]?.openedAt ?? Infinity) - (first.closed?.at ?? 0)).toBeLessThanOrEqual(50);
  });

  it.each([1008, 1012])("that end with %d are opened again after a quarter of a second", async (code) => {
    const first = server.channel();
    await server.clock.advance(10_000);
    first.close(code);
    await server.until(() => server.acs.length > 1, 2);
    expectAbout((server.acs[1]?.openedAt ?? 0) - (first.closed?.at ?? 0), 250);
  });

  it("that cannot be opened are tried with growing delays: ACS from 250 ms to 2 minutes, TCS from 1 second to 1 minute", async () => {
    server.refuse = () => new CallFailed("ServerException", "not now");
    server.attempts.acs.length = server.attempts.tcs.length = 0;
    for (const of of ["acs", "tcs"] as const) server.channel(of).close(4000);
    await server.until(() => server.attempts.acs.length > 20 && server.attempts.tcs.length > 10, 3600);
    const acs = gaps(server.attempts.acs);
    const tcs = gaps(server.attempts.tcs);
    // The first attempt itself came after the first delay.
    for (let i = 0; i < 19; i++) expectAbout(acs[i], Math.min(2 * MINUTE, 250 * 1.5 ** (i + 1)));
    for (let i = 0; i < 9; i++) expectAbout(tcs[i], Math.min(MINUTE, 1000 * 2 ** (i + 1)));
  });

  it("of an inactive instance wait an hour, and telemetry ends with them", async () => {
    server.refuse = (of) => (of === "acs" ? inactive() : undefined);
    const telemetry = server.channel("tcs");
    server.attempts.acs.length = 0;
    server.channel().close(1000);
    await server.until(() => server.attempts.acs.length > 0 && telemetry.closed !== undefined, 5);
    const since = server.attempts.acs[0] ?? 0;
    await server.clock.advance(59 * MINUTE);
    expect(server.attempts.acs).toHaveLength(1);
    server.refuse = () => undefined;
    await server.until(() => server.attempts.acs.length > 1, 120);
    expect((server.attempts.acs[1] ?? 0) - since).toBe(60 * MINUTE);
  });
});

describe("telemetry", () => {
  it("is idle without tasks, comes at once and every 20 seconds, and tells the runtime's health on heartbeats", async () => {
    await server.clock.advance(41_000);
    const metrics = heard("PublishMetricsRequest", "tcs");
    expect(metrics).toHaveLength(3);
    for (const m of metrics)
      expect(m).toMatchObject({ metadata: { idle: true, fin: true, cluster: "default" } });
    expect(metrics[0]).not.toHaveProperty("taskMetrics");
    expect(heard("PublishHealthRequest", "tcs")).toEqual([]);
    server.channel().send("HeartbeatMessage", { healthy: true, messageId: "h1" });
    await server.until(() => heard("PublishInstanceStatusRequest", "tcs").length > 0);
    expect(heard("PublishInstanceStatusRequest", "tcs")[0]).toMatchObject({
      statuses: [{ type: "ContainerRuntime", status: "OK" }],
    });
  });

  it("tells metrics of running containers, and health of those with a check alone", async () => {
    const task = order("a1", { web: { health: "healthy" }, side: {} });
    const [web, side] = task.containers;
    const config = JSON.stringify({
      ...(JSON.parse(web?.dockerConfig.config ?? "{}") as object),
      Healthcheck: { Test: ["CMD", "true"], Interval: 2_000_000_000, Timeout: 2_000_000_000, Retries: 2 },
    });
    payload(1, {
      ...task,
      containers: [
        { ...web, healthCheckType: "docker", dockerConfig: { ...web?.dockerConfig, config } },
        side,
      ],
    });
    const healthy = () =>
      JSON.stringify(heard("PublishHealthRequest", "tcs").at(-1) ?? {}).includes('"HEALTHY"');
    await server.until(healthy, 120);
    expect(heard("PublishHealthRequest", "tcs").at(-1)).toMatchObject({
      metadata: { fin: true },
      tasks: [{ taskArn: taskArn("a1"), containers: [{ containerName: "web", healthStatus: "HEALTHY" }] }],
    });
    expect(heard("PublishMetricsRequest", "tcs").at(-1)).toMatchObject({
      metadata: { idle: false, fin: true },
      taskMetrics: [
        {
          taskArn: taskArn("a1"),
          taskDefinitionFamily: "fam",
          taskDefinitionVersion: "1",
          containerMetrics: [
            { containerName: "web", memoryStatsSet: { sampleCount: 1 } },
            { containerName: "side" },
          ],
        },
      ],
    });
  });

  it("of more than ten tasks comes in batches of one message id, the last of which says so", async () => {
    payload(1, ...Array.from({ length: 12 }, (_, i) => order(`c${i.toString(16)}`)));
    await server.until(
      () => heard("PublishMetricsRequest", "tcs").some((m) => m["taskMetrics"] !== undefined),
      120,
    );
    await server.clock.advance(20_000);
    const batch = heard("PublishMetricsRequest", "tcs").slice(-2) as {
      metadata: { messageId: string; fin: boolean };
      taskMetrics: unknown[];
    }[];
    expect(batch.map((m) => [m.taskMetrics.length, m.metadata.fin])).toEqual([
      [10, false],
      [2, true],
    ]);
    expect(batch[0]?.metadata.messageId).toBe(batch[1]?.metadata.messageId);
  });
});

describe("reports", () => {
  it("that fail hold back the later ones of the same task only, and are tried without end", async () => {
    let down = true;
    server.fail = (operation, input) =>
      down && operation === "SubmitTaskStateChange" && input["task"] === taskArn("a1")
        ? new CallFailed("ServerException", "not now")
        : undefined;
    payload(1, order("a1", { app: { "run-seconds": "5" } }), order("a2"));
    await server.until(() => statuses("a2").includes("RUNNING"));
    await server.clock.advance(10 * MINUTE);
    const times = server.calls.filter((c) => c.input["task"] === taskArn("a1")).map((c) => c.at);
    const waits = gaps(times);
    expectAbout(waits[0], 1000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(36_000);
    expect(times.length).toBeGreaterThan(20);
    down = false;
    server.calls.length = 0;
    await server.until(() => statuses("a1").includes("STOPPED"), 120);
    expect(statuses("a1")).toEqual([...statuses("a1")].sort());
  });

  it("that are refused as invalid are dropped", async () => {
    server.fail = (operation) =>
      operation === "SubmitTaskStateChange" ? new CallFailed("InvalidParameterException", "no") : undefined;
    payload(1, { ...order("dd"), volumes: [{ type: "host", host: {} }] });
    await server.until(() => statuses("dd").length > 0);
    await server.clock.advance(10 * MINUTE);
    expect(statuses("dd")).toEqual(["STOPPED"]);
  });
});
