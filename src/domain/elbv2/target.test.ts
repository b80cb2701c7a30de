import { describe, expect, it } from "vitest";
import {
  drainTarget,
  isDrained,
  overallTargetHealth,
  removeTarget,
  reportTargetHealth,
  targetIdle,
  type TargetRow,
} from "./target.ts";

const target: TargetRow = {
  targetGroupArn: "arn:tg",
  targetGroupId: "aa",
  key: "k1",
  targetId: "i-1",
  port: 32768,
  address: "10.64.0.4",
  lifecycle: "registered",
  registeredAt: 0,
  idleOn: [],
  health: {},
};

describe("a registered target", () => {
  it("is initial until every node has seen it healthy", () => {
    const one = reportTargetHealth(target, "a", { state: "healthy" });
    expect(overallTargetHealth(one, ["a", "b"]).state).toBe("initial");
    expect(overallTargetHealth(reportTargetHealth(one, "b", { state: "healthy" }), ["a", "b"]).state).toBe(
      "healthy",
    );
  });

  it("is unhealthy when one node says so", () => {
    const seen = reportTargetHealth(target, "b", { state: "unhealthy", reason: "Target.Timeout" });
    expect(
      overallTargetHealth(reportTargetHealth(seen, "a", { state: "healthy" }), ["a", "b"]),
    ).toMatchObject({ reason: "Target.Timeout" });
  });

  it("is the same row when a node repeats itself", () => {
    const seen = reportTargetHealth(target, "a", { state: "healthy" });
    expect(reportTargetHealth(seen, "a", { state: "healthy" })).toBe(seen);
  });
});

describe("a draining target", () => {
  const draining = drainTarget(target, 300, 1000);

  it("is drained when every node has nothing in flight, or at the deadline", () => {
    expect(isDrained(draining, ["a"], 1001)).toBe(false);
    expect(isDrained(targetIdle(draining, "a"), ["a"], 1001)).toBe(true);
    expect(isDrained(targetIdle(draining, "a"), ["a", "b"], 1001)).toBe(false);
    expect(isDrained(draining, ["a"], 301_000)).toBe(true);
  });

  it("hears no health and is not drained twice", () => {
    expect(reportTargetHealth(draining, "a", { state: "healthy" })).toBe(draining);
    expect(drainTarget(draining, 5, 2000)).toBe(draining);
  });

  it("keeps the end of its delay when it is removed early", () => {
    expect(removeTarget(draining, 300, 50_000)).toMatchObject({
      lifecycle: "removed",
      drainingUntil: 301_000,
    });
  });
});
