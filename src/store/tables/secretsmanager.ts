// Secrets by region and name, versions by their secret's id.
import { defineTable } from "#store/store.ts";
import type { SecretRow, SecretVersionRow } from "#domain/secretsmanager/secret.ts";

export const secrets = defineTable<SecretRow>({
  name: "secretsmanager-secrets",
  indexes: { arn: (row) => [row.arn] },
});
export const secretVersions = defineTable<SecretVersionRow>({ name: "secretsmanager-versions" });
