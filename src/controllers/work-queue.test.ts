import { describe, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { settle, TestClock } from "#lib/test-clock.ts";
import { createWorkQueue } from "./work-queue.ts";

function fixture(concurrency?: number) {
  const clock = new TestClock();
  const handled: string[] = [];
  const waiting: (() => void)[] = [];
  const state = { hold: false, fail: 0, running: 0, most: 0 };
  const queue = createWorkQueue({
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    ...(concurrency === undefined ? {} : { concurrency }),
    async handle(key) {
      handled.push(key);
      state.running += 1;
      state.most = Math.max(state.most, state.running);
      if (state.hold) await new Promise<void>((go) => waiting.push(go));
      state.running -= 1;
      if (state.fail-- > 0) throw new Error("refused");
    },
  });
  return { clock, handled, waiting, state, queue };
}

describe("a work queue", () => {
  it("handles a key once however often it was added, and again when it became dirty meanwhile", async () => {
    const { queue, handled, waiting, state } = fixture();
    state.hold = true;
    for (let i = 0; i < 3; i += 1) queue.add("a");
    await settle();
    expect(handled).toEqual(["a"]);
    for (const go of waiting.splice(0)) go();
    await settle();
    expect(handled).toEqual(["a", "a"]);
    for (const go of waiting.splice(0)) go();
    await settle();
    expect(handled).toEqual(["a", "a"]);
  });
  it("handles so many keys at a time and no more", async () => {
    const { queue, handled, waiting, state } = fixture(2);
    state.hold = true;
    for (const key of ["a", "b", "c", "d"]) queue.add(key);
    await settle();
    expect(handled).toEqual(["a", "b"]);
    while (waiting.length > 0) {
      for (const go of waiting.splice(0)) go();
      await settle();
    }
    expect(handled).toEqual(["a", "b", "c", "d"]);
    expect(state.most).toBe(2);
  });
  it("handles a key at its time, at the newest one given", async () => {
    const { queue, handled, clock } = fixture();
    queue.addAt("a", clock.now() + 100);
    queue.addAt("a", clock.now() + 300);
    queue.addAt("b", clock.now() + 50);
    queue.addAt("b", undefined);
    await clock.advance(299);
    expect(handled).toEqual([]);
    await clock.advance(1);
    expect(handled).toEqual(["a"]);
  });
  it("takes times beyond what a timer holds", async () => {
    const { queue, handled, clock } = fixture();
    queue.addAt("a", clock.now() + 2 ** 32);
    await clock.advance(2 ** 32 - 1);
    expect(handled).toEqual([]);
    await clock.advance(1);
    expect(handled).toEqual(["a"]);
  });
  it("tries what failed again with growing delays", async () => {
    const { queue, handled, clock, state } = fixture();
    state.fail = 3;
    queue.add("a");
    await clock.advance(10_000);
    expect(handled).toHaveLength(4);
    await clock.advance(100_000);
    expect(handled).toHaveLength(4);
  });
  it("begins nothing after its end, and ends when what is under way is done", async () => {
    const { queue, handled, waiting, state, clock } = fixture(1);
    state.hold = true;
    queue.add("a");
    queue.add("b");
    queue.addAt("c", clock.now() + 1);
    let closed = false;
    const closing = queue.close().then(() => (closed = true));
    await clock.advance(10);
    expect(closed).toBe(false);
    for (const go of waiting) go();
    await closing;
    queue.add("d");
    await settle();
    expect(handled).toEqual(["a"]);
  });
});
