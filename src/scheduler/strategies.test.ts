import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PlacedTask, scaleIn } from "./strategies.ts";

const task = (arn: string, zone: string, instanceArn: string, createdAt = 0): PlacedTask => ({
  arn,
  zone,
  instanceArn,
  createdAt,
});

describe("scaling in", () => {
  it("takes from the fullest zone, there from the fullest instance, there the newest", () => {
    const tasks = [
      task("t1", "a", "i1", 1),
      task("t2", "a", "i1", 2),
      task("t3", "a", "i2", 3),
      task("t4", "b", "i3", 4),
      task("t5", "b", "i3", 5),
    ];
    expect(scaleIn(tasks, 3).map((t) => t.arn)).toEqual(["t2", "t5", "t3"]);
  });
  it("counts tasks that stay", () => {
    const staying = [
      { zone: "b", instanceArn: "i3" },
      { zone: "b", instanceArn: "i3" },
    ];
    const chosen = scaleIn([task("t1", "a", "i1"), task("t2", "b", "i3")], 1, staying);
    expect(chosen.map((t) => t.arn)).toEqual(["t2"]);
  });

  const cluster = fc
    .array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.nat(2), fc.nat(9)), { maxLength: 15 })
    .map((list) => list.map(([zone, n, at], i) => task(`t${i}`, zone, `${zone}-${n}`, at)));
  const countsBy = (tasks: readonly PlacedTask[], of: (t: PlacedTask) => string) =>
    tasks.reduce((m, t) => m.set(of(t), (m.get(of(t)) ?? 0) + 1), new Map<string, number>());

  it("stops exactly as many as asked, each once", () => {
    fc.assert(
      fc.property(cluster, fc.nat(20), (tasks, count) => {
        const chosen = scaleIn(tasks, count);
        expect(chosen).toHaveLength(Math.min(count, tasks.length));
        expect(new Set(chosen).size).toBe(chosen.length);
      }),
    );
  });
  it("never widens the gap between zones", () => {
    fc.assert(
      fc.property(cluster, fc.nat(20), (tasks, count) => {
        const zones = [...new Set(tasks.map((t) => t.zone))];
        const gap = (left: readonly PlacedTask[]) => {
          const counts = zones.map((z) => countsBy(left, (t) => t.zone).get(z) ?? 0);
          return Math.max(0, ...counts) - Math.min(...counts, Infinity);
        };
        const chosen = new Set(scaleIn(tasks, count));
        const left = tasks.filter((t) => !chosen.has(t));
        if (zones.length > 0) expect(gap(left)).toBeLessThanOrEqual(Math.max(1, gap(tasks)));
      }),
    );
  });
  it("does not depend on the order in which the tasks are listed", () => {
    fc.assert(
      fc.property(cluster, fc.nat(20), (tasks, count) => {
        expect(scaleIn([...tasks].reverse(), count)).toEqual(scaleIn(tasks, count));
      }),
    );
  });
});
