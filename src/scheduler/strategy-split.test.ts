import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitByStrategy, type StrategyShare } from "./strategy-split.ts";

const share = (capacityProvider: string, base: number, weight: number): StrategyShare<string> => ({
  capacityProvider,
  base,
  weight,
});
const split = (strategy: readonly StrategyShare<string>[], count: number, present: object = {}) =>
  splitByStrategy(strategy, new Map(Object.entries(present) as [string, number][]), count);
const tally = (chosen: readonly string[]) => {
  const counts: Record<string, number> = {};
  for (const name of chosen) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};

describe("a capacity provider strategy", () => {
  it("fills the base first, then shares by weight", () => {
    const strategy = [share("FARGATE", 2, 1), share("FARGATE_SPOT", 0, 3)];
    expect(split(strategy, 2)).toEqual(["FARGATE", "FARGATE"]);
    expect(tally(split(strategy, 10))).toEqual({ FARGATE: 4, FARGATE_SPOT: 6 });
  });

  it("goes on from the tasks that are there", () => {
    const strategy = [share("FARGATE", 1, 0), share("FARGATE_SPOT", 0, 1)];
    expect(split(strategy, 1, { FARGATE_SPOT: 2 })).toEqual(["FARGATE"]);
    expect(split(strategy, 1, { FARGATE: 1, FARGATE_SPOT: 1 })).toEqual(["FARGATE_SPOT"]);
  });

  it("of one provider needs no weight, and of several without weight ends with the base", () => {
    expect(split([share("FARGATE", 0, 0)], 2)).toEqual(["FARGATE", "FARGATE"]);
    expect(split([share("FARGATE", 1, 0), share("FARGATE_SPOT", 0, 0)], 3)).toEqual(["FARGATE"]);
    expect(split([], 3)).toEqual([]);
  });
});

const strategyArbitrary = fc
  .uniqueArray(
    fc.record({
      capacityProvider: fc.constantFrom("a", "b", "c", "d"),
      base: fc.constant(0),
      weight: fc.integer({ min: 0, max: 1000 }),
    }),
    { minLength: 1, maxLength: 4, selector: (s) => s.capacityProvider },
  )
  .chain((shares) =>
    fc
      .record({ at: fc.nat(shares.length - 1), base: fc.nat(20) })
      .map(({ at, base }) => shares.map((s, i) => (i === at ? { ...s, base } : s))),
  )
  .filter((shares) => shares.length === 1 || shares.some((s) => s.weight > 0));

describe("any strategy", () => {
  it("gives every task a provider, the base before all else, and each its share rounded up at most", () => {
    fc.assert(
      fc.property(strategyArbitrary, fc.nat(200), (strategy, count) => {
        const counts = tally(split(strategy, count));
        const total = Object.values(counts).reduce((a, b) => a + b, 0);
        expect(total).toBe(count);
        const base = strategy.find((s) => s.base > 0);
        if (base !== undefined)
          expect(counts[base.capacityProvider] ?? 0).toBeGreaterThanOrEqual(Math.min(base.base, count));
        const beyond = Math.max(0, count - (base?.base ?? 0));
        const weights = strategy.reduce((sum, s) => sum + s.weight, 0);
        for (const s of strategy) {
          const own = Math.max(0, (counts[s.capacityProvider] ?? 0) - s.base);
          const part = weights === 0 ? beyond : (s.weight / weights) * beyond;
          expect(own).toBeLessThan(part + 1);
          if (s.weight === 0 && strategy.length > 1) expect(own).toBe(0);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("ends alike whether its tasks start together or one by one", () => {
    fc.assert(
      fc.property(strategyArbitrary, fc.integer({ min: 1, max: 60 }), (strategy, count) => {
        const together = tally(split(strategy, count));
        const present = new Map<string, number>();
        for (let i = 0; i < count; i += 1) {
          const [next] = splitByStrategy(strategy, present, 1);
          if (next !== undefined) present.set(next, (present.get(next) ?? 0) + 1);
        }
        expect(Object.fromEntries(present)).toEqual(together);
      }),
    );
  });
});
