// Manifests, credentials and everything else that an agent is told, under a control plane that holds ours to the protocol.
import { beforeEach, describe, expect, it } from "vitest";
import { recordedFrame } from "./recording.ts";
import { useStrictAgent } from "./strict-agent.suite.ts";
import { addressed, CLUSTER_ARN, order, taskArn, type StrictServer } from "./strict-server.ts";

const world = useStrictAgent();
let server: StrictServer;
beforeEach(() => void (server = world.server));
const { heard, payload, acked, statuses } = world;
const running = async (id: string) => {
  payload(1, order(id));
  await server.until(() => statuses(id).includes("RUNNING"));
};

describe("manifests", () => {
  const manifest = (timeline: number, ...tasks: readonly string[]) => {
    const listed = tasks.map((id) => ({
      taskArn: taskArn(id),
      taskClusterArn: CLUSTER_ARN,
      desiredStatus: "RUNNING",
    }));
    const message = { ...addressed(), timeline, tasks: listed };
    server.channel().send("TaskManifestMessage", message);
    return message;
  };
  const confirm = (messageId: string, ...tasks: readonly string[]) =>
    server.channel().send("TaskStopVerificationAck", {
      ...{ messageId, generatedAt: 1 },
      stopTasks: tasks.map((id) => ({
        taskArn: taskArn(id),
        taskClusterArn: CLUSTER_ARN,
        desiredStatus: "STOPPED",
      })),
    });

  it("are acknowledged, and what they do not list is stopped only when that is confirmed, under their id and once", async () => {
    await running("a1");
    payload(2, order("a2"));
    await server.until(() => statuses("a2").includes("RUNNING"));
    const { messageId } = manifest(3, "a1");
    await server.until(() => acked(messageId) && heard("TaskStopVerificationMessage").length > 0);
    expect(heard("TaskStopVerificationMessage")).toEqual([
      {
        messageId,
        stopCandidates: [{ taskArn: taskArn("a2"), taskClusterArn: CLUSTER_ARN, desiredStatus: "STOPPED" }],
      },
    ]);
    confirm("another", "a2");
    await server.clock.advance(60_000);
    expect(statuses("a2")).not.toContain("STOPPED");
    confirm(messageId, "a2");
    await server.until(() => statuses("a2").includes("STOPPED"));
    confirm(messageId, "a1");
    await server.clock.advance(60_000);
    expect(statuses("a1")).not.toContain("STOPPED");
  });

  it("of a number that was seen are dropped, also after a restart, and payloads raise the number", async () => {
    await running("a1");
    const fresh = manifest(12, "a1");
    await server.until(() => acked(fresh.messageId));
    expect(heard("TaskStopVerificationMessage")).toEqual([]);
    const stale = [manifest(12), manifest(1)];
    server.channel().sendText(recordedFrame("manifestStale"));
    await server.clock.advance(60_000);
    for (const { messageId } of stale) expect(acked(messageId)).toBe(false);

    const later = payload(20, order("a2"));
    await server.until(() => acked(later.messageId));
    const between = manifest(19);
    await server.clock.advance(60_000);
    expect(acked(between.messageId)).toBe(false);

    await world.restart();
    const old = manifest(20);
    const next = manifest(21, "a1", "a2");
    await server.until(() => acked(next.messageId));
    expect(acked(old.messageId)).toBe(false);
    expect(heard("TaskStopVerificationMessage")).toEqual([]);
  });
});

describe("other messages", () => {
  it("of credentials are acknowledged for a task that is known, and not otherwise", async () => {
    await running("aa");
    server.channel().sendText(recordedFrame("credentialsUnknown"));
    server.channel().sendText(recordedFrame("credentials"));
    await server.until(() => heard("IAMRoleCredentialsAckRequest").length > 0);
    await server.clock.advance(60_000);
    expect(heard("IAMRoleCredentialsAckRequest")).toEqual([
      { messageId: "rc1", credentialsId: "cred-aa-task", expiration: "2030-01-01T00:00:00Z" },
    ]);
    expect(world.agent.credentials.get("cred-aa-task")?.accessKeyId).toBe("AKcred-aa-taskNEW");
    expect(world.agent.credentials.get("cred-zz")).toBeUndefined();
  });

  it("of unknown types, and what is no message, are ignored; updates are refused in the stock agent's words", async () => {
    for (const frame of [recordedFrame("bogus"), "", "null", "[]", '{"type":7}', '{"type":"PayloadMessage"}'])
      server.channel().sendText(frame);
    server.channel().sendText(recordedFrame("stageUpdate"));
    server.channel().send("HeartbeatMessage", { healthy: true, messageId: "h1" });
    await server.until(() => heard("HeartbeatAckRequest").length > 0);
    expect(server.channel().heard).toEqual([
      JSON.parse(recordedFrame("nack")),
      { type: "HeartbeatAckRequest", message: { messageId: "h1" } },
    ]);
  });
});
