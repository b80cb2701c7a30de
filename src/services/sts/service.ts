// AWS STS: who am I, and temporary credentials. Sessions are sealed tokens, not rows. STS is global here.
import type { STS } from "@aws-sdk/client-sts";
import type { PermissionTable, ServiceDefinition } from "#gateway/service-definition.ts";
import type { StsDependencies, StsOperations } from "./dependencies.ts";
import { assumeRoleOperations } from "./operations/assume-role.ts";
import { identityOperations } from "./operations/identity.ts";
import { stsPermissions, trustPolicyOf } from "./permissions.ts";

export function stsOperations(deps: StsDependencies) {
  return { ...identityOperations(deps), ...assumeRoleOperations(deps) } satisfies StsOperations;
}

export function createStsService(deps: StsDependencies): ServiceDefinition {
  return {
    name: "sts",
    signingName: "sts",
    protocol: "query",
    wireName: "2011-06-15",
    global: true,
    loadSchemas: () => import("@aws-sdk/client-sts"),
    operations: stsOperations(deps),
    permissions: stsPermissions() satisfies PermissionTable<STS, keyof ReturnType<typeof stsOperations>>,
    resourcePolicyOf: (arn) => trustPolicyOf(deps.store, arn),
  };
}
