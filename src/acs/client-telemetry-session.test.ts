import { describe, expect, it } from "vitest";
import { seededRandom } from "#lib/random.ts";
import { settle, TestClock } from "#lib/test-clock.ts";
import { createTelemetrySession, signedFrames } from "./client-telemetry-session.ts";
import { decodeTelemetryFromAgent, encodeEnvelope } from "./codec.ts";
import { memoryDuplexPair } from "./duplex.ts";
import { serveTelemetry } from "./server-telemetry-session.ts";

const metadata = { cluster: "c", containerInstance: "i", messageId: "m", fin: true };

const open = () => {
  const clock = new TestClock();
  const [duplex, server] = memoryDuplexPair();
  const ends: number[] = [];
  const session = createTelemetrySession({
    duplex,
    clock,
    random: seededRandom(1),
    badFrame: () => {},
    closed: (code) => void ends.push(code),
  });
  return { clock, duplex, server, session, ends };
};

describe("an agent's TCS session", () => {
  it("lives on the server's acknowledgements", async () => {
    const { clock, server, session, ends } = open();
    const heard: unknown[] = [];
    const ignore = () => {};
    serveTelemetry(server, {
      metrics: (m) => void heard.push(m),
      health: ignore,
      instanceStatus: ignore,
      badFrame: ignore,
      closed: ignore,
    });
    const message = { metadata, timestamp: 1 };
    for (let i = 0; i < 30; i++) {
      session.send("PublishMetricsRequest", message);
      await clock.advance(20_000);
    }
    expect(heard).toHaveLength(30);
    expect(heard[0]).toEqual(message);
    expect(ends).toEqual([]);
  });

  it("closes when its messages are not acknowledged", async () => {
    const { clock, session, ends } = open();
    for (let i = 0; i < 6; i++) {
      session.send("PublishMetricsRequest", { metadata, timestamp: 1 });
      await clock.advance(20_000);
    }
    expect(ends).toEqual([1001]);
  });
});

describe("signed frames", () => {
  it("carry the headers of their own signature and keep their order", async () => {
    const [agentEnd, serverEnd] = memoryDuplexPair();
    const frames: string[] = [];
    serverEnd.onMessage((frame) => void frames.push(frame));
    let slow = true;
    const signed = signedFrames(agentEnd, async (payload) => {
      if (slow) await settle();
      slow = false;
      return { Authorization: `signature of ${payload.length}`, Host: "cp" };
    });
    const first = encodeEnvelope({ type: "PublishMetricsRequest", message: { metadata, timestamp: 1 } });
    signed.send(first);
    signed.send("{}");
    await settle();
    await settle();
    expect(frames).toEqual([
      `Authorization: signature of ${first.length}\r\nHost: cp\r\n\r\n${first}`,
      "Authorization: signature of 2\r\nHost: cp\r\n\r\n{}",
    ]);
    expect(decodeTelemetryFromAgent(frames[0] ?? "")).toMatchObject({ type: "PublishMetricsRequest" });
  });

  it("close the connection when they cannot be signed", async () => {
    const [agentEnd, serverEnd] = memoryDuplexPair();
    const ends: number[] = [];
    serverEnd.onClose((code) => void ends.push(code));
    signedFrames(agentEnd, async () => {
      throw new Error("no credentials");
    }).send("{}");
    await settle();
    expect(ends).toEqual([1000]);
  });
});
