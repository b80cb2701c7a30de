// A process under write load is killed at random moments: every acknowledged transaction is there afterwards, and none
// is there by half.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { createStore } from "#store/create-store.ts";
import { createLmdbBackend } from "#store/lmdb-backend.ts";
import { bundle } from "#tests/support/bundle.ts";
import { latest, loads } from "#tests/support/store-load.ts";

const ROUNDS = 25;
/** Transactions that keep their rows: later ones delete those twenty before. */
const KEPT = 20;

let child: ChildProcess | undefined;
let folder: string | undefined;
afterEach(() => {
  child?.kill("SIGKILL");
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/**
 * Runs the writer and kills it `delay` milliseconds (a fraction counts) after so many acknowledged transactions, so that
 * every phase of a commit is hit in the end. Returns the numbers it printed.
 */
async function writeAndKill(writer: string, at: string, first: number, acknowledged: number, delay: number) {
  const process_ = spawn(process.execPath, [writer, at, String(first), "4"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  child = process_;
  const exited = once(process_, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const numbers: number[] = [];
  for await (const line of createInterface({ input: process_.stdout })) {
    if (line !== "ready") numbers.push(Number(line));
    if (numbers.length !== acknowledged || process_.killed) continue;
    const until = performance.now() + delay;
    while (performance.now() < until) await new Promise((resolve) => setImmediate(resolve));
    process_.kill("SIGKILL");
  }
  expect(await exited).toEqual([null, "SIGKILL"]);
  return numbers;
}

it(
  "keeps every acknowledged transaction whole, however often the process is killed",
  { timeout: 120_000 },
  async () => {
    const writer = await bundle("tests/support/store-writer.ts");
    folder = mkdtempSync(join(tmpdir(), "store-crash-"));
    const seed = Number(process.env["STORE_CRASH_SEED"] ?? Date.now() % 1_000_000);
    const random = seededRandom(seed);
    let first = 0;
    let total = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const printed = await writeAndKill(writer, folder, first, 1 + random.below(120), 5 * random.fraction());
      const context = `seed ${seed}, round ${round}`;
      total += printed.length;

      const store = await createStore({
        backend: createLmdbBackend(folder),
        logger: silentLogger,
        tables: [loads, latest],
      });
      const last = store.get(latest, "latest")?.n ?? -1;
      expect(last, context).toBeGreaterThanOrEqual(Math.max(...printed));
      const present = new Map<number, number>();
      for (const [key, row] of store.scan(loads)) {
        expect(key, context).toBe(`${row.n}/${row.part}`);
        present.set(row.n, (present.get(row.n) ?? 0) + 1);
      }
      for (const n of printed.filter((n) => n > last - KEPT))
        expect(present.get(n), `${context}: transaction ${n} was acknowledged`).toBe((n % 7) + 1);
      for (const [n, rows] of present) {
        expect(rows, `${context}: transaction ${n} is whole`).toBe((n % 7) + 1);
        expect(n, `${context}: rows of ${n} were to be deleted`).toBeGreaterThan(last - KEPT);
      }
      for (const n of present.keys()) expect(store.find(loads, "n", String(n))).toHaveLength((n % 7) + 1);
      await store.close();
      first = last + 1;
    }
    expect(total).toBeGreaterThan(ROUNDS);
  },
);
