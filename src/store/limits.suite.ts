// The limits of a transaction hold at their exact edge, on every backend and for both durabilities.
import { afterEach, beforeEach, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { createStore } from "./create-store.ts";
import type { Fixture } from "./fixture.suite.ts";
import { LIMITS, type Store, TransactionTooLarge, defineTable } from "./store.ts";

interface Blob {
  readonly text: string;
}
const durable = defineTable<Blob>({ name: "blobs" });
const memory = defineTable<Blob>({ name: "passing", durability: "memory" });

/** A row of exactly `bytes` of JSON. */
const rowOf = (bytes: number): Blob => ({ text: "x".repeat(bytes - '{"text":""}'.length) });

export function limitsSuite(createFixture: () => Promise<Fixture>): void {
  let fixture: Fixture;
  let store: Store;
  beforeEach(async () => {
    fixture = await createFixture();
    store = await createStore({ backend: fixture.open(), logger: silentLogger, tables: [durable, memory] });
  });
  afterEach(async () => {
    await store.close();
    await fixture.remove();
  });
  const refuses = async (limit: keyof typeof LIMITS, work: Promise<unknown>) => {
    const error: unknown = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(TransactionTooLarge);
    expect((error as TransactionTooLarge).limit).toBe(limit);
    expect((error as TransactionTooLarge).message).toContain(limit);
  };

  for (const table of [durable, memory]) {
    it(`${table.durability}: takes as many writes as allowed and refuses one more`, async () => {
      const write = (count: number) =>
        store.transact((tx) => {
          for (let i = 0; i < count; i++) tx.put(table, `k${i}`, { text: String(count) });
        });
      await refuses("writesPerTransaction", write(LIMITS.writesPerTransaction + 1));
      expect([...store.scan(table)]).toEqual([]);
      await write(LIMITS.writesPerTransaction);
      expect([...store.scan(table)]).toHaveLength(LIMITS.writesPerTransaction);
    });

    it(`${table.durability}: takes a row of the largest size and refuses one byte more, counted in UTF-8`, async () => {
      const put = (row: Blob) => store.transact((tx) => tx.put(table, "k", row));
      await put(rowOf(LIMITS.bytesPerRow));
      await refuses("bytesPerRow", put(rowOf(LIMITS.bytesPerRow + 1)));
      await refuses("bytesPerRow", put({ text: "ä".repeat(LIMITS.bytesPerRow / 2) }));
    });

    it(`${table.durability}: takes the most bytes of a transaction, keys included, and refuses one more`, async () => {
      const full = LIMITS.bytesPerRow - 1;
      const write = (extra: number) =>
        store.transact((tx) => {
          for (const key of ["a", "b", "c"]) tx.put(table, key, rowOf(full));
          tx.put(table, "d", rowOf(LIMITS.bytesPerTransaction - 3 * (full + 1) - 1 + extra));
        });
      await refuses("bytesPerTransaction", write(1));
      await write(0);
    });

    it(`${table.durability}: takes the longest key and refuses a longer, an empty and an ill-formed one`, async () => {
      const put = (key: string) => store.transact((tx) => tx.put(table, key, { text: "" }));
      await put("k".repeat(LIMITS.bytesPerKey));
      await refuses("bytesPerKey", put(`${"k".repeat(LIMITS.bytesPerKey - 1)}ä`));
      await expect(put("")).rejects.toThrow("empty key");
      await expect(put("\ud800")).rejects.toThrow("well-formed");
    });
  }

  it("counts only rows that change", async () => {
    const write = (last: string) =>
      store.transact((tx) => {
        for (let i = 0; i < 100; i++) tx.put(durable, `k${i}`, { text: "same" });
        tx.put(durable, "last", { text: last });
      });
    await store.transact((tx) => {
      for (let i = 0; i < 100; i++) tx.put(durable, `k${i}`, { text: "same" });
    });
    await write("new");
    expect(store.get(durable, "last")?.text).toBe("new");
  });

  it("refuses what is not a plain JSON object", async () => {
    const put = (row: unknown) => store.transact((tx) => tx.put(durable, "k", row as Blob));
    for (const row of [undefined, null, "text", 1, () => 1])
      await expect(put(row)).rejects.toThrow("plain JSON");
  });
}
