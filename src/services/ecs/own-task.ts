// Beyond what policy allows, a task's credentials act for that task only.
import type { RequestContext } from "#gateway/service-definition.ts";
import { accessDenied } from "./errors.ts";

/** @throws AccessDeniedException when a task asks about another */
export function checkOwnTask({ principal, action }: RequestContext, arn: string): void {
  if (principal.type !== "task" || principal.taskArn === arn) return;
  throw accessDenied(
    `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${arn} because a task's credentials act for that task only`,
  );
}
