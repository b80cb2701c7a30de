import { beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { CallFailed } from "./control-plane.ts";
import { createReports, type Reports } from "./reports.ts";
import { Walk, wireContainer } from "./task/fixture.suite.ts";
import type { TaskRunner } from "./task/runner.ts";

let clock: TestClock;
let reports: Reports;
/** Task and status of each call, with the time. */
let calls: (readonly [task: string, status: string, at: number])[];
let fault: CallFailed | undefined;
let hold: Promise<void> | undefined;

beforeEach(() => {
  [clock, calls, fault, hold] = [new TestClock(), [], undefined, undefined];
  reports = createReports({
    cluster: "main",
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    controlPlane: {
      async call(operation, input) {
        expect(operation).toBe("SubmitTaskStateChange");
        expect(input["cluster"]).toBe("main");
        calls.push([input["task"] as string, input["status"] as string, clock.monotonic()]);
        await hold;
        if (fault !== undefined) throw fault;
        return {};
      },
    },
  });
});

/** A task with one container, walked by hand, as a runner. */
const newRunner = (arn: string, ...containers: string[]) => {
  const walk = new Walk(
    containers.map((name) => wireContainer(name)),
    { arn },
  );
  walk.begin();
  const runner: TaskRunner = {
    arn,
    get state() {
      return walk.state;
    },
    begin() {},
    dispatch(event) {
      walk.on(event);
      reports.notify(runner);
    },
    stored: () => Promise.resolve(),
    close() {},
  };
  return { walk, runner };
};
const statuses = () => calls.map(([, status]) => status);

describe("reports", () => {
  it("go out at once when the task moves, one after another", async () => {
    const { walk, runner } = newRunner("t1", "web");
    walk.running("web");
    reports.notify(runner);
    reports.notify(runner);
    await clock.advance(0);
    walk.ends("web", 1);
    reports.notify(runner);
    await clock.advance(0);
    expect(statuses()).toEqual(["RUNNING", "STOPPED"]);
    await clock.advance(3_600_000);
    expect(calls).toHaveLength(2);
    expect(clock.pendingTimers).toBe(0);
  });

  it("say what is true when they are accepted: what happened while one was on its way follows", async () => {
    let release: () => void = () => {};
    hold = new Promise((resolve) => (release = resolve));
    const { walk, runner } = newRunner("t1", "web");
    walk.running("web");
    reports.notify(runner);
    await clock.advance(0);
    walk.ends("web", 1);
    reports.notify(runner);
    await clock.advance(0);
    expect(statuses()).toEqual(["RUNNING"]);
    release();
    await clock.advance(0);
    expect(statuses()).toEqual(["RUNNING", "STOPPED"]);
  });

  it("of containers alone wait ten to thirty seconds for news of the task", async () => {
    const { walk, runner } = newRunner("t1", "web", "side");
    walk.running("web");
    reports.notify(runner);
    await clock.advance(9_999);
    expect(calls).toEqual([]);
    await clock.advance(20_001);
    expect(statuses()).toEqual(["PENDING"]);
  });

  it("carry the news of containers when the task moves before", async () => {
    const { walk, runner } = newRunner("t1", "web", "side");
    walk.running("web");
    reports.notify(runner);
    await clock.advance(1_000);
    walk.running("side");
    reports.notify(runner);
    await clock.advance(60_000);
    expect(statuses()).toEqual(["RUNNING"]);
  });

  it("are tried until they are accepted, with delays from one second to thirty", async () => {
    fault = new CallFailed("Unreachable", "connect ECONNREFUSED");
    const { walk, runner } = newRunner("t1", "web");
    walk.running("web");
    reports.notify(runner);
    await clock.advance(600_000);
    const waits = calls.slice(1).map(([, , at], i) => at - (calls[i]?.[2] ?? 0));
    expect(waits[0]).toBeGreaterThanOrEqual(800);
    expect(waits[0]).toBeLessThanOrEqual(1_200);
    expect(Math.max(...waits)).toBeLessThanOrEqual(36_000);
    expect(calls.length).toBeLessThan(60);
    walk.ends("web", 1);
    fault = undefined;
    await clock.advance(60_000);
    expect(statuses().at(-1)).toBe("STOPPED");
    expect(runner.state.reported.status).toBe("STOPPED");
  });

  it("that the control plane will never take are dropped, and the next ones go out", async () => {
    fault = new CallFailed("InvalidParameterException", "no");
    const { walk, runner } = newRunner("t1", "web");
    walk.running("web");
    reports.notify(runner);
    await clock.advance(60_000);
    expect(calls).toHaveLength(1);
    fault = undefined;
    walk.ends("web", 1);
    reports.notify(runner);
    await clock.advance(0);
    expect(statuses()).toEqual(["RUNNING", "STOPPED"]);
  });

  it("are on their way for ten tasks at a time", async () => {
    let release: () => void = () => {};
    hold = new Promise((resolve) => (release = resolve));
    for (let i = 0; i < 15; i++) {
      const { walk, runner } = newRunner(`t${i}`, "web");
      walk.running("web");
      reports.notify(runner);
    }
    await clock.advance(0);
    expect(calls).toHaveLength(10);
    release();
    await clock.advance(0);
    expect(new Set(calls.map(([task]) => task)).size).toBe(15);
  });

  it("end with the agent", async () => {
    fault = new CallFailed("Unreachable", "no");
    const { walk, runner } = newRunner("t1", "web");
    walk.running("web");
    reports.notify(runner);
    await clock.advance(0);
    reports.close();
    await clock.advance(600_000);
    expect(calls).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });
});
