// Tokens by which other machines may join, and those that did. Keys: public keys.
import type { JoinTokenRow, MachineRow } from "#domain/join/records.ts";
import { defineTable } from "#store/store.ts";

export const joinTokens = defineTable<JoinTokenRow>({ name: "join-tokens" });

export const machines = defineTable<MachineRow>({
  name: "join-machines",
  indexes: { id: (row) => [row.id] },
});
