// The agent against the control plane's real fleet, end to end in one process.
import { beforeEach, describe, expect, it } from "vitest";
import { containerInstances, tasks } from "#store/tables/ecs.ts";
import { containerInstanceKey } from "#domain/ecs/container-instance.ts";
import { taskKey } from "#domain/ecs/task.ts";
import type { Agent } from "./agent.ts";
import { LABELS } from "./container-spec.ts";
import { CallFailed } from "./control-plane.ts";
import { CLUSTER, container, createWorld, newHost, REGION, type Host, type World } from "./world.suite.ts";

let world: World;
let host: Host;
let agent: Agent;
let instanceArn: string;

beforeEach(async () => {
  world = await createWorld();
  host = newHost(world);
  agent = await world.startAgent(host);
  instanceArn = await agent.registered;
  await world.until(() => instance()?.agentConnected === true);
});

const instance = () =>
  world.store.get(
    containerInstances,
    containerInstanceKey(REGION, CLUSTER, instanceArn.split("/").at(-1) ?? ""),
  );
const status = (id: string) => world.task(id).lastStatus;
const reports = (id: string) =>
  world.calls.filter(
    (c) => c.operation === "SubmitTaskStateChange" && (c.input["task"] as string).endsWith(`/${id}`),
  );
const containersOf = (id: string) => host.engine.list(LABELS.taskArn, world.task(id).arn);
const run = async (id: string, ...containers: Parameters<World["placeTask"]>[2]) => {
  await world.placeTask(instanceArn, id, containers);
  await world.until(() => status(id) === "RUNNING");
};

describe("an agent", () => {
  it("registers its host's resources, and shows its versions once it is connected", () => {
    expect(instance()).toMatchObject({
      registered: { cpu: 2048, memoryMiB: 4096 },
      versionInfo: { dockerVersion: "DockerVersion: 0.0.0-sim" },
    });
  });

  it("runs a task with the ports it chose and reports them", async () => {
    await run("a1", container("web", {}, { portMappings: [{ containerPort: 80 }] }));
    await run("a2", container("web", {}, { portMappings: [{ containerPort: 80 }] }));
    const bindings = (id: string) => world.task(id).containers[0]?.networkBindings;
    expect(bindings("a1")).toEqual([
      { bindIP: "0.0.0.0", containerPort: 80, hostPort: 32_768, protocol: "tcp" },
    ]);
    expect(bindings("a2")).toEqual([
      { bindIP: "0.0.0.0", containerPort: 80, hostPort: 32_769, protocol: "tcp" },
    ]);
    expect(world.task("a1").containers[0]?.runtimeId).toBe((await containersOf("a1"))[0]?.id);
  });

  it("stops a task when told, and gives its port to the next", async () => {
    await run("a1", container("web", { "stop-seconds": "3" }, { portMappings: [{ containerPort: 80 }] }));
    await world.stopTask("a1");
    await world.until(() => status("a1") === "STOPPED");
    expect(world.task("a1")).toMatchObject({ stopCode: "UserInitiated", containers: [{ exitCode: 143 }] });
    await run("a2", container("web", {}, { portMappings: [{ containerPort: 80 }] }));
    expect(world.task("a2").containers[0]?.networkBindings[0]?.hostPort).toBe(32_768);
  });

  it("reports the end of an essential container and stops the others", async () => {
    await run("a1", container("web", { "run-seconds": "5", "exit-code": "3" }), container("side"));
    await world.until(() => status("a1") === "STOPPED");
    expect(world.task("a1")).toMatchObject({
      stopCode: "EssentialContainerExited",
      containers: [{ exitCode: 3 }, { exitCode: 143 }],
    });
  });

  it("reports each of the failures that a task can begin with by AWS's name", async () => {
    const failing: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
      ["b1", { pull: "fail: no such manifest" }, /^CannotPullContainerError: .*no such manifest/],
      ["b2", { create: "fail: no space left" }, /^CannotCreateContainerError: .*no space left/],
      ["b3", { start: "fail: exec format error" }, /^CannotStartContainerError: .*exec format error/],
    ];
    for (const [id, life, reason] of failing) {
      await world.placeTask(instanceArn, id, [container("app", life)]);
      await world.until(() => status(id) === "STOPPED");
      expect(world.task(id).stopCode).toBe("TaskFailedToStart");
      expect(world.task(id).stoppedReason).toMatch(reason);
    }
  });

  it("keeps the credentials of a task's role until the task is forgotten", async () => {
    await run("a1", container("web"));
    expect(agent.credentials.get("TaskApplication-n/a1")).toBeDefined();
    expect(agent.expects("TaskApplication-n/a1")).toBe(true);
  });

  it("waits with a task that does not fit until another ends", async () => {
    await run("a1", container("big", {}, { memory: 4000 }));
    await world.placeTask(instanceArn, "a2", [container("big", {}, { memory: 4000 })]);
    await world.clock.advance(60_000);
    expect(status("a2")).toBe("PENDING");
    expect(reports("a2")).toEqual([]);
    await world.stopTask("a1");
    await world.until(() => status("a2") === "RUNNING");
  });

  it("stops what the manifest does not want, though the order to stop was never heard", async () => {
    await run("a1", container("web"));
    await world.store.transact((tx) => tx.delete(tasks, taskKey(REGION, CLUSTER, "a1")));
    const own = () => host.engine.list(LABELS.agent);
    expect((await own()).map((c) => c.status)).toEqual(["running"]);
    await world.restartServer();
    await world.clock.advance(5_000);
    expect((await own()).map((c) => c.status)).toEqual(["exited"]);
  });

  it("restarts a container by its policy and tells of the last end only", async () => {
    const restartPolicy = { enabled: true, restartAttemptPeriod: 60 };
    await run("a1", container("web", { "run-seconds": "90", "exit-code": "1" }, { restartPolicy }));
    await world.clock.advance(200_000);
    expect(status("a1")).toBe("RUNNING");
    expect(await containersOf("a1")).toHaveLength(1);
    expect(reports("a1")).toHaveLength(1);
    await world.stopTask("a1");
    await world.until(() => status("a1") === "STOPPED");
    expect(world.task("a1").containers[0]?.exitCode).toBe(143);
  });

  it("removes an ended task's containers, credentials and stored state after the wait", async () => {
    await run("a1", container("web"));
    await world.stopTask("a1");
    await world.until(() => status("a1") === "STOPPED");
    await world.clock.advance(2 * 3_600_000);
    expect(await containersOf("a1")).toHaveLength(1);
    await world.clock.advance(3_600_000 + 60_000);
    expect(await containersOf("a1")).toEqual([]);
    expect((await host.state.load()).tasks).toEqual([]);
    expect(agent.credentials.get("TaskApplication-n/a1")).toBeUndefined();
  });

  it("says nothing while nothing happens", async () => {
    await run("a1", container("web"), container("side", {}, { healthCheck: { command: ["CMD", "true"] } }));
    await world.clock.advance(120_000);
    const before = world.calls.length;
    const commits = world.store.durableCommits;
    await world.clock.advance(20 * 60_000);
    expect(world.calls.length).toBe(before);
    expect(world.store.durableCommits).toBe(commits);
    expect(instance()?.healthStatus).toBe("OK");
    expect(world.task("a1").containers[1]?.healthStatus).toBe("HEALTHY");
  });
});

describe("an agent that restarts", () => {
  it("finds its containers again and starts nothing twice", async () => {
    await run("a1", container("web"));
    const [before] = await containersOf("a1");
    agent.close();
    await world.clock.advance(5_000);
    agent = await world.startAgent(host);
    expect(await agent.registered).toBe(instanceArn);
    await world.clock.advance(30_000);
    expect(await containersOf("a1")).toEqual([before]);
    expect(status("a1")).toBe("RUNNING");
    expect(agent.credentials.get("TaskApplication-n/a1")).toBeDefined();
    await world.stopTask("a1");
    await world.until(() => status("a1") === "STOPPED");
  });

  it("reports what ended meanwhile, with its exit code", async () => {
    await run("a1", container("web", { "run-seconds": "20", "exit-code": "9" }));
    agent.close();
    await world.clock.advance(60_000);
    expect(status("a1")).toBe("RUNNING");
    agent = await world.startAgent(host);
    await world.until(() => status("a1") === "STOPPED");
    expect(world.task("a1").containers[0]?.exitCode).toBe(9);
  });

  it("reports a container that vanished", async () => {
    await run("a1", container("web"));
    agent.close();
    for (const { id } of await containersOf("a1")) await host.engine.remove(id);
    agent = await world.startAgent(host);
    await world.until(() => status("a1") === "STOPPED");
    expect(world.task("a1").containers[0]?.reason).toMatch(/^ContainerVanishedError: /);
  });

  it("hears of a stop that was ordered while it was away", async () => {
    await run("a1", container("web"));
    agent.close();
    await world.stopTask("a1");
    agent = await world.startAgent(host);
    await world.until(() => status("a1") === "STOPPED");
    expect((await containersOf("a1"))[0]?.status).toBe("exited");
  });

  it("goes on with a task that waited for room", async () => {
    await run("a1", container("big", {}, { memory: 4000 }));
    await world.placeTask(instanceArn, "a2", [container("big", {}, { memory: 4000 })]);
    await world.clock.advance(1_000);
    agent.close();
    agent = await world.startAgent(host);
    await world.stopTask("a1");
    await world.until(() => status("a2") === "RUNNING");
  });

  it("goes on at whatever moment it died, and each container is started once", async () => {
    for (let moment = 0; moment < 16; moment++) {
      const id = `c${moment}`;
      const slow = { "pull-seconds": "1", "start-seconds": "1" };
      const small = { cpu: 10, memory: 10 };
      await world.placeTask(instanceArn, id, [container("web", slow, small), container("side", slow, small)]);
      await world.clock.advance(moment * 250);
      agent.close();
      await world.clock.advance(1_000);
      agent = await world.startAgent(host);
      await world.until(() => status(id) === "RUNNING");
      expect((await containersOf(id)).map((c) => c.status)).toEqual(["running", "running"]);
    }
  });

  it("removes containers of its own that no task claims, and no others", async () => {
    const stray = async (labels: Readonly<Record<string, string>>) => {
      const Image = "registry.test/x:1";
      await host.engine.pullImage(Image);
      return host.engine.create({
        name: `x${host.engine.size}`,
        config: { Image, Labels: labels },
        hostConfig: {},
      });
    };
    const own = await stray({ [LABELS.agent]: "1", [LABELS.taskArn]: "arn:aws:ecs:::task/x/y" });
    const foreign = await stray({ [LABELS.taskArn]: "arn:aws:ecs:::task/x/y" });
    agent.close();
    agent = await world.startAgent(host);
    await world.clock.advance(1_000);
    expect(await host.engine.inspect(own)).toBeUndefined();
    expect(await host.engine.inspect(foreign)).toBeDefined();
  });
});

describe("while the control plane is away", () => {
  const away = () => (world.outage = new CallFailed("Unreachable", "connect ECONNREFUSED"));

  it("keeps containers and reports what happened afterwards, once", async () => {
    await run("a1", container("web", { "run-seconds": "30" }));
    await run("a2", container("web"));
    away();
    await world.fleet.close();
    await world.clock.advance(300_000);
    expect((await containersOf("a2"))[0]?.status).toBe("running");
    world.outage = undefined;
    await world.restartServer();
    await world.until(() => status("a1") === "STOPPED");
    await world.until(() => instance()?.agentConnected === true, 300);
    expect(status("a2")).toBe("RUNNING");
    expect(reports("a1").filter((c) => c.input["status"] === "STOPPED")).toHaveLength(1);
  });

  it("an agent that restarts goes on with its tasks", async () => {
    await run("a1", container("web", { "run-seconds": "30" }), container("side"));
    agent.close();
    away();
    agent = await world.startAgent(host);
    await world.clock.advance(60_000);
    expect((await containersOf("a1")).map((c) => c.status)).toEqual(["exited", "exited"]);
    world.outage = undefined;
    await world.until(() => status("a1") === "STOPPED", 300);
  });

  it("a server's restart restarts nothing", async () => {
    await run("a1", container("web"));
    const before = await containersOf("a1");
    await world.restartServer();
    await world.clock.advance(60_000);
    expect(await containersOf("a1")).toEqual(before);
    expect(instance()?.agentConnected).toBe(true);
    await run("a2", container("web"));
  });
});

describe("while the engine is away", () => {
  it("waits with what it was to do, and does it afterwards", async () => {
    await run("a1", container("web"));
    host.engine.setReachable(false);
    await world.placeTask(instanceArn, "a2", [container("web")]);
    await world.stopTask("a1");
    await world.clock.advance(20_000);
    expect([status("a1"), status("a2")]).toEqual(["STOPPING", "PENDING"]);
    host.engine.setReachable(true);
    await world.until(() => status("a1") === "STOPPED" && status("a2") === "RUNNING", 120);
  });

  it("says IMPAIRED, then OK", async () => {
    host.engine.setReachable(false);
    await world.until(() => instance()?.healthStatus === "IMPAIRED");
    host.engine.setReachable(true);
    await world.until(() => instance()?.healthStatus === "OK");
  });

  it("notices an end that it was not told of", async () => {
    await run("a1", container("web", { "run-seconds": "30", "exit-code": "4" }));
    host.engine.setReachable(false);
    await world.clock.advance(60_000);
    host.engine.setReachable(true);
    await world.until(() => status("a1") === "STOPPED");
    expect(world.task("a1").containers[0]?.exitCode).toBe(4);
  });
});
