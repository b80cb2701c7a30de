// Beyond what policy allows, an instance's credentials act for that instance only.
import type { ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import { accessDenied } from "./errors.ts";

type Caller = Pick<RequestContext, "principal" | "action">;

/** The EC2 instance that signed, if one did. */
export const callingInstance = ({ principal }: Pick<RequestContext, "principal">): string | undefined =>
  principal.type === "instance" ? principal.instanceId : undefined;

/** @throws AccessDeniedException when an instance asks about another's container instance */
export function checkOwn(caller: Caller, row: Pick<ContainerInstanceRow, "arn" | "ec2InstanceId">): void {
  const instanceId = callingInstance(caller);
  if (instanceId !== undefined && row.ec2InstanceId !== instanceId) throw notOwn(caller, row.arn);
}

export const notOwn = ({ principal, action }: Caller, resource: string) =>
  accessDenied(
    `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${resource} because an instance's credentials act for that instance only`,
  );
