// Systems Manager: Parameter Store. What else Systems Manager does answers as an unknown operation.
import type { SSM } from "@aws-sdk/client-ssm";
import type { PermissionTable, ServiceDefinition } from "#gateway/service-definition.ts";
import type { SsmDependencies, SsmOperations } from "./dependencies.ts";
import { missingMember } from "./errors.ts";
import { getParameterOperations } from "./operations/get-parameters.ts";
import { parameterOperations } from "./operations/parameters.ts";
import { putParameterOperations } from "./operations/put-parameter.ts";
import { tagOperations } from "./operations/tags.ts";
import { ssmPermissions } from "./permissions.ts";

export function ssmOperations(deps: SsmDependencies) {
  return {
    ...putParameterOperations(deps),
    ...getParameterOperations(deps),
    ...parameterOperations(deps),
    ...tagOperations(deps),
  } satisfies SsmOperations;
}

export function createSsmService(deps: SsmDependencies): ServiceDefinition {
  return {
    name: "ssm",
    signingName: "ssm",
    protocol: "awsJson1_1",
    wireName: "AmazonSSM",
    missingMember,
    loadSchemas: () => import("@aws-sdk/client-ssm"),
    operations: ssmOperations(deps),
    permissions: ssmPermissions(deps.store) satisfies PermissionTable<
      SSM,
      keyof ReturnType<typeof ssmOperations>
    >,
  };
}
