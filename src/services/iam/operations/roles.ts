// Roles: create, read, change, delete. Their policies and tags stand beside.
import { formatArn } from "#lib/arn.ts";
import { newRole, type RoleRow } from "#domain/iam/records.ts";
import { isServiceLinked } from "#domain/iam/service-linked-role.ts";
import { pinPrincipals } from "#gateway/pinned-principals.ts";
import { instanceProfiles, roles } from "#store/tables/iam.ts";
import { boundaryGiven } from "../boundary.ts";
import {
  checkDescription,
  checkPath,
  checkRoleName,
  checkSessionDuration,
  readTags,
} from "../constraints.ts";
import type { IamDependencies, IamOperations } from "../dependencies.ts";
import { deleteConflict, entityAlreadyExists, limitExceeded, validationError } from "../errors.ts";
import { change, roleKind } from "../holders.ts";
import { isTaken, roleOf, rowsUnder, showRole } from "../lookup.ts";
import { page } from "../paging.ts";
import { checkTrustPolicy } from "../policy-document.ts";

/** IAM quotas: characters of a trust policy, white space not counted. */
const LONGEST_TRUST_POLICY = 2048;
const MOST_ROLES = 1000;

export function roleOperations({ store, clock, random, account }: IamDependencies) {
  return {
    async CreateRole(input) {
      const name = checkRoleName(input.RoleName);
      const path = checkPath(input.Path);
      if (isServiceLinked({ path }))
        throw validationError("Path /aws-service-role/ is reserved for service-linked roles.");
      const made = newRole(
        {
          name,
          path,
          arn: formatArn({ service: "iam", region: "", account, resource: `role${path}${name}` }),
          assumeRolePolicyDocument: trustPolicy(input.AssumeRolePolicyDocument),
          tags: readTags(input.Tags),
          ...(input.Description === undefined ? {} : { description: checkDescription(input.Description) }),
          ...(input.MaxSessionDuration === undefined
            ? {}
            : { maxSessionDuration: checkSessionDuration(input.MaxSessionDuration) }),
        },
        random,
        clock.now(),
      );
      const row = await store.transact((tx) => {
        if (isTaken(tx, roles, name)) throw entityAlreadyExists(`Role with name ${name}`);
        if ([...tx.scan(roles)].length >= MOST_ROLES)
          throw limitExceeded(`Cannot exceed quota for RolesPerAccount: ${MOST_ROLES}`);
        const row = {
          ...made,
          ...boundaryGiven(tx, input.PermissionsBoundary),
          assumeRolePolicyDocument: pinPrincipals(tx, account, made.assumeRolePolicyDocument),
        };
        tx.put(roles, name, row);
        return row;
      });
      return { Role: showRole(store, row) };
    },

    GetRole: (input) => ({ Role: showRole(store, roleOf(store, input.RoleName)) }),

    ListRoles(input, context) {
      const rows = rowsUnder(store, roles, input.PathPrefix);
      const { items, rest } = page(rows, (r) => r.name, context, input);
      return { Roles: items.map((row) => showRole(store, row, false)), ...rest };
    },

    /** As IAM: nothing may hang on it any more. */
    async DeleteRole(input) {
      await store.transact((tx) => {
        const role = roleOf(tx, input.RoleName);
        roleKind.checkModifiable(role);
        if (tx.find(instanceProfiles, "role", role.name).length > 0)
          throw deleteConflict("remove roles from instance profile");
        if (role.attachedPolicies.length > 0) throw deleteConflict("detach all policies");
        if (Object.keys(role.inlinePolicies).length > 0) throw deleteConflict("delete policies");
        tx.delete(roles, role.name);
      });
      return {};
    },

    async UpdateRole(input) {
      await update(input.RoleName, (row) => ({
        ...row,
        ...(input.Description === undefined ? {} : { description: checkDescription(input.Description) }),
        ...(input.MaxSessionDuration === undefined
          ? {}
          : { maxSessionDuration: checkSessionDuration(input.MaxSessionDuration) }),
      }));
      return {};
    },

    async UpdateRoleDescription(input) {
      const description = checkDescription(input.Description ?? "");
      const row = await update(input.RoleName, (before) => ({ ...before, description }));
      return { Role: showRole(store, row) };
    },

    async UpdateAssumeRolePolicy(input) {
      const document = trustPolicy(input.PolicyDocument);
      await store.transact((tx) =>
        change(tx, roleKind, input.RoleName, (row) => ({
          ...row,
          assumeRolePolicyDocument: pinPrincipals(tx, account, document),
        })),
      );
      return {};
    },
  } satisfies IamOperations;

  function update(name: string | undefined, to: (row: RoleRow) => RoleRow): Promise<RoleRow> {
    return store.transact((tx) => change(tx, roleKind, name, to));
  }
}

function trustPolicy(document: string | undefined): string {
  const checked = checkTrustPolicy(document ?? "");
  if (checked.replace(/\s/g, "").length > LONGEST_TRUST_POLICY)
    throw limitExceeded(`Cannot exceed quota for ACLSizePerRole: ${LONGEST_TRUST_POLICY}`);
  return checked;
}
