import { describe, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { settle, TestClock } from "#lib/test-clock.ts";
import { DEFAULT_RETRY, ruleKey, setRuleState, type RuleRow, type TargetRow } from "#domain/events/rule.ts";
import type { InstanceRow } from "#domain/ec2/instance.ts";
import type { Backend } from "#store/backend.ts";
import { createCountingBackend } from "#store/counting-backend.ts";
import { createStore } from "#store/create-store.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import type { Store } from "#store/store.ts";
import { instances } from "#store/tables/ec2.ts";
import * as ecs from "#store/tables/ecs.ts";
import { outbox, rules, scheduleRuns } from "#store/tables/events.ts";
import { createDeliveryController, type Attempt, DeliveryFailed } from "./deliver.ts";
import { createPublisher } from "./publisher.ts";
import { createScheduleController } from "./schedule.ts";
import { createTellingStore } from "./telling-store.ts";

const MINUTE = 60_000;
const ACCOUNT = "123456789012";

/** A backend that outlives the stores over it, as a disk does. */
function diskOf(): Backend {
  const inner = createMemoryBackend();
  return {
    ...inner,
    load: (t) => inner.load(t),
    commit: (b) => inner.commit(b),
    groupLimits: inner.groupLimits,
    close: async () => {},
  };
}

async function openWorld(
  backend: Backend,
  clock: TestClock,
  deliver: (attempt: Attempt) => Promise<void>,
  { runs = true } = {},
) {
  const counting = createCountingBackend(backend);
  const tables = [rules, scheduleRuns, outbox, instances, ecs.tasks, ecs.services, ecs.containerInstances];
  const store = await createStore({ backend: counting, logger: silentLogger, tables });
  const base = { store, clock, random: seededRandom(7), logger: silentLogger, account: ACCOUNT };
  const publisher = createPublisher(base);
  const controllers = [
    createDeliveryController({ ...base, deliver, onBacklog: (rows) => publisher.setBacklog(rows) }),
    createScheduleController({ ...base, publisher }),
  ];
  if (runs) for (const controller of controllers) await controller.start();
  await settle();
  return {
    store,
    publisher,
    telling: createTellingStore({ store, publisher, clock }),
    counting,
    async close() {
      for (const controller of controllers) await controller.close();
      await store.close();
    },
  };
}

const target = (id: string, retry = DEFAULT_RETRY): TargetRow => ({
  id,
  arn: `arn:aws:logs:eu-west-1:${ACCOUNT}:log-group:${id}`,
  retry,
});
const rule = (name: string, more: Partial<RuleRow>): RuleRow => ({
  arn: `arn:aws:events:eu-west-1:${ACCOUNT}:rule/${name}`,
  name,
  region: "eu-west-1",
  account: ACCOUNT,
  busName: "default",
  state: "ENABLED",
  scheduledSince: 0,
  createdBy: ACCOUNT,
  targets: [target("log")],
  tags: {},
  ...more,
});
const put = (store: Store, row: RuleRow) =>
  store.transact((tx) => tx.put(rules, ruleKey(row.region, row.busName, row.name), row));

const instance = (state: InstanceRow["state"]) =>
  ({ id: "i-1", region: "eu-west-1", ownerId: ACCOUNT, state }) as InstanceRow;
const setState = (store: Store, state: InstanceRow["state"]) =>
  store.transact((tx) => tx.put(instances, "eu-west-1/i-1", instance(state)));

describe("a change that is told", () => {
  it("is delivered in the order of the changes, also those of one turn", async () => {
    const heard: unknown[] = [];
    const world = await openWorld(
      diskOf(),
      new TestClock(),
      async ({ stored }) => void heard.push(stored.event.detail),
    );
    await put(world.store, rule("ec2", { pattern: '{"source":["aws.ec2"]}' }));
    await Promise.all([
      setState(world.telling, "pending"),
      setState(world.telling, "running"),
      setState(world.telling, "shutting-down"),
    ]);
    await settle();
    expect(heard).toEqual(
      ["pending", "running", "shutting-down"].map((state) => ({ "instance-id": "i-1", state })),
    );
    expect([...world.store.scan(outbox)]).toEqual([]);
    await world.close();
  });

  it.each([
    ["whose rule wants another", '{"source":["aws.ecs"]}', {}],
    ["whose rule is disabled", '{"source":["aws.ec2"]}', { state: "DISABLED" as const }],
    ["whose rule has no target", '{"source":["aws.ec2"]}', { targets: [] }],
  ])("costs no write more than the change, %s", async (_, pattern, more) => {
    const world = await openWorld(diskOf(), new TestClock(), async () => {});
    await put(world.store, rule("other", { pattern, ...more }));
    const { operations } = world.counting;
    await setState(world.telling, "running");
    expect(world.counting.operations - operations).toBe(1);
    await world.close();
  });

  it("is not told when the transaction fails", async () => {
    const world = await openWorld(diskOf(), new TestClock(), async () => {}, { runs: false });
    await put(world.store, rule("ec2", { pattern: '{"source":["aws.ec2"]}' }));
    await expect(
      world.telling.transact((tx) => {
        tx.put(instances, "eu-west-1/i-1", instance("running"));
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    expect([...world.store.scan(outbox)]).toEqual([]);
    await world.close();
  });

  it("does not make a transaction too large that is at the store's limit", async () => {
    const heard: string[] = [];
    const world = await openWorld(
      diskOf(),
      new TestClock(),
      async ({ stored }) => void heard.push(stored.event.id),
    );
    await put(world.store, rule("ec2", { pattern: '{"source":["aws.ec2"]}' }));
    await world.telling.transact((tx) => {
      for (let i = 0; i < 100; i += 1)
        tx.put(instances, `eu-west-1/i-${i}`, { ...instance("running"), id: `i-${i}` });
    });
    await settle();
    expect(new Set(heard).size).toBe(100);
    await world.close();
  });

  it("is delivered after a crash between the change and the delivery", async () => {
    const disk = diskOf();
    const clock = new TestClock();
    const before = await openWorld(disk, clock, async () => {}, { runs: false });
    await put(before.store, rule("ec2", { pattern: '{"source":["aws.ec2"]}' }));
    await setState(before.telling, "running");
    await before.close();
    const heard: unknown[] = [];
    const after = await openWorld(disk, clock, async ({ stored }) => void heard.push(stored.event.detail));
    expect(heard).toEqual([{ "instance-id": "i-1", state: "running" }]);
    await after.close();
  });
});

describe("a delivery that fails", () => {
  const failing = async (retry: TargetRow["retry"], error: () => Error, minutes: number) => {
    const clock = new TestClock();
    let attempts = 0;
    const world = await openWorld(diskOf(), clock, () => {
      attempts += 1;
      return Promise.reject(error());
    });
    await put(
      world.store,
      rule("ec2", { pattern: '{"source":["aws.ec2"]}', targets: [target("log", retry)] }),
    );
    await setState(world.telling, "running");
    await clock.advance(minutes * MINUTE);
    const left = [...world.store.scan(outbox)].length;
    await world.close();
    return { attempts, left };
  };

  it("is tried again as often as the target says, then given up", async () => {
    const retry = { attempts: 3, maximumAgeSeconds: 86_400 };
    expect(await failing(retry, () => new Error("down"), 60)).toEqual({ attempts: 4, left: 0 });
  });

  it("is given up when the event is too old", async () => {
    const { attempts, left } = await failing(
      { attempts: 185, maximumAgeSeconds: 60 },
      () => new Error("down"),
      60,
    );
    expect(attempts).toBeGreaterThan(3);
    expect(attempts).toBeLessThan(10);
    expect(left).toBe(0);
  });

  it("is not tried again when it was refused", async () => {
    const refused = () => new DeliveryFailed("denied", { mayRetry: false });
    expect(await failing(DEFAULT_RETRY, refused, 60)).toEqual({ attempts: 1, left: 0 });
  });

  it("holds up what follows of the same subject at the same target, and nothing else", async () => {
    const clock = new TestClock();
    const heard: string[] = [];
    let isDown = true;
    const world = await openWorld(diskOf(), clock, ({ target: { id }, stored }) => {
      if (id === "slow" && isDown) return Promise.reject(new Error("down"));
      heard.push(`${id} ${(stored.event.detail as { state: string }).state}`);
      return Promise.resolve();
    });
    await put(
      world.store,
      rule("ec2", { pattern: '{"source":["aws.ec2"]}', targets: [target("slow"), target("fast")] }),
    );
    await setState(world.telling, "pending");
    await setState(world.telling, "running");
    await settle();
    expect(heard).toEqual(["fast pending", "fast running"]);
    isDown = false;
    await clock.advance(MINUTE);
    expect(heard.slice(2)).toEqual(["slow pending", "slow running"]);
    await world.close();
  });
});

describe("a rule with a schedule", () => {
  const scheduled = async (clock: TestClock, disk: Backend, heard: string[]) =>
    openWorld(disk, clock, async ({ stored }) => void heard.push(stored.event.time.slice(11, 16)));

  it("fires at each due time, once", async () => {
    const clock = new TestClock();
    const heard: string[] = [];
    const world = await scheduled(clock, diskOf(), heard);
    await put(world.store, rule("often", { schedule: "cron(0/15 * * * ? *)", scheduledSince: clock.now() }));
    await clock.advance(46 * MINUTE);
    expect(heard).toEqual(["00:15", "00:30", "00:45"]);
    await world.close();
  });

  it("fires neither twice for a due time after a crash, nor for what it missed", async () => {
    const clock = new TestClock();
    const disk = diskOf();
    const heard: string[] = [];
    const before = await scheduled(clock, disk, heard);
    await put(before.store, rule("often", { schedule: "rate(5 minutes)", scheduledSince: clock.now() }));
    await clock.advance(5 * MINUTE);
    expect(heard).toEqual(["00:05"]);
    await before.close();
    const again = await scheduled(clock, disk, heard);
    expect(heard).toEqual(["00:05"]);
    await again.close();
    await clock.advance(62 * MINUTE);
    const late = await scheduled(clock, disk, heard);
    expect(heard).toEqual(["00:05"]);
    await clock.advance(3 * MINUTE);
    expect(heard).toEqual(["00:05", "01:10"]);
    await late.close();
  });

  it("fires late for a due time that passed just now", async () => {
    const clock = new TestClock();
    const disk = diskOf();
    const heard: string[] = [];
    const before = await scheduled(clock, disk, heard);
    await put(before.store, rule("often", { schedule: "rate(5 minutes)", scheduledSince: clock.now() }));
    await before.close();
    await clock.advance(5 * MINUTE + 20_000);
    const after = await scheduled(clock, disk, heard);
    expect(heard).toEqual(["00:05"]);
    await after.close();
  });

  it("is silent while it is disabled, and counts its rate anew from then on", async () => {
    const clock = new TestClock();
    const heard: string[] = [];
    const world = await scheduled(clock, diskOf(), heard);
    const row = rule("often", { schedule: "rate(10 minutes)", scheduledSince: clock.now() });
    await put(world.store, setRuleState(row, "DISABLED", clock.now()));
    await clock.advance(15 * MINUTE);
    await put(world.store, setRuleState({ ...row, state: "DISABLED" }, "ENABLED", clock.now()));
    await clock.advance(11 * MINUTE);
    expect(heard).toEqual(["00:25"]);
    await world.close();
  });
});
