// The life of a network interface with its task: made with it, confirmed, given back with its address; whatever fails or dies on
// the way, nothing is left and no task waits for ever.
import { describe, expect, it } from "vitest";
import { TestClock } from "#lib/test-clock.ts";
import { stopTask } from "#domain/ecs/task-transitions.ts";
import { createFakeCompute } from "#controllers/instance/fake-compute.suite.ts";
import {
  addDefinition,
  addInstances,
  addSubnets,
  allTasks,
  changeTask,
  createWorld,
  interfaceAttributes,
  quiet,
  runTaskRequest,
  type World,
} from "#controllers/world.suite.ts";
import { createPlacement } from "#controllers/placement/placement.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import type { Backend } from "#store/backend.ts";
import { addresses, networkInterfaces } from "#store/tables/ec2.ts";
import { createMortalBackend } from "#tests/support/mortal-backend.ts";
import { startControllers, type ClusterOptions } from "./cluster.suite.ts";

async function prepare(options: ClusterOptions & { readonly backend?: Backend } = {}) {
  const world = await createWorld(1, options.backend);
  const network = await addSubnets(world, ["us-east-1a"]);
  await addInstances(world, ["us-east-1a"], { attributes: interfaceAttributes() });
  await addDefinition(world, 1, { networkMode: "awsvpc" });
  const compute = createFakeCompute(["i-c0"]);
  const cluster = await startControllers(world, { interfaces: compute, ...options });
  const runTask = async () => {
    const placement = createPlacement(world.base);
    await placement.start();
    const result = await placement.place(runTaskRequest({ network }));
    await placement.close();
    return result;
  };
  return { world, compute, cluster, runTask };
}

const only = (world: Pick<World, "store">) => {
  const [task] = allTasks(world);
  if (task === undefined) throw new Error("there is no task");
  return task;
};
const interfaces = ({ store }: Pick<World, "store">) =>
  [...store.scan(networkInterfaces)].map(([, row]) => row);
const taken = ({ store }: Pick<World, "store">) => [...store.scan(addresses)].map(([, row]) => row.address);
const stop = (world: World) =>
  changeTask(world, only(world), (t) =>
    stopTask(t, { code: "UserInitiated", reason: "asked" }, world.clock.now()),
  );

describe("an awsvpc task", () => {
  it("goes to its agent once its interface is confirmed, and is STOPPED once that is gone", async () => {
    const { world, compute, cluster, runTask } = await prepare();
    const { tasks } = await runTask();
    const eni = tasks[0]?.attachment?.networkInterfaceId ?? "";
    expect(tasks).toMatchObject([{ lastStatus: "PROVISIONING", attachment: { status: "PRECREATED" } }]);
    expect(taken(world)).toEqual(["10.64.0.4"]);
    await quiet();
    expect(only(world)).toMatchObject({ lastStatus: "PROVISIONING", attachment: { status: "ATTACHING" } });
    expect(compute.interfaces).toEqual(new Set([eni]));
    await cluster.advance(1000);
    expect(only(world)).toMatchObject({ lastStatus: "PENDING", attachment: { status: "ATTACHED" } });
    await cluster.advance(1000);
    expect(only(world).lastStatus).toBe("RUNNING");
    expect(interfaces(world)).toMatchObject([{ id: eni, status: "in-use", privateIp: "10.64.0.4" }]);
    await stop(world);
    await cluster.advance(5000);
    expect(only(world)).toMatchObject({ lastStatus: "STOPPED", attachment: { status: "DELETED" } });
    expect([interfaces(world), taken(world), [...compute.interfaces]]).toEqual([[], [], []]);
    await cluster.close();
  });

  it("fails in AWS's words when its agent does not find the interface in time", async () => {
    const { world, compute, cluster, runTask } = await prepare({ fleet: { fate: () => "never-attached" } });
    await runTask();
    await cluster.advance(179_000);
    expect(only(world).lastStatus).toBe("PROVISIONING");
    await cluster.advance(2_000);
    expect(only(world)).toMatchObject({
      lastStatus: "STOPPED",
      stopCode: "TaskFailedToStart",
      stoppedReason: "Timeout waiting for network interface provisioning to complete.",
    });
    expect([taken(world), [...compute.interfaces]]).toEqual([[], []]);
    await cluster.close();
  });

  it("waits for a host that cannot be given the interface yet, and fails when it never can", async () => {
    const { world, compute, cluster, runTask } = await prepare();
    compute.refuse.attach = "not now";
    await runTask();
    await cluster.advance(10_000);
    expect(only(world)).toMatchObject({ lastStatus: "PROVISIONING", attachment: { status: "PRECREATED" } });
    delete compute.refuse.attach;
    await cluster.advance(30_000);
    expect(only(world).lastStatus).toBe("RUNNING");
    await stop(world);
    await cluster.advance(5000);
    compute.refuse.attach = "never";
    await runTask();
    await cluster.advance(240_000);
    expect(allTasks(world).map((t) => t.lastStatus)).toEqual(["STOPPED", "STOPPED"]);
    expect(taken(world)).toEqual([]);
    await cluster.close();
  });

  it("keeps its address until its host has really let go of the interface", async () => {
    const { world, compute, cluster, runTask } = await prepare();
    await runTask();
    await cluster.advance(5000);
    compute.refuse.detach = "busy";
    await stop(world);
    await cluster.advance(10_000);
    expect(only(world).lastStatus).toBe("DEPROVISIONING");
    expect(taken(world)).toEqual(["10.64.0.4"]);
    delete compute.refuse.detach;
    await cluster.advance(40_000);
    expect(only(world).lastStatus).toBe("STOPPED");
    expect(taken(world)).toEqual([]);
    await cluster.close();
  });

  it("can be stopped before it has its interface", async () => {
    const { world, compute, cluster, runTask } = await prepare({ fleet: { fate: () => "never-attached" } });
    await runTask();
    await stop(world);
    await cluster.advance(1000);
    expect(only(world)).toMatchObject({
      lastStatus: "STOPPED",
      stopCode: "UserInitiated",
      stoppedReason: "asked",
    });
    expect([taken(world), [...compute.interfaces]]).toEqual([[], []]);
    await cluster.close();
  });

  it("ends the same wherever the control plane is killed", async () => {
    const life = async (commits?: number) => {
      const inner = createMemoryBackend();
      const backend = createMortalBackend(inner);
      const { world, compute, cluster, runTask } = await prepare({ backend });
      const before = backend.commits;
      if (commits !== undefined) backend.dieAfter(commits);
      await runTask().catch(() => {});
      await cluster.advance(10_000);
      if (allTasks(world).length > 0) await stop(world).catch(() => {});
      await cluster.advance(10_000);
      await cluster.close();
      if (commits === undefined) return { commits: backend.commits - before, left: left(world, compute) };
      const second = await createWorld(2, inner, new TestClock(world.clock.now()));
      const after = await startControllers(second, { seed: 2, interfaces: compute });
      await after.advance(60_000);
      for (const task of allTasks(second)) expect(task.lastStatus).toMatch(/^(RUNNING|STOPPED)$/);
      if (allTasks(second).length > 0) await stop(second);
      await after.advance(60_000);
      await after.close();
      return { commits, left: left(second, compute) };
    };
    const left = (world: Pick<World, "store">, compute: ReturnType<typeof createFakeCompute>) => ({
      tasks: allTasks(world).map((t) => [t.lastStatus, t.attachment?.status, t.stopCode]),
      interfaces: interfaces(world),
      addresses: taken(world),
      onHosts: [...compute.interfaces],
    });
    const whole = await life();
    expect(whole.commits).toBeGreaterThan(6);
    expect(whole.left).toEqual({
      tasks: [["STOPPED", "DELETED", "UserInitiated"]],
      interfaces: [],
      addresses: [],
      onHosts: [],
    });
    for (let n = 1; n < whole.commits; n += 1)
      expect((await life(n)).left, `killed after commit ${n}`).toEqual(whole.left);
  });
});
