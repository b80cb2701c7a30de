// How many tasks a second find a place among 5,000 simulated instances: the whole Placement port over a memory store, commits
// included. Every task is asserted to be placed. `--instances N` and `--tasks N` change the load.
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { createPlacement } from "#controllers/placement/placement.ts";
import {
  addDefinition,
  addInstances,
  allTasks,
  createWorld,
  runTaskRequest,
} from "#controllers/world.suite.ts";
import type { PlacementRequest } from "#domain/ports/placement.ts";
import { percentiles, report, round } from "./report.ts";

const { values } = parseArgs({
  options: { instances: { type: "string", default: "5000" }, tasks: { type: "string", default: "5000" } },
});
const instances = Number(values.instances);
const tasks = Number(values.tasks);

async function measure(request: Partial<PlacementRequest>, perCall: number) {
  const world = await createWorld();
  await addInstances(
    world,
    Array.from({ length: instances }, (_, i) => `us-east-1${"abc"[i % 3]}`),
  );
  await addDefinition(world, 1, {
    containerDefinitions: [{ name: "app", image: "web:1", cpu: 64, memory: 128, essential: true }],
  });
  const placement = createPlacement(world.base);
  await placement.start();
  await placement.place(runTaskRequest({ ...request, count: 1 }));
  const latencies: number[] = [];
  const begin = performance.now();
  for (let placed = 0; placed < tasks; placed += perCall) {
    const start = performance.now();
    const result = await placement.place(runTaskRequest({ ...request, count: perCall }));
    latencies.push(performance.now() - start);
    assert.equal(result.tasks.length, perCall, JSON.stringify(result.failures.slice(0, 2)));
  }
  const seconds = (performance.now() - begin) / 1000;
  assert.equal(allTasks(world).length, tasks + 1);
  await placement.close();
  return {
    tasksPerCall: perCall,
    placementsPerSecond: Math.round(tasks / seconds),
    callMs: percentiles(latencies),
  };
}

const begin = performance.now();
const spread = [
  { type: "spread" as const, field: "attribute:ecs.availability-zone" },
  { type: "spread" as const, field: "instanceId" },
];
const results = {
  instances,
  tasks,
  random: [await measure({}, 1), await measure({}, 10)],
  spread: [await measure({ strategy: spread }, 10)],
  binpack: [await measure({ strategy: [{ type: "binpack", field: "memory" }] }, 10)],
  constrained: [
    await measure(
      { constraints: [{ type: "memberOf", expression: "attribute:ecs.availability-zone == us-east-1b" }] },
      10,
    ),
  ],
};
report("scheduler", { ...results, wholeRunSeconds: round((performance.now() - begin) / 1000) });
