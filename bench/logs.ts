// What logs cost: events a second that the log store takes (synced), that PutLogEvents takes through the gateway from the official
// SDK, the longest that a batch waited, and how long it takes to read of what was stored. Asserts what it times; prints JSON.
// `--events N` and `--streams N` change the load.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import { systemClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/logger.ts";
import { systemRandom } from "#lib/random.ts";
import { createGateway } from "#gateway/gateway.ts";
import type { LogStore } from "#logstore/log-store.ts";
import { openLogStore } from "#logstore/open-log-store.ts";
import { createLogsService } from "#services/logs/service.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { createStore } from "#store/create-store.ts";
import * as tables from "#store/tables/logs.ts";
import { percentiles, report, round } from "./report.ts";

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "1000000" },
    streams: { type: "string", default: "50" },
  },
});
const total = Number(values.events);
const streamCount = Number(values.streams);
/** As dockerd's driver sends them: what gathered in five seconds, here 1,000 events. */
const BATCH = 1000;

/** Like an access log: 150 bytes, most of it the same from line to line. */
const line = (n: number): string =>
  `10.64.${(n >> 8) & 255}.${n & 255} - - [10/Oct/2026:13:55:${String(n % 60).padStart(2, "0")} +0000] "GET /api/v1/items/${n % 9973}?page=${n % 7} HTTP/1.1" ${n % 50 === 0 ? 500 : 200} ${n % 4096} "-" "curl/7.88.1" id=${n}`;
const batchOf = (from: number) => {
  const timestamp = Date.now();
  return Array.from({ length: BATCH }, (_, i) => ({ timestamp, message: line(from + i) }));
};

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "estiba-bench-logs-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
const everything = { keepsGroup: () => true, keepsStream: () => true, keptFrom: () => 0 };
const open = (folder: string): Promise<LogStore> =>
  openLogStore({ folder, policy: everything, clock: systemClock, logger: silentLogger });
const bytesIn = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);

/** `callers` that each append a batch and wait for it. */
async function ingest(folder: string, callers: number) {
  const store = await open(folder);
  const waits: number[] = [];
  let at = 0;
  let messageBytes = 0;
  let most = 0;
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (at < total) {
        const from = at;
        at += BATCH;
        const events = batchOf(from);
        messageBytes += events.reduce((sum, e) => sum + e.message.length, 0);
        const start = performance.now();
        await store.append({ group: "g", stream: `s${(from / BATCH) % streamCount}` }, events);
        waits.push(performance.now() - start);
        most = Math.max(most, process.memoryUsage().rss);
      }
    }),
  );
  const seconds = (performance.now() - begin) / 1000;
  await store.sweep();
  await store.close();
  return {
    callers,
    events: total,
    eventsPerSecond: Math.round(total / seconds),
    mebibytesPerSecond: round(messageBytes / 2 ** 20 / seconds),
    batchWaitMs: percentiles(waits),
    rssMiB: Math.round(most / 2 ** 20),
    storedShareOfMessages: round(bytesIn(folder) / messageBytes, 3),
  };
}

async function reading(folder: string) {
  const begin = performance.now();
  const store = await open(folder);
  const openMs = performance.now() - begin;
  const timed = async (work: () => Promise<number>, expected: number) => {
    const waits: number[] = [];
    for (let i = 0; i < 20; i++) {
      const start = performance.now();
      assert.equal(await work(), expected);
      waits.push(performance.now() - start);
    }
    return percentiles(waits);
  };
  const query = { from: 0, to: Infinity, maxBytes: Infinity };
  const streams = Array.from({ length: streamCount }, (_, i) => `s${i}`);
  const count = async (names: readonly string[], direction: "forward" | "backward", maxEvents: number) =>
    (await store.read("g", names, { ...query, direction, maxEvents })).events.length;
  const result = {
    openMs: round(openMs),
    last100OfAStreamMs: await timed(() => count(["s1"], "backward", 100), 100),
    first1000OfAStreamMs: await timed(() => count(["s1"], "forward", 1000), 1000),
    first1000OfAllStreamsMs: await timed(() => count(streams, "forward", 1000), 1000),
    scanOf100000ForAPatternMs: await timed(
      async () =>
        (
          await store.read("g", streams, {
            ...query,
            direction: "forward",
            maxEvents: 10_000,
            maxScanned: 100_000,
            matches: (message) => message.includes('" 500 '),
          })
        ).events.length,
      2000,
    ),
  };
  await store.close();
  return result;
}

/** PutLogEvents from SDK clients in another thread, so that their work is not the server's. */
async function throughGateway(folder: string, clients: number) {
  const account = "123456789012";
  const credentials = { accessKeyId: "AKIABENCHBENCHBENCH1", secretAccessKey: "bench" };
  const logs = await open(folder);
  const store = await createStore({
    backend: createMemoryBackend(),
    logger: silentLogger,
    tables: Object.values(tables),
  });
  const base = { clock: systemClock, random: systemRandom, logger: silentLogger, account };
  const gateway = createGateway({
    ...base,
    services: [createLogsService({ ...base, store, logs })],
    credentials: {
      resolve: () => ({
        secretAccessKey: credentials.secretAccessKey,
        principal: { type: "root", arn: `arn:aws:iam::${account}:root`, account, id: account },
      }),
    },
    authorizer: { authorize: () => undefined },
  });
  const server = createServer((req, res) => void gateway.handle(req, res));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sdk = new CloudWatchLogs({ endpoint, region: "us-east-1", credentials });
  await sdk.createLogGroup({ logGroupName: "g" });
  for (let i = 0; i < clients; i++) await sdk.createLogStream({ logGroupName: "g", logStreamName: `s${i}` });
  const sent = await new Promise<{ events: number; seconds: number }>((resolve, reject) => {
    // Plain text: workers do not know TypeScript.
    const program = `
      const { workerData, parentPort } = require("node:worker_threads");
      import("@aws-sdk/client-cloudwatch-logs").then(async ({ CloudWatchLogs }) => {
        const { endpoint, credentials, clients, batches, batch } = workerData;
        const sdk = new CloudWatchLogs({ endpoint, region: "us-east-1", credentials });
        let left = batches;
        const begin = performance.now();
        await Promise.all(Array.from({ length: clients }, async (_, i) => {
          while (left-- > 0) {
            const timestamp = Date.now();
            const logEvents = batch.map((message) => ({ timestamp, message }));
            await sdk.putLogEvents({ logGroupName: "g", logStreamName: "s" + i, logEvents });
          }
        }));
        parentPort.postMessage({ events: batches * batch.length, seconds: (performance.now() - begin) / 1000 });
      });`;
    const batch = batchOf(0).map((e) => e.message);
    const workerData = { endpoint, credentials, clients, batches: Math.ceil(total / 4 / BATCH), batch };
    new Worker(program, { eval: true, workerData }).once("message", resolve).once("error", reject);
  });
  const { events } = await sdk.filterLogEvents({ logGroupName: "g", limit: 1 });
  assert.equal(events?.length, 1);
  sdk.destroy();
  server.close();
  server.closeAllConnections();
  await logs.close();
  await store.close();
  return { clients, events: sent.events, eventsPerSecond: Math.round(sent.events / sent.seconds) };
}

await inFolder(async (folder) => {
  const oneCaller = await inFolder((own) => ingest(own, 1));
  const manyCallers = await ingest(folder, 8);
  const readingResult = await reading(folder);
  const gateway = await inFolder((own) => throughGateway(own, 8));
  report("logs", {
    target: { eventsPerSecond: 100_000 },
    oneCaller,
    manyCallers,
    reading: readingResult,
    gateway,
  });
});
