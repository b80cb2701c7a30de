// The roles that a call hands to tasks: whoever calls needs iam:PassRole for each (ECS Developer Guide, "Task IAM role").
import type { CallScope, Permission } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { roleArn } from "./definition/roles.ts";

export function passedRoles(
  reader: Reader,
  { account }: CallScope,
  given: readonly (string | undefined)[],
): Permission[] {
  return given.flatMap((role) => {
    if (role === undefined || role === "") return [];
    return [
      {
        action: "iam:PassRole",
        resource: arnOf(reader, account, role),
        context: { "iam:PassedToService": "ecs-tasks.amazonaws.com" },
      },
    ];
  });
}

/** A role that is not there is refused by the operation; what was given stands for it. */
function arnOf(reader: Reader, account: string, given: string): string {
  try {
    return roleArn(reader, account, given);
  } catch {
    return given;
  }
}
