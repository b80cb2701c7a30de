// IAM's records. IAM is global: keys are names.
import { defineTable } from "#store/store.ts";
import type { ManagedPolicyRow } from "#domain/iam/managed-policy.ts";
import type { InstanceProfileRow, RoleRow } from "#domain/iam/records.ts";

export const roles = defineTable<RoleRow>({
  name: "iam-roles",
  indexes: { arn: (row) => [row.arn], policy: (row) => row.attachedPolicies },
});
/** The account's own: AWS's are no rows. */
export const managedPolicies = defineTable<ManagedPolicyRow>({
  name: "iam-policies",
  indexes: { arn: (row) => [row.arn] },
});
export const instanceProfiles = defineTable<InstanceProfileRow>({
  name: "iam-instance-profiles",
  indexes: { arn: (row) => [row.arn], role: (row) => row.roleNames },
});
