// The fleet over memory connections: what an agent hears, and what becomes of what it reports.
import { beforeEach, describe, expect, it } from "vitest";
import { decodeFromServer, encodeEnvelope } from "#acs/codec.ts";
import { memoryDuplexPair, type Duplex } from "#acs/duplex.ts";
import type { AcsServerMessages, Envelope } from "#acs/messages.ts";
import type { AgentQuery } from "#acs/upgrade-query.ts";
import { createPlacement } from "#controllers/placement/placement.ts";
import {
  addDefinition,
  addInstances,
  addRole,
  allTasks,
  changeTask,
  CLUSTER,
  createWorld,
  instanceArn,
  quiet,
  REGION,
  runTaskRequest,
  type World,
} from "#controllers/world.suite.ts";
import { containerInstanceKey, deregisterInstance } from "#domain/ecs/container-instance.ts";
import { stopTask } from "#domain/ecs/task-transitions.ts";
import { containerInstances } from "#store/tables/ecs.ts";
import { createFleet, type Fleet } from "./fleet.ts";

const GRACE_MS = 10_000;
const query = (channel: "acs" | "tcs", id = "c0"): AgentQuery => ({
  channel,
  containerInstanceArn: instanceArn(id),
  cluster: CLUSTER,
  agentVersion: "1.0.0",
  sendCredentials: true,
});
const instance = (world: World, id = "c0") =>
  world.store.get(containerInstances, containerInstanceKey(REGION, CLUSTER, id));

type Heard = Envelope<AcsServerMessages>;
interface TestAgent {
  readonly heard: readonly Heard[];
  readonly duplex: Duplex;
  readonly closed: () => string | undefined;
}
function connect(fleet: Fleet, id = "c0", endpoint?: string): TestAgent {
  const [ours, theirs] = memoryDuplexPair();
  const heard: Heard[] = [];
  let closed: string | undefined;
  ours.onMessage((frame) => {
    const decoded = decodeFromServer(frame);
    if (decoded instanceof Error || "unknown" in decoded) throw new Error(`not understood: ${frame}`);
    heard.push(decoded);
  });
  ours.onClose((_code, reason) => void (closed = reason));
  fleet.acceptAcs(theirs, query("acs", id), endpoint);
  return { heard, duplex: ours, closed: () => closed };
}
const messages = <T extends Heard["type"]>(agent: TestAgent, type: T) =>
  agent.heard.filter((m) => m.type === type).map((m) => m.message as AcsServerMessages[T]);
const orders = (agent: TestAgent) =>
  messages(agent, "PayloadMessage").flatMap((m) => m.tasks.map((t) => [t.desiredStatus, t.arn]));

let world: World;
let fleet: Fleet;
let place: (more?: Parameters<typeof runTaskRequest>[0]) => Promise<string>;

beforeEach(async () => {
  world = await createWorld();
  await addInstances(world, ["us-east-1a", "us-east-1a"]);
  await addDefinition(world, 1, { taskRoleArn: await addRole(world) });
  fleet = createFleet({
    ...world.base,
    issuer: {
      credentialsId: (taskArn, type) => `${type}-${taskArn.slice(-4)}`,
      forTask: ({ roleArn }) => ({
        accessKeyId: "ASIA",
        secretAccessKey: "secret",
        sessionToken: roleArn,
        expiration: world.clock.now() + 1000,
      }),
      forInstance: () => {
        throw new Error("not asked here");
      },
    },
    graceMs: GRACE_MS,
  });
  await fleet.start();
  const placement = createPlacement(world.base);
  await placement.start();
  place = async (more = {}) => {
    const { tasks } = await placement.place(
      runTaskRequest({ containerInstanceArns: [instanceArn("c0")], ...more }),
    );
    await quiet();
    return tasks[0]?.arn ?? "";
  };
});

describe("an agent that connects", () => {
  it("hears the manifest, then what it shall run, with the task role's credentials", async () => {
    const arn = await place();
    const agent = connect(fleet);
    await quiet();
    expect(agent.heard.map((m) => m.type)).toEqual([
      "TaskManifestMessage",
      "PayloadMessage",
      "IAMRoleCredentialsMessage",
    ]);
    expect(messages(agent, "PayloadMessage")[0]?.tasks[0]).toMatchObject({
      arn,
      networkMode: "bridge",
      containers: [{ name: "app", memory: 128, portMappings: [{ containerPort: 80, hostPort: 0 }] }],
      roleCredentials: {
        credentialsId: `TaskApplication-${arn.slice(-4)}`,
        roleArn: expect.stringMatching(/role\/app$/) as string,
      },
    });
    expect(messages(agent, "TaskManifestMessage")[0]?.tasks).toMatchObject([
      { taskArn: arn, desiredStatus: "RUNNING" },
    ]);
  });

  it("hears the URL by which it came, for the SDKs in its containers, unless the task sets one", async () => {
    const environment = [{ name: "AWS_ENDPOINT_URL", value: "http://elsewhere" }];
    await place();
    await place({ overrides: { containerOverrides: [{ name: "app", environment }] } });
    const agent = connect(fleet, "c0", "http://10.64.0.2:4566");
    await quiet();
    const heard = messages(agent, "PayloadMessage").flatMap((m) => m.tasks);
    expect(heard.map((t) => t.containers[0]?.environment["AWS_ENDPOINT_URL"]).sort()).toEqual([
      "http://10.64.0.2:4566",
      "http://elsewhere",
    ]);
  });

  it("is shown as connected with its versions, and numbers rise from payload to payload", async () => {
    await world.store.transact((tx) => {
      const row = tx.get(containerInstances, containerInstanceKey(REGION, CLUSTER, "c0"));
      if (row !== undefined)
        tx.put(containerInstances, containerInstanceKey(REGION, CLUSTER, "c0"), {
          ...row,
          agentConnected: false,
        });
    });
    const agent = connect(fleet);
    await quiet();
    expect(instance(world)).toMatchObject({ agentConnected: true, versionInfo: { agentVersion: "1.0.0" } });
    const c1 = { containerInstanceArns: [instanceArn("c0")] };
    await place(c1);
    await place(c1);
    const numbers = [
      ...messages(agent, "TaskManifestMessage").map((m) => m.timeline),
      ...messages(agent, "PayloadMessage").map((m) => m.seqNum),
    ];
    expect(new Set(numbers).size).toBe(3);
    expect([...numbers].sort((a, b) => a - b)).toEqual(numbers);
  });

  it("replaces its former connection, whose loss then means nothing", async () => {
    const first = connect(fleet);
    connect(fleet);
    await quiet();
    expect(first.closed()).toBe("Replaced by a newer connection");
    await world.clock.advance(GRACE_MS * 2);
    expect(instance(world)?.agentConnected).toBe(true);
  });

  it("loses both channels when its instance is deregistered", async () => {
    const agent = connect(fleet);
    const other = connect(fleet, "c1");
    const [ours, theirs] = memoryDuplexPair();
    const ends: number[] = [];
    ours.onClose((code) => void ends.push(code));
    fleet.acceptTcs(theirs, query("tcs"));
    const key = containerInstanceKey(REGION, CLUSTER, "c0");
    await world.store.transact((tx) => {
      const row = tx.get(containerInstances, key);
      if (row !== undefined) tx.put(containerInstances, key, deregisterInstance(row, 1));
    });
    await quiet();
    expect(agent.closed()).toBe("The container instance is inactive");
    expect(ends).toEqual([1008]);
    expect(other.closed()).toBeUndefined();
  });

  it("is not admitted for an instance that is unknown or deregistered, and does not stay for one", async () => {
    const [leaving, staying] = [connect(fleet, "c0"), connect(fleet, "c1")];
    await quiet();
    expect(fleet.admit(query("acs", "nope"))).toEqual({ refusal: "InvalidInstanceException" });
    const key = containerInstanceKey(REGION, CLUSTER, "c0");
    await world.store.transact((tx) => {
      const row = tx.get(containerInstances, key);
      if (row !== undefined) tx.put(containerInstances, key, deregisterInstance(row, 1));
    });
    expect(fleet.admit(query("acs"))).toEqual({ refusal: "InactiveInstanceException" });
    await quiet();
    const tooLate = connect(fleet, "c0");
    await quiet();
    for (const agent of [leaving, tooLate]) expect(agent.closed()).toBe("The container instance is inactive");
    expect(staying.closed()).toBeUndefined();
  });

  it("is admitted by its instance's own ARN only", () => {
    const arn = instanceArn("c0");
    for (const other of [
      arn.replace(/:\d{12}:/, ":111111111111:"),
      arn.replace("container-instance", "task"),
    ])
      expect(fleet.admit({ ...query("acs"), containerInstanceArn: other })).toEqual({
        refusal: "InvalidInstanceException",
      });
  });
});

describe("orders", () => {
  it("go to the task's own instance only, once, and the stop only when the targets have drained", async () => {
    const [own, other] = [connect(fleet, "c0"), connect(fleet, "c1")];
    await quiet();
    const arn = await place();
    const [task] = allTasks(world);
    if (task === undefined) throw new Error("not placed");
    await changeTask(world, task, (t) => ({ ...t, version: t.version + 1 }));
    await quiet();
    expect(orders(own)).toEqual([["RUNNING", arn]]);
    await changeTask(world, task, (t) => ({ ...t, desiredStatus: "STOPPED", lastStatus: "DEACTIVATING" }));
    await quiet();
    expect(orders(own)).toHaveLength(1);
    await changeTask(world, task, (t) => ({ ...t, lastStatus: "STOPPING" }));
    await quiet();
    expect(orders(own)).toEqual([
      ["RUNNING", arn],
      ["STOPPED", arn],
    ]);
    expect(orders(other)).toEqual([]);
  });

  it("are repeated on the next connection, because acknowledgements are not kept", async () => {
    const arn = await place();
    connect(fleet);
    await quiet();
    const again = connect(fleet);
    await quiet();
    expect(orders(again)).toEqual([["RUNNING", arn]]);
  });

  it("confirm a stop only for what is not wanted", async () => {
    const arn = await place();
    const agent = connect(fleet);
    await quiet();
    const { messageId } = messages(agent, "TaskManifestMessage")[0] ?? { messageId: "" };
    const candidate = (taskArn: string) => ({
      taskArn,
      taskClusterArn: "c",
      desiredStatus: "STOPPED" as const,
    });
    agent.duplex.send(
      encodeEnvelope({
        type: "TaskStopVerificationMessage",
        message: { messageId, stopCandidates: [candidate(arn), candidate("arn:aws:ecs:r:a:task/main/gone")] },
      }),
    );
    await quiet();
    expect(messages(agent, "TaskStopVerificationAck")).toMatchObject([
      { messageId, stopTasks: [{ taskArn: "arn:aws:ecs:r:a:task/main/gone" }] },
    ]);
  });
});

describe("a lost agent", () => {
  it("shows as disconnected after the grace period, and not before", async () => {
    const agent = connect(fleet);
    await quiet();
    agent.duplex.close(1006);
    await quiet();
    await world.clock.advance(GRACE_MS - 1);
    expect(instance(world)?.agentConnected).toBe(true);
    await world.clock.advance(1);
    await quiet();
    expect(instance(world)?.agentConnected).toBe(false);
  });

  it("that returns within the grace period was never lost", async () => {
    const agent = connect(fleet);
    await quiet();
    const { version } = instance(world) ?? {};
    agent.duplex.close(1006);
    await quiet();
    connect(fleet);
    await quiet();
    await world.clock.advance(GRACE_MS * 2);
    expect(instance(world)).toMatchObject({ agentConnected: true, version });
  });

  it("that answers no heartbeat is cut off", async () => {
    const agent = connect(fleet);
    await quiet();
    for (let minute = 0; minute < 5 && agent.closed() === undefined; minute += 1) {
      await world.clock.advance(60_000);
      await quiet();
    }
    expect(agent.closed()).toBe("No heartbeat was answered");
  });
});

describe("a report", () => {
  const running = (arn: string, more: object = {}) => ({
    taskArn: arn,
    status: "RUNNING" as const,
    containers: [{ name: "app", status: "RUNNING" as const, runtimeId: "r1" }],
    ...more,
  });

  it("of the task's own instance is applied; another instance's and an unknown task's are ignored", async () => {
    const arn = await place();
    await fleet.ingest.taskReport(running(arn, { reporterInstanceId: "i-c1" }));
    await fleet.ingest.taskReport(running("arn:aws:ecs:us-east-1:000000000000:task/main/unknown"));
    await fleet.ingest.taskReport(running("nonsense"));
    expect(allTasks(world)[0]?.lastStatus).toBe("PENDING");
    await fleet.ingest.taskReport(running(arn, { reporterInstanceId: "i-c0" }));
    expect(allTasks(world)[0]).toMatchObject({ lastStatus: "RUNNING", containers: [{ runtimeId: "r1" }] });
  });

  it("gives host mode's ports, which the agent leaves out", async () => {
    await addDefinition(world, 2, { networkMode: "host" });
    const arn = await place({ taskDefinitionArn: runTaskRequest().taskDefinitionArn.replace(/1$/, "2") });
    await fleet.ingest.taskReport(running(arn));
    expect(allTasks(world)[0]?.containers[0]?.networkBindings).toEqual([
      { bindIP: "0.0.0.0", containerPort: 80, hostPort: 80, protocol: "tcp" },
    ]);
  });

  it("of health by telemetry is written on change only", async () => {
    const arn = await place();
    await fleet.ingest.taskReport(running(arn));
    const [ours, theirs] = memoryDuplexPair();
    const acks: string[] = [];
    ours.onMessage((frame) => acks.push((JSON.parse(frame) as { type: string }).type));
    fleet.acceptTcs(theirs, query("tcs"));
    const metadata = { cluster: CLUSTER, containerInstance: instanceArn("c0"), messageId: "m", fin: true };
    const tell = async (healthStatus: string) => {
      const tasks = [{ taskArn: arn, containers: [{ containerName: "app", healthStatus }] }];
      ours.send(
        `Host: x\r\n\r\n${encodeEnvelope({ type: "PublishHealthRequest", message: { metadata, tasks, timestamp: 1 } })}`,
      );
      await quiet();
    };
    await changeTask(world, allTasks(world)[0] ?? { id: "" }, (t) => ({
      ...t,
      containers: t.containers.map((c) => ({ ...c, hasHealthCheck: true })),
    }));
    await tell("HEALTHY");
    expect(allTasks(world)[0]?.healthStatus).toBe("HEALTHY");
    const before = world.store.durableCommits;
    await tell("HEALTHY");
    expect(world.store.durableCommits).toBe(before);
    await tell("UNHEALTHY");
    expect(allTasks(world)[0]?.healthStatus).toBe("UNHEALTHY");
    expect(acks).toEqual(["AckPublishHealth", "AckPublishHealth", "AckPublishHealth"]);
  });
});

it("stopping a task that no agent ever heard of is an order all the same", async () => {
  const agent = connect(fleet);
  await quiet();
  const arn = await place();
  const [task] = allTasks(world);
  if (task === undefined) throw new Error("not placed");
  await changeTask(world, task, (t) => stopTask(t, { code: "UserInitiated", reason: "x" }, 1));
  await quiet();
  expect(orders(agent).at(-1)).toEqual(["STOPPED", arn]);
});
