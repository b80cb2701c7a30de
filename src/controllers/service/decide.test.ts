import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drainService } from "#domain/ecs/service-transitions.ts";
import { BLOCKED, decideService } from "./decide.ts";
import { healthOf } from "./health.ts";
import { ServiceModel, SETTINGS } from "./model.suite.ts";
import { healthyLimits } from "./rollout.ts";

/** Decides and lets all go well until nothing is left to do. */
function settleWell(model: ServiceModel, rounds = 60): number {
  for (let round = 0; round < rounds; round += 1) {
    const { start, stop } = model.decide();
    const isMoving = model.tasks.some(
      (t) => t.lastStatus !== "STOPPED" && (t.lastStatus !== "RUNNING" || t.desiredStatus === "STOPPED"),
    );
    if (start === undefined && stop.length === 0 && !isMoving && model.service.steadySince !== undefined)
      return round;
    model.now += SETTINGS.steadyAfterMs;
    model.allWell();
  }
  return rounds;
}

function deployed(options: ConstructorParameters<typeof ServiceModel>[0]): ServiceModel {
  const model = new ServiceModel(options);
  settleWell(model);
  return model;
}

const statuses = (model: ServiceModel) => model.service.deployments.map((d) => [d.status, d.rolloutState]);
const revisions = (model: ServiceModel) =>
  model.wanted().map((t) => (t.deploymentId === model.primaryId ? "new" : "old"));

describe("a new service", () => {
  it("starts desiredCount tasks at once and completes when all are healthy", () => {
    const model = new ServiceModel({ desiredCount: 3 });
    expect(model.decide().start).toMatchObject({ count: 3, atMost: 3 });
    for (const t of model.tasks) model.progress(t.id);
    for (const t of model.tasks) model.progress(t.id);
    for (const t of model.tasks.slice(1)) model.setHealth(t.id, "healthy");
    model.decide();
    expect(statuses(model)).toEqual([["PRIMARY", "IN_PROGRESS"]]);
    model.setHealth(model.tasks[0]?.id ?? "", "healthy");
    const { finished } = model.decide();
    expect(finished).toMatchObject([{ status: "SUCCESSFUL" }]);
    expect(statuses(model)).toEqual([["PRIMARY", "COMPLETED"]]);
    expect(model.events).toEqual([
      `(deployment ${model.primaryId}) deployment completed.`,
      "has reached a steady state.",
    ]);
  });

  it("counts a task without checks as healthy 40 s after RUNNING, and wakes then", () => {
    const model = new ServiceModel({ desiredCount: 1, balanced: false });
    model.decide();
    model.progress("t0000");
    const { wakeAt } = model.decide();
    expect(wakeAt).toBe(model.now + 40_000);
    model.now += 39_999;
    model.decide();
    expect(statuses(model)).toEqual([["PRIMARY", "IN_PROGRESS"]]);
    model.now += 1;
    model.decide();
    expect(statuses(model)).toEqual([["PRIMARY", "COMPLETED"]]);
  });

  it("completes with no tasks when none are desired", () => {
    const model = new ServiceModel({ desiredCount: 0 });
    model.decide();
    expect(statuses(model)).toEqual([["PRIMARY", "COMPLETED"]]);
  });

  it("tells the steady state once, and again after six hours", () => {
    const model = deployed({ desiredCount: 2 });
    const { wakeAt } = model.decide();
    expect(model.decide().events).toEqual([]);
    model.now = wakeAt ?? 0;
    expect(model.decide().events).toEqual(["has reached a steady state."]);
    expect(model.decide().events).toEqual([]);
  });

  it("stays COMPLETED when a task dies later, and replaces it", () => {
    const model = deployed({ desiredCount: 2 });
    model.exit("t0001");
    const { start } = model.decide();
    expect(start).toMatchObject({ count: 1, atMost: 2 });
    expect(statuses(model)).toEqual([["PRIMARY", "COMPLETED"]]);
    expect(model.service.steadySince).toBeUndefined();
  });
});

describe("a rolling deployment", () => {
  it("with 100/200 starts all replacements and stops an old task only for each healthy one", () => {
    const model = deployed({ desiredCount: 2 });
    model.update({ forceNewDeployment: true });
    expect(model.decide()).toMatchObject({ start: { count: 2 }, stop: [] });
    for (let i = 0; i < 2; i += 1) for (const t of model.wanted()) model.progress(t.id);
    expect(model.decide().stop).toEqual([]);
    model.setHealth("t0002", "healthy");
    expect(model.decide().stop).toMatchObject([
      {
        cause: {
          code: "ServiceSchedulerInitiated",
          reason: `Scaling activity initiated by (deployment ${model.primaryId})`,
        },
      },
    ]);
    expect(model.decide().stop).toEqual([]);
    settleWell(model);
    expect(revisions(model)).toEqual(["new", "new"]);
    expect(statuses(model)).toEqual([["PRIMARY", "COMPLETED"]]);
  });

  it("keeps the superseded deployment listed until its last task has stopped", () => {
    const model = deployed({ desiredCount: 1 });
    model.update({ forceNewDeployment: true });
    model.decide();
    for (let i = 0; i < 2; i += 1) model.progress("t0001");
    model.setHealth("t0001", "healthy");
    expect(model.decide().stop).toHaveLength(1);
    expect(statuses(model)[0]).toEqual(["PRIMARY", "IN_PROGRESS"]);
    model.decide();
    expect(statuses(model)).toEqual([
      ["PRIMARY", "COMPLETED"],
      ["ACTIVE", "COMPLETED"],
    ]);
    expect(model.service.steadySince).toBeUndefined();
    model.progress("t0000");
    model.decide();
    expect(statuses(model)).toEqual([["PRIMARY", "COMPLETED"]]);
    expect(model.service.steadySince).toBeDefined();
  });

  it("with 50/100 stops half first", () => {
    const model = deployed({ desiredCount: 4, minimumHealthyPercent: 50, maximumPercent: 100 });
    model.update({ forceNewDeployment: true });
    const { start, stop } = model.decide();
    expect([start, stop.length]).toEqual([undefined, 2]);
    expect(model.decide().start).toMatchObject({ count: 2 });
    expect(settleWell(model)).toBeLessThan(20);
    expect(revisions(model)).toEqual(["new", "new", "new", "new"]);
  });

  it.each([
    [1, 50, 100],
    [1, 100, 150],
    [3, 100, 100],
  ])("of %i tasks with %i/%i makes no progress, and one event says why", (desiredCount, min, max) => {
    const model = deployed({ desiredCount, minimumHealthyPercent: min, maximumPercent: max });
    model.update({ forceNewDeployment: true });
    for (let i = 0; i < 5; i += 1) {
      expect(model.decide()).toMatchObject({ stop: [] });
      model.now += 60_000;
    }
    expect(model.events.filter((e) => e === BLOCKED)).toHaveLength(1);
    expect(revisions(model)).not.toContain("new");
  });

  it("of one task with 0/100 stops the old one first", () => {
    const model = deployed({ desiredCount: 1, minimumHealthyPercent: 0, maximumPercent: 100 });
    model.update({ forceNewDeployment: true });
    expect(model.decide().stop).toHaveLength(1);
    expect(settleWell(model)).toBeLessThan(10);
  });

  it("makes room within the minimum when replacements find no place, and no more than is short", () => {
    const model = deployed({ desiredCount: 4, minimumHealthyPercent: 50 });
    model.update({ forceNewDeployment: true });
    expect(model.decide(3).stop).toEqual([]);
    expect(model.decide(0).stop).toHaveLength(1);
    expect(model.decide(0).stop).toHaveLength(0);
  });

  it("replaced by another one under way stops what had not started, and ends it as superseded", () => {
    const model = deployed({ desiredCount: 2 });
    model.update({ forceNewDeployment: true });
    model.decide();
    model.update({ forceNewDeployment: true });
    const { stop, start, finished } = model.decide();
    expect(stop.map((s) => s.task.id)).toEqual(["t0002", "t0003"]);
    expect(start).toMatchObject({ count: 2 });
    expect(finished.map((f) => f.status)).toEqual(["STOPPED", "STOPPED"]);
    settleWell(model);
    expect(statuses(model)).toEqual([["PRIMARY", "COMPLETED"]]);
  });
});

describe("scaling", () => {
  it("in takes from the fullest zone, and out adds", () => {
    const model = deployed({ desiredCount: 5 });
    model.update({ desiredCount: 4 });
    expect(model.decide().stop[0]?.task.availabilityZone).toBe("us-east-1a");
    model.update({ desiredCount: 6 });
    expect(model.decide().start).toMatchObject({ count: 2 });
  });
  it("in prefers tasks that are not healthy yet", () => {
    const model = deployed({ desiredCount: 2 });
    model.update({ desiredCount: 3 });
    model.decide();
    model.update({ desiredCount: 2 });
    expect(model.decide().stop.map((s) => s.task.id)).toEqual(["t0002"]);
  });
});

describe("unhealthy tasks", () => {
  it("are replaced first and stopped then, in AWS's words", () => {
    const model = deployed({ desiredCount: 2 });
    model.setHealth("t0000", "unhealthy");
    expect(model.decide()).toMatchObject({ start: { count: 1, atMost: 3 }, stop: [] });
    for (let i = 0; i < 2; i += 1) model.progress("t0002");
    model.setHealth("t0002", "healthy");
    expect(model.decide().stop).toMatchObject([
      {
        task: { id: "t0000" },
        cause: {
          code: "ServiceSchedulerInitiated",
          reason: "Task failed ELB health checks in (target-group arn:tg)",
        },
      },
    ]);
    expect(model.events.at(-2)).toMatch(
      /^\(task t0000\) \(instance i-1\) \(port 32768\) is unhealthy in \(target-group arn:tg\)/,
    );
  });
  it("are stopped one by one where the maximum leaves no room for a replacement", () => {
    const model = deployed({ desiredCount: 2, maximumPercent: 100 });
    for (const id of ["t0000", "t0001"]) model.setHealth(id, "unhealthy");
    expect(model.decide().stop).toHaveLength(1);
    expect(model.decide().stop).toHaveLength(0);
    settleWell(model);
    expect(model.wanted()).toHaveLength(2);
  });
  it("are left alone during the grace period, then replaced without further cause", () => {
    const model = new ServiceModel({ desiredCount: 1, healthCheckGracePeriodSeconds: 90 });
    model.decide();
    for (let i = 0; i < 2; i += 1) model.progress("t0000");
    model.setHealth("t0000", "unhealthy");
    const { start, wakeAt } = model.decide();
    expect([start, wakeAt]).toEqual([undefined, model.now + 90_000]);
    model.now += 90_000;
    expect(model.decide().start).toMatchObject({ count: 1 });
  });
  it("by container health check are told as such", () => {
    const model = deployed({ desiredCount: 1, balanced: false });
    const [row] = model.tasks;
    if (row === undefined) throw new Error("no task");
    const containers = row.containers.map((c) => ({ ...c, hasHealthCheck: true }));
    const task = {
      row: { ...row, containers, healthStatus: "UNHEALTHY" as const },
      instanceStatus: "ACTIVE" as const,
      targets: [],
    };
    expect(healthOf(task, { now: model.now, steadyAfterMs: 0, gracePeriodSeconds: 0 })).toMatchObject({
      state: "unhealthy",
      cause: { reason: "Task failed container health checks" },
      event: `(task ${row.id}) failed container health checks.`,
    });
  });
});

describe("a draining instance", () => {
  it("loses pending tasks at once and running ones after their replacement", () => {
    const model = deployed({ desiredCount: 3 });
    model.update({ desiredCount: 4 });
    model.decide();
    model.draining.add("ci:0"); // t0000 runs and t0003 is pending there
    expect(model.decide()).toMatchObject({ start: { count: 2 }, stop: [{ task: { id: "t0003" } }] });
    for (let i = 0; i < 2; i += 1) for (const t of model.wanted()) model.progress(t.id);
    expect(model.decide().stop).toEqual([]);
    for (const t of model.wanted()) model.setHealth(t.id, "healthy");
    expect(model.decide().stop).toMatchObject([{ task: { id: "t0000" } }]);
  });
  it("waits for room with 100/100 and says so", () => {
    const model = deployed({ desiredCount: 2, maximumPercent: 100 });
    model.draining.add("ci:0");
    expect(model.decide()).toMatchObject({ stop: [], events: [BLOCKED] });
  });

  it("that goes before all were moved costs none of the replacements that are on their way", () => {
    const model = deployed({ desiredCount: 3 });
    model.draining.add("ci:0");
    expect(model.decide()).toMatchObject({ start: { count: 1 }, stop: [] });
    model.gone.add("ci:0");
    expect(model.decide()).toMatchObject({ stop: [] });
  });

  it("that goes without being drained has its tasks replaced before they are known as lost", () => {
    const model = deployed({ desiredCount: 3 });
    model.gone.add("ci:0");
    expect(model.decide()).toMatchObject({ start: { count: 1, atMost: 4 }, stop: [] });
  });
});

describe("failing starts", () => {
  it("back off ever longer, and are told once", () => {
    const model = new ServiceModel({ desiredCount: 1 });
    const waits: number[] = [];
    for (let i = 0; i < 12; i += 1) {
      let decision = model.decide();
      const before = model.now;
      while (decision.start === undefined) {
        model.now = decision.wakeAt ?? Infinity;
        decision = model.decide();
      }
      waits.push(model.now - before);
      model.now += 10;
      model.exit(model.tasks.at(-1)?.id ?? "");
    }
    expect(waits).toEqual([0, 0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000, 60000]);
    expect(model.events.filter((e) => e.startsWith("is unable to consistently"))).toHaveLength(1);
    model.decide();
    expect(model.service.deployments[0]?.failedTasks).toBe(12);
  });
  it("are forgiven when a task becomes healthy", () => {
    const model = new ServiceModel({ desiredCount: 1 });
    for (let i = 0; i < 3; i += 1) {
      model.decide();
      model.now += 5000;
      model.exit(model.tasks.at(-1)?.id ?? "");
    }
    expect(settleWell(model)).toBeLessThan(20);
    expect(model.service.deployments[0]).toMatchObject({ failedTasks: 0 });
    expect(model.service.deployments[0]).not.toHaveProperty("notBefore");
  });
  it("do not slow down the replacement of tasks that had been of use", () => {
    const model = deployed({ desiredCount: 4 });
    model.now += 3_600_000;
    for (const t of model.wanted()) model.exit(t.id);
    expect(model.decide().start).toMatchObject({ count: 4 });
    expect(model.service.deployments[0]?.failedTasks).toBe(0);
  });
});

describe("a deleted service", () => {
  it("stops everything and is INACTIVE after the last task, its deployments ended", () => {
    const model = deployed({ desiredCount: 2 });
    model.service = drainService(model.service, model.now, 2);
    expect(model.decide().stop).toHaveLength(2);
    model.progress("t0000");
    expect(model.decide().service.status).toBe("DRAINING");
    model.progress("t0001");
    const { service, finished } = model.decide();
    expect(service).toMatchObject({ status: "INACTIVE", deployments: [] });
    expect(finished).toHaveLength(1);
  });
});

describe("whatever happens", () => {
  const options = fc.record({
    desiredCount: fc.integer({ min: 0, max: 6 }),
    minimumHealthyPercent: fc.constantFrom(0, 50, 60, 100),
    maximumPercent: fc.constantFrom(100, 130, 150, 200),
    balanced: fc.boolean(),
  });
  const move = fc.oneof(
    fc.record({ type: fc.constantFrom("progress", "exit", "healthy", "unhealthy"), which: fc.nat(20) }),
    fc.record({ type: fc.constant("wait"), which: fc.integer({ min: 1, max: 60_000 }) }),
    fc.record({ type: fc.constant("deploy"), which: fc.nat(1) }),
    fc.record({ type: fc.constant("scale"), which: fc.nat(6) }),
    fc.record({ type: fc.constant("drain"), which: fc.nat(2) }),
    fc.record({ type: fc.constant("protect"), which: fc.nat(20) }),
    fc.record({ type: fc.constant("decide"), which: fc.nat(3) }),
  );
  const moves = fc.array(move, { maxLength: 60 });

  const make = (model: ServiceModel, { type, which }: { readonly type: string; readonly which: number }) => {
    const active = model.tasks.filter((t) => t.lastStatus !== "STOPPED");
    const id = active[which % Math.max(1, active.length)]?.id ?? "";
    if (type === "progress") model.progress(id);
    if (type === "exit") model.exit(id);
    if (type === "healthy" || type === "unhealthy") model.setHealth(id, type);
    if (type === "protect") model.protect(id, which % 3 === 0 ? undefined : which * 5000);
    if (type === "wait") model.now += which;
    if (type === "deploy") model.update({ forceNewDeployment: true });
    if (type === "scale") model.update({ desiredCount: which });
    if (type === "drain") {
      if (!model.draining.delete(`ci:${which}`)) model.draining.add(`ci:${which}`);
    }
  };
  /** Tasks that serve: healthy ones of PRIMARY, running ones of before that are not known to be unhealthy. */
  const serving = (model: ServiceModel) =>
    model.state().tasks.filter(({ row, ...rest }) => {
      if (row.desiredStatus !== "RUNNING" || row.lastStatus !== "RUNNING") return false;
      const { state } = healthOf(
        { row, ...rest },
        { now: model.now, steadyAfterMs: SETTINGS.steadyAfterMs, gracePeriodSeconds: 0 },
      );
      const isLeaver = row.deploymentId !== model.primaryId || rest.instanceStatus === "DRAINING";
      return state === "healthy" || (isLeaver && state === "starting");
    }).length;

  it("never stops below the healthy minimum and never starts beyond the maximum", () => {
    fc.assert(
      fc.property(options, moves, (given, list) => {
        const model = new ServiceModel(given);
        for (const m of list) {
          make(model, m);
          if (m.type !== "decide") continue;
          const { lower, upper } = healthyLimits(model.service);
          const before = serving(model);
          const wantedBefore = model.wanted().length;
          model.decide(m.which);
          expect(serving(model)).toBeGreaterThanOrEqual(Math.min(before, lower, model.service.desiredCount));
          expect(model.wanted().length).toBeLessThanOrEqual(Math.max(upper, wantedBefore));
          expect(model.service.deployments.filter((d) => d.status === "PRIMARY")).toHaveLength(1);
        }
      }),
      { numRuns: 400 },
    );
  });

  it("completes and rests once tasks become healthy, unless the percentages leave no way", () => {
    fc.assert(
      fc.property(options, moves, (given, list) => {
        const model = new ServiceModel(given);
        for (const m of list) {
          make(model, m);
          if (m.type === "decide") model.decide(m.which);
        }
        model.draining.clear();
        const { lower, upper } = healthyLimits(model.service);
        fc.pre(lower < upper);
        model.now += 120_000;
        for (let i = 0; i < 3; i += 1) model.allWell();
        expect(settleWell(model, 200)).toBeLessThan(200);
        expect(statuses(model)).toEqual([["PRIMARY", "COMPLETED"]]);
        expect(model.wanted()).toHaveLength(model.service.desiredCount);
        const rest = model.service;
        for (let i = 0; i < 3; i += 1) {
          model.now += 1000;
          expect(model.decide()).toMatchObject({ stop: [], events: [] });
          expect(model.service).toBe(rest);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("decides nothing new about a state it has just decided on", () => {
    fc.assert(
      fc.property(options, moves, (given, list) => {
        const model = new ServiceModel(given);
        for (const m of list) {
          make(model, m);
          if (m.type !== "decide") continue;
          model.decide();
          model.decide();
          const again = decideService(model.state());
          if (model.draining.size < 3) expect(again.start).toBeUndefined();
          expect(again.events).toEqual([]);
        }
      }),
      { numRuns: 200 },
    );
  });
});
