import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ec2Key, terminateInstance } from "#domain/ec2/instance.ts";
import { containerInstanceKey, deregisterInstance } from "#domain/ecs/container-instance.ts";
import { taskKey, type TaskRow } from "#domain/ecs/task.ts";
import { reportTask, stopTask } from "#domain/ecs/task-transitions.ts";
import { reportTargetHealth, targetIdle, type TargetRow } from "#domain/elbv2/target.ts";
import { instances } from "#store/tables/ec2.ts";
import { containerInstances, tasks } from "#store/tables/ecs.ts";
import { targets } from "#store/tables/elbv2.ts";
import type { Controller } from "../controller.ts";
import { taskRow } from "../service/model.suite.ts";
import {
  addInstances,
  addTargetGroup,
  CLUSTER,
  changeTask,
  createWorld,
  eventTexts,
  instanceArn,
  quiet,
  REGION,
  targetGroup,
  type World,
} from "../world.suite.ts";
import { createTaskController } from "./run.ts";

const NODES = ["node-1", "node-2"];
let world: World;
let controller: Controller;
let instanceGroup: string;
let ipGroup: string;
beforeEach(async () => {
  world = await createWorld();
  await addInstances(world, ["us-east-1a", "us-east-1b"]);
  instanceGroup = await addTargetGroup(
    world,
    targetGroup("web", { attributes: { "deregistration_delay.timeout_seconds": "60" } }),
  );
  ipGroup = await addTargetGroup(world, targetGroup("ips", { targetType: "ip" }));
  controller = createTaskController({ ...world.base, nodes: () => NODES });
  await controller.start();
});
afterEach(() => controller.close());

const balancer = (targetGroupArn: string) => ({ targetGroupArn, containerName: "app", containerPort: 80 });
const running = {
  status: "RUNNING" as const,
  containers: [
    {
      name: "app",
      status: "RUNNING" as const,
      networkBindings: [{ bindIP: "0.0.0.0", containerPort: 80, hostPort: 32770, protocol: "tcp" as const }],
    },
  ],
};
const userStop = { code: "UserInitiated", reason: "x" } as const;
async function put(more: Partial<TaskRow>) {
  const row = taskRow("t1", { containerInstanceArn: instanceArn("c0"), ...more });
  await world.store.transact((tx) => tx.put(tasks, taskKey(REGION, CLUSTER, "t1"), row));
  await quiet();
}
async function change(to: (row: TaskRow) => TaskRow) {
  await changeTask(world, { id: "t1" }, to);
  await quiet();
}
const started = (groups: readonly string[]) =>
  put({ loadBalancers: groups.map(balancer) }).then(() =>
    change((t) => reportTask(t, running, world.clock.now())),
  );
const task = () => world.store.get(tasks, taskKey(REGION, CLUSTER, "t1"));
const registered = () => [...world.store.scan(targets)];
async function onTarget(key: string, to: (row: TargetRow) => TargetRow) {
  await world.store.transact((tx) => {
    const row = tx.get(targets, key);
    if (row !== undefined) tx.put(targets, key, to(row));
  });
  await quiet();
}

describe("a task that is ACTIVATING", () => {
  it("is registered in every group with the port bound on its host, and then RUNNING", async () => {
    await started([instanceGroup, ipGroup]);
    const rows = registered().map(([, t]) => [t.targetGroupArn, t.targetId, t.address, t.port, t.lifecycle]);
    expect(rows.sort()).toEqual(
      [
        [instanceGroup, "i-c0", "10.64.0.4", 32770, "registered"],
        [ipGroup, "10.64.0.4", "10.64.0.4", 32770, "registered"],
      ].sort(),
    );
    expect(task()).toMatchObject({ lastStatus: "RUNNING", startedAt: world.clock.now() });
    for (const lb of task()?.loadBalancers ?? [])
      expect(world.store.get(targets, lb.targetKey ?? "")?.targetGroupArn).toBe(lb.targetGroupArn);
    expect(eventTexts(world)).toEqual([
      `registered 1 targets in (target-group ${instanceGroup})`,
      `registered 1 targets in (target-group ${ipGroup})`,
    ]);
  });
  it("runs without a target whose group is gone, and an event says so", async () => {
    await started(["arn:gone", instanceGroup]);
    expect(task()).toMatchObject({ lastStatus: "RUNNING" });
    expect(task()?.loadBalancers.map((lb) => lb.targetKey !== undefined)).toEqual([false, true]);
    expect(eventTexts(world)[0]).toBe("was unable to register a target in (target-group arn:gone).");
  });
  it("on a host that is being terminated is not registered: its targets have left, and none follows them", async () => {
    const key = ec2Key(REGION, "i-c0");
    const byUser = { code: "Client.UserInitiatedShutdown", message: "m" };
    await put({ loadBalancers: [balancer(instanceGroup)] });
    await world.store.transact((tx) => {
      const host = tx.get(instances, key);
      if (host === undefined) throw new Error("no host");
      tx.put(instances, key, terminateInstance(host, byUser, world.clock.now()));
    });
    await change((t) => reportTask(t, running, world.clock.now()));
    expect(task()?.lastStatus).toBe("RUNNING");
    expect(registered()).toEqual([]);
    expect(eventTexts(world)).toEqual([
      `was unable to register a target in (target-group ${instanceGroup}).`,
    ]);
  });
  it("that was left by a dead process is registered at the start, once", async () => {
    await controller.close();
    await started([instanceGroup]);
    expect(task()?.lastStatus).toBe("ACTIVATING");
    controller = createTaskController({ ...world.base, nodes: () => NODES });
    await controller.start();
    await quiet();
    expect(task()?.lastStatus).toBe("RUNNING");
    expect(registered()).toHaveLength(1);
  });
});

describe("a task that is DEACTIVATING", () => {
  it("stops only when every node shows its target idle", async () => {
    await started([instanceGroup]);
    await change((t) => stopTask(t, userStop, world.clock.now()));
    const [key] = registered()[0] ?? [""];
    expect(registered()[0]?.[1]).toMatchObject({
      lifecycle: "draining",
      drainingUntil: world.clock.now() + 60_000,
    });
    await onTarget(key, (t) => targetIdle(t, "node-1"));
    expect(task()?.lastStatus).toBe("DEACTIVATING");
    await onTarget(key, (t) => targetIdle(t, "node-2"));
    expect(task()?.lastStatus).toBe("STOPPING");
    expect(registered()[0]?.[1].lifecycle).toBe("removed");
    expect(eventTexts(world).slice(1)).toEqual([
      "has begun draining connections on 1 tasks.",
      `deregistered 1 targets in (target-group ${instanceGroup})`,
    ]);
  });
  it("stops at the stored deadline when requests do not end, also after a restart", async () => {
    await started([instanceGroup]);
    await change((t) => stopTask(t, userStop, world.clock.now()));
    await world.clock.advance(30_000);
    await controller.close();
    controller = createTaskController({ ...world.base, nodes: () => NODES });
    await controller.start();
    await quiet();
    await world.clock.advance(29_999);
    expect(task()?.lastStatus).toBe("DEACTIVATING");
    await world.clock.advance(1);
    await quiet();
    expect(task()?.lastStatus).toBe("STOPPING");
  });
  it("does not wait for a target that somebody removed", async () => {
    await started([instanceGroup]);
    const [key] = registered()[0] ?? [""];
    await world.store.transact((tx) => tx.delete(targets, key));
    await change((t) => stopTask(t, userStop, world.clock.now()));
    expect(task()?.lastStatus).toBe("STOPPING");
  });
});

describe("a task that ended by itself", () => {
  it("leaves the proxy at once", async () => {
    await started([instanceGroup]);
    const containers = [{ name: "app", status: "STOPPED" as const, exitCode: 1 }];
    await change((t) => reportTask(t, { status: "RUNNING", containers }, world.clock.now()));
    expect(task()?.lastStatus).toBe("STOPPING");
    expect(registered()[0]?.[1]).toMatchObject({ lifecycle: "removed" });
  });
  it("is never registered when it ended before its target was", async () => {
    await put({ loadBalancers: [balancer(instanceGroup)] });
    await change((t) => reportTask(t, { status: "STOPPED", containers: [] }, world.clock.now()));
    expect(registered()).toEqual([]);
  });
});

describe("a task whose host is gone", () => {
  const terminate = async () => {
    const key = containerInstanceKey(REGION, CLUSTER, "c0");
    await world.store.transact((tx) => {
      const row = tx.get(containerInstances, key);
      if (row !== undefined) tx.put(containerInstances, key, deregisterInstance(row, world.clock.now()));
    });
    await quiet();
  };
  it.each(["PENDING", "RUNNING", "DEACTIVATING"])(
    "is STOPPED from %s, its target removed",
    async (status) => {
      if (status === "PENDING") await put({});
      else await started([instanceGroup]);
      if (status === "DEACTIVATING") await change((t) => stopTask(t, userStop, world.clock.now()));
      expect(task()?.lastStatus).toBe(status);
      await terminate();
      expect(task()).toMatchObject({ lastStatus: "STOPPED", desiredStatus: "STOPPED" });
      if (status !== "DEACTIVATING")
        expect(task()).toMatchObject({
          stopCode: "TerminationNotice",
          stoppedReason: "Host EC2 (instance i-c0) terminated.",
        });
      for (const [, target] of registered()) expect(target.lifecycle).toBe("removed");
    },
  );
  it("is STOPPED also when it was placed at the moment its host went", async () => {
    await terminate();
    await put({});
    expect(task()?.lastStatus).toBe("STOPPED");
  });
});

it("writes nothing for a task that only runs", async () => {
  await started([instanceGroup]);
  const [key] = registered()[0] ?? [""];
  const before = world.store.durableCommits;
  await onTarget(key, (t) => reportTargetHealth(t, "node-1", { state: "healthy" }));
  expect(world.store.durableCommits).toBe(before + 1);
});
