// What the store costs: transactions a second by how many callers wait at once, the size of the groups they form, the
// latency of a lone write, and the time and memory to load 100,000 rows. Asserts what it times; prints JSON.
// Usage: bundle with esbuild and run with node; `--rows N` and `--seconds S` change the load.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { silentLogger } from "#lib/logger.ts";
import type { Backend } from "#store/backend.ts";
import { createCountingBackend } from "#store/counting-backend.ts";
import { createStore } from "#store/create-store.ts";
import { createEtcdLimitsBackend } from "#store/etcd-limits-backend.ts";
import { createLmdbBackend } from "#store/lmdb-backend.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { type Store, defineTable } from "#store/store.ts";
import { report, round } from "./report.ts";

interface Task {
  readonly arn: string;
  readonly cluster: string;
  readonly instance: string;
  readonly status: string;
  readonly containers: readonly {
    readonly name: string;
    readonly image: string;
    readonly runtimeId: string;
  }[];
}

const tasks = defineTable<Task>({
  name: "tasks",
  indexes: { cluster: (row) => [row.cluster], instance: (row) => [row.instance] },
});
const taskOf = (n: number, status = "RUNNING"): Task => ({
  arn: `arn:aws:ecs:eu-central-1:123456789012:task/web/${n.toString(16).padStart(32, "0")}`,
  cluster: `cluster-${n % 10}`,
  instance: `instance-${n % 1000}`,
  status,
  containers: ["app", "sidecar"].map((name) => ({
    name,
    image: `registry.internal/team/${name}:1.${n % 50}`,
    runtimeId: n.toString(16).padStart(64, "0"),
  })),
});

const { values } = parseArgs({
  options: { rows: { type: "string", default: "100000" }, seconds: { type: "string", default: "2" } },
});
const rows = Number(values.rows);
const seconds = Number(values.seconds);
const open = (backend: Backend): Promise<Store> =>
  createStore({ backend, logger: silentLogger, tables: [tasks] });

/** `callers` loops that each put one row and wait for it. */
async function throughput(inner: Backend, callers: number) {
  const backend = createCountingBackend(inner);
  const store = await open(backend);
  const latencies: number[] = [];
  const begin = performance.now();
  const end = begin + seconds * 1000;
  let n = 0;
  const caller = async () => {
    while (performance.now() < end) {
      const mine = n++;
      const start = performance.now();
      await store.transact((tx) => tx.put(tasks, `eu-central-1/${mine % 20_000}`, taskOf(mine)));
      latencies.push(performance.now() - start);
      // Requests come from sockets: a turn of the event loop lies between two of one caller.
      if (mine % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const elapsed = (performance.now() - begin) / 1000;
  assert.equal([...store.scan(tasks)].length, Math.min(n, 20_000));
  await store.close();
  latencies.sort((a, b) => a - b);
  return {
    callers,
    transactionsPerSecond: Math.round(n / elapsed),
    groupSize: round(backend.operations / backend.commits),
    p50Ms: round(latencies[Math.floor(n * 0.5)] ?? 0),
    p99Ms: round(latencies[Math.floor(n * 0.99)] ?? 0),
  };
}

/** Fills LMDB with `rows` rows, then opens it anew and asks. */
async function loading(folder: string) {
  const filling = await open(createLmdbBackend(folder));
  for (let from = 0; from < rows; from += 10_000) {
    const work: Promise<void>[] = [];
    for (let at = from; at < Math.min(rows, from + 10_000); at += 100)
      work.push(
        filling.transact((tx) => {
          for (let n = at; n < Math.min(rows, at + 100); n++) tx.put(tasks, `eu-central-1/${n}`, taskOf(n));
        }),
      );
    await Promise.all(work);
  }
  await filling.close();
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const start = performance.now();
  const store = await open(createLmdbBackend(folder));
  const loadMs = performance.now() - start;
  globalThis.gc?.();
  const heap = process.memoryUsage().heapUsed - before;

  const scanStart = performance.now();
  assert.equal([...store.scan(tasks)].length, rows);
  const scanMs = performance.now() - scanStart;
  const findStart = performance.now();
  for (let i = 0; i < 1000; i++)
    assert.equal(store.find(tasks, "instance", `instance-${i}`).length, rows / 1000);
  const findMs = performance.now() - findStart;
  const watchStart = performance.now();
  assert.equal(store.snapshotAndWatch([tasks], { notify: () => {} }).take().length, rows);
  const snapshotMs = performance.now() - watchStart;
  await store.close();
  return {
    rows,
    rowBytes: JSON.stringify(taskOf(1)).length,
    loadMs: Math.round(loadMs),
    heapMiB: globalThis.gc === undefined ? "run with --expose-gc" : Math.round(heap / 2 ** 20),
    fullScanMs: Math.round(scanMs),
    thousandFindsMs: Math.round(findMs),
    snapshotMs: Math.round(snapshotMs),
  };
}

const folder = mkdtempSync(join(tmpdir(), "bench-store-"));
try {
  const results = {
    filesystem: execFileSync("stat", ["-f", "-c", "%T", folder], { encoding: "utf8" }).trim(),
    secondsEach: seconds,
    lmdb: [] as unknown[],
    memory: [] as unknown[],
    memoryWithinEtcdLimits: [] as unknown[],
    loading: {},
  };
  for (const callers of [1, 16, 256])
    results.lmdb.push(await throughput(createLmdbBackend(join(folder, `lmdb-${callers}`)), callers));
  for (const callers of [1, 256]) {
    results.memory.push(await throughput(createMemoryBackend(), callers));
    results.memoryWithinEtcdLimits.push(
      await throughput(createEtcdLimitsBackend(createMemoryBackend()), callers),
    );
  }
  results.loading = await loading(join(folder, "load"));
  report("store", results);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
