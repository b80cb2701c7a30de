// The roles of a task, judged when it is about to be made: each must be there and trust ecs-tasks.amazonaws.com (ECS Developer
// Guide, "Task IAM role"). Whether the caller may hand them over (iam:PassRole) was judged before.
import { formatArn } from "#lib/arn.ts";
import type { TaskDefinitionBody } from "#domain/ecs/task-definition.ts";
import { CannotAssumeRole, type PlacementRequest } from "#domain/ports/placement.ts";
import { serviceMayAssume } from "#iam/assume.ts";
import type { Reader } from "#store/store.ts";
import { roles } from "#store/tables/iam.ts";

/** @throws CannotAssumeRole */
export function checkRoles(
  reader: Reader,
  { region, account, overrides }: Pick<PlacementRequest, "region" | "account" | "overrides">,
  body: Pick<TaskDefinitionBody, "taskRoleArn" | "executionRoleArn">,
): void {
  const handed = [
    overrides.taskRoleArn ?? body.taskRoleArn,
    overrides.executionRoleArn ?? body.executionRoleArn,
  ];
  for (const arn of handed) {
    if (arn === undefined) continue;
    const role = reader.find(roles, "arn", arn)[0]?.[1];
    const isTrusted =
      role !== undefined &&
      serviceMayAssume(role.assumeRolePolicyDocument, {
        service: "ecs-tasks.amazonaws.com",
        sourceAccount: account,
        // ECS does not tell trust policies of which cluster a task is: only `arn:aws:ecs:<region>:<account>:*` matches.
        sourceArn: formatArn({ service: "ecs", region, account, resource: "*" }),
      });
    if (!isTrusted) throw new CannotAssumeRole(arn);
  }
}
