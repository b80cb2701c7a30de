// The account as a whole: how much there is, and everything at once.
import type { PolicyDetail } from "@aws-sdk/client-iam";
import { managedPolicies as awsPolicies } from "#domain/iam/managed-policies/catalogue.ts";
import type { GroupRow, PolicyHolder, RoleRow, UserRow } from "#domain/iam/records.ts";
import type { Row, Table } from "#store/store.ts";
import { groups, instanceProfiles, managedPolicies, roles, users } from "#store/tables/iam.ts";
import type { IamDependencies, IamOperations } from "../dependencies.ts";
import {
  encodeDocument,
  showGroup,
  showInstanceProfile,
  showRole,
  showUser,
  type StoredPolicy,
} from "../lookup.ts";
import { page } from "../paging.ts";
import { attachments, showPolicyDetail } from "../show-policy.ts";
import { attachedPolicies } from "./holder-policies.ts";

type Kind = "User" | "Group" | "Role" | "LocalManagedPolicy" | "AWSManagedPolicy";

export function accountOperations({ store }: IamDependencies) {
  const all = <R extends Row>(table: Table<R>): R[] => Array.from(store.scan(table), ([, row]) => row);
  return {
    GetAccountSummary: () => ({
      SummaryMap: {
        Users: all(users).length,
        UsersQuota: 5000,
        Groups: all(groups).length,
        GroupsQuota: 300,
        Roles: all(roles).length,
        RolesQuota: 1000,
        Policies: all(managedPolicies).length,
        PoliciesQuota: 1500,
        InstanceProfiles: all(instanceProfiles).length,
        InstanceProfilesQuota: 1000,
        AccessKeysPerUserQuota: 2,
        AttachedPoliciesPerUserQuota: 10,
        AttachedPoliciesPerGroupQuota: 10,
        AttachedPoliciesPerRoleQuota: 10,
        GroupsPerUserQuota: 10,
        VersionsPerPolicyQuota: 5,
        PolicySizeQuota: 6144,
        UserPolicySizeQuota: 2048,
        GroupPolicySizeQuota: 5120,
        RolePolicySizeQuota: 10_240,
        AssumeRolePolicySizeQuota: 2048,
        AccountMFAEnabled: 0,
        AccountAccessKeysPresent: 1,
        MFADevices: 0,
        MFADevicesInUse: 0,
      },
    }),

    GetAccountAuthorizationDetails(input, context) {
      const asked = new Set<string>(input.Filter ?? []);
      const wants = (kind: Kind) => asked.size === 0 || asked.has(kind);
      const of = <R>(kind: Kind, rows: readonly R[]) =>
        wants(kind) ? rows.map((row) => ({ kind, row })) : [];
      const inUse = [...awsPolicies.values()].filter(({ arn }) => attachments(store, arn) > 0);
      const everything = [
        ...of("User", all(users)),
        ...of("Group", all(groups)),
        ...of("Role", all(roles)),
        ...of<StoredPolicy>("LocalManagedPolicy", all(managedPolicies)),
        ...of<StoredPolicy>("AWSManagedPolicy", inUse),
      ];
      const { items, rest } = page(everything, ({ kind, row }) => `${kind}/${row.name}`, context, input);
      const some = (...kinds: Kind[]) =>
        items.flatMap(({ kind, row }) => (kinds.includes(kind) ? [row] : []));
      return {
        UserDetailList: (some("User") as UserRow[]).map((row) => ({
          ...showUser(row),
          UserPolicyList: inlineOf(row),
          GroupList: [...row.groups],
          AttachedManagedPolicies: attachedPolicies(row),
        })),
        GroupDetailList: (some("Group") as GroupRow[]).map((row) => ({
          ...showGroup(row),
          GroupPolicyList: inlineOf(row),
          AttachedManagedPolicies: attachedPolicies(row),
        })),
        RoleDetailList: (some("Role") as RoleRow[]).map((row) => ({
          ...showRole(store, row),
          InstanceProfileList: store
            .find(instanceProfiles, "role", row.name)
            .map(([, profile]) => showInstanceProfile(store, profile, false)),
          RolePolicyList: inlineOf(row),
          AttachedManagedPolicies: attachedPolicies(row),
        })),
        Policies: (some("LocalManagedPolicy", "AWSManagedPolicy") as StoredPolicy[]).map((row) =>
          showPolicyDetail(store, row),
        ),
        ...rest,
      };
    },
  } satisfies IamOperations;
}

const inlineOf = ({ inlinePolicies }: PolicyHolder): PolicyDetail[] =>
  Object.entries(inlinePolicies).map(([PolicyName, document]) => ({
    PolicyName,
    PolicyDocument: encodeDocument(document),
  }));
