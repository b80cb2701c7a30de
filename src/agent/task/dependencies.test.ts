// Conditions between containers, walked through a task's steps.
import { describe, expect, it } from "vitest";
import { exited, seen, Walk, wireContainer } from "./fixture.suite.ts";

describe("dependencies", () => {
  const pair = (condition: string, dep = {}) =>
    new Walk([
      wireContainer("dep", { essential: false, ...dep }),
      wireContainer("app", { dependsOn: [{ containerName: "dep", condition }] }),
    ]);
  const cannot = (walk: Walk, words: string) => {
    expect(walk.container("app")).toMatchObject({ status: "STOPPED", exitCode: 143 });
    expect(walk.container("app").reason).toBe(`CannotStartContainerError: A dependency failed: ${words}.`);
  };

  it("START waits for the other's start", () => {
    const walk = pair("START");
    expect(walk.begin()).toEqual(["pull dep"]);
    expect(walk.running("dep")).toEqual(["pull app"]);
  });

  it("START is met by one that ended already, not by one that never started", () => {
    const met = pair("START");
    met.begin();
    met.created("dep");
    expect(met.on({ type: "started", container: "dep", seen: exited("dep", 1) })).toEqual(["pull app"]);
    const never = pair("START");
    never.begin();
    never.on({ type: "failed", container: "dep", action: "pull", temporary: false, reason: "x" });
    cannot(never, 'container "dep" did not start');
  });

  it("COMPLETE is met by any exit code", () => {
    const walk = pair("COMPLETE");
    walk.begin();
    expect(walk.running("dep")).toEqual([]);
    expect(walk.ends("dep", 3)).toEqual(["pull app"]);
  });

  it("SUCCESS is met by exit code 0 alone; otherwise the container shows 143 and the task ends", () => {
    const met = pair("SUCCESS");
    met.begin();
    met.running("dep");
    expect(met.ends("dep", 0)).toEqual(["pull app"]);
    const never = pair("SUCCESS");
    never.begin();
    never.running("dep");
    expect(never.ends("dep", 3)).toEqual(["release"]);
    cannot(never, 'container "dep" did not exit successfully');
  });

  it("HEALTHY waits for the health check", () => {
    const walk = pair("HEALTHY");
    walk.begin();
    expect(walk.running("dep", { health: "starting" })).toEqual([]);
    const unhealthy = seen("dep", { health: "unhealthy" });
    expect(walk.on({ type: "seen", container: "dep", seen: unhealthy })).toEqual([]);
    const healthy = seen("dep", { health: "healthy" });
    expect(walk.on({ type: "seen", container: "dep", seen: healthy })).toEqual(["pull app"]);
  });

  it("HEALTHY cannot be met by one that ended", () => {
    const walk = pair("HEALTHY");
    walk.begin();
    walk.running("dep", { health: "starting" });
    walk.ends("dep", 0);
    cannot(walk, 'container "dep" ended before it was healthy');
  });

  it.each(["COMPLETE", "SUCCESS", "HEALTHY"])(
    "%s is given up when the other's start timeout is over",
    (condition) => {
      const walk = pair(condition, { startTimeout: 20 });
      walk.begin();
      walk.running("dep", { startedAt: walk.now, health: "starting" });
      expect(walk.last?.wakeAt).toBe(walk.now + 20_000);
      walk.now += 19_999;
      walk.on({ type: "woke" });
      expect(walk.status("app")).toBe("NONE");
      walk.now += 1;
      walk.on({ type: "woke" });
      cannot(walk, `container "dep" did not become ${condition} within its start timeout`);
    },
  );

  it("on volumes wait until the other was created", () => {
    const walk = new Walk([
      wireContainer("data", { essential: false }),
      wireContainer("app", { volumesFrom: [{ sourceContainer: "data", readOnly: false }] }),
    ]);
    expect(walk.begin()).toEqual(["pull data"]);
    expect(walk.created("data")).toEqual(["start data", "pull app"]);
  });
});
