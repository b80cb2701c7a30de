// UpdateContainerInstancesState by hand, each sentence of the API reference about DRAINING: what becomes of tasks that are PENDING
// and RUNNING, within which limits, what is left alone, and the way back.
import { describe, expect, it } from "vitest";
import {
  containerInstanceKey,
  setInstanceState,
  type ContainerInstanceRow,
} from "#domain/ecs/container-instance.ts";
import { taskKey, type TaskRow } from "#domain/ecs/task.ts";
import { BLOCKED } from "#controllers/service/decide.ts";
import {
  addDefinition,
  addInstances,
  addService,
  allTasks,
  changeService,
  CLUSTER,
  containerInstance,
  createWorld,
  eventTexts,
  instanceArn,
  REGION,
  theService,
} from "#controllers/world.suite.ts";
import { containerInstances, tasks } from "#store/tables/ecs.ts";
import { type Cluster, startControllers } from "./cluster.suite.ts";

const SETTINGS = { steadyAfterMs: 5000 };

interface Shape {
  readonly desiredCount: number;
  readonly minimumHealthyPercent?: number;
  readonly maximumPercent?: number;
  readonly memory?: number;
  readonly zones?: readonly string[];
  readonly startMs?: number;
}

/** A steady service over instances in two zones. */
async function steady({
  desiredCount,
  memory = 128,
  zones = ["us-east-1a", "us-east-1b"],
  startMs,
  ...percentages
}: Shape): Promise<Cluster> {
  const world = await createWorld();
  await addInstances(world, zones);
  await addDefinition(world, 1, {
    containerDefinitions: [{ name: "app", image: "web:1", memory, essential: true }],
  });
  await addService(world, { desiredCount, ...percentages });
  const cluster = await startControllers(world, {
    settings: SETTINGS,
    fleet: startMs === undefined ? {} : { startMs },
  });
  await cluster.advance(60_000);
  expect(theService(cluster).steadySince).toBeDefined();
  return cluster;
}

const set = async ({ store }: Cluster, id: string, status: "ACTIVE" | "DRAINING") => {
  const key = containerInstanceKey(REGION, CLUSTER, id);
  await store.transact((tx) => {
    const before: ContainerInstanceRow = tx.get(containerInstances, key) ?? containerInstance(id);
    tx.put(containerInstances, key, setInstanceState(before, status));
  });
};
const wanted = (cluster: Cluster) => allTasks(cluster).filter((t) => t.desiredStatus === "RUNNING");
const running = (cluster: Cluster) => allTasks(cluster).filter((t) => t.lastStatus === "RUNNING");
const on = (id: string, of: readonly TaskRow[]) =>
  of.filter((t) => t.containerInstanceArn === instanceArn(id));

describe("service tasks of a draining instance", () => {
  it("that are PENDING stop at once, and are started elsewhere", async () => {
    const cluster = await steady({ desiredCount: 2, startMs: 20_000 });
    await changeService(cluster, { desiredCount: 6 }, 2);
    await cluster.advance(1000);
    const pending = on("c0", wanted(cluster)).filter((t) => t.lastStatus === "PENDING");
    expect(pending).toHaveLength(2);
    await set(cluster, "c0", "DRAINING");
    await cluster.advance(100);
    for (const { id } of pending)
      expect(allTasks(cluster).find((t) => t.id === id)).toMatchObject({
        desiredStatus: "STOPPED",
        stopCode: "ServiceSchedulerInitiated",
      });
    expect(on("c0", running(cluster))).toHaveLength(1);
    await cluster.advance(120_000);
    expect(on("c1", running(cluster))).toHaveLength(6);
    await cluster.close();
  });

  it.each([
    { minimumHealthyPercent: 100, maximumPercent: 200 },
    { minimumHealthyPercent: 100, maximumPercent: 150 },
    { minimumHealthyPercent: 50, maximumPercent: 100 },
    { minimumHealthyPercent: 50, maximumPercent: 200 },
    { minimumHealthyPercent: 0, maximumPercent: 100 },
  ])("that are RUNNING are replaced within %o", async (percentages) => {
    const cluster = await steady({ desiredCount: 4, ...percentages });
    const lower = (4 * percentages.minimumHealthyPercent) / 100;
    const upper = (4 * percentages.maximumPercent) / 100;
    await set(cluster, "c0", "DRAINING");
    for (let step = 0; step < 240; step += 1) {
      await cluster.advance(250);
      expect(running(cluster).filter((t) => t.desiredStatus === "RUNNING").length).toBeGreaterThanOrEqual(
        lower,
      );
      expect(wanted(cluster).length).toBeLessThanOrEqual(upper);
    }
    expect(on("c1", running(cluster))).toHaveLength(4);
    expect(allTasks(cluster).filter((t) => t.lastStatus !== "STOPPED")).toHaveLength(4);
    await cluster.close();
  });

  it("wait for room with 100/100, an event says so once, and another percentage lets them go", async () => {
    const cluster = await steady({ desiredCount: 4, maximumPercent: 100 });
    const before = running(cluster).map((t) => t.id);
    await set(cluster, "c0", "DRAINING");
    await cluster.advance(600_000);
    expect(running(cluster).map((t) => t.id)).toEqual(before);
    expect(eventTexts(cluster).filter((e) => e === BLOCKED)).toHaveLength(1);
    await changeService(cluster, { maximumPercent: 200 }, 2);
    await cluster.advance(60_000);
    expect(on("c1", running(cluster))).toHaveLength(4);
    await cluster.close();
  });

  it("wait where no other instance has room, an event says so, and move when one comes", async () => {
    const cluster = await steady({ desiredCount: 2, memory: 3000 });
    await set(cluster, "c0", "DRAINING");
    await cluster.advance(600_000);
    expect(on("c0", running(cluster))).toHaveLength(1);
    expect(eventTexts(cluster).filter((e) => e.startsWith("was unable to place a task"))).toHaveLength(1);
    const key = containerInstanceKey(REGION, CLUSTER, "c2");
    await cluster.store.transact((tx) => tx.put(containerInstances, key, containerInstance("c2")));
    await cluster.advance(60_000);
    expect([on("c0", running(cluster)).length, on("c2", running(cluster)).length]).toEqual([0, 1]);
    await cluster.close();
  });

  it("are no steady state until the last has moved", async () => {
    const cluster = await steady({ desiredCount: 2, memory: 3000 });
    await set(cluster, "c0", "DRAINING");
    await cluster.advance(60_000);
    expect(theService(cluster).steadySince).toBeUndefined();
    await cluster.close();
  });
});

describe("a draining instance", () => {
  it("keeps the tasks that are of no service, whatever their state", async () => {
    const cluster = await steady({ desiredCount: 2 });
    const [one] = on("c0", running(cluster));
    if (one === undefined) throw new Error("no task");
    const { serviceName: _s, deploymentId: _d, ...free } = one;
    const alone = (["PENDING", "RUNNING"] as const).map((lastStatus): TaskRow => ({
      ...free,
      id: `alone-${lastStatus}`,
      group: "family:web",
      lastStatus,
    }));
    // An agent that is away: PENDING stays PENDING.
    cluster.fleet.close();
    await cluster.store.transact((tx) => {
      for (const row of alone) tx.put(tasks, taskKey(REGION, CLUSTER, row.id), row);
    });
    await set(cluster, "c0", "DRAINING");
    await cluster.advance(600_000);
    for (const row of alone) expect(cluster.store.get(tasks, taskKey(REGION, CLUSTER, row.id))).toEqual(row);
    await cluster.close();
  });

  it("takes nothing new, also when the service grows", async () => {
    const cluster = await steady({ desiredCount: 2 });
    await set(cluster, "c0", "DRAINING");
    await changeService(cluster, { desiredCount: 5 }, 2);
    await cluster.advance(60_000);
    expect(on("c1", running(cluster))).toHaveLength(5);
    await cluster.close();
  });

  it("that is ACTIVE again keeps what it still runs and takes tasks again", async () => {
    const cluster = await steady({ desiredCount: 4, maximumPercent: 100 });
    const before = running(cluster).map((t) => t.id);
    await set(cluster, "c0", "DRAINING");
    await cluster.advance(60_000);
    await set(cluster, "c0", "ACTIVE");
    await cluster.advance(60_000);
    expect(running(cluster).map((t) => t.id)).toEqual(before);
    expect(theService(cluster).shortfall).toBeUndefined();
    expect(theService(cluster).steadySince).toBeDefined();
    await changeService(cluster, { desiredCount: 8 }, 2);
    await cluster.advance(60_000);
    expect(on("c0", running(cluster))).toHaveLength(4);
    await cluster.close();
  });
});
