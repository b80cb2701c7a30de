// A service's own role, made with the first of what needs it, on the caller's permission to make such roles (ECS and ELB guides,
// "Using service-linked roles").
import type { Random } from "#lib/random.ts";
import { newServiceLinkedRole, serviceLinkedRoleArn } from "#domain/iam/service-linked-role.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Transaction } from "#store/store.ts";
import { roles } from "#store/tables/iam.ts";

/** Answers whether the role is there now. `service`: `ecs.amazonaws.com`. */
export function ensureLinkedRole(
  tx: Transaction,
  { account, allows }: Pick<RequestContext, "account" | "allows">,
  { service, random, now }: { readonly service: string; readonly random: Random; readonly now: number },
): boolean {
  const resource = serviceLinkedRoleArn(service, account);
  const name = resource.slice(resource.lastIndexOf("/") + 1);
  if (tx.get(roles, name) !== undefined) return true;
  const action = "iam:CreateServiceLinkedRole";
  if (allows?.({ action, resource, context: { "iam:AWSServiceName": service } }) !== true) return false;
  tx.put(roles, name, newServiceLinkedRole(service, { account }, random, now));
  return true;
}
