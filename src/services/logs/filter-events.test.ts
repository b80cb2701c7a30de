// FilterLogEvents, TestMetricFilter and StartLiveTail, through the official SDK.
import { Agent } from "node:http";
import {
  CloudWatchLogs,
  type FilterLogEventsCommandInput,
  type StartLiveTailResponseStream,
} from "@aws-sdk/client-cloudwatch-logs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { accessKeyId, secretAccessKey } from "#gateway/gateway.suite.ts";
import { ACCOUNT, createFixture, REGION, type Fixture } from "./fixture.suite.ts";

let f: Fixture;
beforeEach(async () => {
  f = await createFixture();
  await f.group("g", "web/1", "web/2", "job/1");
  await f.put("g", "web/1", [-50, "GET / 200"], [-30, "GET /x 404"]);
  await f.put("g", "web/2", [-40, "GET /y 404"], [-20, '{"level":"error","code":7}']);
  await f.put("g", "job/1", [-45, "done"]);
});
afterEach(() => f.close());

type Input = Partial<FilterLogEventsCommandInput>;
const filter = (input: Input) => f.client.filterLogEvents({ logGroupName: "g", ...input });
const messages = async (input: Input) => (await filter(input)).events?.map((e) => e.message);

describe("FilterLogEvents", () => {
  it("interleaves all streams of a group by time, with ids in the same order", async () => {
    const { events = [] } = await filter({});
    expect(events.map((e) => [e.logStreamName, e.message])).toEqual([
      ["web/1", "GET / 200"],
      ["job/1", "done"],
      ["web/2", "GET /y 404"],
      ["web/1", "GET /x 404"],
      ["web/2", '{"level":"error","code":7}'],
    ]);
    const ids = events.map((e) => e.eventId ?? "");
    expect(ids).toEqual([...new Set(ids)].sort());
  });

  it("keeps to streams, to times with both ends, and to a pattern", async () => {
    const now = f.clock.now();
    expect(await messages({ logStreamNames: ["job/1"] })).toEqual(["done"]);
    expect(await messages({ logStreamNamePrefix: "web/", limit: 2 })).toEqual(["GET / 200", "GET /y 404"]);
    expect(await messages({ startTime: now - 45, endTime: now - 40 })).toEqual(["done", "GET /y 404"]);
    expect(await messages({ filterPattern: "404" })).toEqual(["GET /y 404", "GET /x 404"]);
    expect(await messages({ filterPattern: '{ $.level = "err*" && $.code > 5 }' })).toHaveLength(1);
    expect(await messages({ startFromHead: false, limit: 1 })).toEqual(['{"level":"error","code":7}']);
  });

  it("goes on from its token where it was, also when events arrive meanwhile", async () => {
    const first = await filter({ limit: 4 });
    await f.put("g", "job/1", [-10, "late"]);
    const second = await filter({ limit: 4, nextToken: first.nextToken });
    expect(second.events?.map((e) => e.message)).toEqual(['{"level":"error","code":7}', "late"]);
    expect(second.nextToken).toBeUndefined();
  });

  it("refuses a token of another question, a stream that is not there, and what is no pattern", async () => {
    const { nextToken } = await filter({ limit: 1 });
    await expect(filter({ nextToken, filterPattern: "404" })).rejects.toMatchObject({
      name: "InvalidParameterException",
      message: "The specified nextToken is invalid.",
    });
    await expect(filter({ logStreamNames: ["none"] })).rejects.toMatchObject({
      name: "ResourceNotFoundException",
    });
    await expect(filter({ filterPattern: "a.b" })).rejects.toMatchObject({
      name: "InvalidParameterException",
      message: "Invalid character(s) in term 'a.b'",
    });
    await expect(filter({ logGroupIdentifier: "g" })).rejects.toMatchObject({
      name: "InvalidParameterException",
    });
  });
});

describe("TestMetricFilter", () => {
  it("tells which messages match, and what stands at the pattern's names", async () => {
    const { matches } = await f.client.testMetricFilter({
      filterPattern: "[method, path, status = 4*]",
      logEventMessages: ["GET / 200", "GET /x 404"],
    });
    expect(matches).toEqual([
      {
        eventNumber: 2,
        eventMessage: "GET /x 404",
        extractedValues: { $method: "GET", $path: "/x", $status: "404" },
      },
    ]);
  });
});

describe("StartLiveTail", () => {
  const arn = `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:g`;
  const secondPasses = async () => {
    // The session waits for its second: the clock moves when it does.
    while (f.clock.pendingTimers === 0) await new Promise((resolve) => setImmediate(resolve));
    await f.clock.advance(1000);
  };

  it("answers a session's start and each second what arrived and matches, to a client with the prefixed host", async () => {
    // As the SDK does of itself: it calls stream-<host>. Here a name stands for the address, as a hosts file would.
    const { port } = new URL(f.endpoint);
    const lookup = ((_host: string, options: { all?: boolean }, done: (...answer: unknown[]) => void) =>
      options.all === true
        ? done(null, [{ address: "127.0.0.1", family: 4 }])
        : done(null, "127.0.0.1", 4)) as never;
    const client = new CloudWatchLogs({
      endpoint: `http://estiba.test:${port}`,
      region: REGION,
      credentials: { accessKeyId, secretAccessKey },
      requestHandler: { httpAgent: new Agent({ lookup }) },
      maxAttempts: 1,
    });
    const { responseStream } = await client.startLiveTail({
      logGroupIdentifiers: [arn],
      logStreamNamePrefixes: ["web/"],
      logEventFilterPattern: "-healthz",
    });
    const frames = responseStream?.[Symbol.asyncIterator]();
    const start = ((await frames?.next()) as IteratorResult<StartLiveTailResponseStream, undefined>).value;
    expect(start?.sessionStart).toMatchObject({
      logGroupIdentifiers: [arn],
      logEventFilterPattern: "-healthz",
    });

    const next = frames?.next();
    while (f.clock.pendingTimers === 0) await new Promise((resolve) => setImmediate(resolve));
    await f.put("g", "web/1", [0, "GET /healthz"], [0, "GET /live"]);
    await f.put("g", "job/1", [0, "other"]);
    await secondPasses();
    const second = ((await next) as IteratorResult<StartLiveTailResponseStream, undefined>).value;
    const update = second?.sessionUpdate;
    expect(update?.sessionMetadata).toEqual({ sampled: false });
    expect(update?.sessionResults).toMatchObject([
      { logStreamName: "web/1", logGroupIdentifier: arn, message: "GET /live" },
    ]);
    client.destroy();
  });

  it("ends after three hours with the exception that clients know", async () => {
    const client = new CloudWatchLogs({
      endpoint: f.endpoint,
      region: REGION,
      credentials: { accessKeyId, secretAccessKey },
      disableHostPrefix: true,
    });
    const { responseStream } = await client.startLiveTail({ logGroupIdentifiers: [arn] });
    let error: unknown;
    const reading = (async () => {
      for await (const frame of responseStream ?? []) expect(frame).toBeDefined();
    })().catch((thrown: unknown) => (error = thrown));
    await secondPasses();
    f.leap(3 * 3_600_000);
    while (error === undefined) {
      if (f.clock.pendingTimers > 0) await f.clock.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await reading;
    expect(error).toMatchObject({ name: "SessionTimeoutException" });
    client.destroy();
  });

  it("refuses names in the place of ARNs", async () => {
    await expect(
      f.client.startLiveTail({ logGroupIdentifiers: ["g"] }, { requestTimeout: 5000 }),
    ).rejects.toThrow();
  });
});
