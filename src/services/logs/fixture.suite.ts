// The service behind a real gateway on a loopback port, over memory rows and a real folder of events: tests speak to it with the
// official SDK.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import type { Clock } from "#lib/clock.ts";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { keptFrom } from "#domain/logs/log-group.ts";
import { account, accessKeyId, secretAccessKey, startGateway } from "#gateway/gateway.suite.ts";
import type { LogStore } from "#logstore/log-store.ts";
import { openLogStore } from "#logstore/open-log-store.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { createStore } from "#store/create-store.ts";
import type { Store } from "#store/store.ts";
import * as tables from "#store/tables/logs.ts";
import { createLogsService } from "./service.ts";

export const REGION = "us-east-1";
export const ACCOUNT = account;

export interface Fixture {
  readonly store: Store;
  readonly logs: LogStore;
  readonly clock: TestClock;
  readonly endpoint: string;
  /** So much time passes at once, in milliseconds, without a timer of the time between. */
  leap(milliseconds: number): void;
  /** Signs as root, in us-east-1. */
  readonly client: CloudWatchLogs;
  /** A group of this name with these streams. */
  group(name: string, ...streams: readonly string[]): Promise<void>;
  /** Puts events one after the other: [milliseconds from now, message]. */
  put(group: string, stream: string, ...events: readonly (readonly [number, string])[]): Promise<void>;
  close(): Promise<void>;
}

export async function createFixture(): Promise<Fixture> {
  const folder = mkdtempSync(join(tmpdir(), "estiba-logs-service-"));
  const clock = new TestClock(Date.now());
  const store = await createStore({
    backend: createMemoryBackend(),
    logger: silentLogger,
    tables: Object.values(tables),
  });
  const { logGroups, logStreams } = tables;
  const groupOf = (id: string) => store.find(logGroups, "id", id)[0]?.[1];
  const logs = await openLogStore({
    folder,
    clock,
    logger: silentLogger,
    policy: {
      keepsGroup: (id) => groupOf(id) !== undefined,
      keepsStream: ({ stream }) => store.find(logStreams, "id", stream).length > 0,
      keptFrom: (id) => keptFrom(groupOf(id) ?? {}, clock.now()),
    },
  });
  let leapt = 0;
  const leaping: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic() + leapt,
    after: (milliseconds, fire) => clock.after(milliseconds, fire),
  };
  const deps = { store, logs, clock: leaping, random: seededRandom(7), logger: silentLogger, account };
  const gateway = await startGateway({ services: [createLogsService(deps)] });
  const client = new CloudWatchLogs({
    endpoint: gateway.url,
    region: REGION,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
  });
  return {
    store,
    logs,
    clock,
    endpoint: gateway.url,
    client,
    leap: (milliseconds) => void (leapt += milliseconds),
    async group(logGroupName, ...streams) {
      await client.createLogGroup({ logGroupName });
      for (const logStreamName of streams) await client.createLogStream({ logGroupName, logStreamName });
    },
    async put(logGroupName, logStreamName, ...events) {
      const logEvents = events.map(([offset, message]) => ({ timestamp: clock.now() + offset, message }));
      await client.putLogEvents({ logGroupName, logStreamName, logEvents });
    },
    async close() {
      client.destroy();
      await gateway.close();
      await logs.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
