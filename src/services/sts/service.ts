// AWS STS: who am I. Roles are assumed by the server itself; AssumeRole* as an API is not built yet.
import type { STS } from "@aws-sdk/client-sts";
import type { OperationTable, PermissionTable, ServiceDefinition } from "#gateway/service-definition.ts";

const operations = {
  /** Needs no permission on AWS either. The user id of a role session is `<role id>:<session name>`. */
  GetCallerIdentity: (_input, { principal }) => ({
    UserId: principal.id,
    Account: principal.account,
    Arn: principal.arn,
  }),
} satisfies OperationTable<STS>;

export function createStsService(): ServiceDefinition {
  return {
    name: "sts",
    signingName: "sts",
    protocol: "query",
    wireName: "2011-06-15",
    global: true,
    loadSchemas: () => import("@aws-sdk/client-sts"),
    operations,
    permissions: { GetCallerIdentity: () => [{ resource: "*" }] } satisfies PermissionTable<
      STS,
      keyof typeof operations
    >,
  };
}
