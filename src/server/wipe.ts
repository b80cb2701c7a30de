// Empties every table, in transactions within the store's limits.
import { LIMITS, type Store } from "#store/store.ts";
import { allTables } from "./tables.ts";

export async function wipe(store: Store): Promise<void> {
  for (const table of allTables) {
    const keys = [...store.scan(table)].map(([key]) => key);
    for (let i = 0; i < keys.length; i += LIMITS.writesPerTransaction) {
      await store.transact((tx) =>
        keys.slice(i, i + LIMITS.writesPerTransaction).forEach((key) => tx.delete(table, key)),
      );
    }
  }
}
