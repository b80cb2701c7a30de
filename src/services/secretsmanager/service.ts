// Secrets Manager. Replication to other regions and managed external secrets answer as unknown operations.
import type { SecretsManager } from "@aws-sdk/client-secrets-manager";
import type { PermissionTable, ServiceDefinition } from "#gateway/service-definition.ts";
import { secrets } from "#store/tables/secretsmanager.ts";
import type { SecretsManagerDependencies, SecretsManagerOperations } from "./dependencies.ts";
import { missingMember } from "./errors.ts";
import { resourcePolicyOperations } from "./operations/resource-policies.ts";
import { rotationOperations } from "./operations/rotation.ts";
import { secretOperations } from "./operations/secrets.ts";
import { stageOperations } from "./operations/stages.ts";
import { tagOperations } from "./operations/tags.ts";
import { valueOperations } from "./operations/values.ts";
import { secretsManagerPermissions } from "./permissions.ts";

export function secretsManagerOperations(deps: SecretsManagerDependencies) {
  return {
    ...secretOperations(deps),
    ...valueOperations(deps),
    ...stageOperations(deps),
    ...rotationOperations(deps),
    ...tagOperations(deps),
    ...resourcePolicyOperations(deps),
  } satisfies SecretsManagerOperations;
}

export function createSecretsManagerService(deps: SecretsManagerDependencies): ServiceDefinition {
  return {
    name: "secretsmanager",
    signingName: "secretsmanager",
    protocol: "awsJson1_1",
    wireName: "secretsmanager",
    missingMember,
    loadSchemas: () => import("@aws-sdk/client-secrets-manager"),
    operations: secretsManagerOperations(deps),
    permissions: secretsManagerPermissions(deps.store) satisfies PermissionTable<
      SecretsManager,
      keyof ReturnType<typeof secretsManagerOperations>
    >,
    resourcePolicyOf(arn) {
      const policy = deps.store.find(secrets, "arn", arn)[0]?.[1].policy;
      return policy === undefined ? undefined : { document: policy };
    },
  };
}
