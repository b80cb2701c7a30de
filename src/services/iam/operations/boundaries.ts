// Permissions boundaries of users and roles: set and taken away.
import type { RoleRow, UserRow } from "#domain/iam/records.ts";
import { boundaryGiven } from "../boundary.ts";
import type { IamDependencies, IamOperations } from "../dependencies.ts";
import { noSuchEntity } from "../errors.ts";
import { change, type HolderKind, roleKind, userKind } from "../holders.ts";

export function boundaryOperations({ store }: IamDependencies) {
  return {
    PutUserPermissionsBoundary: (input) => put(userKind, input.UserName, input.PermissionsBoundary),
    PutRolePermissionsBoundary: (input) => put(roleKind, input.RoleName, input.PermissionsBoundary),
    DeleteUserPermissionsBoundary: (input) => remove(userKind, input.UserName),
    DeleteRolePermissionsBoundary: (input) => remove(roleKind, input.RoleName),
  } satisfies IamOperations;

  async function put<R extends UserRow | RoleRow>(
    kind: HolderKind<R>,
    name: string | undefined,
    arn: string | undefined,
  ) {
    await store.transact((tx) =>
      change(tx, kind, name, (row) => ({ ...row, ...boundaryGiven(tx, arn ?? "") })),
    );
    return {};
  }

  async function remove<R extends UserRow | RoleRow>(kind: HolderKind<R>, name: string | undefined) {
    await store.transact((tx) =>
      change(tx, kind, name, (row) => {
        const { permissionsBoundary: before, ...rest } = row;
        if (before === undefined)
          throw noSuchEntity(`The ${kind.word} ${row.name} does not have a permissions boundary.`);
        return rest as R;
      }),
    );
    return {};
  }
}
