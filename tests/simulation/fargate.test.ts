// Fargate's pool with the controllers of a whole control plane: hosts come with tasks and go without them, a launch that fails is
// told, and wherever the control plane is killed the end is the one that no crash would have brought about.
import { describe, expect, it } from "vitest";
import { TestClock } from "#lib/test-clock.ts";
import { createFakeCompute, type FakeCompute } from "#controllers/instance/fake-compute.suite.ts";
import { createFargateController } from "#controllers/fargate/run.ts";
import { createInstanceController } from "#controllers/instance/run.ts";
import {
  addDefinition,
  addService,
  addSubnets,
  addTargetGroup,
  allTasks,
  changeService,
  createWorld,
  eventTexts,
  quiet,
  serviceInput,
  targetGroup,
  theService,
  type World,
} from "#controllers/world.suite.ts";
import {
  containerInstanceKey,
  newContainerInstance,
  setAgentConnected,
} from "#domain/ecs/container-instance.ts";
import { containerInstanceArn } from "#domain/ecs/arns.ts";
import { POOL_CLUSTER } from "#domain/ecs/fargate.ts";
import { taskKey, type TaskRow } from "#domain/ecs/task.ts";
import { interruptTask } from "#domain/ecs/task-transitions.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { isChangeOf, type Store } from "#store/store.ts";
import { addresses, instances, networkInterfaces } from "#store/tables/ec2.ts";
import { containerInstances, tasks } from "#store/tables/ecs.ts";
import { targets } from "#store/tables/elbv2.ts";
import { createMortalBackend } from "#tests/support/mortal-backend.ts";
import { startControllers } from "./cluster.suite.ts";

const KEEP_MS = 60_000;

/** Agents of hosts: each registers as soon as its host runs. */
function startAgents(store: Store) {
  const register = () => {
    for (const change of watch.take()) {
      if (!isChangeOf(change, instances) || change.row?.state !== "running" || !change.row.fargate) continue;
      const { region, ownerId, id: ec2InstanceId, availabilityZone, fargate } = change.row;
      const id = fargate.containerInstanceId;
      const key = containerInstanceKey(region, POOL_CLUSTER, id);
      store
        .transact((tx) => {
          if (tx.get(containerInstances, key) !== undefined) return;
          const arn = containerInstanceArn(region, ownerId, POOL_CLUSTER, id);
          const row = newContainerInstance(
            { arn, id, region, clusterName: POOL_CLUSTER, clusterArn: "" },
            {
              ec2InstanceId,
              registered: { cpu: 2048, memoryMiB: 1024 },
              reservedTcpPorts: [],
              reservedUdpPorts: [],
              attributes: [],
              availabilityZone,
              versionInfo: {},
              tags: {},
            },
            0,
          );
          tx.put(containerInstances, key, setAgentConnected(row, true, 0));
        })
        // A control plane that has died takes no registration.
        .catch(() => {});
    }
  };
  const watch = store.snapshotAndWatch([instances], { notify: () => register() });
  return watch;
}

async function startAll(world: World, compute: FakeCompute, seed = 1) {
  const { base, store } = world;
  const pool = [
    createFargateController({ ...base, keepMs: KEEP_MS }),
    createInstanceController({ ...base, compute, endpointFor: () => "http://estiba.test" }),
  ];
  const agents = startAgents(store);
  for (const controller of pool) await controller.start();
  const cluster = await startControllers(world, { seed, interfaces: compute });
  return {
    ...cluster,
    async close() {
      compute.letGo();
      agents.close();
      await cluster.close();
      for (const controller of pool) await controller.close();
    },
  };
}

async function prepare(world: World, desiredCount: number, zones = ["us-east-1a", "us-east-1b"]) {
  const network = await addSubnets(world, zones);
  const fargate = {
    networkMode: "awsvpc",
    cpu: "256",
    memory: "512",
    compatibilities: ["EC2", "FARGATE"],
  } as const;
  await addDefinition(world, 1, { ...fargate, compatibilities: [...fargate.compatibilities] });
  const targetGroupArn = await addTargetGroup(world, targetGroup("web", { targetType: "ip" }));
  await addService(world, {
    desiredCount,
    specification: {
      ...serviceInput().specification,
      launchType: "FARGATE",
      network,
      capacityProviderStrategy: [
        { capacityProvider: "FARGATE", base: 1, weight: 0 },
        { capacityProvider: "FARGATE_SPOT", base: 0, weight: 1 },
      ],
      loadBalancers: [{ targetGroupArn, containerName: "app", containerPort: 80 }],
    },
  });
}

const tally = (texts: readonly string[]) => {
  const counts: Record<string, number> = {};
  for (const text of [...texts].sort()) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
};

const left = ({ store }: Pick<World, "store">, compute: FakeCompute) => ({
  hosts: compute.hosts.size,
  rows: [...store.scan(instances)].length,
  containerInstances: [...store.scan(containerInstances)].length,
  interfaces: [...store.scan(networkInterfaces)].length,
  addresses: [...store.scan(addresses)].length,
});

/** All that may not depend on a crash. */
const outcome = (world: World, compute: FakeCompute) => ({
  tasks: tally(
    allTasks(world).map((t) =>
      [
        t.capacityProviderName,
        t.lastStatus,
        ...(t.lastStatus === "STOPPED" ? [t.stopCode, t.attachment?.status] : [t.availabilityZone]),
      ].join(" "),
    ),
  ),
  // How long a removed one is still shown is retention's.
  targets: tally([...world.store.scan(targets)].map(([, t]) => t.lifecycle).filter((l) => l !== "removed")),
  desired: theService(world).desiredCount,
  rollout: theService(world).deployments.map((d) => [d.status, d.rolloutState, d.failedTasks]),
  left: left(world, compute),
});

async function interruptOne(world: World): Promise<void> {
  const spot = allTasks(world).find((t) => t.capacityProviderName === "FARGATE_SPOT");
  if (spot === undefined) throw new Error("no task on FARGATE_SPOT");
  const key = taskKey(spot.region, spot.clusterName, spot.id);
  await world.store.transact((tx) => {
    tx.put(tasks, key, interruptTask(tx.get(tasks, key) as TaskRow, world.clock.now()));
  });
}

describe("the pool", () => {
  it("has a host a task, and none a while after the last task", async () => {
    const world = await createWorld();
    const compute = createFakeCompute();
    await prepare(world, 3, ["us-east-1a"]);
    const cluster = await startAll(world, compute);
    await cluster.advance(60_000);
    expect(allTasks(world).map((t) => t.lastStatus)).toEqual(["RUNNING", "RUNNING", "RUNNING"]);
    expect(left(world, compute)).toMatchObject({ hosts: 3, rows: 3, containerInstances: 3, interfaces: 3 });
    await changeService(world, { desiredCount: 1 }, 2);
    await cluster.advance(30_000);
    expect(allTasks(world).filter((t) => t.lastStatus === "RUNNING")).toHaveLength(1);
    expect(compute.hosts.size).toBe(3);
    // Within the time that they are kept, hosts are used again.
    await changeService(world, { desiredCount: 3 }, 3);
    await cluster.advance(30_000);
    expect(allTasks(world).filter((t) => t.lastStatus === "RUNNING")).toHaveLength(3);
    expect(compute.calls.filter((c) => c.startsWith("launched"))).toHaveLength(3);
    await changeService(world, { desiredCount: 0 }, 4);
    await cluster.advance(30_000 + KEEP_MS + 10_000);
    expect(left(world, compute)).toEqual({
      hosts: 0,
      rows: 0,
      containerInstances: 0,
      interfaces: 0,
      addresses: 0,
    });
    await cluster.close();
  });

  it("tells a task whose host could not be had why, and lets the service try again", async () => {
    const world = await createWorld();
    const compute = createFakeCompute();
    compute.refuse.launch = "no room on this machine";
    await prepare(world, 1);
    const cluster = await startAll(world, compute);
    await cluster.advance(100);
    const [first] = allTasks(world);
    expect(first).toMatchObject({
      lastStatus: "STOPPED",
      stopCode: "TaskFailedToStart",
      stoppedReason: "The task's host could not be provided: no room on this machine",
    });
    await cluster.advance(10_000);
    expect(allTasks(world).length).toBeGreaterThan(1);
    delete compute.refuse.launch;
    await cluster.advance(120_000);
    expect(allTasks(world).filter((t) => t.lastStatus === "RUNNING")).toHaveLength(1);
    expect(eventTexts(world)).toContain("has reached a steady state.");
    expect(left(world, compute)).toMatchObject({ hosts: 1, rows: 1, interfaces: 1, addresses: 1 });
    await cluster.close();
  });

  it("ends a task that is stopped while its host comes up, and the host without one later", async () => {
    const world = await createWorld();
    const compute = createFakeCompute();
    compute.hold = "launch";
    await prepare(world, 1);
    const cluster = await startAll(world, compute);
    await cluster.advance(1000);
    expect(allTasks(world).map((t) => t.lastStatus)).toEqual(["PROVISIONING"]);
    await changeService(world, { desiredCount: 0 }, 2);
    await cluster.advance(1000);
    expect(allTasks(world).map((t) => t.lastStatus)).toEqual(["STOPPED"]);
    compute.letGo();
    await quiet();
    await cluster.advance(KEEP_MS + 10_000);
    expect(left(world, compute)).toMatchObject({ hosts: 0, rows: 0, interfaces: 0, addresses: 0 });
    await cluster.close();
  });

  it("writes nothing while nothing happens", async () => {
    const world = await createWorld();
    const compute = createFakeCompute();
    await prepare(world, 2);
    const cluster = await startAll(world, compute);
    await cluster.advance(120_000);
    const before = world.store.durableCommits;
    await cluster.advance(600_000);
    expect(world.store.durableCommits).toBe(before);
    await cluster.close();
  });
});

const OPERATIONS: Readonly<Record<string, (world: World) => Promise<void>>> = {
  "an interruption": interruptOne,
  "scaling out": (world) => changeService(world, { desiredCount: 4 }, 2),
  "scaling to nothing": (world) => changeService(world, { desiredCount: 0 }, 2),
};

/** A steady service, then the operation; dies after `commits` of it, if given. */
async function run(operation: (world: World) => Promise<void>, commits?: number) {
  const inner = createMemoryBackend();
  const backend = createMortalBackend(inner);
  const world = await createWorld(1, backend);
  const compute = createFakeCompute();
  await prepare(world, 2);
  const first = await startAll(world, compute);
  await first.advance(60_000);
  if (commits !== undefined) backend.dieAfter(commits + 1);
  const before = backend.commits;
  await operation(world);
  await first.advance(180_000);
  await first.close();
  if (commits === undefined)
    return { outcome: outcome(world, compute), commits: backend.commits - before - 1 };
  expect(backend.isDead).toBe(true);
  const second = await createWorld(2, inner, new TestClock(world.clock.now()));
  const cluster = await startAll(second, compute, 2);
  await cluster.advance(180_000);
  await cluster.close();
  return { outcome: outcome(second, compute), commits };
}

describe.each(Object.entries(OPERATIONS))("%s", (_, operation) => {
  it("ends the same wherever the control plane is killed", async () => {
    const whole = await run(operation);
    expect(whole.commits).toBeGreaterThan(4);
    for (let n = 0; n < whole.commits; n += 1) {
      const crashed = await run(operation, n);
      expect(crashed.outcome, `killed after commit ${n} of ${whole.commits}`).toEqual(whole.outcome);
    }
  }, 60_000);
});
