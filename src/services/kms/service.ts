// KMS as far as secrets need it: symmetric keys, aliases, policies. Asymmetric and HMAC keys, imported material, custom key stores,
// grants, rotation and keys of several regions answer as unknown operations.
import type { KMS } from "@aws-sdk/client-kms";
import type { PermissionTable, ServiceDefinition } from "#gateway/service-definition.ts";
import { keys } from "#store/tables/kms.ts";
import type { KmsDependencies, KmsOperations } from "./dependencies.ts";
import { missingMember } from "./errors.ts";
import { aliasOperations } from "./operations/aliases.ts";
import { cryptographyOperations } from "./operations/cryptography.ts";
import { keyOperations } from "./operations/keys.ts";
import { policyOperations } from "./operations/policies.ts";
import { kmsPermissions } from "./permissions.ts";

export function kmsOperations(deps: KmsDependencies) {
  return {
    ...keyOperations(deps),
    ...aliasOperations(deps),
    ...cryptographyOperations(deps),
    ...policyOperations(deps),
  } satisfies KmsOperations;
}

export function createKmsService(deps: KmsDependencies): ServiceDefinition {
  return {
    name: "kms",
    signingName: "kms",
    protocol: "awsJson1_1",
    wireName: "TrentService",
    missingMember,
    loadSchemas: () => import("@aws-sdk/client-kms"),
    operations: kmsOperations(deps),
    permissions: kmsPermissions(deps.store) satisfies PermissionTable<
      KMS,
      keyof ReturnType<typeof kmsOperations>
    >,
    resourcePolicyOf(arn) {
      const policy = deps.store.find(keys, "arn", arn)[0]?.[1].policy;
      return policy === undefined ? undefined : { document: policy, rule: "decides" };
    },
  };
}
