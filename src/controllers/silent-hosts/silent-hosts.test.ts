// Hosts that fall silent: nothing is replaced unless it was asked for; then after the time, once, and the old copies are to stop.
import { describe, expect, it } from "vitest";
import { createPlacement } from "#controllers/placement/placement.ts";
import { createServiceController } from "#controllers/service/run.ts";
import {
  containerInstanceKey,
  setAgentConnected,
  type ContainerInstanceRow,
} from "#domain/ecs/container-instance.ts";
import { containerInstances } from "#store/tables/ecs.ts";
import {
  addDefinition,
  addInstances,
  addService,
  allTasks,
  changeTask,
  CLUSTER,
  createWorld,
  quiet,
  REGION,
  serviceInput,
  type World,
} from "../world.suite.ts";
import { decideSilentHost } from "./decide.ts";
import { createSilentHostController } from "./run.ts";

const MINUTE = 60_000;
const SETTINGS = { replaceAfterMs: 5 * MINUTE, since: 0 };

describe("the decision", () => {
  const silent = {
    status: "ACTIVE",
    agentConnected: false,
    agentConnectedAt: 1000,
    registeredAt: 0,
  } as const;

  it("waits for the time since the host was last heard", () => {
    expect(decideSilentHost(silent, [], SETTINGS, 2000)).toEqual({ stop: [], wakeAt: 1000 + 5 * MINUTE });
  });

  it("counts from the control plane's own start: while it was away nobody could be heard", () => {
    const settings = { ...SETTINGS, since: 60 * MINUTE };
    expect(decideSilentHost(silent, [], settings, 60 * MINUTE).wakeAt).toBe(65 * MINUTE);
  });

  it("leaves hosts alone that are connected or gone", () => {
    for (const host of [
      { ...silent, agentConnected: true },
      { ...silent, status: "INACTIVE" as const },
    ])
      expect(decideSilentHost(host, [], SETTINGS, 60 * MINUTE)).toEqual({ stop: [] });
  });
});

async function connect(world: World, id: string, connected: boolean): Promise<void> {
  const key = containerInstanceKey(REGION, CLUSTER, id);
  await world.store.transact((tx) => {
    const row = tx.get(containerInstances, key) as ContainerInstanceRow;
    tx.put(containerInstances, key, setAgentConnected(row, connected, world.clock.now()));
  });
  await quiet();
}

/** A service of two tasks, RUNNING on two hosts of which the second then falls silent. */
async function twoHosts(replaceAfterMs: number | undefined) {
  const world = await createWorld();
  await addInstances(world, ["us-east-1a", "us-east-1b"]);
  await addDefinition(world);
  await addService(
    world,
    serviceInput({ desiredCount: 2, placementStrategy: [{ type: "spread", field: "instanceId" }] }),
  );
  const placement = createPlacement(world.base);
  const controllers = [
    placement,
    createServiceController({ ...world.base, placement, nodes: () => [], settings: { steadyAfterMs: 0 } }),
    ...(replaceAfterMs === undefined ? [] : [createSilentHostController({ ...world.base, replaceAfterMs })]),
  ];
  for (const controller of controllers) await controller.start();
  await quiet();
  for (const task of allTasks(world))
    await changeTask(world, task, (t) => ({ ...t, lastStatus: "RUNNING" as const }));
  await quiet();
  await connect(world, "c1", false);
  const close = async () => {
    for (const controller of controllers.reverse()) await controller.close();
  };
  return { world, close };
}
const wanted = (world: World) => allTasks(world).filter((t) => t.desiredStatus === "RUNNING");

describe("tasks of a host that falls silent", () => {
  it("stay, however long, unless it was asked for", async () => {
    const { world, close } = await twoHosts(undefined);
    const before = allTasks(world).map((t) => t.id);
    await world.clock.advance(48 * 60 * MINUTE);
    await quiet();
    expect(allTasks(world).map((t) => t.id)).toEqual(before);
    expect(wanted(world)).toHaveLength(2);
    await close();
  });

  it("are replaced after the chosen time, on hosts that are heard; the old copies are to stop", async () => {
    const { world, close } = await twoHosts(5 * MINUTE);
    await world.clock.advance(5 * MINUTE - 1000);
    await quiet();
    expect(allTasks(world)).toHaveLength(2);
    await world.clock.advance(2000);
    await quiet();
    const all = allTasks(world);
    expect(all).toHaveLength(3);
    const given = all.filter((t) => t.desiredStatus === "STOPPED");
    expect(given).toHaveLength(1);
    expect(given[0]).toMatchObject({ lastStatus: "STOPPING", stopCode: "ServiceSchedulerInitiated" });
    expect(given[0]?.containerInstanceArn).toMatch(/c1$/);
    for (const task of wanted(world)) expect(task.containerInstanceArn).toMatch(/c0$/);
    await close();
  });

  it("stay when it is heard again in time", async () => {
    const { world, close } = await twoHosts(5 * MINUTE);
    await world.clock.advance(4 * MINUTE);
    await connect(world, "c1", true);
    await world.clock.advance(30 * MINUTE);
    await quiet();
    expect(allTasks(world)).toHaveLength(2);
    await close();
  });
});
