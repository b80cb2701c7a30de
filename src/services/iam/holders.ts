// What policies hang on: users, groups and roles, alike in how they are found, changed and limited (IAM User Guide, "IAM and AWS STS
// quotas").
import { isServiceLinked } from "#domain/iam/service-linked-role.ts";
import type { GroupRow, PolicyHolder, RoleRow, UserRow } from "#domain/iam/records.ts";
import type { Reader, Table, Transaction } from "#store/store.ts";
import { groups, roles, users } from "#store/tables/iam.ts";
import { unmodifiable } from "./errors.ts";
import { groupOf, roleOf, userOf } from "./lookup.ts";

export interface HolderKind<R extends PolicyHolder & { readonly name: string }> {
  readonly word: "user" | "group" | "role";
  /** IAM's name of the limit on attached policies. */
  readonly quota: string;
  /** Characters of its inline policies together, white space not counted. */
  readonly longestInline: number;
  readonly table: Table<R>;
  /** @throws NoSuchEntity, ValidationError */
  readonly of: (reader: Reader, name: string | undefined) => R;
  /** @throws UnmodifiableEntity */
  readonly checkModifiable: (row: R) => void;
}

const modifiable = () => undefined;

export const userKind: HolderKind<UserRow> = {
  word: "user",
  quota: "PoliciesPerUser",
  longestInline: 2048,
  table: users,
  of: userOf,
  checkModifiable: modifiable,
};
export const groupKind: HolderKind<GroupRow> = {
  word: "group",
  quota: "PoliciesPerGroup",
  longestInline: 5120,
  table: groups,
  of: groupOf,
  checkModifiable: modifiable,
};
export const roleKind: HolderKind<RoleRow> = {
  word: "role",
  quota: "PoliciesPerRole",
  longestInline: 10_240,
  table: roles,
  of: roleOf,
  checkModifiable(role) {
    if (isServiceLinked(role)) throw unmodifiable(role.name);
  },
};

/** @throws NoSuchEntity, ValidationError, UnmodifiableEntity, and what `to` throws */
export function change<R extends PolicyHolder & { readonly name: string }>(
  tx: Transaction,
  kind: HolderKind<R>,
  name: string | undefined,
  to: (row: R) => R,
): R {
  const before = kind.of(tx, name);
  kind.checkModifiable(before);
  const after = to(before);
  tx.put(kind.table, after.name, after);
  return after;
}
