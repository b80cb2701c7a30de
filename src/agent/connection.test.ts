import { beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { TestClock } from "#lib/test-clock.ts";
import { memoryDuplexPair, type Duplex } from "#acs/duplex.ts";
import { ACS_RECONNECT, keepConnected } from "./connection.ts";

let clock: TestClock;
let closing: AbortController;
/** Milliseconds since the start at which a connection was tried. */
let tries: number[];
let refusal: string | undefined;
let open: Duplex | undefined;
let inactive: number;

/** No jitter: every delay is the policy's. */
const random = { fraction: () => 0.5 } as never;

beforeEach(() => {
  [clock, closing, tries] = [new TestClock(), new AbortController(), []];
  [refusal, open, inactive] = [undefined, undefined, 0];
});

const start = () =>
  keepConnected({
    name: "acs",
    policy: ACS_RECONNECT,
    clock,
    random,
    logger: silentLogger,
    signal: closing.signal,
    onInactive: () => void inactive++,
    async open() {
      tries.push(clock.monotonic());
      if (refusal !== undefined) throw new Error(refusal);
      [open] = memoryDuplexPair();
      return open;
    },
    serve: (duplex) => new Promise((resolve) => duplex.onClose(resolve)),
  });
const waits = () => tries.slice(1).map((at, i) => at - (tries[i] ?? 0));

describe("a channel to the control plane", () => {
  it("is tried again with growing delays up to two minutes", async () => {
    refusal = "connect ECONNREFUSED";
    void start();
    await clock.advance(30 * 60_000);
    expect(waits().slice(0, 4)).toEqual([250, 375, 563, 844]);
    expect(Math.max(...waits())).toBe(120_000);
  });

  it("is opened again at once after an orderly end", async () => {
    void start();
    for (const code of [1000, 1001, 1006, 1011]) {
      await clock.advance(5_000);
      open?.close(code);
      await clock.advance(0);
    }
    expect(waits()).toEqual([5_000, 5_000, 5_000, 5_000]);
  });

  it("waits after any other end, and when connections end as soon as they begin", async () => {
    void start();
    await clock.advance(5_000);
    open?.close(1012);
    await clock.advance(250);
    open?.close(1000);
    await clock.advance(375);
    expect(tries).toEqual([0, 5_250, 5_625]);
  });

  it("forgets its delays once a connection was good", async () => {
    refusal = "no";
    void start();
    await clock.advance(60_000);
    refusal = undefined;
    await clock.advance(120_000);
    open?.close(1012);
    const before = clock.monotonic();
    await clock.advance(60_000);
    expect((tries.at(-1) ?? 0) - before).toBe(250);
  });

  it("leaves an inactive instance alone for an hour", async () => {
    refusal = 'refused with 400: {"type":"InactiveInstanceException"}';
    void start();
    await clock.advance(59 * 60_000);
    expect(tries).toEqual([0]);
    expect(inactive).toBe(1);
    await clock.advance(60_000);
    expect(tries).toHaveLength(2);
  });

  it("ends when the agent closes, without a timer left", async () => {
    refusal = "no";
    const kept = start();
    await clock.advance(1_000);
    closing.abort(new Error("closing"));
    await kept;
    expect(clock.pendingTimers).toBe(0);
  });
});
