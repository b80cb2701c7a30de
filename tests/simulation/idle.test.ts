// A thousand hosts that do nothing new: heartbeats, metrics and health go on, and nothing of it is written.
import { expect, it } from "vitest";
import { createSimEngine } from "#agent/engine/sim/sim-engine.ts";
import { createMemoryStateStore } from "#agent/state-store.ts";
import { createWorld } from "#agent/world.suite.ts";
import { settle } from "#lib/test-clock.ts";
import { containerInstances } from "#store/tables/ecs.ts";

const HOSTS = 1000;
const GIB = 1024 ** 3;

it(
  "an idle cluster of a thousand instances, a task on each, makes no durable write in ten minutes",
  { timeout: 120_000 },
  async () => {
    const world = await createWorld();
    const { clock, random, store } = world;
    const agents = [];
    for (let n = 0; n < HOSTS; n += 1) {
      const engine = createSimEngine({ clock, random, cpus: 2, memoryBytes: 4 * GIB });
      agents.push(await world.startAgent({ engine, state: createMemoryStateStore() }));
    }
    await world.until(
      () => [...store.scan(containerInstances)].filter(([, row]) => row.agentConnected).length === HOSTS,
    );
    const tasks: string[] = [];
    for (const [, row] of store.scan(containerInstances)) {
      const id = row.id.replace(/^0/, "a");
      tasks.push(id);
      await world.placeTask(row.arn, id, [{ name: "app", image: "web:1", memory: 128, essential: true }]);
    }
    await world.until(() => tasks.every((id) => world.task(id).lastStatus === "RUNNING"), 120);
    // What is on its way arrives: the last reports, the first metrics.
    await clock.advance(60_000);
    await settle();

    const [writes, calls] = [store.durableCommits, world.calls.length];
    for (let minute = 0; minute < 10; minute += 1) {
      await clock.advance(60_000);
      await settle();
    }
    expect(store.durableCommits).toBe(writes);
    expect(world.calls.length).toBe(calls);
    expect([...store.scan(containerInstances)].filter(([, row]) => row.agentConnected)).toHaveLength(HOSTS);
    for (const agent of agents) agent.close();
  },
);
