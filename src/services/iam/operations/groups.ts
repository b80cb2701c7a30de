// Groups, and who is in them. Membership stands with the user.
import { formatArn } from "#lib/arn.ts";
import { newGroup, type UserRow } from "#domain/iam/records.ts";
import type { Transaction } from "#store/store.ts";
import { groups, users } from "#store/tables/iam.ts";
import { checkGroupName, checkPath } from "../constraints.ts";
import type { IamDependencies, IamOperations } from "../dependencies.ts";
import { deleteConflict, entityAlreadyExists, limitExceeded } from "../errors.ts";
import { groupOf, isTaken, rowsUnder, showGroup, showUser, userOf } from "../lookup.ts";
import { page } from "../paging.ts";

/** IAM quotas: groups in an account, groups that a user is in. */
const MOST_GROUPS = 300;
const MOST_OF_USER = 10;

export function groupOperations({ store, clock, random, account }: IamDependencies) {
  const arnOf = (path: string, name: string) =>
    formatArn({ service: "iam", region: "", account, resource: `group${path}${name}` });
  return {
    async CreateGroup(input) {
      const name = checkGroupName(input.GroupName);
      const path = checkPath(input.Path);
      const made = newGroup({ name, path, arn: arnOf(path, name) }, random, clock.now());
      await store.transact((tx) => {
        if (isTaken(tx, groups, name)) throw entityAlreadyExists(`Group with name ${name}`);
        if ([...tx.scan(groups)].length >= MOST_GROUPS)
          throw limitExceeded(`Cannot exceed quota for GroupsPerAccount: ${MOST_GROUPS}`);
        tx.put(groups, name, made);
      });
      return { Group: showGroup(made) };
    },

    GetGroup(input, context) {
      const group = groupOf(store, input.GroupName);
      const members = store.find(users, "group", group.name).map(([, row]) => row);
      const { items, rest } = page(members, (row) => row.name, context, input);
      return { Group: showGroup(group), Users: items.map((row) => showUser(row, false)), ...rest };
    },

    ListGroups(input, context) {
      const rows = rowsUnder(store, groups, input.PathPrefix);
      const { items, rest } = page(rows, (row) => row.name, context, input);
      return { Groups: items.map(showGroup), ...rest };
    },

    async UpdateGroup(input) {
      await store.transact((tx) => {
        const before = groupOf(tx, input.GroupName);
        const name = input.NewGroupName === undefined ? before.name : checkGroupName(input.NewGroupName);
        const path = input.NewPath === undefined ? before.path : checkPath(input.NewPath);
        if (name.toLowerCase() !== before.name.toLowerCase() && isTaken(tx, groups, name))
          throw entityAlreadyExists(`Group with name ${name}`);
        for (const [, user] of tx.find(users, "group", before.name))
          putGroups(tx, user, [...user.groups.filter((g) => g !== before.name), name]);
        tx.delete(groups, before.name);
        tx.put(groups, name, { ...before, name, path, arn: arnOf(path, name) });
      });
      return {};
    },

    async DeleteGroup(input) {
      await store.transact((tx) => {
        const group = groupOf(tx, input.GroupName);
        if (tx.find(users, "group", group.name).length > 0) throw deleteConflict("remove users from group");
        if (group.attachedPolicies.length > 0) throw deleteConflict("detach all policies");
        if (Object.keys(group.inlinePolicies).length > 0) throw deleteConflict("delete policies");
        tx.delete(groups, group.name);
      });
      return {};
    },

    /** Adding who is in it changes nothing. */
    async AddUserToGroup(input) {
      await store.transact((tx) => {
        const group = groupOf(tx, input.GroupName);
        const user = userOf(tx, input.UserName);
        if (user.groups.includes(group.name)) return;
        if (user.groups.length >= MOST_OF_USER)
          throw limitExceeded(`Cannot exceed quota for GroupsPerUser: ${MOST_OF_USER}`);
        putGroups(tx, user, [...user.groups, group.name]);
      });
      return {};
    },

    async RemoveUserFromGroup(input) {
      await store.transact((tx) => {
        const group = groupOf(tx, input.GroupName);
        const user = userOf(tx, input.UserName);
        putGroups(
          tx,
          user,
          user.groups.filter((name) => name !== group.name),
        );
      });
      return {};
    },

    ListGroupsForUser(input, context) {
      const rows = userOf(store, input.UserName).groups.map((name) => groupOf(store, name));
      const { items, rest } = page(rows, (row) => row.name, context, input);
      return { Groups: items.map(showGroup), ...rest };
    },
  } satisfies IamOperations;
}

const putGroups = (tx: Transaction, user: UserRow, names: readonly string[]) =>
  tx.put(users, user.name, { ...user, groups: names });
