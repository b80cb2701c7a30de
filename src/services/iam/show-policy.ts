// How the API shows managed policies and their versions, and on how much they hang.
import type { ManagedPolicyDetail, Policy, PolicyVersion } from "@aws-sdk/client-iam";
import type { AwsPolicy } from "#domain/iam/managed-policies/aws-policy.ts";
import type { PolicyVersion as StoredVersion } from "#domain/iam/managed-policy.ts";
import type { Reader } from "#store/store.ts";
import { groups, roles, users } from "#store/tables/iam.ts";
import { showTags } from "./constraints.ts";
import { encodeDocument, type StoredPolicy } from "./lookup.ts";

/** On how many users, groups and roles it hangs. */
export const attachments = (reader: Reader, arn: string): number =>
  reader.find(users, "policy", arn).length +
  reader.find(groups, "policy", arn).length +
  reader.find(roles, "policy", arn).length;

/** Of how many users and roles it is the boundary. */
export const boundaries = (reader: Reader, arn: string): number =>
  reader.find(users, "boundary", arn).length + reader.find(roles, "boundary", arn).length;

/** Lists leave description and tags out, as on IAM. */
export function showPolicy(reader: Reader, policy: StoredPolicy, withTags = true): Policy {
  const { arn, name, path, description } = policy;
  return {
    PolicyName: name,
    PolicyId: "id" in policy ? policy.id : idOf(policy),
    Arn: arn,
    Path: path,
    DefaultVersionId: defaultIdOf(policy),
    AttachmentCount: attachments(reader, arn),
    PermissionsBoundaryUsageCount: boundaries(reader, arn),
    IsAttachable: true,
    CreateDate: new Date(policy.createdAt),
    UpdateDate: new Date(policy.updatedAt),
    ...(withTags && description !== undefined ? { Description: description } : {}),
    ...(withTags && "tags" in policy ? { Tags: showTags(policy.tags) } : {}),
  };
}

/** With all its versions and their documents. */
export function showPolicyDetail(reader: Reader, policy: StoredPolicy): ManagedPolicyDetail {
  const { Tags: _tags, ...shown } = showPolicy(reader, policy);
  return {
    ...shown,
    PolicyVersionList: versionsOf(policy).map((version) => showVersion(policy, version, true)),
  };
}

export const versionsOf = (policy: StoredPolicy): readonly StoredVersion[] =>
  "versions" in policy
    ? policy.versions
    : [{ id: policy.versionId, document: policy.document, createdAt: policy.updatedAt }];

export const showVersion = (
  policy: StoredPolicy,
  version: StoredVersion,
  withDocument: boolean,
): PolicyVersion => ({
  VersionId: version.id,
  IsDefaultVersion: version.id === defaultIdOf(policy),
  CreateDate: new Date(version.createdAt),
  ...(withDocument ? { Document: encodeDocument(version.document) } : {}),
});

const defaultIdOf = (policy: StoredPolicy): string =>
  "versionId" in policy ? policy.versionId : policy.defaultVersionId;

/** AWS's policies have ids of their own; here they are made of the name. */
const idOf = ({ name }: AwsPolicy): string =>
  `ANPA${name
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, "")
    .padEnd(17, "X")
    .slice(-17)}`;
