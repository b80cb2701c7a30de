// Taking turns and waiting with growing pauses, on a clock that the test moves.
import { describe, expect, it } from "vitest";
import { TestClock, settle } from "#lib/test-clock.ts";
import { createTurns } from "./turns.ts";
import { until } from "./until.ts";

describe("turns", () => {
  it("run one after another under a name, also after a failure, and beside each other under different names", async () => {
    const turns = createTurns();
    const log: string[] = [];
    let release = () => undefined as void;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const first = turns.inTurn("a", async () => {
      log.push("first");
      await gate;
      throw new Error("no");
    });
    const second = turns.inTurn("a", async () => void log.push("second"));
    await turns.inTurn("b", async () => void log.push("other"));
    expect(log).toEqual(["first", "other"]);
    release();
    await expect(first).rejects.toThrow("no");
    await second;
    await turns.idle();
    expect(log).toEqual(["first", "other", "second"]);
  });
});

describe("waiting until", () => {
  it("looks again after growing pauses and answers what it sees", async () => {
    const clock = new TestClock();
    const looks: number[] = [];
    const answer = until(
      async () => {
        looks.push(clock.monotonic());
        return looks.length === 4 ? "there" : undefined;
      },
      { clock, late: () => "late" },
    );
    await clock.advance(1000);
    expect(await answer).toBe("there");
    expect(looks).toEqual([0, 10, 25, 47.5]);
  });

  it("ends with the late words when time is up, and at once when it is given up", async () => {
    const clock = new TestClock();
    const late = until(async () => undefined, { clock, timeoutMs: 500, late: async () => "nothing came" });
    const expected = expect(late).rejects.toThrow("nothing came");
    await clock.advance(1000);
    await expected;
    const abort = new AbortController();
    const given = until(async () => undefined, { clock, signal: abort.signal, late: () => "" });
    const ended = expect(given).rejects.toThrow("given up");
    await settle();
    abort.abort(new Error("given up"));
    await ended;
    expect(clock.pendingTimers).toBe(0);
  });
});
