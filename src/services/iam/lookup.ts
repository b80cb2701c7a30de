// Users, groups, roles and instance profiles by name, and how the API shows them. Names are unique in an account whatever their case.
import type { Group, InstanceProfile, Role, User } from "@aws-sdk/client-iam";
import type { AwsPolicy } from "#domain/iam/managed-policies/aws-policy.ts";
import { managedPolicies as awsPolicies } from "#domain/iam/managed-policies/catalogue.ts";
import type { ManagedPolicyRow } from "#domain/iam/managed-policy.ts";
import type { GroupRow, InstanceProfileRow, RoleRow, UserRow } from "#domain/iam/records.ts";
import { showPrincipals } from "#gateway/pinned-principals.ts";
import type { Reader, Row, Table } from "#store/store.ts";
import { groups, instanceProfiles, managedPolicies, roles, users } from "#store/tables/iam.ts";
import {
  checkGroupName,
  checkPolicyArn,
  checkProfileName,
  checkRoleName,
  checkUserName,
  showTags,
} from "./constraints.ts";
import { noSuchEntity, noSuchInstanceProfile, notFoundByName } from "./errors.ts";

/** @throws NoSuchEntity, ValidationError */
export function roleOf(reader: Reader, name: string | undefined): RoleRow {
  const row = reader.get(roles, checkRoleName(name));
  if (row === undefined) throw notFoundByName("role", name ?? "");
  return row;
}

/** @throws NoSuchEntity, ValidationError */
export function userOf(reader: Reader, name: string | undefined): UserRow {
  const row = reader.get(users, checkUserName(name));
  if (row === undefined) throw notFoundByName("user", name ?? "");
  return row;
}

/** @throws NoSuchEntity, ValidationError */
export function groupOf(reader: Reader, name: string | undefined): GroupRow {
  const row = reader.get(groups, checkGroupName(name));
  if (row === undefined) throw notFoundByName("group", name ?? "");
  return row;
}

/** Of a table those whose path begins so. */
export const rowsUnder = <R extends Row & { readonly path: string }>(
  reader: Reader,
  table: Table<R>,
  prefix = "/",
): R[] => Array.from(reader.scan(table), ([, row]) => row).filter((row) => row.path.startsWith(prefix));

/** @throws NoSuchEntity, ValidationError */
export function instanceProfileOf(reader: Reader, name: string | undefined): InstanceProfileRow {
  const row = reader.get(instanceProfiles, checkProfileName(name));
  if (row === undefined) throw noSuchInstanceProfile(name ?? "");
  return row;
}

/** The account's own, or one of AWS's that are known here. */
export type StoredPolicy = ManagedPolicyRow | AwsPolicy;

export const findPolicy = (reader: Reader, arn: string): StoredPolicy | undefined =>
  awsPolicies.get(arn) ?? reader.find(managedPolicies, "arn", arn)[0]?.[1];

/** @throws NoSuchEntity, ValidationError */
export function policyOf(reader: Reader, given: string | undefined): StoredPolicy {
  const arn = checkPolicyArn(given);
  const found = findPolicy(reader, arn);
  if (found === undefined) throw noSuchEntity(`Policy ${arn} was not found.`);
  return found;
}

/** Whether a name is taken, in whatever case: IAM's names are told apart by more than case. */
export function isTaken<R extends Row>(reader: Reader, table: Table<R>, name: string): boolean {
  const lower = name.toLowerCase();
  for (const [key] of reader.scan(table)) if (key.toLowerCase() === lower) return true;
  return false;
}

/** As IAM answers policy documents: URL-encoded after RFC 3986. */
export const encodeDocument = (document: string): string =>
  encodeURIComponent(document).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

export const showBoundary = ({ permissionsBoundary: arn }: Pick<RoleRow, "permissionsBoundary">) =>
  arn === undefined
    ? {}
    : {
        PermissionsBoundary: {
          PermissionsBoundaryType: "PermissionsBoundaryPolicy",
          PermissionsBoundaryArn: arn,
        } as const,
      };

/** Lists leave tags out, as on IAM. */
export const showRole = (reader: Reader, row: RoleRow, withTags = true): Role => ({
  Path: row.path,
  RoleName: row.name,
  RoleId: row.id,
  Arn: row.arn,
  CreateDate: new Date(row.createdAt),
  AssumeRolePolicyDocument: encodeDocument(showPrincipals(reader, row.assumeRolePolicyDocument)),
  ...(row.description === undefined ? {} : { Description: row.description }),
  MaxSessionDuration: row.maxSessionDuration,
  ...showBoundary(row),
  ...(withTags && Object.keys(row.tags).length > 0 ? { Tags: showTags(row.tags) } : {}),
});

/** Without PasswordLastUsed: nobody signs in to a console here. */
export const showUser = (row: UserRow, withTags = true): User => ({
  Path: row.path,
  UserName: row.name,
  UserId: row.id,
  Arn: row.arn,
  CreateDate: new Date(row.createdAt),
  ...showBoundary(row),
  ...(withTags && Object.keys(row.tags).length > 0 ? { Tags: showTags(row.tags) } : {}),
});

export const showGroup = (row: GroupRow): Group => ({
  Path: row.path,
  GroupName: row.name,
  GroupId: row.id,
  Arn: row.arn,
  CreateDate: new Date(row.createdAt),
});

export const showInstanceProfile = (
  reader: Reader,
  row: InstanceProfileRow,
  withTags = true,
): InstanceProfile => ({
  Path: row.path,
  InstanceProfileName: row.name,
  InstanceProfileId: row.id,
  Arn: row.arn,
  CreateDate: new Date(row.createdAt),
  Roles: row.roleNames.flatMap((name) => {
    const role = reader.get(roles, name);
    return role === undefined ? [] : [showRole(reader, role, false)];
  }),
  ...(withTags && Object.keys(row.tags).length > 0 ? { Tags: showTags(row.tags) } : {}),
});
