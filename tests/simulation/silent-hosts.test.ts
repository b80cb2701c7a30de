// A host falls silent with a service's task on it, and comes back: what runs where at each step, with and without the setting.
import { expect, it } from "vitest";
import {
  addDefinition,
  addInstances,
  addService,
  allTasks,
  CLUSTER,
  createWorld,
  REGION,
} from "#controllers/world.suite.ts";
import { containerInstanceKey, setAgentConnected } from "#domain/ecs/container-instance.ts";
import type { TaskRow } from "#domain/ecs/task.ts";
import { containerInstances } from "#store/tables/ecs.ts";
import { startControllers, type Cluster } from "./cluster.suite.ts";

const MINUTE = 60_000;
const isOn = (task: TaskRow, id: string) => task.containerInstanceArn?.endsWith(`/${id}`) === true;

async function steady(replaceAfterMs?: number) {
  const world = await createWorld();
  await addInstances(world, ["us-east-1a", "us-east-1b"]);
  await addDefinition(world);
  await addService(world, {
    desiredCount: 2,
    placementStrategy: [{ type: "spread", field: "instanceId" }],
  });
  let isSilent = false;
  const cluster = await startControllers(world, {
    settings: { steadyAfterMs: 5000 },
    fleet: { isReachable: (task) => !(isSilent && isOn(task, "c1")) },
    ...(replaceAfterMs === undefined ? {} : { replaceAfterMs }),
  });
  await cluster.advance(MINUTE);
  const setSilent = async (silent: boolean) => {
    isSilent = silent;
    const key = containerInstanceKey(REGION, CLUSTER, "c1");
    await cluster.store.transact((tx) => {
      const row = tx.get(containerInstances, key);
      if (row !== undefined)
        tx.put(containerInstances, key, setAgentConnected(row, !silent, cluster.clock.now()));
    });
    if (!silent) cluster.fleet.hear();
    await cluster.advance(0);
  };
  return { cluster, setSilent };
}

const runningOn = (cluster: Cluster) =>
  allTasks(cluster)
    .filter((t) => t.lastStatus === "RUNNING")
    .map((t) => t.containerInstanceArn?.split("/").at(-1))
    .sort();

it("a silent host's task stays as it was, and goes on as it was when the host is back", async () => {
  const { cluster, setSilent } = await steady();
  const before = allTasks(cluster);
  expect(runningOn(cluster)).toEqual(["c0", "c1"]);
  await setSilent(true);
  await cluster.advance(24 * 60 * MINUTE);
  expect(allTasks(cluster)).toEqual(before);
  await setSilent(false);
  await cluster.advance(10 * MINUTE);
  expect(allTasks(cluster)).toEqual(before);
  await cluster.close();
});

it("with the setting it is replaced after the time, and the old copy stops when the host is back", async () => {
  const { cluster, setSilent } = await steady(5 * MINUTE);
  const old = allTasks(cluster).find((t) => isOn(t, "c1"));
  const now = () => allTasks(cluster).find((t) => t.id === old?.id);
  await setSilent(true);
  await cluster.advance(5 * MINUTE - 1000);
  expect(runningOn(cluster)).toEqual(["c0", "c1"]);
  await cluster.advance(MINUTE);
  expect(runningOn(cluster)).toEqual(["c0", "c0"]);
  expect(now()).toMatchObject({ desiredStatus: "STOPPED", lastStatus: "STOPPING" });
  await setSilent(false);
  await cluster.advance(MINUTE);
  expect(now()).toMatchObject({
    lastStatus: "STOPPED",
    stopCode: "ServiceSchedulerInitiated",
    stoppedReason: "The host i-c1 has been silent for longer than --replace-tasks-after allows.",
  });
  expect(runningOn(cluster)).toEqual(["c0", "c0"]);
  await cluster.close();
});
