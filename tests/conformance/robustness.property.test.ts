// Whatever agents send in whatever order: states never move back, and the server lives.
import { CreateClusterCommand, ListContainerInstancesCommand } from "@aws-sdk/client-ecs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TASK_STATUSES, type TaskRow } from "#domain/ecs/task.ts";
import {
  activateTask,
  reportTask,
  reportTaskHealth,
  stopTask,
  taskDrained,
  type TaskReport,
} from "#domain/ecs/task-transitions.ts";
import { eventually } from "#tests/support/estiba.ts";
import { startSimulatedServer } from "#tests/support/simulated-server.ts";
import { createRecordedAgent } from "./recorded-agent.ts";
import { recordedCall } from "./recording.ts";

const RANK = { PENDING: 0, RUNNING: 1, STOPPED: 2 } as const;
const names = ["app", "side", "unknown"];
const status = fc.constantFrom("PENDING" as const, "RUNNING" as const, "STOPPED" as const);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const time = fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 });

/** A record without the members that have no value, as a decoded report is. */
const sparse = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc
    .record(model)
    .map((r) =>
      Object.fromEntries(Object.entries(r).filter(([, v]) => v !== undefined)),
    ) as fc.Arbitrary<object>;

const container = sparse({
  name: fc.constantFrom(...names),
  status: maybe(status),
  exitCode: maybe(fc.constantFrom(0, 1, 137)),
  reason: maybe(fc.constant("OutOfMemoryError: Container killed due to memory usage")),
  runtimeId: maybe(fc.constantFrom("a", "b")),
  imageDigest: maybe(fc.constant("sha256:0")),
});
const report = sparse({
  status: maybe(status),
  reason: maybe(fc.constant("resource cannot be initialized")),
  pullStartedAt: maybe(time),
  pullStoppedAt: maybe(time),
  executionStoppedAt: maybe(time),
  containers: fc.array(container, { maxLength: 4 }),
}) as fc.Arbitrary<TaskReport>;

/** Agents tell the status of each container that they name. */
const whole = report.filter((r) => r.containers.every((c) => c.status !== undefined));

type Step = (task: TaskRow, now: number) => TaskRow;
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: report.map(
      (r): Step =>
        (task, now) =>
          reportTask(task, r, now),
    ),
  },
  fc.constant<Step>((task, now) => stopTask(task, { code: "UserInitiated", reason: "asked" }, now)),
  fc.constant<Step>((task, now) => activateTask(task, ["target"], now)),
  fc.constant<Step>((task) => taskDrained(task)),
  fc.constantFrom("HEALTHY" as const, "UNHEALTHY" as const).map(
    (health): Step =>
      (task) =>
        reportTaskHealth(task, { app: health }),
  ),
);

const task = (loadBalancers: number): TaskRow => ({
  ...{ arn: "arn:t", id: "t", region: "us-east-1", clusterName: "c", clusterArn: "arn:c" },
  ...{ taskDefinitionArn: "arn:d", family: "d", revision: 1, networkMode: "bridge", launchType: "EC2" },
  ...{ group: "family:d", lastStatus: "PENDING", desiredStatus: "RUNNING", version: 1, createdAt: 0 },
  resources: { cpu: 0, memoryMiB: 0, tcpPorts: [], udpPorts: [] },
  containers: ["app", "side"].map((name) => ({
    ...{ arn: `arn:${name}`, name, image: "i", essential: name === "app", hasHealthCheck: name === "app" },
    ...{ cpu: 0, lastStatus: "PENDING", hasRun: false, healthStatus: "UNKNOWN", networkBindings: [] },
  })),
  loadBalancers: Array.from({ length: loadBalancers }, () => ({
    ...{ targetGroupArn: "arn:g", containerName: "app", containerPort: 80 },
  })),
  ...{ overrides: {}, healthStatus: "UNKNOWN", enableExecuteCommand: false, tags: {} },
});

describe("reports in whatever order, duplicated and late", () => {
  it("never move a task or a container back, never take back a cause or an exit code, and change nothing after the end", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), fc.nat({ max: 1 }), (steps, loadBalancers) => {
        let before = task(loadBalancers);
        steps.forEach((take, i) => {
          const after = take(before, 1_700_000_000_000 + i);
          expect(TASK_STATUSES.indexOf(after.lastStatus)).toBeGreaterThanOrEqual(
            TASK_STATUSES.indexOf(before.lastStatus),
          );
          if (before.desiredStatus === "STOPPED") expect(after.desiredStatus).toBe("STOPPED");
          if (before.lastStatus === "STOPPED") expect(after).toEqual(before);
          expect(after.version - before.version).toBe(after === before ? 0 : 1);
          for (const name of [
            "stopCode",
            "stoppedReason",
            "startedAt",
            "pullStartedAt",
            "pullStoppedAt",
          ] as const)
            if (before[name] !== undefined) expect(after[name]).toBe(before[name]);
          after.containers.forEach((c, n) => {
            const was = before.containers[n];
            expect(RANK[c.lastStatus]).toBeGreaterThanOrEqual(RANK[was?.lastStatus ?? "PENDING"]);
            if (was?.hasRun === true) expect(c.hasRun).toBe(true);
            if (was?.exitCode !== undefined) expect(c.exitCode).toBeDefined();
          });
          if (after.lastStatus === "STOPPED") expect(after.stopCode).toBeDefined();
          before = after;
        });
      }),
      { numRuns: 1000 },
    );
  });

  it("the second of two equal ones changes nothing", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 10 }), whole, (steps, again) => {
        const before = steps.reduce((row, take, i) => take(row, i), task(1));
        const once = reportTask(before, again, 1_700_000_000_000);
        const twice = reportTask(once, again, 1_700_000_000_001);
        expect({ ...twice, version: 0 }).toEqual({ ...once, version: 0 });
      }),
      { numRuns: 500 },
    );
  });
});

it(
  "whatever frames come over both channels, and whatever calls, the server answers the next good one",
  { timeout: 60_000 },
  async () => {
    const server = await startSimulatedServer();
    try {
      await server.clients.ecs.send(new CreateClusterCommand({ clusterName: "default" }));
      const agent = createRecordedAgent(server.endpoint, server.connection.credentials);
      await agent.register("register");
      const [tcs, acs] = [await agent.open("tcsUpgrade"), await agent.open("acsUpgrade")];
      await acs.next("TaskManifestMessage");
      const types = [
        ...["AckRequest", "NackRequest", "HeartbeatAckRequest", "IAMRoleCredentialsAckRequest"],
        ...["TaskStopVerificationMessage", "PollRequest", "PublishMetricsRequest", "PublishHealthRequest"],
        ...["PublishInstanceStatusRequest", "StartTelemetrySessionRequest", "__proto__", "constructor"],
      ];
      const good = ["heartbeatAck", "ack", "nack", "stopVerification"].map((label) => agent.frame(label));
      const told = ["metricsIdle", "statusOk", "health", "metrics"].map((label) => agent.telemetry(label));
      const cut = fc
        .tuple(fc.constantFrom(...good, ...told), fc.nat({ max: 400 }))
        .map(([frame, at]) => frame.slice(0, at));
      const swapped = fc
        .tuple(
          fc.constantFrom(...good, ...told),
          fc.constantFrom("[", "{", '"', ":", "1", "arn"),
          fc.string(),
        )
        .map(([frame, from, to]) => frame.replaceAll(from, to));
      const frame = fc.oneof(
        ...[fc.string(), fc.json(), cut, swapped],
        fc
          .tuple(fc.constantFrom(...types), fc.object({ maxDepth: 3 }))
          .map(([type, message]) => JSON.stringify({ type, message })),
      );
      for (const sent of fc.sample(frame, { numRuns: 400, seed: 5 })) {
        acs.send(sent);
        tcs.send(sent);
      }
      const { body } = recordedCall("twice");
      const bodies = fc.sample(
        fc.oneof(
          fc.json(),
          fc.nat({ max: body.length }).map((at) => body.slice(0, at)),
          fc.constant(body),
        ),
        { numRuns: 40, seed: 6 },
      );
      for (const sent of bodies)
        expect([200, 400]).toContain((await agent.call("SubmitTaskStateChange", sent)).status);
      const before = tcs.heard.length;
      tcs.send(agent.telemetry("statusOk"));
      await tcs.next("AckPublishInstanceStatus", before);
      expect([acs.closed(), tcs.closed()]).toEqual([undefined, undefined]);
      const listed = await eventually("an answer", () =>
        server.clients.ecs.send(new ListContainerInstancesCommand({ cluster: "default" })),
      );
      expect(listed.containerInstanceArns).toEqual([agent.instanceArn()]);
      expect(server.log.filter((line) => line.level === "error")).toEqual([]);
    } finally {
      await server.close();
    }
  },
);
