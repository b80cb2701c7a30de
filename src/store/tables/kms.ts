// Keys by region and id, aliases by region and name.
import { defineTable } from "#store/store.ts";
import type { AliasRow, KeyRow } from "#domain/kms/key.ts";

export const keys = defineTable<KeyRow>({
  name: "kms-keys",
  indexes: { arn: (row) => [row.arn], manager: (row) => [`${row.region}/${row.manager}`] },
});
export const aliases = defineTable<AliasRow>({
  name: "kms-aliases",
  indexes: { key: (row) => [row.keyId] },
});
