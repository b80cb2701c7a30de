import { describe, expect, it } from "vitest";
import { TestClock } from "#lib/test-clock.ts";
import { SourceLimiter } from "./request-rate.ts";

describe("the request rate of a source", () => {
  it("admits the burst, then the steady rate", async () => {
    const clock = new TestClock();
    const limiter = new SourceLimiter({ perSecond: 40, burst: 60 }, clock);
    const admitted = (count: number) =>
      Array.from({ length: count }, () => limiter.admits("a")).filter((yes) => yes).length;
    expect(admitted(100)).toBe(60);
    await clock.advance(1_000);
    expect(admitted(100)).toBe(40);
    await clock.advance(60_000);
    expect(admitted(100)).toBe(60);
  });

  it("forgets the source that asked longest ago when there are too many", () => {
    const limiter = new SourceLimiter({ perSecond: 1, burst: 1 }, new TestClock());
    expect(limiter.admits("first")).toBe(true);
    for (let i = 0; i < 1023; i += 1) limiter.admits(`other-${i}`);
    expect(limiter.admits("first")).toBe(false);
    for (let i = 0; i < 1024; i += 1) limiter.admits(`another-${i}`);
    expect(limiter.admits("first")).toBe(true);
  });
});
