import { beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { CallFailed } from "../control-plane.ts";
import { createAttachments, type Attachments } from "./attachments.ts";

const MAC = "02:00:00:00:00:0A";
let clock: TestClock;
let present: Set<string>;
let looks: number;
let calls: unknown[];
let refuse: CallFailed | undefined;
let closing: AbortController;
let attachments: Attachments;

beforeEach(() => {
  clock = new TestClock();
  present = new Set();
  looks = 0;
  calls = [];
  refuse = undefined;
  closing = new AbortController();
  attachments = createAttachments({
    interfaces: {
      has: async (mac) => {
        looks += 1;
        return present.has(mac);
      },
    },
    controlPlane: {
      async call(operation, input) {
        calls.push([operation, input]);
        if (refuse !== undefined) throw refuse;
        return {};
      },
    },
    cluster: "main",
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    signal: closing.signal,
  });
});

const announce = (waitTimeoutMs = 10_000) =>
  attachments.announced({
    messageId: "m",
    clusterArn: "c",
    containerInstanceArn: "i",
    taskArn: "arn:task",
    taskClusterArn: "c",
    generatedAt: 0,
    waitTimeoutMs,
    elasticNetworkInterfaces: [{ attachmentArn: "arn:a1", macAddress: MAC } as never],
  });
const confirmation = [
  "SubmitTaskStateChange",
  { cluster: "main", task: "arn:task", attachments: [{ attachmentArn: "arn:a1", status: "ATTACHED" }] },
];

describe("an announced interface", () => {
  it("is confirmed once it is on the host, and once only", async () => {
    announce();
    await clock.advance(3000);
    expect(calls).toEqual([]);
    present.add(MAC.toLowerCase());
    await clock.advance(1000);
    await clock.advance(10_000);
    expect(calls).toEqual([confirmation]);
  });

  it("is looked out for once, however often it is announced", async () => {
    announce();
    await clock.advance(1);
    const alone = looks;
    announce();
    announce();
    await clock.advance(1);
    expect(looks).toBe(alone);
    present.add(MAC.toLowerCase());
    await clock.advance(10_000);
    expect(calls).toEqual([confirmation]);
  });

  it("is confirmed until the control plane hears it", async () => {
    present.add(MAC.toLowerCase());
    refuse = new CallFailed("Unreachable", "away");
    announce(60_000);
    await clock.advance(5000);
    expect(calls.length).toBeGreaterThan(2);
    refuse = undefined;
    await clock.advance(10_000);
    const heard = calls.length;
    await clock.advance(50_000);
    expect(calls).toHaveLength(heard);
    expect(calls.at(-1)).toEqual(confirmation);
  });

  it("is given up at its time, or when the agent ends", async () => {
    announce(2000);
    await clock.advance(3000);
    const given = looks;
    present.add(MAC.toLowerCase());
    await clock.advance(60_000);
    expect(looks).toBe(given);
    present.clear();
    announce();
    closing.abort(new Error("closing"));
    await clock.advance(20_000);
    expect(calls).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });
});
