// Parameters by region and name, which makes a path a range of keys; versions by their parameter's id.
import { defineTable } from "#store/store.ts";
import type { ParameterRow, ParameterVersionRow } from "#domain/ssm/parameter.ts";

export const parameters = defineTable<ParameterRow>({
  name: "ssm-parameters",
  indexes: { arn: (row) => [row.arn], tier: (row) => [`${row.region}/${row.tier}`] },
});
export const parameterVersions = defineTable<ParameterVersionRow>({ name: "ssm-parameter-versions" });
