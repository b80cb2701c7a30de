// A Spot Instance is interrupted: its agent drains it, the service moves, the load balancer lets go, and the host ends at its
// deadline; also when the control plane is killed anywhere on the way.
import { describe, expect, it } from "vitest";
import { drainOnSpotNotice } from "#agent/spot-notice.ts";
import { createFakeCompute } from "#controllers/instance/fake-compute.suite.ts";
import { createInstanceController } from "#controllers/instance/run.ts";
import { containerInstanceKey, setInstanceState } from "#domain/ecs/container-instance.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import { interruptSpot } from "#domain/ec2/spot.ts";
import {
  addDefinition,
  addInstances,
  addService,
  addTargetGroup,
  allTasks,
  CLUSTER,
  createWorld,
  eventTexts,
  instanceArn,
  quiet,
  REGION,
  serviceInput,
  targetGroup,
  theService,
  type World,
} from "#controllers/world.suite.ts";
import { silentLogger } from "#lib/logger.ts";
import { TestClock } from "#lib/test-clock.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { instances } from "#store/tables/ec2.ts";
import { containerInstances } from "#store/tables/ecs.ts";
import { targets } from "#store/tables/elbv2.ts";
import { createMortalBackend } from "#tests/support/mortal-backend.ts";
import { startControllers } from "./cluster.suite.ts";

const NOTICE = 120_000;
const DESIRED = 4;
const SPOT = "c0";
const spotKey = ec2Key(REGION, `i-${SPOT}`);
const memberKey = containerInstanceKey(REGION, CLUSTER, SPOT);

interface Shape {
  readonly zones?: readonly string[];
  readonly memory?: number;
  readonly drains?: boolean;
}

/** The rows before anything runs: a service behind a load balancer, its first instance a Spot Instance. */
async function prepare(world: World, { zones = ["us-east-1a", "us-east-1b"], memory = 128 }: Shape = {}) {
  await addInstances(world, zones);
  await world.store.transact((tx) => {
    const row = tx.get(instances, spotKey);
    if (row !== undefined) tx.put(instances, spotKey, { ...row, spot: { requestId: "sir-1" } });
  });
  await addDefinition(world, 1, {
    containerDefinitions: [
      {
        name: "app",
        image: "web:1",
        memory,
        essential: true,
        portMappings: [{ containerPort: 80, hostPort: 0, protocol: "tcp" }],
      },
    ],
  });
  const targetGroupArn = await addTargetGroup(world, targetGroup("web"));
  const loadBalancers = [{ targetGroupArn, containerName: "app", containerPort: 80 }];
  const specification = { ...serviceInput().specification, loadBalancers };
  await addService(world, { desiredCount: DESIRED, specification });
}

/** One life of the control plane with the hosts and the agent of the Spot Instance, whose poll is the real one. */
async function live(world: World, { drains = true, seed = 1 }: Shape & { readonly seed?: number } = {}) {
  const { store, clock, base } = world;
  const cluster = await startControllers(world, { seed });
  const compute = createFakeCompute();
  const registeredAtEnd: number[] = [];
  const controller = createInstanceController({
    ...base,
    compute: {
      ...compute,
      async terminate(id) {
        registeredAtEnd.push(registeredOn(world, SPOT));
        await compute.terminate(id);
      },
    },
    endpointFor: () => "http://test",
  });
  await controller.start();
  const agent = new AbortController();
  const done = drains
    ? drainOnSpotNotice({
        spotAction: () =>
          Promise.resolve(
            store.get(instances, spotKey)?.spot?.interruption === undefined ? undefined : "terminate",
          ),
        controlPlane: {
          call: () =>
            store.transact((tx) => {
              const row = tx.get(containerInstances, memberKey);
              if (row !== undefined) tx.put(containerInstances, memberKey, setInstanceState(row, "DRAINING"));
              return { failures: [] };
            }),
        },
        config: { cluster: CLUSTER },
        containerInstanceArn: instanceArn(SPOT),
        clock,
        logger: silentLogger,
        signal: agent.signal,
      })
    : undefined;
  await quiet();
  return {
    ...cluster,
    registeredAtEnd,
    async close() {
      agent.abort();
      await done;
      await controller.close();
      await cluster.close();
    },
  };
}

function registeredOn({ store }: World, id: string): number {
  return [...store.scan(targets)].filter(([, t]) => t.targetId === `i-${id}` && t.lifecycle === "registered")
    .length;
}
/** Targets that answer requests. */
const serving = ({ store }: World) =>
  [...store.scan(targets)].filter(
    ([, t]) => t.lifecycle === "registered" && t.health["node-1"]?.state === "healthy",
  ).length;
const runningOn = (world: World) =>
  allTasks(world)
    .filter((t) => t.lastStatus === "RUNNING")
    .map((t) => t.containerInstanceArn);
const interrupt = ({ store, clock }: World) =>
  store.transact((tx) => {
    const row = tx.get(instances, spotKey);
    if (row !== undefined) tx.put(instances, spotKey, interruptSpot(row, NOTICE, clock.now()));
  });
const isOver = ({ store }: World) => {
  expect(store.get(instances, spotKey)).toMatchObject({
    state: "terminated",
    stateReason: { code: "Server.SpotInstanceTermination" },
  });
  expect(store.get(containerInstances, memberKey)?.status).toBe("INACTIVE");
};

describe("a Spot Instance that is interrupted", () => {
  it("is empty before it goes, and never serves fewer than wanted", async () => {
    const world = await createWorld();
    await prepare(world);
    const cluster = await live(world);
    await cluster.advance(30_000);
    expect(runningOn(world)).toContain(instanceArn(SPOT));
    const interruptedAt = world.clock.now();
    await interrupt(world);
    while (runningOn(world).includes(instanceArn(SPOT))) {
      await cluster.advance(500);
      expect(serving(world)).toBeGreaterThanOrEqual(DESIRED);
    }
    expect(world.clock.now() - interruptedAt).toBeLessThan(NOTICE / 2);
    expect(world.store.get(instances, spotKey)?.state).toBe("running");
    expect(world.store.get(containerInstances, memberKey)?.status).toBe("DRAINING");
    await cluster.advance(interruptedAt + NOTICE + 5000 - world.clock.now());
    isOver(world);
    expect(runningOn(world)).toEqual(Array(DESIRED).fill(instanceArn("c1")));
    expect(cluster.registeredAtEnd).toEqual([0]);
    const moved = allTasks(world).filter((t) => t.containerInstanceArn === instanceArn(SPOT));
    expect(moved.every((t) => t.stopCode === "ServiceSchedulerInitiated")).toBe(true);
    await cluster.close();
  });

  it("takes its tasks with it when nothing else has room, in AWS's words", async () => {
    const world = await createWorld();
    await prepare(world, { memory: 1900 });
    const cluster = await live(world);
    await cluster.advance(30_000);
    expect(runningOn(world)).toHaveLength(DESIRED);
    const kept = runningOn(world).filter((arn) => arn !== instanceArn(SPOT)).length;
    await interrupt(world);
    await cluster.advance(NOTICE - 1000);
    expect(runningOn(world)).toHaveLength(DESIRED);
    expect(eventTexts(world).some((e) => e.startsWith("was unable to place a task"))).toBe(true);
    await cluster.advance(10_000);
    isOver(world);
    expect(cluster.registeredAtEnd).toEqual([0]);
    expect(runningOn(world)).toHaveLength(kept);
    const lost = allTasks(world).filter((t) => t.stopCode === "TerminationNotice");
    expect(lost).toHaveLength(DESIRED - kept);
    expect(new Set(lost.map((t) => t.stoppedReason))).toEqual(
      new Set([`Host EC2 (instance i-${SPOT}) terminated.`]),
    );
    await cluster.close();
  });

  it("whose agent does not drain keeps its tasks to the end; its targets leave before its host does", async () => {
    const world = await createWorld();
    await prepare(world);
    const cluster = await live(world, { drains: false });
    await cluster.advance(30_000);
    const before = runningOn(world);
    await interrupt(world);
    await cluster.advance(NOTICE - 1000);
    expect(runningOn(world)).toEqual(before);
    await cluster.advance(60_000);
    isOver(world);
    expect(cluster.registeredAtEnd).toEqual([0]);
    expect(runningOn(world)).toEqual(Array(DESIRED).fill(instanceArn("c1")));
    await cluster.close();
  });
});

describe("a control plane that is killed", () => {
  const tally = (texts: readonly string[]) => {
    const counts: Record<string, number> = {};
    for (const text of [...texts].sort()) counts[text] = (counts[text] ?? 0) + 1;
    return counts;
  };
  const outcome = (world: World) => ({
    instance: world.store.get(instances, spotKey)?.state,
    member: world.store.get(containerInstances, memberKey)?.status,
    tasks: tally(
      allTasks(world).map((t) =>
        [t.containerInstanceArn, t.lastStatus, t.stopCode, t.stoppedReason].join(" "),
      ),
    ),
    targets: tally(
      [...world.store.scan(targets)]
        .filter(([, t]) => t.lifecycle !== "removed")
        .map(([, t]) => `${t.targetId} ${t.lifecycle}`),
    ),
    isSteady: theService(world).steadySince !== undefined,
    shortfall: theService(world).shortfall,
  });

  /** Interrupted in the steady state; killed after `commits` further commits, if given, and started again over the rows. */
  async function run(commits?: number) {
    const inner = createMemoryBackend();
    const backend = createMortalBackend(inner);
    const world = await createWorld(1, backend);
    await prepare(world);
    const first = await live(world);
    await first.advance(30_000);
    const before = backend.commits;
    await interrupt(world);
    if (commits !== undefined) backend.dieAfter(commits);
    await first.advance(NOTICE + 60_000);
    await first.close();
    if (commits === undefined) return { outcome: outcome(world), commits: backend.commits - before - 1 };
    expect(backend.isDead).toBe(true);
    const second = await createWorld(2, inner, new TestClock(world.clock.now()));
    const cluster = await live(second, { seed: 2 });
    await cluster.advance(NOTICE + 60_000);
    await cluster.close();
    isOver(second);
    expect(cluster.registeredAtEnd.every((n) => n === 0)).toBe(true);
    return { outcome: outcome(second), commits };
  }

  it("after any commit on the way changes nothing in where the tasks and the instance end", async () => {
    const whole = await run();
    expect(whole.commits).toBeGreaterThan(10);
    for (let n = 0; n < whole.commits; n += 1) {
      const { tasks, ...rest } = (await run(n)).outcome;
      const { tasks: expected, ...others } = whole.outcome;
      expect(rest, `killed after commit ${n} of ${whole.commits}`).toEqual(others);
      // Away past the deadline, it finds tasks that were not moved in time: they end with the host, others run.
      const running = (of: Record<string, number>) =>
        Object.entries(of).filter(([text]) => text.includes(" RUNNING"));
      expect(running(tasks)).toEqual(running(expected));
    }
  }, 120_000);
});
