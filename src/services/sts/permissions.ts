// Which permissions STS's operations need. Assuming a role is judged by the role's trust policy, too.
import type { AssumeRoleRequest, STS } from "@aws-sdk/client-sts";
import type { Permission, PermissionTable, ResourcePolicy } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { roles } from "#store/tables/iam.ts";

export function stsPermissions() {
  const anything = (): Permission[] => [{ resource: "*" }];
  return {
    GetCallerIdentity: anything,
    GetSessionToken: anything,
    GetAccessKeyInfo: anything,
    DecodeAuthorizationMessage: anything,
    AssumeRole: (input) => assuming(input),
  } satisfies Partial<PermissionTable<STS>>;
}

/** Tags and a source identity need permissions of their own, by both policies. */
function assuming(input: AssumeRoleRequest): Permission[] {
  const resource = input.RoleArn ?? "*";
  const tags = (input.Tags ?? []).map(({ Key: key = "", Value: value = "" }) => [key, value] as const);
  const context = {
    "sts:ExternalId": input.ExternalId,
    "sts:RoleSessionName": input.RoleSessionName,
    "sts:SourceIdentity": input.SourceIdentity,
    "sts:TransitiveTagKeys": input.TransitiveTagKeys,
    "aws:TagKeys": tags.length === 0 ? undefined : tags.map(([key]) => key),
    ...Object.fromEntries(tags.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
  };
  return [
    { resource, context },
    ...(tags.length === 0 ? [] : [{ action: "sts:TagSession", resource, context }]),
    ...(input.SourceIdentity === undefined ? [] : [{ action: "sts:SetSourceIdentity", resource, context }]),
  ];
}

/** Trusts nobody: whoever asks for a role that is not there hears what they hear of one that does not trust them. */
const NOBODY = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "nobody.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

export const trustPolicyOf = (reader: Reader, arn: string): ResourcePolicy | undefined =>
  arn === "*"
    ? undefined
    : {
        document: reader.find(roles, "arn", arn)[0]?.[1].assumeRolePolicyDocument ?? NOBODY,
        rule: "trust",
      };
