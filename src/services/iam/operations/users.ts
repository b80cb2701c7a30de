// Users: create, read, change, delete. Their keys, policies, groups and tags stand beside.
import { formatArn } from "#lib/arn.ts";
import { newUser, type UserRow } from "#domain/iam/records.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { accessKeys, users } from "#store/tables/iam.ts";
import { boundaryGiven } from "../boundary.ts";
import { checkPath, checkUserName, readTags } from "../constraints.ts";
import type { IamDependencies, IamOperations } from "../dependencies.ts";
import { deleteConflict, entityAlreadyExists, limitExceeded, validationError } from "../errors.ts";
import { isTaken, rowsUnder, showUser, userOf } from "../lookup.ts";
import { page } from "../paging.ts";

/** IAM quotas, "Users in an AWS account". */
const MOST_USERS = 5000;

export function userOperations({ store, clock, random, account }: IamDependencies) {
  const arnOf = (path: string, name: string) =>
    formatArn({ service: "iam", region: "", account, resource: `user${path}${name}` });
  return {
    async CreateUser(input) {
      const name = checkUserName(input.UserName);
      const path = checkPath(input.Path);
      const made = await store.transact((tx) => {
        if (isTaken(tx, users, name)) throw entityAlreadyExists(`User with name ${name}`);
        if ([...tx.scan(users)].length >= MOST_USERS)
          throw limitExceeded(`Cannot exceed quota for UsersPerAccount: ${MOST_USERS}`);
        const row = newUser(
          {
            name,
            path,
            arn: arnOf(path, name),
            tags: readTags(input.Tags),
            ...boundaryGiven(tx, input.PermissionsBoundary),
          },
          random,
          clock.now(),
        );
        tx.put(users, name, row);
        return row;
      });
      return { User: showUser(made) };
    },

    /** Without a name: the caller. */
    GetUser(input, { principal }) {
      if (input.UserName === undefined && principal.type === "root") {
        // Root is no user; this is how IAM shows it.
        return {
          User: { Path: "/", UserName: "root", UserId: account, Arn: principal.arn, CreateDate: new Date(0) },
        };
      }
      return { User: showUser(namedOrCaller(store, input.UserName, principal)) };
    },

    ListUsers(input, context) {
      const rows = rowsUnder(store, users, input.PathPrefix);
      const { items, rest } = page(rows, (row) => row.name, context, input);
      return { Users: items.map((row) => showUser(row, false)), ...rest };
    },

    /** A new name or path makes another ARN of it; id, keys, groups and policies stay. */
    async UpdateUser(input) {
      await store.transact((tx) => {
        const before = userOf(tx, input.UserName);
        const name = input.NewUserName === undefined ? before.name : checkUserName(input.NewUserName);
        const path = input.NewPath === undefined ? before.path : checkPath(input.NewPath);
        // Another case of its own name is no other user's.
        if (name.toLowerCase() !== before.name.toLowerCase() && isTaken(tx, users, name))
          throw entityAlreadyExists(`User with name ${name}`);
        for (const [id, key] of tx.find(accessKeys, "user", before.name))
          tx.put(accessKeys, id, { ...key, userName: name });
        tx.delete(users, before.name);
        tx.put(users, name, { ...before, name, path, arn: arnOf(path, name) });
      });
      return {};
    },

    /** As IAM: nothing may hang on it any more. */
    async DeleteUser(input) {
      await store.transact((tx) => {
        const user = userOf(tx, input.UserName);
        if (tx.find(accessKeys, "user", user.name).length > 0) throw deleteConflict("delete access keys");
        if (user.attachedPolicies.length > 0) throw deleteConflict("detach all policies");
        if (Object.keys(user.inlinePolicies).length > 0) throw deleteConflict("delete policies");
        if (user.groups.length > 0) throw deleteConflict("remove users from group");
        tx.delete(users, user.name);
      });
      return {};
    },
  } satisfies IamOperations;
}

/** @throws NoSuchEntity, ValidationError for a caller that is no user */
export function namedOrCaller(
  reader: Reader,
  name: string | undefined,
  principal: RequestContext["principal"],
): UserRow {
  if (name !== undefined) return userOf(reader, name);
  if (principal.type !== "user")
    throw validationError("Must specify userName when calling with non-User credentials");
  return userOf(reader, principal.userName);
}
