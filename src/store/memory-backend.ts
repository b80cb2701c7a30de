// Rows that live as long as the object: for tests and the simulator. A store opened on it again finds what was committed.
import type { Backend } from "./backend.ts";

export function createMemoryBackend(): Backend {
  const tables = new Map<string, Map<string, string>>();
  return {
    groupLimits: { operations: 10_000, bytes: 16 * 1024 * 1024 },
    load: (table) => tables.get(table) ?? [],
    async commit(batch) {
      for (const { table, key, value } of batch) {
        const rows = tables.get(table) ?? new Map<string, string>();
        tables.set(table, rows);
        if (value === undefined) rows.delete(key);
        else rows.set(key, value);
      }
    },
    async close() {},
  };
}
