import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isProtected } from "#domain/ecs/task.ts";
import { BLOCKED } from "./decide.ts";
import { ServiceModel, SETTINGS } from "./model.suite.ts";

/** A service whose tasks all run and are healthy. */
function running(options: ConstructorParameters<typeof ServiceModel>[0]): ServiceModel {
  const model = new ServiceModel(options);
  model.decide();
  for (let i = 0; i < 2; i += 1) model.allWell();
  model.decide();
  return model;
}
/** Replacements come up and are healthy, whoever stops ends. */
function comeUp(model: ServiceModel): void {
  for (let i = 0; i < 3; i += 1) model.allWell();
}
const told = (model: ServiceModel) => model.events.filter((e) => e.includes("scale-in protection"));
const stopped = (model: ServiceModel) => model.decide().stop.map((s) => s.task.id);

describe("scale-in protection", () => {
  it("lets a scale-in take the unprotected tasks", () => {
    const model = running({ desiredCount: 3 });
    model.protect("t0000", 60_000);
    model.protect("t0002", 60_000);
    model.update({ desiredCount: 2 });
    expect(stopped(model)).toEqual(["t0001"]);
    expect(told(model)).toEqual([]);
  });

  it("keeps more tasks than are desired until it ends, and wakes the service then", () => {
    const model = running({ desiredCount: 2 });
    model.protect("t0000", 60_000);
    model.protect("t0001", 90_000);
    model.update({ desiredCount: 0 });
    const decision = model.decide();
    expect(decision).toMatchObject({ stop: [], wakeAt: model.now + 60_000 });
    expect(decision.start).toBeUndefined();
    expect(told(model)).toEqual([
      "was unable to stop 2 tasks because of task scale-in protection: (task t0000) (task t0001).",
    ]);
    model.now += 60_000;
    expect(stopped(model)).toEqual(["t0000"]);
    model.protect("t0001");
    expect(stopped(model)).toEqual(["t0001"]);
    expect(told(model)).toHaveLength(1);
    expect(model.service.held).toBeUndefined();
  });

  it("makes a deployment wait with its replacements running, and tells so once", () => {
    const model = running({ desiredCount: 2 });
    model.protect("t0000", 600_000);
    model.update({ forceNewDeployment: true });
    model.decide();
    comeUp(model);
    expect(stopped(model)).toEqual(["t0001"]);
    comeUp(model);
    for (let i = 0; i < 3; i += 1) expect(stopped(model)).toEqual([]);
    expect(model.service.deployments.map((d) => [d.status, d.rolloutState])).toEqual([
      ["PRIMARY", "IN_PROGRESS"],
      ["ACTIVE", "COMPLETED"],
    ]);
    expect(told(model)).toEqual([
      "was unable to stop 1 tasks because of task scale-in protection: (task t0000).",
    ]);
    model.now += 600_000;
    expect(stopped(model)).toEqual(["t0000"]);
    comeUp(model);
    model.decide();
    expect(model.service.deployments).toMatchObject([{ rolloutState: "COMPLETED" }]);
  });

  it("is what a deployment without room is said to wait for", () => {
    const model = running({ desiredCount: 1, minimumHealthyPercent: 0, maximumPercent: 100 });
    model.protect("t0000", 60_000);
    model.update({ forceNewDeployment: true });
    expect(model.decide()).toMatchObject({ stop: [], wakeAt: model.now + 60_000 });
    expect(told(model)).toHaveLength(1);
    expect(model.events).not.toContain(BLOCKED);
  });

  it("keeps a task on a draining instance", () => {
    const model = running({ desiredCount: 2 });
    model.protect("t0000", 60_000);
    model.draining.add("ci:0");
    model.decide();
    comeUp(model);
    expect(stopped(model)).toEqual([]);
    model.now += 60_000;
    expect(stopped(model)).toEqual(["t0000"]);
  });

  it("does not save an unhealthy task", () => {
    const model = running({ desiredCount: 2 });
    model.protect("t0000", 60_000);
    model.setHealth("t0000", "unhealthy");
    model.decide();
    comeUp(model);
    model.setHealth("t0000", "unhealthy");
    expect(stopped(model)).toEqual(["t0000"]);
  });

  it("does not keep an ended task from being replaced", () => {
    const model = running({ desiredCount: 1 });
    model.protect("t0000", 60_000);
    model.exit("t0000");
    expect(model.decide().start).toMatchObject({ count: 1 });
  });

  it("is never broken by a scale-in, a deployment or a drain", () => {
    const move = fc.record({
      type: fc.constantFrom("deploy", "scale", "drain", "protect", "well", "wait"),
      which: fc.nat(6),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4 }),
        fc.array(move, { maxLength: 40 }),
        (desiredCount, moves) => {
          const model = new ServiceModel({ desiredCount });
          for (const { type, which } of moves) {
            if (type === "deploy") model.update({ forceNewDeployment: true });
            if (type === "scale") model.update({ desiredCount: which });
            if (type === "drain") model.draining.add(`ci:${which % 2}`);
            if (type === "protect") model.protect(`t000${which}`, 100_000);
            if (type === "well") comeUp(model);
            if (type === "wait") model.now += which * SETTINGS.steadyAfterMs;
            for (const { task } of model.decide().stop) expect(isProtected(task, model.now)).toBe(false);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
