// IAM as records: roles, their policies and instance profiles. Nothing is evaluated by them yet. IAM is global: every region
// reaches the same.
import type { ServiceDefinition } from "#gateway/service-definition.ts";
import type { IamDependencies, IamOperations } from "./dependencies.ts";
import { instanceProfileOperations } from "./operations/instance-profiles.ts";
import { rolePolicyOperations } from "./operations/role-policies.ts";
import { roleOperations } from "./operations/roles.ts";
import { tagOperations } from "./operations/tags.ts";

export function iamOperations(deps: IamDependencies) {
  return {
    ...roleOperations(deps),
    ...rolePolicyOperations(deps),
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
  };
}
