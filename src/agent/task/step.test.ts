import { describe, expect, it } from "vitest";
import { exited, seen, SETTINGS, Walk, wireContainer } from "./fixture.suite.ts";

const one = (more = {}) => new Walk([wireContainer("web", more)]);

describe("a task that comes up", () => {
  it("waits for room, prepares its host, then pulls, creates and starts", () => {
    const walk = one();
    expect(walk.on({ type: "woke" })).toEqual([]);
    expect(walk.on({ type: "admitted", hostPorts: {} })).toEqual(["prepare"]);
    expect(walk.on({ type: "prepared" })).toEqual(["pull web"]);
    expect(walk.on({ type: "pulled", container: "web" })).toEqual(["create web"]);
    expect(walk.on({ type: "created", container: "web", id: "id-web" })).toEqual(["start web"]);
    expect(walk.on({ type: "started", container: "web", seen: seen("web") })).toEqual([]);
    expect(walk.container("web")).toMatchObject({ status: "RUNNING", runtimeId: "id-web", startedAt: 1 });
    expect(walk.state).toMatchObject({ pullStartedAt: walk.now, pullStoppedAt: walk.now });
  });

  it("asks for each thing once, whatever else happens meanwhile", () => {
    const walk = one();
    walk.begin();
    expect(walk.on({ type: "woke" })).toEqual([]);
    expect(walk.on({ type: "prepared" })).toEqual([]);
    expect(walk.effects).toEqual(["prepare", "pull web"]);
  });

  it("begins containers without dependencies side by side", () => {
    const walk = new Walk([wireContainer("a"), wireContainer("b")]);
    expect(walk.begin()).toEqual(["pull a", "pull b"]);
  });

  it("ends when its host cannot be prepared, with the reason", () => {
    const walk = one();
    walk.on({ type: "admitted", hostPorts: {} });
    const effects = walk.on({ type: "hostFailed", reason: "CannotCreateVolumeError: no" });
    expect(effects).toEqual(["release"]);
    expect(walk.state).toMatchObject({ desired: "STOPPED", reason: "CannotCreateVolumeError: no" });
    expect(walk.status("web")).toBe("STOPPED");
  });

  it("ignores what is seen of a container while its start is being answered", () => {
    const walk = one();
    walk.begin();
    walk.created("web");
    walk.on({ type: "seen", container: "web", seen: seen("web") });
    expect(walk.status("web")).toBe("CREATED");
  });

  it("notices a container that ended before its start was answered", () => {
    const walk = one();
    walk.begin();
    walk.created("web");
    walk.on({ type: "started", container: "web", seen: exited("web", 5) });
    expect(walk.container("web")).toMatchObject({ status: "STOPPED", exitCode: 5 });
  });

  it("keeps the time at which health changed", () => {
    const walk = one();
    walk.begin();
    walk.running("web", { health: "starting" });
    const since = walk.now;
    walk.now += 5_000;
    walk.on({ type: "seen", container: "web", seen: seen("web", { health: "starting" }) });
    expect(walk.container("web").health).toEqual({ status: "UNKNOWN", since });
    walk.on({ type: "seen", container: "web", seen: seen("web", { health: "healthy" }) });
    expect(walk.container("web").health).toEqual({ status: "HEALTHY", since: walk.now });
  });

  it("changes nothing, so that nothing is written, when nothing new is seen", () => {
    const walk = one();
    walk.begin();
    walk.running("web", { health: "healthy" });
    const { state } = walk;
    walk.on({ type: "seen", container: "web", seen: seen("web", { health: "healthy" }) });
    expect(walk.state).toBe(state);
  });
});

describe("an essential container that ends", () => {
  it("ends the task and keeps when it did", () => {
    const walk = new Walk([wireContainer("web"), wireContainer("side", { essential: false })]);
    walk.begin();
    walk.running("web");
    walk.running("side");
    walk.now += 10;
    expect(walk.ends("web", 0)).toEqual(["stop side"]);
    expect(walk.state.executionStoppedAt).toBe(walk.now);
    expect(walk.on({ type: "stopped", container: "side", seen: exited("side", 143) })).toEqual(["release"]);
    expect(walk.container("side").exitCode).toBe(143);
  });

  it("that is not essential ends alone", () => {
    const walk = new Walk([wireContainer("web"), wireContainer("side", { essential: false })]);
    walk.begin();
    walk.running("web");
    walk.running("side");
    expect(walk.ends("side", 1)).toEqual([]);
    expect(walk.state.desired).toBe("RUNNING");
  });

  it("is out of memory when the engine says so", () => {
    const walk = one();
    walk.begin();
    walk.running("web");
    walk.ends("web", 137, { oomKilled: true });
    expect(walk.container("web")).toMatchObject({
      exitCode: 137,
      reason: "OutOfMemoryError: Container killed due to memory usage",
    });
  });

  it("has vanished when the engine does not have it", () => {
    const walk = one();
    walk.begin();
    walk.running("web");
    walk.on({ type: "seen", container: "web", seen: undefined });
    expect(walk.container("web").reason).toMatch(/^ContainerVanishedError: /);
    expect(walk.state.desired).toBe("STOPPED");
  });
});

describe("a task that is to stop", () => {
  it("ends at once while it waits for room", () => {
    const walk = one();
    expect(walk.on({ type: "stopOrdered" })).toEqual(["release"]);
    expect(walk.state.stoppedAt).toBe(walk.now);
  });

  it("ends at once during a pull, whose answer changes nothing any more", () => {
    const walk = one();
    walk.begin();
    expect(walk.on({ type: "stopOrdered" })).toEqual(["release"]);
    expect(walk.on({ type: "pulled", container: "web" })).toEqual([]);
    expect(walk.status("web")).toBe("STOPPED");
  });

  it("waits for a create that is under way, and starts nothing", () => {
    const walk = one();
    walk.begin();
    walk.on({ type: "pulled", container: "web" });
    expect(walk.on({ type: "stopOrdered" })).toEqual([]);
    expect(walk.on({ type: "created", container: "web", id: "id-web" })).toEqual(["release"]);
    expect(walk.container("web")).toMatchObject({ status: "STOPPED", runtimeId: "id-web" });
  });

  it("waits for a start that is under way, then stops what runs", () => {
    const walk = one({ stopTimeout: 7 });
    walk.begin();
    walk.created("web");
    expect(walk.on({ type: "stopOrdered" })).toEqual([]);
    expect(walk.on({ type: "started", container: "web", seen: seen("web") })).toEqual(["stop web"]);
    expect(walk.last?.effects).toEqual([{ type: "stop", container: "web", timeoutSeconds: 7 }]);
  });

  it("stops with the host's timeout unless the container has one", () => {
    const walk = one();
    walk.begin();
    walk.running("web");
    walk.on({ type: "stopOrdered" });
    expect(walk.last?.effects).toEqual([{ type: "stop", container: "web", timeoutSeconds: 30 }]);
  });

  it("never calls a container ended that the engine could not stop, and asks again", () => {
    const walk = one();
    walk.begin();
    walk.running("web");
    walk.on({ type: "stopOrdered" });
    const failed = {
      type: "failed",
      container: "web",
      action: "stop",
      temporary: false,
      reason: "x",
    } as const;
    for (let attempt = 0; attempt < 20; attempt++) {
      expect(walk.on(failed)).toEqual([]);
      expect(walk.status("web")).toBe("RUNNING");
      walk.now = walk.last?.wakeAt ?? NaN;
      expect(walk.on({ type: "woke" })).toEqual(["stop web"]);
    }
    walk.on({ type: "stopped", container: "web", seen: seen("web") });
    expect(walk.status("web")).toBe("RUNNING");
    walk.now = walk.last?.wakeAt ?? NaN;
    walk.on({ type: "woke" });
    expect(walk.on({ type: "stopped", container: "web", seen: exited("web", 137) })).toEqual(["release"]);
  });

  it("stops a container whose start was never answered", () => {
    const walk = one();
    walk.begin();
    walk.created("web");
    walk.on({ type: "failed", container: "web", action: "start", temporary: true, reason: "away" });
    walk.on({ type: "stopOrdered" });
    walk.now = walk.last?.wakeAt ?? NaN;
    expect(walk.on({ type: "woke" })).toEqual(["stop web"]);
    const created = seen("web", { status: "created" });
    expect(walk.on({ type: "stopped", container: "web", seen: created })).toEqual(["release"]);
  });

  it("stops in the reverse order of its dependencies", () => {
    const walk = new Walk([
      wireContainer("db"),
      wireContainer("app", { dependsOn: [{ containerName: "db", condition: "START" }] }),
      wireContainer("proxy", { links: ["app:backend"] }),
    ]);
    walk.begin();
    for (const name of ["db", "app", "proxy"]) walk.running(name);
    expect(walk.on({ type: "stopOrdered" })).toEqual(["stop proxy"]);
    expect(walk.on({ type: "stopped", container: "proxy", seen: exited("proxy", 0) })).toEqual(["stop app"]);
    expect(walk.on({ type: "stopped", container: "app", seen: exited("app", 0) })).toEqual(["stop db"]);
    expect(walk.on({ type: "stopped", container: "db", seen: exited("db", 0) })).toEqual(["release"]);
  });

  it("stays stopped when it is told so again", () => {
    const walk = one();
    walk.on({ type: "stopOrdered" });
    const { state } = walk;
    expect(walk.on({ type: "stopOrdered" })).toEqual([]);
    expect(walk.on({ type: "admitted", hostPorts: {} })).toEqual([]);
    expect(walk.state.containers).toBe(state.containers);
  });
});

describe("failures", () => {
  const fail = (walk: Walk, action: "pull" | "create" | "start", temporary: boolean) =>
    walk.on({ type: "failed", container: "web", action, temporary, reason: `Reason: ${action}` });

  it.each(["pull", "create", "start"] as const)("end the container when a %s is refused", (action) => {
    const walk = one();
    walk.begin();
    if (action !== "pull") walk.on({ type: "pulled", container: "web" });
    if (action === "start") walk.on({ type: "created", container: "web", id: "id-web" });
    expect(fail(walk, action, false)).toEqual(["release"]);
    expect(walk.container("web")).toMatchObject({ status: "STOPPED", reason: `Reason: ${action}` });
    expect(walk.container("web").exitCode).toBeUndefined();
  });

  it("that are temporary are tried again with growing delays", () => {
    const walk = one();
    walk.begin();
    walk.on({ type: "pulled", container: "web" });
    const delays: number[] = [];
    for (let attempt = 0; attempt < 6; attempt++) {
      expect(fail(walk, "create", true)).toEqual([]);
      delays.push((walk.last?.wakeAt ?? NaN) - walk.now);
      walk.now = walk.last?.wakeAt ?? NaN;
      expect(walk.on({ type: "woke" })).toEqual(["create web"]);
    }
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000]);
  });

  it("that stay temporary for too long are a DockerTimeoutError", () => {
    const walk = one();
    walk.begin();
    walk.on({ type: "pulled", container: "web" });
    fail(walk, "create", true);
    walk.now += SETTINGS.createTimeoutMs;
    walk.on({ type: "woke" });
    fail(walk, "create", true);
    expect(walk.container("web").reason).toBe(
      "DockerTimeoutError: Could not transition to created; timed out after waiting 240s: Reason: create",
    );
  });

  it("of another attempt than the present one change nothing", () => {
    const walk = one();
    walk.begin();
    fail(walk, "start", false);
    expect(walk.status("web")).toBe("NONE");
  });
});

describe("a restart policy", () => {
  const policy = { enabled: true, ignoredExitCodes: [0], restartAttemptPeriod: 60 };
  const restarting = () => {
    const walk = one({ restartPolicy: policy });
    walk.begin();
    walk.running("web", { startedAt: 1_000 });
    return walk;
  };

  it("starts the container again once it ran for the period", () => {
    const walk = restarting();
    expect(walk.ends("web", 1, { startedAt: 1_000, finishedAt: 61_000 })).toEqual(["start web"]);
    expect(walk.container("web")).toMatchObject({ status: "RUNNING", restartCount: 1 });
    walk.on({ type: "started", container: "web", seen: seen("web", { startedAt: 62_000 }) });
    expect(walk.container("web")).toMatchObject({ startedAt: 62_000, restartCount: 1 });
    expect(walk.ends("web", 1, { startedAt: 62_000, finishedAt: 63_000 })).toEqual(["release"]);
  });

  it("does not when it ran too shortly, or the exit code is ignored", () => {
    const brief = restarting();
    brief.ends("web", 1, { startedAt: 1_000, finishedAt: 60_999 });
    expect(brief.container("web")).toMatchObject({ status: "STOPPED", exitCode: 1 });
    const ignored = restarting();
    ignored.ends("web", 0, { startedAt: 1_000, finishedAt: 99_000 });
    expect(ignored.status("web")).toBe("STOPPED");
  });

  it("does not while the task is stopped", () => {
    const walk = restarting();
    walk.on({ type: "stopOrdered" });
    walk.on({
      type: "stopped",
      container: "web",
      seen: exited("web", 143, { startedAt: 1_000, finishedAt: 99_000 }),
    });
    expect(walk.container("web")).toMatchObject({ status: "STOPPED", restartCount: 0 });
  });

  it("counts one end once, however often it is seen", () => {
    const walk = restarting();
    const end = { startedAt: 1_000, finishedAt: 61_000 };
    walk.ends("web", 1, end);
    walk.on({ type: "failed", container: "web", action: "start", temporary: true, reason: "away" });
    walk.ends("web", 1, end);
    expect(walk.container("web").restartCount).toBe(1);
  });

  it("ends the container when the new start is refused", () => {
    const walk = restarting();
    walk.ends("web", 7, { startedAt: 1_000, finishedAt: 61_000 });
    walk.on({ type: "failed", container: "web", action: "start", temporary: false, reason: "R: no" });
    expect(walk.container("web")).toMatchObject({ status: "STOPPED", exitCode: 7, reason: "R: no" });
  });
});

describe("clean-up", () => {
  const ended = () => {
    const walk = one();
    walk.on({ type: "stopOrdered" });
    return walk;
  };
  const accepted = { status: "STOPPED", containers: { web: "STOPPED" } } as const;

  it("comes a while after the end was accepted", () => {
    const walk = ended();
    walk.on({ type: "reported", reported: accepted });
    expect(walk.last?.wakeAt).toBe(walk.now + SETTINGS.cleanupWaitMs);
    walk.now += SETTINGS.cleanupWaitMs;
    expect(walk.on({ type: "woke" })).toEqual(["cleanup"]);
    expect(walk.on({ type: "woke" })).toEqual([]);
  });

  it("waits up to three days for an end that nobody accepts", () => {
    const walk = ended();
    expect(walk.last?.wakeAt).toBe(walk.now + 72 * 3_600_000);
  });

  it("is tried again when it failed", () => {
    const walk = ended();
    walk.on({ type: "reported", reported: accepted });
    walk.now += SETTINGS.cleanupWaitMs;
    walk.on({ type: "woke" });
    expect(walk.on({ type: "cleanupFailed" })).toEqual([]);
    walk.now = walk.last?.wakeAt ?? NaN;
    expect(walk.on({ type: "woke" })).toEqual(["cleanup"]);
  });
});
