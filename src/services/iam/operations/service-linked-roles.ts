// Roles linked to a service: made for it, deleted only when it does not need them any more. Deleting answers a task, as on IAM; here it
// is over when it is answered.
import {
  isServiceLinked,
  linkedServiceOf,
  linkedServices,
  newServiceLinkedRole,
} from "#domain/iam/service-linked-role.ts";
import type { RoleDeletionRow } from "#domain/iam/records.ts";
import type { Reader } from "#store/store.ts";
import { clusters } from "#store/tables/ecs.ts";
import { loadBalancers } from "#store/tables/elbv2.ts";
import { roleDeletions, roles } from "#store/tables/iam.ts";
import { checkDescription, lengthWithin } from "../constraints.ts";
import type { IamDependencies, IamOperations } from "../dependencies.ts";
import { invalidInput, noSuchEntity } from "../errors.ts";
import { roleOf, showRole } from "../lookup.ts";

export function serviceLinkedRoleOperations({ store, clock, random, account }: IamDependencies) {
  return {
    async CreateServiceLinkedRole(input) {
      const service = lengthWithin(input.AWSServiceName ?? "", "aWSServiceName", 1, 128);
      if (!linkedServices.has(service))
        throw invalidInput(`Service-linked roles of ${service} are not implemented by Estiba`);
      if (input.CustomSuffix !== undefined) throw invalidInput(`Custom suffix is not allowed for ${service}`);
      const description =
        input.Description === undefined ? {} : { description: checkDescription(input.Description) };
      const made = newServiceLinkedRole(service, { account, ...description }, random, clock.now());
      await store.transact((tx) => {
        if (tx.get(roles, made.name) !== undefined) {
          throw invalidInput(
            `Service role name ${made.name} has been taken in this account, please try a different suffix.`,
          );
        }
        tx.put(roles, made.name, made);
      });
      return { Role: showRole(store, made) };
    },

    async DeleteServiceLinkedRole(input) {
      const id = await store.transact((tx) => {
        const role = roleOf(tx, input.RoleName);
        if (!isServiceLinked(role)) throw noSuchEntity(`The role with name ${role.name} cannot be found.`);
        const usedBy = usesOf(tx, linkedServiceOf(role));
        const task: RoleDeletionRow = {
          id: `task${role.path}${role.name}/${random.uuid()}`,
          roleName: role.name,
          endedAt: clock.now(),
          usedBy,
        };
        if (usedBy.length === 0) tx.delete(roles, role.name);
        // Only the last attempt of each role is kept.
        tx.put(roleDeletions, role.name, task);
        return task.id;
      });
      return { DeletionTaskId: id };
    },

    GetServiceLinkedRoleDeletionStatus(input) {
      const id = input.DeletionTaskId ?? "";
      const task = store.get(roleDeletions, id.split("/").at(-2) ?? "");
      if (task?.id !== id) throw noSuchEntity(`The deletion task with id ${id} cannot be found.`);
      if (task.usedBy.length === 0) return { Status: "SUCCEEDED" };
      return {
        Status: "FAILED",
        Reason: {
          Reason: "A service-linked role cannot be deleted while its service has resources that need it.",
          RoleUsageList: [{ Resources: [...task.usedBy] }],
        },
      };
    },
  } satisfies IamOperations;
}

/** ARNs of what still needs the service's role. */
function usesOf(reader: Reader, service: string): readonly string[] {
  if (service === "ecs.amazonaws.com") {
    return Array.from(reader.scan(clusters), ([, row]) => row)
      .filter((row) => row.status === "ACTIVE")
      .map((row) => row.arn);
  }
  if (service === "elasticloadbalancing.amazonaws.com")
    return Array.from(reader.scan(loadBalancers), ([, row]) => row.arn);
  return [];
}
