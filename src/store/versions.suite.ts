// Rows outlive the code that wrote them: older ones are upgraded on load, newer ones refuse the start.
import { afterEach, beforeEach, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { createStore } from "./create-store.ts";
import type { Fixture } from "./fixture.suite.ts";
import { type AnyTable, defineTable } from "./store.ts";
import { UnreadableRow } from "./stored-row.ts";

interface First {
  readonly name: string;
}
interface Third {
  readonly names: readonly string[];
}
const first = defineTable<First>({ name: "people" });
const third = defineTable<Third>({
  name: "people",
  version: 3,
  indexes: { name: (row) => row.names },
  upgrade: (row, from) => (from === 1 ? { names: [(row as First).name] } : (row as Third)),
});

export function versionsSuite(createFixture: () => Promise<Fixture>): void {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await createFixture();
  });
  afterEach(() => fixture.remove());
  const open = async (table: AnyTable) => {
    const backend = fixture.open();
    try {
      return await createStore({ backend, logger: silentLogger, tables: [table] });
    } catch (error) {
      await backend.close();
      throw error;
    }
  };
  const writeFirst = async () => {
    const store = await open(first);
    await store.transact((tx) => {
      tx.put(first, "a", { name: "Ann" });
      tx.put(first, "b", { name: "Bob" });
    });
    await store.close();
  };

  it("upgrades older rows on load, indexes the new shape and writes nothing until they change", async () => {
    await writeFirst();
    let store = await open(third);
    expect(store.get(third, "a")).toEqual({ names: ["Ann"] });
    expect(store.find(third, "name", "Bob").map(([key]) => key)).toEqual(["b"]);
    await store.transact((tx) => tx.put(third, "a", { names: ["Ann"] }));
    expect(store.durableCommits).toBe(0);
    await store.transact((tx) => tx.put(third, "a", { names: ["Ann", "Anna"] }));
    await store.close();
    store = await open(third);
    expect([...store.scan(third)]).toEqual([
      ["a", { names: ["Ann", "Anna"] }],
      ["b", { names: ["Bob"] }],
    ]);
    await store.close();
  });

  it("refuses to start over a row of a newer version, naming it", async () => {
    const store = await open(third);
    await store.transact((tx) => tx.put(third, "new", { names: [] }));
    await store.close();
    const refused = open(first);
    await expect(refused).rejects.toBeInstanceOf(UnreadableRow);
    await expect(refused).rejects.toThrow(/people\/new.*version 3.*newer release.*knows 1/);
  });

  it("refuses to start over an older row that nothing upgrades", async () => {
    await writeFirst();
    await expect(open({ ...third, upgrade: undefined } as unknown as AnyTable)).rejects.toThrow(
      "no upgrade to 3",
    );
  });

  it("refuses to start over a row that is not one", async () => {
    for (const value of ["{", "null", "{}", '{"v":1}']) {
      const backend = fixture.open();
      await backend.commit([{ table: "people", key: "bad", value }]);
      await backend.close();
      await expect(open(first)).rejects.toThrow("people/bad");
    }
  });

  it("refuses two tables of one name, and a name that keys could imitate", async () => {
    const backend = fixture.open();
    const parts = { backend, logger: silentLogger };
    await expect(createStore({ ...parts, tables: [first, third] })).rejects.toThrow("Two tables");
    await expect(createStore({ ...parts, tables: [{ ...first, name: "a/b" }] })).rejects.toThrow(
      "table name",
    );
    await backend.close();
  });
}
