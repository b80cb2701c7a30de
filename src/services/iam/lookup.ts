// Roles and instance profiles by name, and how the API shows them. Names are unique in an account whatever their case.
import type { InstanceProfile, Role } from "@aws-sdk/client-iam";
import type { AwsPolicy } from "#domain/iam/managed-policies/aws-policy.ts";
import { managedPolicies as awsPolicies } from "#domain/iam/managed-policies/catalogue.ts";
import type { ManagedPolicyRow } from "#domain/iam/managed-policy.ts";
import type { InstanceProfileRow, RoleRow } from "#domain/iam/records.ts";
import type { Reader, Row, Table } from "#store/store.ts";
import { instanceProfiles, managedPolicies, roles } from "#store/tables/iam.ts";
import { checkPolicyArn, checkProfileName, checkRoleName, showTags } from "./constraints.ts";
import { noSuchEntity, noSuchInstanceProfile, noSuchRole } from "./errors.ts";

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
