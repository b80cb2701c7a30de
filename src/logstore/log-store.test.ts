// The log store over a real folder: what was acknowledged is read again, before and after a restart, from journal and segments.
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { TestClock } from "#lib/test-clock.ts";
import type { LogPolicy, LogStore } from "./log-store.ts";
import { openLogStore } from "./open-log-store.ts";

let folder: string;
let store: LogStore;
let clock: TestClock;
let policy: LogPolicy;

const all: LogPolicy = { keepsGroup: () => true, keepsStream: () => true, keptFrom: () => 0 };
const forward = { direction: "forward", from: 0, to: Infinity, maxEvents: 1e6, maxBytes: Infinity } as const;
const open = (tableBytes?: number) =>
  openLogStore({
    folder,
    policy: {
      keepsGroup: (g) => policy.keepsGroup(g),
      keepsStream: (to) => policy.keepsStream(to),
      keptFrom: (g) => policy.keptFrom(g),
    },
    clock,
    logger: silentLogger,
    ...(tableBytes === undefined ? {} : { tableBytes }),
  });
const messages = async (streams: readonly string[], more: object = {}) =>
  (await store.read("g", streams, { ...forward, ...more })).events.map((e) => e.message);
const put = (stream: string, ...events: readonly (readonly [number, string])[]) =>
  store.append(
    { group: "g", stream },
    events.map(([timestamp, message]) => ({ timestamp, message })),
  );
const segmentFiles = () =>
  readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(".seg"));

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "estiba-logs-"));
  clock = new TestClock();
  policy = all;
  store = await open();
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("what was appended", () => {
  it("is read in the order of time, and of arrival within one time, whatever the order of arrival", async () => {
    await put("s", [20, "b"], [30, "d"]);
    await put("s", [10, "a"], [30, "e"]);
    await put("s", [20, "c"]);
    expect(await messages(["s"])).toEqual(["a", "b", "c", "d", "e"]);
    expect(await messages(["s"], { direction: "backward" })).toEqual(["e", "d", "c", "b", "a"]);
  });

  it("is interleaved over streams, and only over those that were asked for", async () => {
    await put("s", [10, "s1"], [30, "s2"]);
    await put("t", [20, "t1"], [40, "t2"]);
    await put("u", [25, "u1"]);
    expect(await messages(["s", "t"])).toEqual(["s1", "t1", "s2", "t2"]);
  });

  it("is there after a restart, from the journal", async () => {
    await put("s", [10, "a"]);
    await store.close();
    store = await open();
    await put("s", [20, "b"]);
    expect(await messages(["s"])).toEqual(["a", "b"]);
    expect(store.summary({ group: "g", stream: "s" })).toEqual({
      firstTimestamp: 10,
      lastTimestamp: 20,
      lastIngestionTime: clock.now(),
    });
  });

  it("stands in files that only their owner reads", async () => {
    await store.close();
    store = await open(1);
    await put("s", [10, "a"]);
    await put("s", [20, "b"]);
    await store.close();
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
    expect(files.length).toBeGreaterThan(1);
    for (const { parentPath, name } of files) expect(statSync(join(parentPath, name)).mode & 0o077).toBe(0);
  });

  it("is read from segments, memory and journal alike while the table is written again and again", async () => {
    await store.close();
    store = await open(100);
    const expected: string[] = [];
    for (let i = 0; i < 60; i++) {
      await put("s", [i, `m${i}`]);
      expected.push(`m${i}`);
      expect(await messages(["s"])).toEqual(expected);
    }
    await store.sweep();
    expect(segmentFiles().length).toBeGreaterThan(0);
    expect(await messages(["s"])).toEqual(expected);
    await store.close();
    store = await open(100);
    expect(await messages(["s"])).toEqual(expected);
  });

  it("is there whole or not at all when the journal's end is torn", async () => {
    await put("s", [10, "a"]);
    await store.close();
    const journal = readdirSync(folder).find((name) => name.startsWith("journal-")) ?? "";
    appendFileSync(join(folder, journal), Buffer.from([40, 0, 0, 0, 1, 2, 3]));
    store = await open();
    expect(await messages(["s"])).toEqual(["a"]);
    await put("s", [20, "b"]);
    await store.close();
    store = await open();
    expect(await messages(["s"])).toEqual(["a", "b"]);
  });
});

describe("what is no longer kept", () => {
  it("is not read from the moment it expires, and leaves the disk with a sweep", async () => {
    await store.close();
    store = await open(100);
    for (let i = 0; i < 20; i++) await put("s", [i, `m${i}`]);
    await store.sweep();
    const before = segmentFiles().length;
    policy = { ...all, keptFrom: () => 15 };
    expect(await messages(["s"])).toEqual(["m15", "m16", "m17", "m18", "m19"]);
    await store.sweep();
    expect(segmentFiles().length).toBeLessThan(before);
    policy = { ...all, keptFrom: () => 1000 };
    await store.sweep();
    expect(segmentFiles()).toEqual([]);
  });

  it("goes with its group, also when the group was deleted while nobody looked", async () => {
    await store.close();
    store = await open(100);
    for (let i = 0; i < 20; i++) await put("s", [i, `m${i}`]);
    await store.close();
    policy = { ...all, keepsGroup: () => false, keepsStream: () => false };
    store = await open(100);
    await store.sweep();
    expect(segmentFiles()).toEqual([]);
    expect(await messages(["s"])).toEqual([]);
    expect(store.summary({ group: "g", stream: "s" })).toBeUndefined();
  });
});

it("gives the same answer in pages of any size and direction as in one, over memory and segments", async () => {
  await store.close();
  store = await open(3000);
  // Times that go back and forth, over three streams.
  for (let i = 0; i < 150; i++) await put(`s${i % 3}`, [(i * 37) % 101, `m${i}`]);
  const streams = ["s0", "s1", "s2"];
  const whole = await messages(streams);
  expect(whole).toHaveLength(150);
  for (const direction of ["forward", "backward"] as const)
    for (const maxEvents of [1, 7, 64]) {
      const pages: string[] = [];
      let beyond: { timestamp: number; sequence: number } | undefined;
      for (let complete = false; !complete;) {
        const page = await store.read("g", streams, { ...forward, direction, maxEvents, beyond });
        pages.push(...page.events.map((e) => e.message));
        complete = page.complete;
        beyond = page.reached ?? beyond;
      }
      expect(direction === "forward" ? pages : pages.reverse()).toEqual(whole);
    }
});
