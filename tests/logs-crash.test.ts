// A process that appends logs is killed at random moments: every acknowledged batch is there afterwards, once, and none by half.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { openLogStore } from "#logstore/open-log-store.ts";
import { bundle } from "#tests/support/bundle.ts";

const ROUNDS = 12;

let child: ChildProcess | undefined;
let folder: string | undefined;
afterEach(() => {
  child?.kill("SIGKILL");
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** Kills the writer after so many acknowledged batches. Answers their numbers. */
async function writeAndKill(writer: string, at: string, first: number, acknowledged: number) {
  const writing = spawn(process.execPath, [writer, at, String(first)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  child = writing;
  const exited = once(writing, "exit");
  const numbers: number[] = [];
  for await (const line of createInterface({ input: writing.stdout })) {
    if (line !== "ready") numbers.push(Number(line));
    if (numbers.length === acknowledged) writing.kill("SIGKILL");
  }
  expect(await exited).toEqual([null, "SIGKILL"]);
  return numbers;
}

/** The number of each batch that is stored, after a look that each is whole and there once. */
async function stored(at: string): Promise<Set<number>> {
  const store = await openLogStore({
    folder: at,
    policy: { keepsGroup: () => true, keepsStream: () => true, keptFrom: () => 0 },
    clock: new TestClock(),
    logger: silentLogger,
  });
  const parts = new Map<number, number[]>();
  for (const group of ["g0", "g1"]) {
    const { events } = await store.read(group, ["s0", "s1", "s2"], {
      direction: "forward",
      from: 0,
      to: Infinity,
      maxEvents: Infinity,
      maxBytes: Infinity,
    });
    for (const { message } of events) {
      const [n = 0, part = 0] = message.split(/[/ ]/).map(Number);
      parts.set(n, [...(parts.get(n) ?? []), part]);
    }
  }
  await store.close();
  for (const [n, found] of parts) expect(found).toEqual(Array.from({ length: (n % 7) + 1 }, (_, i) => i));
  return new Set(parts.keys());
}

it(
  "keeps every acknowledged batch whole and once, however often the process is killed",
  { timeout: 120_000 },
  async () => {
    const writer = await bundle("tests/support/log-writer.ts");
    folder = mkdtempSync(join(tmpdir(), "logs-crash-"));
    const random = seededRandom(Number(process.env["LOGS_CRASH_SEED"] ?? Date.now() % 1_000_000));
    const acknowledged = new Set<number>();
    for (let round = 0, first = 0; round < ROUNDS; round++, first += 100_000) {
      for (const n of await writeAndKill(writer, folder, first, 1 + random.below(300))) acknowledged.add(n);
      const found = await stored(folder);
      expect([...acknowledged].filter((n) => !found.has(n))).toEqual([]);
    }
  },
);
