import { beforeEach, describe, expect, it } from "vitest";
import { seededRandom } from "#lib/random.ts";
import { settle, TestClock } from "#lib/test-clock.ts";
import { createClientSession, type AcsListener } from "./client-session.ts";
import { decodeFromAgent, encodeEnvelope } from "./codec.ts";
import { memoryDuplexPair, type Duplex } from "./duplex.ts";
import type { AcsServerMessages, TaskIdentifier, WireTask } from "./messages.ts";

let clock: TestClock;
let server: Duplex;
let sent: unknown[];
let ends: (readonly [number, string])[];
let accepted: boolean | Promise<boolean>;
let taken: number;
let known: boolean;
let candidates: readonly TaskIdentifier[] | undefined;
let stopped: readonly TaskIdentifier[][];
let heartbeats: number;
let bad: string[];

const task = (arn: string, more: Partial<WireTask> = {}): WireTask => ({
  arn,
  family: "f",
  version: "1",
  desiredStatus: "RUNNING",
  containers: [],
  volumes: [],
  ...more,
});
const role = (credentialsId: string) => ({
  credentialsId,
  roleArn: "r",
  accessKeyId: "a",
  secretAccessKey: "s",
  sessionToken: "t",
  expiration: "2030-01-01T00:00:00Z",
});
const address = { clusterArn: "cluster", containerInstanceArn: "instance", generatedAt: 0 };
const identifier = (taskArn: string): TaskIdentifier => ({
  taskArn,
  taskClusterArn: "cluster",
  desiredStatus: "STOPPED",
});

const say = async <T extends keyof AcsServerMessages>(type: T, message: AcsServerMessages[T]) => {
  server.send(encodeEnvelope({ type, message }));
  await settle();
};
const payload = (messageId: string, ...tasks: WireTask[]) =>
  say("PayloadMessage", { ...address, messageId, seqNum: 1, tasks });
const manifest = (messageId: string) =>
  say("TaskManifestMessage", { ...address, messageId, timeline: 1, tasks: [] });

beforeEach(() => {
  [clock, sent, ends, bad, stopped] = [new TestClock(), [], [], [], []];
  [accepted, known, candidates, heartbeats, taken] = [true, true, [], 0, 0];
  const [agentEnd, serverEnd] = memoryDuplexPair();
  server = serverEnd;
  server.onMessage((frame) => void sent.push(decodeFromAgent(frame)));
  const listener: AcsListener = {
    payload: async () => {
      taken += 1;
      return accepted;
    },
    interfaces: () => {},
    credentials: () => known,
    manifest: async () => candidates,
    stopVerified: (tasks) => void (stopped = [...stopped, [...tasks]]),
    heartbeat: () => void heartbeats++,
    badFrame: (reason) => void bad.push(reason),
    closed: (code, reason) => void ends.push([code, reason]),
  };
  createClientSession({ duplex: agentEnd, clock, random: seededRandom(1), listener });
});

describe("an agent's ACS session", () => {
  it("answers a heartbeat", async () => {
    await say("HeartbeatMessage", { healthy: true, messageId: "h1" });
    expect(sent).toEqual([{ type: "HeartbeatAckRequest", message: { messageId: "h1" } }]);
    expect(heartbeats).toBe(1);
  });

  it("acknowledges a payload it took, and the credentials in it", async () => {
    const roles = { roleCredentials: role("c1"), executionRoleCredentials: role("c2") };
    await payload("p1", task("t1", roles), task("t2"));
    const credentials = (credentialsId: string) => ({
      type: "IAMRoleCredentialsAckRequest",
      message: { messageId: "p1", credentialsId, expiration: "2030-01-01T00:00:00Z" },
    });
    expect(sent).toEqual([
      { type: "AckRequest", message: { cluster: "cluster", containerInstance: "instance", messageId: "p1" } },
      credentials("c1"),
      credentials("c2"),
    ]);
  });

  it("does not acknowledge a payload that could not be taken", async () => {
    accepted = false;
    await payload("p1", task("t1", { roleCredentials: role("c1") }));
    expect(sent).toEqual([]);
  });

  it("takes nothing of what still waited when it ended", async () => {
    let store: (value: boolean) => void = () => {};
    accepted = new Promise((resolve) => (store = resolve));
    await payload("p1", task("t1"));
    await payload("p2", task("t2"));
    expect(taken).toBe(1);
    server.close();
    await settle();
    store(true);
    await settle();
    expect([taken, ends.length]).toEqual([1, 1]);
  });

  it("acknowledges credentials of tasks it knows", async () => {
    const message = (messageId: string) => ({
      messageId,
      taskArn: "t1",
      taskClusterArn: "cluster",
      roleType: "TaskApplication" as const,
      roleCredentials: role("c1"),
    });
    await say("IAMRoleCredentialsMessage", message("m1"));
    known = false;
    await say("IAMRoleCredentialsMessage", message("m2"));
    expect(sent).toMatchObject([{ type: "IAMRoleCredentialsAckRequest", message: { messageId: "m1" } }]);
  });

  it("says nothing to a manifest whose number is old news", async () => {
    candidates = undefined;
    await manifest("m1");
    expect(sent).toEqual([]);
  });

  it("acknowledges a manifest and asks about tasks that it does not list", async () => {
    candidates = [identifier("t1"), identifier("t2")];
    await manifest("m1");
    expect(sent).toMatchObject([
      { type: "AckRequest", message: { messageId: "m1" } },
      { type: "TaskStopVerificationMessage", message: { messageId: "m1", stopCandidates: candidates } },
    ]);
  });

  it("takes the verification of the newest manifest, once", async () => {
    await manifest("m1");
    await manifest("m2");
    const verify = (messageId: string) =>
      say("TaskStopVerificationAck", { messageId, generatedAt: 0, stopTasks: [identifier("t1")] });
    await verify("m1");
    expect(stopped).toEqual([]);
    await verify("m2");
    await verify("m2");
    expect(stopped).toEqual([[identifier("t1")]]);
  });

  it("goes on after frames that make no sense", async () => {
    server.send("{");
    server.send(encodeEnvelope({ type: "PayloadMessage", message: { messageId: "" } }));
    server.send(encodeEnvelope({ type: "CloseMessage", message: {} }));
    await say("HeartbeatMessage", { healthy: true, messageId: "h1" });
    expect(bad).toHaveLength(3);
    expect(bad[2]).toBe("unknown message CloseMessage");
    expect(sent).toHaveLength(1);
  });

  it("closes when the server is silent for one to two minutes, not before", async () => {
    for (let i = 0; i < 10; i++) {
      await clock.advance(59_000);
      await say("HeartbeatMessage", { healthy: true, messageId: `h${i}` });
    }
    expect(ends).toEqual([]);
    await clock.advance(59_000);
    expect(ends).toEqual([]);
    await clock.advance(61_000);
    expect(ends).toEqual([[1001, "The server was silent"]]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("closes after thirty to thirty-five minutes, so that agents spread anew", async () => {
    for (let minute = 0; minute < 30; minute++) {
      expect(ends).toEqual([]);
      await clock.advance(60_000);
      await say("HeartbeatMessage", { healthy: true, messageId: `h${minute}` });
    }
    for (let minute = 0; minute < 5; minute++) {
      await clock.advance(60_000);
      await say("HeartbeatMessage", { healthy: true, messageId: `i${minute}` });
    }
    expect(ends).toEqual([[1000, "ConnectionExpired: Reconnect to continue"]]);
  });
});
