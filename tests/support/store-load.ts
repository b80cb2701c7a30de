// The tables of the crash test: transaction `n` writes `rows` rows of its own, deletes those of `n - 20` and notes itself.
import { defineTable } from "#store/store.ts";

export interface Load {
  readonly n: number;
  readonly part: number;
  readonly rows: number;
  readonly filler: string;
}

export const loads = defineTable<Load>({ name: "loads", indexes: { n: (row) => [String(row.n)] } });
export const latest = defineTable<{ readonly n: number }>({ name: "latest" });
