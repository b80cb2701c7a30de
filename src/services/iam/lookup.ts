// Roles and instance profiles by name, and how the API shows them. Names are unique in an account whatever their case.
import type { InstanceProfile, Role } from "@aws-sdk/client-iam";
import type { InstanceProfileRow, RoleRow } from "#domain/iam/records.ts";
import type { Reader, Row, Table } from "#store/store.ts";
import { instanceProfiles, roles } from "#store/tables/iam.ts";
import { checkProfileName, checkRoleName, showTags } from "./constraints.ts";
import { noSuchInstanceProfile, noSuchRole } from "./errors.ts";

/** @throws NoSuchEntity, ValidationError */
export function roleOf(reader: Reader, name: string | undefined): RoleRow {
  const row = reader.get(roles, checkRoleName(name));
  if (row === undefined) throw noSuchRole(name ?? "");
  return row;
}

/** @throws NoSuchEntity, ValidationError */
export function instanceProfileOf(reader: Reader, name: string | undefined): InstanceProfileRow {
  const row = reader.get(instanceProfiles, checkProfileName(name));
  if (row === undefined) throw noSuchInstanceProfile(name ?? "");
  return row;
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

/** Lists leave tags out, as on IAM. */
export const showRole = (row: RoleRow, withTags = true): Role => ({
  Path: row.path,
  RoleName: row.name,
  RoleId: row.id,
  Arn: row.arn,
  CreateDate: new Date(row.createdAt),
  AssumeRolePolicyDocument: encodeDocument(row.assumeRolePolicyDocument),
  ...(row.description === undefined ? {} : { Description: row.description }),
  MaxSessionDuration: row.maxSessionDuration,
  ...(withTags && Object.keys(row.tags).length > 0 ? { Tags: showTags(row.tags) } : {}),
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
    return role === undefined ? [] : [showRole(role, false)];
  }),
  ...(withTags && Object.keys(row.tags).length > 0 ? { Tags: showTags(row.tags) } : {}),
});
