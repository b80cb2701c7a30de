// What every backend must give the store: the same rows, transactions, failures, limits and subscriptions.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { settle } from "#lib/test-clock.ts";
import { writeBytes } from "./backend.ts";
import { createStore } from "./create-store.ts";
import { type FailingBackend, createFailingBackend } from "./failing-backend.ts";
import type { Fixture } from "./fixture.suite.ts";
import { type GatedBackend, createGatedBackend } from "./gated-backend.ts";
import { limitsSuite } from "./limits.suite.ts";
import { modelSuite } from "./model.suite.ts";
import { type Store, WriteFailed, defineTable } from "./store.ts";
import { versionsSuite } from "./versions.suite.ts";
import { watchSuite } from "./watch.suite.ts";

interface Item {
  readonly owner: string;
  readonly n: number;
}

const items = defineTable<Item>({ name: "items", indexes: { owner: (row) => [row.owner] } });
const seen = defineTable<Item>({ name: "seen", durability: "memory" });
const tables = [items, seen];

/** @param runs rounds of the property test: fewer where a sync costs time */
export function storeSuite(name: string, createFixture: () => Promise<Fixture>, runs: number): void {
  describe(`the store on ${name}`, () => {
    transactionsSuite(createFixture);
    describe("limits", () => limitsSuite(createFixture));
    describe("versions", () => versionsSuite(createFixture));
    describe("subscriptions", () => watchSuite(createFixture));
    describe("against a model", () => modelSuite(createFixture, runs));
  });
}

function transactionsSuite(createFixture: () => Promise<Fixture>): void {
  let fixture: Fixture;
  let failing: FailingBackend;
  let gate: GatedBackend;
  let store: Store;

  const open = async () => {
    failing = createFailingBackend(fixture.open());
    gate = createGatedBackend(failing);
    store = await createStore({ backend: gate, logger: silentLogger, tables });
  };
  const put = (key: string, n = 1, owner = "ann") => store.transact((tx) => tx.put(items, key, { owner, n }));
  const keys = () => Array.from(store.scan(items), ([key]) => key);

  beforeEach(async () => {
    fixture = await createFixture();
    await open();
  });
  afterEach(async () => {
    gate.open();
    await store.close();
    await fixture.remove();
  });

  it("reads rows in key order, by prefix, after a key and by index", async () => {
    await store.transact((tx) => {
      for (const key of ["b/2", "a/1", "b/1", "c/1", "b/10"])
        tx.put(items, key, { owner: key.slice(0, 1), n: 0 });
    });
    expect(keys()).toEqual(["a/1", "b/1", "b/10", "b/2", "c/1"]);
    expect(Array.from(store.scan(items, { prefix: "b/" }), ([key]) => key)).toEqual(["b/1", "b/10", "b/2"]);
    expect(Array.from(store.scan(items, { prefix: "b/", after: "b/1" }), ([key]) => key)).toEqual([
      "b/10",
      "b/2",
    ]);
    expect(Array.from(store.scan(items, { prefix: "b/", after: "a" }), ([key]) => key)).toHaveLength(3);
    expect(Array.from(store.scan(items, { prefix: "b/", after: "c" }), ([key]) => key)).toEqual([]);
    expect(store.find(items, "owner", "b").map(([key]) => key)).toEqual(["b/1", "b/10", "b/2"]);
    expect(store.find(items, "owner", "nobody")).toEqual([]);
    expect(store.get(items, "nothing")).toBeUndefined();
  });

  it("finds the rows again after a reopen, except those of memory tables", async () => {
    await put("a", 1);
    await put("b", 2, "bob");
    await store.transact((tx) => {
      tx.delete(items, "a");
      tx.put(seen, "x", { owner: "ann", n: 1 });
    });
    await store.close();
    await open();
    expect([...store.scan(items)]).toEqual([["b", { owner: "bob", n: 2 }]]);
    expect(store.find(items, "owner", "bob")).toHaveLength(1);
    expect(store.find(items, "owner", "ann")).toEqual([]);
    expect([...store.scan(seen)]).toEqual([]);
  });

  it("keeps any key of well-formed text apart from every other", async () => {
    const odd = ["a", "a/b", "a\0b", "ä", "💾", "items/", "itemsX", " ", "￿"];
    await store.transact((tx) => odd.forEach((key, n) => tx.put(items, key, { owner: "ann", n })));
    await store.close();
    await open();
    expect(odd.map((key) => store.get(items, key)?.n)).toEqual(odd.map((_, n) => n));
    expect(keys()).toEqual([...odd].sort());
  });

  it("shows a transaction its own changes and those still being written, and readers only what was synced", async () => {
    await put("a", 1);
    gate.shut();
    const first = store.transact((tx) => {
      tx.put(items, "b", { owner: "ann", n: 2 });
      tx.delete(items, "a");
      return [...tx.scan(items)].map(([key]) => key);
    });
    await settle();
    const second = store.transact((tx) => {
      tx.put(items, "c", { owner: "ann", n: 3 });
      return tx.find(items, "owner", "ann").map(([key]) => key);
    });
    expect(keys()).toEqual(["a"]);
    expect(store.find(items, "owner", "ann").map(([key]) => key)).toEqual(["a"]);
    gate.open();
    expect(await first).toEqual(["b"]);
    expect(await second).toEqual(["b", "c"]);
    expect(keys()).toEqual(["b", "c"]);
  });

  it("changes nothing when the body throws, and rejects with what it threw", async () => {
    const refused = new Error("no such thing");
    const outcome = store.transact((tx) => {
      tx.put(items, "a", { owner: "ann", n: 1 });
      throw refused;
    });
    await expect(outcome).rejects.toBe(refused);
    expect(keys()).toEqual([]);
    expect(store.durableCommits).toBe(0);
  });

  it("writes the transactions that arrive during a sync as one group", async () => {
    gate.shut();
    const first = put("first");
    await settle();
    const rest = Array.from({ length: 20 }, (_, i) => put(`rest-${i}`, i));
    gate.open();
    await Promise.all([first, ...rest]);
    expect(gate.batches.map((batch) => batch.length)).toEqual([1, 20]);
    expect(store.durableCommits).toBe(2);
  });

  it("splits a group that one commit cannot hold between transactions, never inside one", async () => {
    const size = Math.min(60, gate.groupLimits.operations);
    const many = Array.from({ length: 5 }, (_, t) =>
      store.transact((tx) => {
        for (let i = 0; i < size; i++) tx.put(items, `${t}-${i}`, { owner: "ann", n: i });
      }),
    );
    await Promise.all(many);
    expect(keys()).toHaveLength(5 * size);
    for (const batch of gate.batches) {
      expect(batch.length).toBeLessThanOrEqual(gate.groupLimits.operations);
      expect(batch.length % size).toBe(0);
    }
  });

  it("keeps groups, and the restoring of rows after a failure, within the bytes of one commit", async () => {
    const big = defineTable<{ readonly text: string }>({ name: "big" });
    await store.close();
    failing = createFailingBackend(fixture.open());
    gate = createGatedBackend(failing);
    store = await createStore({ backend: gate, logger: silentLogger, tables: [big] });
    const each = (change: (key: string) => Promise<void>) =>
      Promise.allSettled(["a", "b", "c", "d"].map(change));
    const rows = ["1", "2", "3", "4"];
    const fill = await each((key) =>
      store.transact((tx) => rows.forEach((row) => tx.put(big, key + row, { text: "x".repeat(250_000) }))),
    );
    expect(fill.map(({ status }) => status)).toEqual(Array(4).fill("fulfilled"));
    failing.mode = "write-then-fail";
    const doomed = await each((key) =>
      store.transact((tx) => rows.forEach((row) => tx.delete(big, key + row))),
    );
    expect(doomed.map(({ status }) => status)).toEqual(Array(4).fill("rejected"));
    failing.mode = "succeed";
    await store.close();
    for (const batch of gate.batches)
      expect(batch.reduce((sum, write) => sum + writeBytes(write), 0)).toBeLessThanOrEqual(
        gate.groupLimits.bytes,
      );
    store = await createStore({ backend: fixture.open(), logger: silentLogger, tables: [big] });
    expect([...store.scan(big)]).toHaveLength(16);
  });

  it("does not write a row that is put again with equal content", async () => {
    await put("a", 1);
    await store.transact((tx) => tx.put(items, "a", { n: 1, owner: "ann" }));
    await store.transact((tx) => {
      tx.put(items, "a", { owner: "bob", n: 9 });
      tx.put(items, "a", { owner: "ann", n: 1 });
      tx.put(items, "gone", { owner: "ann", n: 1 });
      tx.delete(items, "gone");
      tx.delete(items, "never");
    });
    expect(store.durableCommits).toBe(1);
  });

  it("does not commit for a transaction on memory tables only, yet keeps it in order", async () => {
    await store.transact((tx) => tx.put(seen, "x", { owner: "ann", n: 1 }));
    expect(store.get(seen, "x")?.n).toBe(1);
    expect(store.durableCommits).toBe(0);
    gate.shut();
    const durable = put("a");
    await settle();
    const memory = store.transact((tx) => tx.put(seen, "y", { owner: "ann", n: tx.get(items, "a")?.n ?? 0 }));
    await settle();
    expect(store.get(seen, "y")).toBeUndefined();
    gate.open();
    await Promise.all([durable, memory]);
    expect(store.get(seen, "y")?.n).toBe(1);
    expect(store.durableCommits).toBe(1);
  });

  it("rejects the failed group and all that was built on it, and rolls both back", async () => {
    await put("a", 1);
    gate.shut();
    const doomed = [put("a", 2), store.transact((tx) => tx.delete(items, "a"))];
    await settle();
    const above = [
      put("b"),
      store.transact((tx) => tx.get(items, "a")),
      store.transact((tx) => tx.put(seen, "x", { owner: "ann", n: 1 })),
      store.transact((tx) => {
        if (tx.get(items, "a") === undefined) throw new Error("a is gone");
      }),
    ];
    failing.mode = "fail";
    gate.open();
    const outcomes = await Promise.allSettled([...doomed, ...above]);
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ status: "rejected", reason: expect.any(WriteFailed) as WriteFailed });
    expect([...store.scan(items)]).toEqual([["a", { owner: "ann", n: 1 }]]);
    expect([...store.scan(seen)]).toEqual([]);
    expect(await store.transact((tx) => tx.get(items, "a")?.n)).toBe(1);
    expect(store.durableCommits).toBe(1);
  });

  it("goes on after failures, and a write that was reported as failed never comes back", async () => {
    await put("a", 1);
    failing.mode = "write-then-fail";
    await expect(put("a", 2)).rejects.toBeInstanceOf(WriteFailed);
    await expect(put("ghost")).rejects.toBeInstanceOf(WriteFailed);
    failing.mode = "succeed";
    await put("b", 3);
    expect(keys()).toEqual(["a", "b"]);
    failing.mode = "write-then-fail";
    await expect(put("ghost 2")).rejects.toBeInstanceOf(WriteFailed);
    failing.mode = "succeed";
    await store.close();
    await open();
    expect([...store.scan(items)].map(([key, { n }]) => [key, n])).toEqual([
      ["a", 1],
      ["b", 3],
    ]);
  });

  it("settles a transaction that writes nothing when what it read was synced", async () => {
    expect(await store.transact((tx) => tx.get(items, "a"))).toBeUndefined();
    gate.shut();
    const write = put("a", 7);
    let settled = false;
    const read = store.transact((tx) => tx.get(items, "a")?.n).finally(() => (settled = true));
    await settle();
    expect(settled).toBe(false);
    gate.open();
    await write;
    expect(await read).toBe(7);
  });

  it("keeps its own copy of a row, which nobody can change", async () => {
    const row = { owner: "ann", n: 1, tags: ["x"] };
    await store.transact((tx) => tx.put(items, "a", row));
    row.tags.push("y");
    const kept = store.get(items, "a") as typeof row;
    expect(kept.tags).toEqual(["x"]);
    expect(() => kept.tags.push("z")).toThrow(TypeError);
  });

  it("refuses tables it does not have, unknown indexes, nested and asynchronous bodies", async () => {
    const other = defineTable<Item>({ name: "items" });
    await expect(store.transact((tx) => tx.get(other, "a"))).rejects.toThrow("no table items");
    expect(() => store.find(items, "colour", "red")).toThrow("no index colour");
    const nested: Promise<unknown>[] = [];
    await store.transact(() => void nested.push(store.transact(() => 1)));
    await expect(nested[0]).rejects.toThrow("inside another");
    const late = store.transact(async (tx) => {
      await Promise.resolve();
      tx.put(items, "a", { owner: "ann", n: 1 });
    });
    await expect(late).rejects.toThrow("synchronous");
    expect(keys()).toEqual([]);
  });

  it("settles what was asked before it closes and refuses what comes after", async () => {
    const last = put("last");
    const closed = store.close();
    await expect(put("late")).rejects.toThrow("closed");
    await closed;
    await last;
    await open();
    expect(keys()).toEqual(["last"]);
  });

  it("walks rows that change under the walk without repeating or losing one that stays", async () => {
    for (let i = 0; i < 6; i++) await put(`k${i}`);
    const walked: string[] = [];
    for (const [key] of store.scan(items)) {
      walked.push(key);
      if (key === "k1")
        await store.transact((tx) => (tx.delete(items, "k2"), tx.put(items, "k35", { owner: "", n: 0 })));
    }
    expect(walked).toEqual(["k0", "k1", "k3", "k35", "k4", "k5"]);
    await store.transact((tx) => {
      for (const [key] of tx.scan(items)) tx.delete(items, key);
    });
    expect(keys()).toEqual([]);
  });
}
