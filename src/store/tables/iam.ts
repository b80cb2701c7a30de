// IAM's records. IAM is global: keys are names.
import { defineTable } from "#store/store.ts";
import type { ManagedPolicyRow } from "#domain/iam/managed-policy.ts";
import type {
  AccessKeyRow,
  GroupRow,
  InstanceProfileRow,
  RoleDeletionRow,
  RoleRow,
  UserRow,
} from "#domain/iam/records.ts";

export const roles = defineTable<RoleRow>({
  name: "iam-roles",
  indexes: { arn: (row) => [row.arn], policy: (row) => row.attachedPolicies, boundary: boundaryOf },
});
export const users = defineTable<UserRow>({
  name: "iam-users",
  indexes: {
    arn: (row) => [row.arn],
    policy: (row) => row.attachedPolicies,
    boundary: boundaryOf,
    group: (row) => row.groups,
  },
});
export const groups = defineTable<GroupRow>({
  name: "iam-groups",
  indexes: { arn: (row) => [row.arn], policy: (row) => row.attachedPolicies },
});
/** Of service-linked roles, by role name. */
export const roleDeletions = defineTable<RoleDeletionRow>({ name: "iam-role-deletions" });
/** By access key id. */
export const accessKeys = defineTable<AccessKeyRow>({
  name: "iam-access-keys",
  indexes: { user: (row) => [row.userName] },
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

function boundaryOf({ permissionsBoundary: arn }: { readonly permissionsBoundary?: string }): string[] {
  return arn === undefined ? [] : [arn];
}
