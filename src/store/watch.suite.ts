// Subscriptions: every present row first, then the newest state of what changed, in order of the last change.
import { afterEach, beforeEach, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { settle } from "#lib/test-clock.ts";
import { createStore } from "./create-store.ts";
import { type GatedBackend, createGatedBackend } from "./gated-backend.ts";
import type { Fixture } from "./fixture.suite.ts";
import { type Change, type Store, defineTable, isChangeOf } from "./store.ts";

interface Item {
  readonly n: number;
}
const items = defineTable<Item>({ name: "items" });
const others = defineTable<Item>({ name: "others", durability: "memory" });

const brief = (changes: readonly Change[]) =>
  changes.map((change) => [change.key, isChangeOf(change, items) ? change.row?.n : change.table.name]);

export function watchSuite(createFixture: () => Promise<Fixture>): void {
  let fixture: Fixture;
  let gate: GatedBackend;
  let store: Store;
  beforeEach(async () => {
    fixture = await createFixture();
    gate = createGatedBackend(fixture.open());
    store = await createStore({ backend: gate, logger: silentLogger, tables: [items, others] });
  });
  afterEach(async () => {
    gate.open();
    await store.close();
    await fixture.remove();
  });
  const put = (key: string, n: number) => store.transact((tx) => tx.put(items, key, { n }));
  const remove = (key: string) => store.transact((tx) => tx.delete(items, key));
  const watch = (tables = [items]) => {
    const subscription = { notified: 0 };
    const inner = store.snapshotAndWatch(tables, { notify: () => void (subscription.notified += 1) });
    return Object.assign(subscription, { take: () => inner.take(), close: () => inner.close() });
  };

  it("begins with every present row and is notified of it once", async () => {
    await put("b", 2);
    await put("a", 1);
    const subscription = watch();
    expect(subscription.notified).toBe(0);
    await settle();
    expect(subscription.notified).toBe(1);
    expect(brief(subscription.take())).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
    expect(subscription.take()).toEqual([]);
  });

  it("is not notified while there is nothing to take", async () => {
    const subscription = watch();
    await store.transact((tx) => tx.put(others, "x", { n: 1 }));
    await settle();
    expect(subscription.notified).toBe(0);
    expect(subscription.take()).toEqual([]);
  });

  it("gives the newest state of each row in the order of their last changes, deletions included", async () => {
    const subscription = watch();
    await put("a", 1);
    await put("b", 1);
    await put("a", 2);
    await put("c", 1);
    await remove("b");
    expect(brief(subscription.take())).toEqual([
      ["a", 2],
      ["c", 1],
      ["b", undefined],
    ]);
  });

  it("notifies once until the changes are taken, then again", async () => {
    const subscription = watch();
    await put("a", 1);
    await put("b", 1);
    await settle();
    expect(subscription.notified).toBe(1);
    subscription.take();
    await put("a", 2);
    await settle();
    expect(subscription.notified).toBe(2);
  });

  it("sees nothing of a change before its sync, nor of one that failed", async () => {
    const subscription = watch();
    gate.shut();
    const write = put("a", 1);
    await settle();
    expect(subscription.take()).toEqual([]);
    gate.open();
    await write;
    expect(brief(subscription.take())).toEqual([["a", 1]]);
  });

  it("notifies outside of transactions and of other notifications", async () => {
    let depth = 0;
    let deepest = 0;
    let rounds = 0;
    const inner = store.snapshotAndWatch([others], {
      notify() {
        depth += 1;
        deepest = Math.max(deepest, depth);
        const changes = inner.take();
        rounds += changes.length;
        if (rounds < 5) void store.transact((tx) => tx.put(others, "x", { n: rounds }));
        depth -= 1;
      },
    });
    await store.transact((tx) => tx.put(others, "x", { n: -1 }));
    while (rounds < 5) await settle();
    expect(deepest).toBe(1);
  });

  it("lives on when a subscriber throws", async () => {
    store.snapshotAndWatch([items], {
      notify() {
        throw new Error("bad subscriber");
      },
    });
    const good = watch();
    await put("a", 1);
    await settle();
    expect(good.notified).toBe(1);
  });

  it("hears of several tables in commit order across them", async () => {
    const subscription = watch([items, others]);
    await put("a", 1);
    await store.transact((tx) => tx.put(others, "x", { n: 1 }));
    await put("b", 1);
    expect(brief(subscription.take())).toEqual([
      ["a", 1],
      ["x", "others"],
      ["b", 1],
    ]);
  });

  it("is quiet once closed", async () => {
    const subscription = watch();
    await put("a", 1);
    subscription.close();
    await put("b", 1);
    await settle();
    expect(subscription.take()).toEqual([]);
    expect(subscription.notified).toBeLessThanOrEqual(1);
  });
}
