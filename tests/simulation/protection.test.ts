import { describe, expect, it } from "vitest";
import {
  addDefinition,
  addInstances,
  addService,
  allTasks,
  changeService,
  changeTask,
  eventTexts,
  serviceInput,
  theService,
} from "#controllers/world.suite.ts";
import { protectTask } from "#domain/ecs/task-transitions.ts";
import { type Cluster, startCluster, startControllers } from "./cluster.suite.ts";

const MINUTE = 60_000;

/** A service of two steady tasks, one of them protected for ten minutes, and a deployment that waits for it. */
async function waiting(): Promise<{ readonly cluster: Cluster; readonly kept: string }> {
  const { world, start } = await startCluster();
  await addInstances(world, ["us-east-1a", "us-east-1b"]);
  await addDefinition(world, 1);
  await addDefinition(world, 2);
  await addService(world);
  const cluster = await start();
  await cluster.advance(2 * MINUTE);
  const [kept] = allTasks(cluster);
  if (kept === undefined) throw new Error("no task");
  await changeTask(cluster, kept, (t) => protectTask(t, cluster.clock.now() + 10 * MINUTE));
  const arn = serviceInput().specification.taskDefinitionArn.replace(/:1$/, ":2");
  await changeService(cluster, { specification: { taskDefinitionArn: arn } }, 2);
  await cluster.advance(2 * MINUTE);
  return { cluster, kept: kept.id };
}
const running = (cluster: Cluster) =>
  allTasks(cluster)
    .filter((t) => t.lastStatus === "RUNNING")
    .map((t) => t.revision)
    .sort();
const states = (cluster: Cluster) => theService(cluster).deployments.map((d) => d.rolloutState);

describe("a deployment with a protected task", () => {
  it("waits for it beside its replacements, says so, and writes nothing while it waits", async () => {
    const { cluster, kept } = await waiting();
    expect(running(cluster)).toEqual([1, 2, 2]);
    expect(states(cluster)).toEqual(["IN_PROGRESS", "COMPLETED"]);
    expect(eventTexts(cluster).filter((e) => e.includes("protection"))).toEqual([
      `was unable to stop 1 tasks because of task scale-in protection: (task ${kept}).`,
    ]);
    const before = cluster.store.durableCommits;
    await cluster.advance(7 * MINUTE);
    expect(cluster.store.durableCommits).toBe(before);
    await cluster.close();
  });

  it("goes on the moment the protection ends, also under a control plane that was started since", async () => {
    const first = await waiting();
    await first.cluster.close();
    const cluster = await startControllers(first.cluster);
    await cluster.advance(8 * MINUTE - 1000);
    expect(running(cluster)).toEqual([1, 2, 2]);
    await cluster.advance(MINUTE);
    expect(running(cluster)).toEqual([2, 2]);
    expect(states(cluster)).toEqual(["COMPLETED"]);
    await cluster.close();
  });
});
