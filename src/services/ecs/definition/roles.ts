// The roles a definition hands to its tasks: by ARN or by name, of this account, and there. Their trust policy is judged when
// they are assumed.
import { parseArn } from "#lib/arn.ts";
import type { TaskDefinitionBody } from "#domain/ecs/task-definition.ts";
import type { Reader } from "#store/store.ts";
import { roles } from "#store/tables/iam.ts";
import { clientException } from "../errors.ts";

/** The definition with its roles as ARNs. @throws ClientException "Role is not valid" */
export function withRoles(reader: Reader, account: string, body: TaskDefinitionBody): TaskDefinitionBody {
  const { taskRoleArn, executionRoleArn } = body;
  return {
    ...body,
    ...(taskRoleArn === undefined ? {} : { taskRoleArn: roleArn(reader, account, taskRoleArn) }),
    ...(executionRoleArn === undefined
      ? {}
      : { executionRoleArn: roleArn(reader, account, executionRoleArn) }),
  };
}

/** A role's ARN, given by ARN or by name. @throws ClientException "Role is not valid" */
export function roleArn(reader: Reader, account: string, given: string): string {
  const arn = given.startsWith("arn:") ? parseArn(given) : undefined;
  const name = arn === undefined ? given : (/^role\/(?:.*\/)?([^/]+)$/.exec(arn.resource)?.[1] ?? "");
  const row = reader.get(roles, name);
  const isThere = row !== undefined && (arn === undefined ? row.name === given : row.arn === given);
  if (!isThere || (arn !== undefined && arn.account !== account)) throw clientException("Role is not valid");
  return row.arn;
}
