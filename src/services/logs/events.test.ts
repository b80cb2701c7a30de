// Events of one stream, through the official SDK.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFixture, type Fixture } from "./fixture.suite.ts";

let f: Fixture;
const names = { logGroupName: "/ecs/web", logStreamName: "app/app/1" };

beforeEach(async () => {
  f = await createFixture();
  await f.group("/ecs/web", "app/app/1");
});
afterEach(() => f.close());

const messagesOf = (answer: { events?: { message?: string | undefined }[] | undefined }) =>
  (answer.events ?? []).map((e) => e.message);

describe("GetLogEvents", () => {
  it("answers what PutLogEvents took, with the time of its ingestion", async () => {
    await f.put("/ecs/web", "app/app/1", [-2000, "one"], [-1000, "zwei – ✓"]);
    const { events } = await f.client.getLogEvents({ ...names, startFromHead: true });
    expect(events).toEqual([
      { timestamp: f.clock.now() - 2000, message: "one", ingestionTime: f.clock.now() },
      { timestamp: f.clock.now() - 1000, message: "zwei – ✓", ingestionTime: f.clock.now() },
    ]);
  });

  it("begins with the latest events when not told to begin at the head", async () => {
    await f.put("/ecs/web", "app/app/1", [-3, "a"], [-2, "b"], [-1, "c"]);
    expect(messagesOf(await f.client.getLogEvents({ ...names, limit: 2 }))).toEqual(["b", "c"]);
  });

  it("gives the forward token back unchanged at the end, and goes on from it when more has come", async () => {
    await f.put("/ecs/web", "app/app/1", [-3, "a"], [-2, "b"], [-1, "c"]);
    const first = await f.client.getLogEvents({ ...names, limit: 2, startFromHead: true });
    const second = await f.client.getLogEvents({ ...names, nextToken: first.nextForwardToken });
    const third = await f.client.getLogEvents({ ...names, nextToken: second.nextForwardToken });
    expect([first, second, third].map(messagesOf)).toEqual([["a", "b"], ["c"], []]);
    expect(third.nextForwardToken).toBe(second.nextForwardToken);
    await f.put("/ecs/web", "app/app/1", [0, "d"]);
    const fourth = await f.client.getLogEvents({ ...names, nextToken: third.nextForwardToken });
    expect(messagesOf(fourth)).toEqual(["d"]);
  });

  it("goes backward to the head, where the backward token comes back unchanged", async () => {
    await f.put("/ecs/web", "app/app/1", [-3, "a"], [-2, "b"], [-1, "c"]);
    const last = await f.client.getLogEvents({ ...names, limit: 2 });
    const before = await f.client.getLogEvents({ ...names, limit: 2, nextToken: last.nextBackwardToken });
    const head = await f.client.getLogEvents({ ...names, nextToken: before.nextBackwardToken });
    expect([last, before, head].map(messagesOf)).toEqual([["b", "c"], ["a"], []]);
    expect(head.nextBackwardToken).toBe(before.nextBackwardToken);
    const again = await f.client.getLogEvents({ ...names, nextToken: head.nextForwardToken });
    expect(messagesOf(again)).toEqual(["a", "b", "c"]);
  });

  it("goes back over the last event from a forward token at the end", async () => {
    await f.put("/ecs/web", "app/app/1", [-3, "a"]);
    const all = await f.client.getLogEvents(names);
    const end = await f.client.getLogEvents({ ...names, nextToken: all.nextForwardToken });
    const back = await f.client.getLogEvents({ ...names, nextToken: end.nextBackwardToken });
    expect(messagesOf(back)).toEqual(["a"]);
  });

  it("keeps to the time from startTime on and before endTime", async () => {
    await f.put("/ecs/web", "app/app/1", [-3, "a"], [-2, "b"], [-1, "c"]);
    const now = f.clock.now();
    const answer = await f.client.getLogEvents({ ...names, startTime: now - 2, endTime: now - 1 });
    expect(messagesOf(answer)).toEqual(["b"]);
  });

  it("finds the group by its ARN", async () => {
    await f.put("/ecs/web", "app/app/1", [-3, "a"]);
    const logGroupIdentifier = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/web";
    const answer = await f.client.getLogEvents({ logGroupIdentifier, logStreamName: "app/app/1" });
    expect(messagesOf(answer)).toEqual(["a"]);
  });
});

describe("PutLogEvents", () => {
  const put = (...events: readonly (readonly [number, string])[]) =>
    f.client.putLogEvents({
      ...names,
      logEvents: events.map(([offset, message]) => ({ timestamp: f.clock.now() + offset, message })),
    });

  it("takes any sequence token and returns one", async () => {
    const logEvents = [{ timestamp: f.clock.now(), message: "a" }];
    const answer = await f.client.putLogEvents({ ...names, logEvents, sequenceToken: "whatever" });
    expect(answer.nextSequenceToken).toMatch(/^\d{56}$/);
    expect(answer.rejectedLogEventsInfo).toBeUndefined();
  });

  it("takes the good events of a batch and tells where the too old end and the too new begin", async () => {
    const day = 86_400_000;
    await f.clock.advance(20 * day);
    const old = await put([-14 * day - 1000, "too old"], [-14 * day + 1000, "old"]);
    expect(old.rejectedLogEventsInfo).toEqual({ tooOldLogEventEndIndex: 1 });
    const fresh = await put([0, "now"], [3 * 3_600_000, "too new"]);
    expect(fresh.rejectedLogEventsInfo).toEqual({ tooNewLogEventStartIndex: 1 });
    expect(messagesOf(await f.client.getLogEvents(names))).toEqual(["old", "now"]);
  });

  it("rejects what the group's retention would not keep", async () => {
    await f.client.putRetentionPolicy({ logGroupName: "/ecs/web", retentionInDays: 1 });
    const answer = await put([-86_400_000 - 1000, "expired"], [-1000, "kept"]);
    expect(answer.rejectedLogEventsInfo).toEqual({ expiredLogEventEndIndex: 1 });
  });

  it.each<[string, readonly (readonly [number, string])[], string]>([
    [
      "out of order",
      [
        [0, "a"],
        [-1, "b"],
      ],
      "Log events in a single PutLogEvents request must be in chronological order.",
    ],
    [
      "of more than a day",
      [
        [-86_400_001, "a"],
        [0, "b"],
      ],
      "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
    ],
    [
      "of more than 1 MiB",
      [[0, "x".repeat(1_048_576 - 25)]],
      "Upload too large: 1048577 bytes exceeds limit of 1048576",
    ],
  ])("refuses a batch %s", async (_what, events, message) => {
    await expect(put(...events)).rejects.toMatchObject({ name: "InvalidParameterException", message });
  });

  it("takes a batch of exactly 1 MiB, whatever its JSON takes", async () => {
    await put([0, "\u0001".repeat(1_048_576 - 26)]);
    expect(messagesOf(await f.client.getLogEvents(names))[0]).toHaveLength(1_048_550);
  });

  it("refuses a stream or group that is not there", async () => {
    const logEvents = [{ timestamp: f.clock.now(), message: "a" }];
    await expect(
      f.client.putLogEvents({ ...names, logStreamName: "other", logEvents }),
    ).rejects.toMatchObject({
      name: "ResourceNotFoundException",
      message: "The specified log stream does not exist.",
    });
    await expect(f.client.putLogEvents({ ...names, logGroupName: "other", logEvents })).rejects.toMatchObject(
      {
        name: "ResourceNotFoundException",
        message: "The specified log group does not exist.",
      },
    );
  });
});
