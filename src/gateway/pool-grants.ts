// The hosts of Fargate's pool act by a role that is no row: it grants what AWS's policy for container instances grants.
import { containerInstanceRole } from "#domain/iam/managed-policies/ecs-roles.ts";
import { poolRoleArn } from "#domain/ecs/fargate.ts";
import type { Grants } from "./grants.ts";
import type { Principal } from "./service-definition.ts";
import type { PolicyReader } from "./stored-policy.ts";

export function withPoolHosts(
  account: string,
  readPolicy: PolicyReader,
  grantsOf: (principal: Principal) => Grants,
): (principal: Principal) => Grants {
  const roleArn = poolRoleArn(account);
  const ofPool: Grants = { identity: [readPolicy(containerInstanceRole.document, "identity")], tags: {} };
  return (principal) =>
    principal.type === "instance" && principal.roleArn === roleArn ? ofPool : grantsOf(principal);
}
