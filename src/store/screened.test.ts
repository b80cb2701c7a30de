import { afterEach, beforeEach, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { createStore } from "./create-store.ts";
import { createMemoryBackend } from "./memory-backend.ts";
import { screened } from "./screened.ts";
import { defineTable, type Store } from "./store.ts";

interface Thing {
  readonly name: string;
  readonly isHidden?: true;
}
const things = defineTable<Thing>({ name: "things", indexes: { name: (row) => [row.name] } });
const others = defineTable<Thing>({ name: "others" });

let store: Store;
let visible: Store;
beforeEach(async () => {
  store = await createStore({
    backend: createMemoryBackend(),
    logger: silentLogger,
    tables: [things, others],
  });
  await store.transact((tx) => {
    tx.put(things, "a", { name: "n" });
    tx.put(things, "b", { name: "n", isHidden: true });
    tx.put(others, "b", { name: "n", isHidden: true });
  });
  visible = screened(store, (table, row) => table.name === "things" && (row as Thing).isHidden === true);
});
afterEach(() => store.close());

it("hides its rows from every way of reading, inside transactions too", async () => {
  const read = (rows: Pick<Store, "get" | "scan" | "find">) => ({
    get: rows.get(things, "b"),
    scan: [...rows.scan(things)].map(([key]) => key),
    find: rows.find(things, "name", "n").map(([key]) => key),
  });
  const without = { get: undefined, scan: ["a"], find: ["a"] };
  expect(read(visible)).toEqual(without);
  expect(await visible.transact(read)).toEqual(without);
  expect(visible.get(things, "a")).toEqual({ name: "n" });
  expect(visible.get(others, "b")).toEqual({ name: "n", isHidden: true });
});

it("writes what is written through it", async () => {
  await visible.transact((tx) => tx.put(things, "c", { name: "m" }));
  expect(store.get(things, "c")).toEqual({ name: "m" });
  await visible.transact((tx) => tx.delete(things, "c"));
  expect(store.get(things, "c")).toBeUndefined();
  expect(visible.durableCommits).toBe(store.durableCommits);
});
