// IAM as records: users, groups, roles, their policies and keys, instance profiles. The gateway's authorizer evaluates them. IAM is
// global: every region reaches the same.
import type { IAM } from "@aws-sdk/client-iam";
import type { PermissionTable, ServiceDefinition } from "#gateway/service-definition.ts";
import type { IamDependencies, IamOperations } from "./dependencies.ts";
import { accountOperations } from "./operations/account.ts";
import { accessKeyOperations } from "./operations/access-keys.ts";
import { boundaryOperations } from "./operations/boundaries.ts";
import { groupOperations } from "./operations/groups.ts";
import { holderPolicyOperations } from "./operations/holder-policies.ts";
import { instanceProfileOperations } from "./operations/instance-profiles.ts";
import { policyOperations } from "./operations/policies.ts";
import { roleOperations } from "./operations/roles.ts";
import { serviceLinkedRoleOperations } from "./operations/service-linked-roles.ts";
import { simulateOperations } from "./operations/simulate.ts";
import { tagOperations } from "./operations/tags.ts";
import { userOperations } from "./operations/users.ts";
import { iamPermissions } from "./permissions.ts";

export function iamOperations(deps: IamDependencies) {
  return {
    ...userOperations(deps),
    ...accessKeyOperations(deps),
    ...groupOperations(deps),
    ...roleOperations(deps),
    ...holderPolicyOperations(deps),
    ...boundaryOperations(deps),
    ...serviceLinkedRoleOperations(deps),
    ...accountOperations(deps),
    ...simulateOperations(deps),
    ...policyOperations(deps),
    ...instanceProfileOperations(deps),
    ...tagOperations(deps),
  } satisfies IamOperations;
}

export function createIamService(deps: IamDependencies): ServiceDefinition {
  return {
    name: "iam",
    signingName: "iam",
    protocol: "query",
    wireName: "2010-05-08",
    global: true,
    loadSchemas: () => import("@aws-sdk/client-iam"),
    operations: iamOperations(deps),
    permissions: iamPermissions(deps.store) satisfies PermissionTable<
      IAM,
      keyof ReturnType<typeof iamOperations>
    >,
  };
}
