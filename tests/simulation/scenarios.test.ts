// What happens to a cluster as a whole: instances drain, end and come, agents are lost, room is short, services go.
import { describe, expect, it } from "vitest";
import {
  containerInstanceKey,
  deregisterInstance,
  setAgentConnected,
  setInstanceState,
  type ContainerInstanceRow,
} from "#domain/ecs/container-instance.ts";
import { drainService } from "#domain/ecs/service-transitions.ts";
import {
  addDefinition,
  addInstances,
  addService,
  allTasks,
  CLUSTER,
  containerInstance,
  eventTexts,
  instanceArn,
  REGION,
  SERVICE_KEY,
  theService,
  type World,
} from "#controllers/world.suite.ts";
import { containerInstances, services } from "#store/tables/ecs.ts";
import { type Cluster, type ClusterOptions, startCluster } from "./cluster.suite.ts";

const SETTINGS = { steadyAfterMs: 5000 };

async function plainService(
  more: Parameters<typeof addService>[1] = {},
  options: ClusterOptions & { readonly memory?: number; readonly zones?: readonly string[] } = {},
): Promise<Cluster> {
  const { world, start } = await startCluster({ settings: SETTINGS, ...options });
  await addInstances(world, options.zones ?? ["us-east-1a", "us-east-1b"]);
  const containerDefinitions = [
    { name: "app", image: "web:1", memory: options.memory ?? 128, essential: true },
  ];
  await addDefinition(world, 1, { containerDefinitions });
  await addService(world, more);
  const cluster = await start();
  await cluster.advance(30_000);
  return cluster;
}
async function changeInstance(
  { store }: World,
  id: string,
  change: (row: ContainerInstanceRow) => ContainerInstanceRow,
) {
  const key = containerInstanceKey(REGION, CLUSTER, id);
  await store.transact((tx) =>
    tx.put(containerInstances, key, change(tx.get(containerInstances, key) ?? containerInstance(id))),
  );
}
const runningOn = (cluster: World) =>
  allTasks(cluster)
    .filter((t) => t.lastStatus === "RUNNING")
    .map((t) => t.containerInstanceArn)
    .sort();

describe("instances", () => {
  it("that drain give their tasks to others, never below the minimum", async () => {
    const cluster = await plainService({ desiredCount: 4 });
    await changeInstance(cluster, "c0", (row) => setInstanceState(row, "DRAINING"));
    for (let s = 0; s < 40; s += 1) {
      await cluster.advance(500);
      expect(runningOn(cluster).length).toBeGreaterThanOrEqual(4);
    }
    expect(new Set(runningOn(cluster))).toEqual(new Set([instanceArn("c1")]));
    expect(runningOn(cluster)).toHaveLength(4);
    await cluster.close();
  });

  it("that end have their tasks replaced elsewhere", async () => {
    const cluster = await plainService();
    await changeInstance(cluster, "c0", (row) => deregisterInstance(row, cluster.clock.now()));
    await cluster.advance(20_000);
    expect(runningOn(cluster)).toEqual([instanceArn("c1"), instanceArn("c1")]);
    expect(allTasks(cluster).find((t) => t.lastStatus === "STOPPED")).toMatchObject({
      stoppedReason: "Host EC2 (instance i-c0) terminated.",
    });
    await cluster.close();
  });

  it("whose agent is lost keep their tasks and get no new ones", async () => {
    const cluster = await plainService();
    const before = allTasks(cluster);
    await changeInstance(cluster, "c0", (row) => setAgentConnected(row, false, cluster.clock.now()));
    await cluster.advance(600_000);
    expect(allTasks(cluster)).toEqual(before);
    await cluster.close();
  });
});

describe("a lack of room", () => {
  it("is told once in AWS's words, kept as a number, and ends when an instance comes", async () => {
    const cluster = await plainService({ desiredCount: 3 }, { memory: 3000, zones: ["us-east-1a"] });
    expect(theService(cluster).shortfall).toMatchObject({ count: 2 });
    const told = () => eventTexts(cluster).filter((e) => e.startsWith("was unable to place a task"));
    expect(told()).toEqual([
      "was unable to place a task because no container instance met all of its requirements. The closest matching (container-instance c0) has insufficient memory available.",
    ]);
    const before = cluster.store.durableCommits;
    await cluster.advance(3_600_000);
    expect(cluster.store.durableCommits).toBe(before);
    await addInstances(cluster, ["us-east-1a", "us-east-1b", "us-east-1b"]);
    await cluster.advance(20_000);
    expect(runningOn(cluster)).toHaveLength(3);
    expect(theService(cluster).shortfall).toBeUndefined();
    expect(told()).toHaveLength(1);
    await cluster.close();
  });

  it("without any instance is told as such, and the first instance ends it", async () => {
    const cluster = await plainService({}, { zones: [] });
    expect(eventTexts(cluster)).toEqual([
      "was unable to place a task because no container instance met all of its requirements. Reason: No Container Instances were found in your cluster.",
    ]);
    await addInstances(cluster, ["us-east-1a"]);
    await cluster.advance(20_000);
    expect(runningOn(cluster)).toHaveLength(2);
    await cluster.close();
  });
});

describe("a service", () => {
  it("that is deleted stops its tasks and is INACTIVE after the last", async () => {
    const cluster = await plainService();
    await cluster.store.transact((tx) =>
      tx.put(services, SERVICE_KEY, drainService(theService(cluster), cluster.clock.now(), 2)),
    );
    await cluster.advance(500);
    expect(theService(cluster).status).toBe("DRAINING");
    await cluster.advance(10_000);
    expect(theService(cluster)).toMatchObject({ status: "INACTIVE", deployments: [] });
    expect(runningOn(cluster)).toEqual([]);
    await cluster.close();
  });

  it("of a hundred tasks is placed evenly", async () => {
    const zones = ["us-east-1a", "us-east-1a", "us-east-1b"];
    const cluster = await plainService({ desiredCount: 100 }, { memory: 30, zones });
    const counts = ["c0", "c1", "c2"].map(
      (id) => runningOn(cluster).filter((arn) => arn === instanceArn(id)).length,
    );
    expect(counts).toEqual([25, 25, 50]);
    await cluster.close();
  });
});
