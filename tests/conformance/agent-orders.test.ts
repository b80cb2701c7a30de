// What our agent makes of orders, under a control plane that holds it to the protocol.
import { beforeEach, describe, expect, it } from "vitest";
import { LABELS } from "#agent/container-spec.ts";
import { recordedFrame } from "./recording.ts";
import { recordedBody, useStrictAgent } from "./strict-agent.suite.ts";
import { addressed, CLUSTER_ARN, INSTANCE_ARN, order, taskArn, type StrictServer } from "./strict-server.ts";

const world = useStrictAgent();
let server: StrictServer;
beforeEach(() => void (server = world.server));
const { heard, payload, acked, statuses } = world;
const running = async (id: string) => {
  payload(1, order(id));
  await server.until(() => statuses(id).includes("RUNNING"));
};
const containersOf = (id: string) => server.engine.list(LABELS.taskArn, taskArn(id));
const recordedTask = (label: string) =>
  (JSON.parse(recordedFrame(label)) as { message: { tasks: object[] } }).message.tasks[0] ?? {};

describe("orders", () => {
  it("are acknowledged when they are taken, with an acknowledgement for each role, and the task's life is reported in order", async () => {
    const credentials = (id: string) => ({
      ...{ credentialsId: id, roleArn: `arn:aws:iam::000000000000:role/${id}`, accessKeyId: "AK" },
      ...{ secretAccessKey: "SK", sessionToken: "T", expiration: "2030-01-01T00:00:00Z" },
    });
    const sent = payload(
      1,
      order(
        "a1",
        { app: { "run-seconds": "60", "exit-code": "4" }, side: {} },
        {
          roleCredentials: credentials("task"),
          executionRoleCredentials: credentials("exec"),
        },
      ),
    );
    await server.until(() => statuses("a1").includes("RUNNING"));
    expect(heard("AckRequest")).toEqual([
      { cluster: CLUSTER_ARN, containerInstance: INSTANCE_ARN, messageId: sent.messageId },
    ]);
    expect(heard("IAMRoleCredentialsAckRequest")).toEqual(
      ["task", "exec"].map((credentialsId) => ({
        ...{ messageId: sent.messageId, credentialsId, expiration: "2030-01-01T00:00:00Z" },
      })),
    );
    await server.until(() => statuses("a1").includes("STOPPED"), 120);
    const reports = server.reports(taskArn("a1"));
    const rank = ["PENDING", "RUNNING", "STOPPED"];
    const ranks = reports.map((r) => rank.indexOf(r["status"] as string));
    expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
    for (const report of reports) expect(report["reason"]).toBe("");
    const ends = reports.flatMap((r) => (r["containers"] ?? []) as object[]);
    expect(ends).toContainEqual(
      expect.objectContaining({ containerName: "app", status: "STOPPED", exitCode: 4 }),
    );
    expect(ends.at(-1)).toMatchObject({ containerName: "side", status: "STOPPED" });
    expect(reports.at(-1)).toHaveProperty("executionStoppedAt");
  });

  it("that come again are acknowledged again and start nothing", async () => {
    await running("a1");
    const again = payload(2, order("a1", { app: {}, other: {} }));
    await server.until(() => acked(again.messageId));
    await server.clock.advance(60_000);
    expect(await containersOf("a1")).toHaveLength(1);
    expect(statuses("a1").filter((s) => s === "RUNNING")).toHaveLength(1);
  });

  it("to stop are taken before orders to run of the same payload, and a stopped task never runs again", async () => {
    await running("a1");
    const both = payload(2, order("a2"), { ...order("a1"), desiredStatus: "STOPPED", containers: [] });
    await server.until(() => statuses("a1").includes("STOPPED") && statuses("a2").includes("RUNNING"));
    expect(acked(both.messageId)).toBe(true);
    const late = payload(3, order("a1"));
    await server.until(() => acked(late.messageId));
    await server.clock.advance(60_000);
    expect(statuses("a1").at(-1)).toBe("STOPPED");
  });

  it.each(["messageId", "clusterArn", "containerInstanceArn"])(
    "without a %s are dropped without a word",
    async (name) => {
      const before = server.calls.length;
      const message = { ...addressed(), seqNum: 1, tasks: [order("a1")] };
      for (const value of ["", undefined])
        server.channel().send("PayloadMessage", { ...message, [name]: value });
      await server.clock.advance(30_000);
      expect(server.channel().heard).toEqual([]);
      expect(server.calls.length).toBe(before);
      expect(await containersOf("a1")).toEqual([]);
    },
  );

  it("that cannot be loaded are answered as the stock agent answers them, without acknowledgement; the valid one beside runs", async () => {
    const sent = payload(1, { ...order("dd"), volumes: [{ type: "host", host: {} }] }, order("a1"));
    await server.until(() => statuses("dd").includes("STOPPED") && statuses("a1").includes("RUNNING"));
    expect(server.reports(taskArn("dd"))).toEqual([recordedBody("rejected")]);
    await server.clock.advance(60_000);
    expect(acked(sent.messageId)).toBe(false);
  });

  it.each([
    ["no containers", { containers: undefined }],
    ["a container that is no structure", { containers: ["app"] }],
    ["no volumes", { volumes: undefined }],
    ["an unknown volume type", { volumes: [{ name: "v", type: "tape" }] }],
    ["an empty host volume", { volumes: [{ name: "v" }] }],
    ["a network mode that is none", { networkMode: "carrier-pigeon" }],
    ["overrides of more than the command", recordedTask("payloadOverrides")],
  ])("with %s are rejected for good", async (_, change: object) => {
    const sent = payload(1, { ...order("ae"), ...change, arn: taskArn("ae") });
    await server.until(() => statuses("ae").includes("STOPPED"));
    const [report] = server.reports(taskArn("ae"));
    expect(report).toMatchObject({
      reason: expect.stringMatching(/^UnrecogniedTaskError: Error loading task - ./) as string,
    });
    expect(report).not.toHaveProperty("containers");
    expect(acked(sent.messageId)).toBe(false);
    await server.clock.advance(300_000);
    expect(server.reports(taskArn("ae"))).toHaveLength(1);
  });

  it("as a control plane sent them to the stock agent are answered with what it said: a stop of an unknown task, a missing health check", async () => {
    server.channel().sendText(recordedFrame("payloadStopUnknown"));
    await server.until(() => statuses("ac").includes("STOPPED"));
    expect(server.reports(taskArn("ac"))).toEqual([recordedBody("unknownStop")]);
    server.channel().sendText(recordedFrame("payloadNoHealthcheck"));
    await server.until(() => statuses("ab").includes("STOPPED"));
    expect(server.reports(taskArn("ab")).at(-1)).toMatchObject({
      reason: "",
      containers: [
        {
          containerName: "x",
          status: "STOPPED",
          reason: expect.stringMatching(/^DockerClientConfigError: /) as string,
        },
      ],
    });
    const ids = ["payloadStopUnknown", "payloadNoHealthcheck"].map(
      (label) => (JSON.parse(recordedFrame(label)) as { message: { messageId: string } }).message.messageId,
    );
    for (const id of ids) expect(acked(id)).toBe(true);
  });

  it("that the host cannot fulfil are acknowledged, and the task fails by a reason without a name", async () => {
    const sent = payload(1, order("a5", { app: {} }, { memory: 32 }));
    await server.until(() => statuses("a5").includes("STOPPED"));
    expect(acked(sent.messageId)).toBe(true);
    expect(server.reports(taskArn("a5"))).toMatchObject([
      {
        reason: `resource cannot be initialized for task ${taskArn("a5")}: container memory limit(64) greater than task memory limit(32)`,
      },
    ]);
  });

  it("whose dependency fails end the dependant with 143", async () => {
    const task = order("bb", { dep: { "run-seconds": "1", "exit-code": "3" }, app: {} });
    const [dep, app] = task.containers;
    payload(1, {
      ...task,
      containers: [
        { ...dep, essential: false },
        { ...app, dependsOn: [{ containerName: "dep", condition: "SUCCESS" }] },
      ],
    });
    await server.until(() => statuses("bb").includes("STOPPED"));
    const containers = server.reports(taskArn("bb")).flatMap((r) => (r["containers"] ?? []) as object[]);
    expect(containers).toContainEqual(
      expect.objectContaining({
        containerName: "app",
        exitCode: 143,
        reason: expect.stringMatching(/^CannotStartContainerError: .*dependency/) as string,
      }),
    );
  });

  it("choose dynamic ports from 32768 upwards, and tell them with RUNNING", async () => {
    const task = order("a1");
    const ports = [
      { containerPort: 80, hostPort: 0, protocol: "tcp" },
      { containerPort: 53, hostPort: 0, protocol: "udp" },
    ];
    payload(1, { ...task, containers: [{ ...task.containers[0], portMappings: ports }] });
    await server.until(() => statuses("a1").includes("RUNNING"));
    const report = server.reports(taskArn("a1")).find((r) => r["status"] === "RUNNING");
    const bound = (report?.["containers"] as { networkBindings: { hostPort: number }[] }[])[0]
      ?.networkBindings;
    expect(bound).toMatchObject(
      ports.map(({ containerPort, protocol }) => ({ bindIP: "0.0.0.0", containerPort, protocol })),
    );
    for (const { hostPort } of bound ?? []) expect(hostPort).toBeGreaterThanOrEqual(32_768);
  });
});
