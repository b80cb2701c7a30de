import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ec2Key, instanceTerminated, type InstanceRow } from "#domain/ec2/instance.ts";
import { taskKey, type TaskRow } from "#domain/ecs/task.ts";
import { removeTarget, targetRowKey, type TargetRow } from "#domain/elbv2/target.ts";
import { createFailingBackend } from "#store/failing-backend.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { instances } from "#store/tables/ec2.ts";
import { serviceEvents, tasks } from "#store/tables/ecs.ts";
import { targets } from "#store/tables/elbv2.ts";
import type { Controller } from "../controller.ts";
import { writeServiceEvent } from "../service-events.ts";
import { taskRow } from "../service/model.suite.ts";
import { CLUSTER, createWorld, host, quiet, REGION, type World } from "../world.suite.ts";
import { type Expiry, ExpiryHeap } from "./expiry-heap.ts";
import { createRetentionController } from "./run.ts";

const HOUR = 3_600_000;
let world: World;
let controller: Controller;
let backend: ReturnType<typeof createFailingBackend>;
beforeEach(async () => {
  backend = createFailingBackend(createMemoryBackend());
  world = await createWorld(1, backend);
  controller = createRetentionController(world.base);
});
afterEach(() => controller.close());

const putTask = (id: string, more: Partial<TaskRow>) =>
  world.store.transact((tx) => tx.put(tasks, taskKey(REGION, CLUSTER, id), taskRow(id, more)));
const stoppedAt = (at: number): Partial<TaskRow> => ({
  lastStatus: "STOPPED",
  desiredStatus: "STOPPED",
  stoppedAt: at,
});
const taskIds = () => [...world.store.scan(tasks)].map(([, t]) => t.id);
async function advance(milliseconds: number) {
  await quiet(3);
  await world.clock.advance(milliseconds);
  await quiet();
}

describe("what is kept for a while", () => {
  it("forgets stopped tasks after an hour, those found at the start included, and no others", async () => {
    const now = world.clock.now();
    await putTask("old", stoppedAt(now - HOUR - 1));
    await putTask("recent", stoppedAt(now - HOUR + 1000));
    await putTask("running", { lastStatus: "RUNNING" });
    await controller.start();
    await quiet();
    expect(taskIds()).toEqual(["recent", "running"]);
    await advance(999);
    expect(taskIds()).toEqual(["recent", "running"]);
    await advance(1);
    expect(taskIds()).toEqual(["running"]);
    await putTask("running", stoppedAt(world.clock.now()));
    await advance(HOUR);
    expect(taskIds()).toEqual([]);
  });

  it("forgets more rows than one transaction holds", async () => {
    for (let n = 0; n < 250; n += 1) await putTask(`t${n}`, stoppedAt(world.clock.now()));
    await controller.start();
    await advance(HOUR);
    expect(taskIds()).toEqual([]);
  });

  it("forgets terminated instances after an hour and removed targets after their display", async () => {
    const now = world.clock.now();
    const row: InstanceRow = instanceTerminated(host("a", 4), now);
    const target: TargetRow = {
      targetGroupArn: "tg",
      targetGroupId: "g",
      key: "k",
      targetId: "i-a",
      port: 1,
      address: "10.0.0.4",
      lifecycle: "draining",
      registeredAt: now,
      drainingUntil: now + 5000,
      idleOn: [],
      health: {},
    };
    await world.store.transact((tx) => {
      tx.put(instances, ec2Key(REGION, "i-a"), row);
      tx.put(instances, ec2Key(REGION, "i-b"), host("b", 5));
      tx.put(targets, targetRowKey("g", "k"), target);
    });
    await controller.start();
    await advance(10_000);
    expect([...world.store.scan(targets)]).toHaveLength(1);
    await world.store.transact((tx) => tx.put(targets, targetRowKey("g", "k"), removeTarget(target, 5, now)));
    await advance(0);
    expect([...world.store.scan(targets)]).toHaveLength(0);
    await advance(HOUR);
    expect([...world.store.scan(instances)].map(([, i]) => i.id)).toEqual(["i-b"]);
  });

  it("keeps the newest hundred events of each service", async () => {
    await controller.start();
    for (const name of ["web", "api"])
      for (let n = 0; n < (name === "web" ? 130 : 5); n += 1)
        await world.store.transact((tx) =>
          writeServiceEvent(
            tx,
            { region: REGION, clusterName: CLUSTER, name },
            `n${n}`,
            world.clock.now() + (n >> 2),
          ),
        );
    await quiet();
    const messages = [...world.store.scan(serviceEvents)].map(([, e]) => e.message);
    expect(messages.filter((m) => m.startsWith("(service api)"))).toHaveLength(5);
    expect(messages.filter((m) => m.startsWith("(service web)"))).toEqual(
      Array.from({ length: 100 }, (_, n) => `(service web) n${n + 30}`),
    );
  });

  it("tries again when the store refused", async () => {
    await putTask("t", stoppedAt(world.clock.now()));
    await controller.start();
    await quiet();
    backend.mode = "fail";
    await advance(HOUR);
    expect(taskIds()).toEqual(["t"]);
    backend.mode = "succeed";
    await advance(60_000);
    expect(taskIds()).toEqual([]);
  });

  it("writes nothing while nothing expires", async () => {
    await putTask("t", stoppedAt(world.clock.now()));
    await controller.start();
    await quiet();
    const before = world.store.durableCommits;
    await advance(HOUR - 1);
    expect(world.store.durableCommits).toBe(before);
  });
});

it("gives expiries in order of their time", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(50), { freq: 4 })), (steps) => {
      const heap = new ExpiryHeap();
      const model: number[] = [];
      for (const at of steps) {
        if (at !== null) {
          heap.push({ at, kind: "k", key: String(at) });
          model.push(at);
        } else {
          model.sort((a, b) => a - b);
          expect(heap.pop()?.at).toBe(model.shift());
        }
      }
      const rest: Expiry[] = [];
      for (let next = heap.pop(); next !== undefined; next = heap.pop()) rest.push(next);
      expect(rest.map((e) => e.at)).toEqual(model.sort((a, b) => a - b));
    }),
  );
});
