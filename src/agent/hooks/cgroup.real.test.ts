// The cgroup of a task under a real dockerd: its limits hold for its containers, and nothing of it is left.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { WireContainer, WireTask } from "#acs/messages.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/logger.ts";
import { writeBusyboxImage } from "#tests/support/busybox-image.ts";
import { DockerEngine } from "../engine/docker/docker-engine.ts";
import { startTestDaemon, type TestDaemon } from "../engine/docker/test-daemon.ts";
import { cgroupHook } from "./cgroup.ts";
import type { HookTask, TaskHook } from "./hook.ts";

const ROOT = "/sys/fs/cgroup";
const isV2 = existsSync(join(ROOT, "cgroup.controllers"));

describe("the cgroup of a task", () => {
  let daemon: TestDaemon;
  let engine: DockerEngine;
  let hook: TaskHook;

  beforeAll(async () => {
    daemon = await startTestDaemon();
    const imagesFolder = join(daemon.folder, "images");
    mkdirSync(imagesFolder);
    writeBusyboxImage(join(imagesFolder, "busybox.tar"), { tags: ["busybox:latest"] });
    engine = new DockerEngine({
      socketPath: daemon.socketPath,
      imagesFolder,
      clock: systemClock,
      logger: silentLogger,
    });
    await engine.pullImage("busybox");
    hook = cgroupHook({ parent: daemon.cgroup, clock: systemClock });
  });
  afterAll(async () => {
    engine.close();
    await daemon.dispose();
  });

  const taskOf = (id: string, limits: Pick<WireTask, "cpu" | "memory">): HookTask => ({
    id,
    task: {
      arn: `arn:aws:ecs:us-east-1:000000000000:task/default/${id}`,
      family: "f",
      version: "1",
      desiredStatus: "RUNNING",
      containers: [],
      volumes: [],
      ...limits,
    },
  });
  const start = async (task: HookTask, script: string) => {
    await hook.prepare?.(task);
    const spec = await hook.creating?.(task, {} as WireContainer, {
      name: `cgroup-${task.id}`,
      config: { Image: "busybox", Cmd: ["sh", "-c", script] },
      hostConfig: { NetworkMode: "none" },
    });
    if (spec === undefined) throw new Error("the hook answered no specification");
    const id = await engine.create(spec);
    await engine.start(id);
    return id;
  };
  /** Folders of the task in every hierarchy. */
  const folders = (id: string) =>
    ["", ...readdirSync(ROOT)]
      .map((hierarchy) => join(ROOT, hierarchy, daemon.cgroup, id))
      .filter((path) => existsSync(path));
  const read = (controller: string, id: string, file: string) =>
    readFileSync(join(ROOT, isV2 ? "" : controller, daemon.cgroup, id, file), "utf8").trim();

  it("carries the task's limits, and its containers lie below it", async () => {
    const task = taskOf("limited", { cpu: 0.25, memory: 48 });
    const id = await start(task, "trap 'exit 0' TERM; sleep 1000 & wait");
    if (isV2) {
      expect(read("", task.id, "memory.max")).toBe(String(48 * 1024 * 1024));
      expect(read("", task.id, "cpu.max")).toBe("25000 100000");
    } else {
      expect(read("memory", task.id, "memory.limit_in_bytes")).toBe(String(48 * 1024 * 1024));
      expect(read("cpu", task.id, "cpu.cfs_quota_us")).toBe("25000");
      expect(read("cpu", task.id, "cpu.shares")).toBe("256");
    }
    expect(existsSync(join(ROOT, isV2 ? "" : "memory", daemon.cgroup, task.id, id, "cgroup.procs"))).toBe(
      true,
    );
    await engine.remove(id);
    await hook.cleanup?.(task);
    expect(folders(task.id)).toEqual([]);
  });

  it("kills a container that takes more than its task may, though the container itself has no limit", async () => {
    const task = taskOf("greedy", { memory: 16 });
    const id = await start(task, "tail /dev/zero");
    await vi.waitFor(async () => expect((await engine.inspect(id))?.status).toBe("exited"), {
      timeout: 20_000,
      interval: 20,
    });
    expect(await engine.inspect(id)).toMatchObject({ exitCode: 137, oomKilled: true });
    await engine.remove(id);
    await hook.cleanup?.(task);
  });

  it("is removed once the containers ended, though they still exist, and again without an error", async () => {
    const task = taskOf("stopped", {});
    const id = await start(task, "true");
    await engine.stop(id, 5);
    expect(folders(task.id).length).toBeGreaterThan(0);
    await hook.stopped?.(task);
    expect(folders(task.id)).toEqual([]);
    await hook.stopped?.(task);
    await hook.cleanup?.(task);
    await engine.remove(id);
  });

  it("can be prepared twice", async () => {
    const task = taskOf("twice", { cpu: 1, memory: 16 });
    await hook.prepare?.(task);
    await hook.prepare?.(task);
    await hook.cleanup?.(task);
    expect(folders(task.id)).toEqual([]);
  });

  it("is not removed under a running container", async () => {
    const task = taskOf("alive", { memory: 16 });
    const id = await start(task, "trap 'exit 0' TERM; sleep 1000 & wait");
    await expect(hook.cleanup?.(task)).rejects.toMatchObject({ code: "EBUSY" });
    expect((await engine.inspect(id))?.status).toBe("running");
    await engine.remove(id);
    await hook.cleanup?.(task);
  });

  it("refuses an id that would lead elsewhere", async () => {
    for (const id of ["..", "a/../../b", ""])
      await expect(hook.prepare?.(taskOf(id, { cpu: 1 }))).rejects.toThrow(/no id of a task/);
  });

  it("fails by name where the kernel refuses a limit", async () => {
    // The hierarchy of version 2 beside those of version 1 has no controllers; on a pure version 2 a root that is none.
    const root = existsSync(join(ROOT, "unified")) ? join(ROOT, "unified") : daemon.folder;
    const elsewhere = cgroupHook({ parent: "/estiba-test-refused", clock: systemClock, root });
    await expect(elsewhere.prepare?.(taskOf("refused", { memory: 16 }))).rejects.toMatchObject({
      reasonName: "ResourceInitializationError",
      message: expect.stringMatching(/^cgroup of the task: E\w+/) as string,
    });
    if (existsSync(join(root, "estiba-test-refused"))) rmdirSync(join(root, "estiba-test-refused"));
  });
});
