// Which permission each operation of IAM needs: almost all on the user, the group, the role, the profile or the policy that they name.
import type { IAM } from "@aws-sdk/client-iam";
import { formatArn } from "#lib/arn.ts";
import { linkedServices, serviceLinkedRoleArn } from "#domain/iam/service-linked-role.ts";
import type { CallScope, Permission, PermissionTable } from "#gateway/service-definition.ts";
import type { Tags } from "#domain/tags.ts";
import type { Reader } from "#store/store.ts";
import { accessKeys, groups, instanceProfiles, managedPolicies, roles, users } from "#store/tables/iam.ts";

type Context = NonNullable<Permission["context"]>;

interface Named {
  readonly UserName?: string | undefined;
  readonly GroupName?: string | undefined;
  readonly RoleName?: string | undefined;
  readonly InstanceProfileName?: string | undefined;
  readonly Path?: string | undefined;
  readonly PolicyArn?: string | undefined;
  readonly PermissionsBoundary?: string | undefined;
  readonly Tags?:
    readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] | undefined;
  readonly TagKeys?: readonly string[] | undefined;
}

export function iamPermissions(reader: Reader) {
  const resource = (
    kind: string,
    { account }: CallScope,
    path: string | undefined,
    name: string | undefined,
  ) => formatArn({ service: "iam", region: "", account, resource: `${kind}${path ?? "/"}${name ?? ""}` });

  const role = (input: Named, scope: CallScope): Permission[] => {
    const row = reader.get(roles, input.RoleName ?? "");
    return [
      {
        resource: row?.arn ?? resource("role", scope, input.Path, input.RoleName),
        context: holderContext(input, row),
      },
    ];
  };
  /** Without a name: the caller. */
  const user = (input: Named, scope: CallScope): Permission[] => {
    const { principal } = scope;
    const name = input.UserName ?? (principal?.type === "user" ? principal.userName : undefined);
    const row = reader.get(users, name ?? "");
    return [
      {
        resource: row?.arn ?? resource("user", scope, input.Path, name),
        context: holderContext(input, row),
      },
    ];
  };
  const group = (input: Named, scope: CallScope): Permission[] => [
    {
      resource:
        reader.get(groups, input.GroupName ?? "")?.arn ??
        resource("group", scope, input.Path, input.GroupName),
      context: { "iam:PolicyARN": input.PolicyArn },
    },
  ];
  const profile = (input: Named, scope: CallScope): Permission[] => {
    const row = reader.get(instanceProfiles, input.InstanceProfileName ?? "");
    return [
      {
        resource: row?.arn ?? resource("instance-profile", scope, input.Path, input.InstanceProfileName),
        context: { ...resourceTags(row?.tags), ...requestTags(input) },
      },
    ];
  };
  const policy = (input: Named): Permission[] => {
    const row = reader.find(managedPolicies, "arn", input.PolicyArn ?? "")[0]?.[1];
    const context = { ...resourceTags(row?.tags), ...requestTags(input) };
    return [{ resource: input.PolicyArn ?? "*", context }];
  };
  /** Lists of a whole account are judged on its path, `role/`, `policy/`: only `*` and such match. */
  const anything = (): Permission[] => [{ resource: "*" }];

  const linked = (service: string | undefined, { account }: CallScope): Permission[] => [
    {
      resource: linkedServices.has(service ?? "")
        ? serviceLinkedRoleArn(service ?? "", account)
        : formatArn({ service: "iam", region: "", account, resource: `role/aws-service-role/${service}/*` }),
      context: { "iam:AWSServiceName": service },
    },
  ];
  const source = (input: { PolicySourceArn: string | undefined }): Permission[] => [
    { resource: input.PolicySourceArn ?? "*" },
  ];

  return {
    CreateServiceLinkedRole: (input, scope) => linked(input.AWSServiceName, scope),
    DeleteServiceLinkedRole: role,
    GetServiceLinkedRoleDeletionStatus: (input, scope) =>
      role({ RoleName: input.DeletionTaskId?.split("/").at(-2) }, scope),
    GetAccountSummary: anything,
    GetAccountAuthorizationDetails: anything,
    SimulatePrincipalPolicy: source,
    GetContextKeysForPrincipalPolicy: source,
    SimulateCustomPolicy: anything,
    GetContextKeysForCustomPolicy: anything,
    CreateUser: user,
    GetUser: user,
    ListUsers: anything,
    UpdateUser: (input, scope) => [
      ...user(input, scope),
      ...(input.NewUserName === undefined && input.NewPath === undefined
        ? []
        : // The new name is one that the caller must be allowed to give.
          user({ UserName: input.NewUserName ?? input.UserName, Path: input.NewPath }, scope)),
    ],
    DeleteUser: user,
    TagUser: user,
    UntagUser: user,
    ListUserTags: user,
    AttachUserPolicy: user,
    DetachUserPolicy: user,
    ListAttachedUserPolicies: user,
    PutUserPolicy: user,
    GetUserPolicy: user,
    DeleteUserPolicy: user,
    ListUserPolicies: user,
    PutUserPermissionsBoundary: user,
    DeleteUserPermissionsBoundary: user,
    CreateAccessKey: user,
    ListAccessKeys: user,
    UpdateAccessKey: user,
    DeleteAccessKey: user,
    GetAccessKeyLastUsed: (input, scope) => {
      const name = reader.get(accessKeys, input.AccessKeyId ?? "")?.userName;
      return user({ UserName: name ?? "*" }, scope);
    },
    CreateGroup: group,
    GetGroup: group,
    ListGroups: anything,
    UpdateGroup: group,
    DeleteGroup: group,
    AddUserToGroup: group,
    RemoveUserFromGroup: group,
    ListGroupsForUser: user,
    AttachGroupPolicy: group,
    DetachGroupPolicy: group,
    ListAttachedGroupPolicies: group,
    PutGroupPolicy: group,
    GetGroupPolicy: group,
    DeleteGroupPolicy: group,
    ListGroupPolicies: group,
    PutRolePermissionsBoundary: role,
    DeleteRolePermissionsBoundary: role,
    CreateRole: role,
    GetRole: role,
    ListRoles: anything,
    DeleteRole: role,
    UpdateRole: role,
    UpdateRoleDescription: role,
    UpdateAssumeRolePolicy: role,
    AttachRolePolicy: role,
    DetachRolePolicy: role,
    ListAttachedRolePolicies: role,
    PutRolePolicy: role,
    GetRolePolicy: role,
    DeleteRolePolicy: role,
    ListRolePolicies: role,
    TagRole: role,
    UntagRole: role,
    ListRoleTags: role,
    CreateInstanceProfile: profile,
    GetInstanceProfile: profile,
    ListInstanceProfiles: anything,
    ListInstanceProfilesForRole: role,
    DeleteInstanceProfile: profile,
    // Whoever puts a role into a profile hands it to every instance that is launched with it.
    AddRoleToInstanceProfile: (input, scope) => [
      ...profile(input, scope),
      ...role(input, scope).map(({ resource: passed }) => ({
        action: "iam:PassRole",
        resource: passed,
        context: { "iam:PassedToService": "ec2.amazonaws.com" },
      })),
    ],
    RemoveRoleFromInstanceProfile: profile,
    TagInstanceProfile: profile,
    UntagInstanceProfile: profile,
    ListInstanceProfileTags: profile,
    CreatePolicy: (input, scope) => [
      {
        resource: resource("policy", scope, input.Path, input.PolicyName),
        context: requestTags(input),
      },
    ],
    GetPolicy: policy,
    ListPolicies: anything,
    DeletePolicy: policy,
    CreatePolicyVersion: policy,
    GetPolicyVersion: policy,
    ListPolicyVersions: policy,
    SetDefaultPolicyVersion: policy,
    DeletePolicyVersion: policy,
    ListEntitiesForPolicy: policy,
    TagPolicy: policy,
    UntagPolicy: policy,
    ListPolicyTags: policy,
  } satisfies Partial<PermissionTable<IAM>>;
}

/** Boundaries are told as they are asked for, else as they are: "only users with this boundary" holds for both. */
const holderContext = (
  input: Named,
  row: { readonly tags: Tags; readonly permissionsBoundary?: string } | undefined,
): Context => ({
  ...resourceTags(row?.tags),
  ...requestTags(input),
  "iam:PolicyARN": input.PolicyArn,
  "iam:PermissionsBoundary": input.PermissionsBoundary ?? row?.permissionsBoundary,
});

const resourceTags = (tags: Tags = {}): Context =>
  Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) => [
      [`aws:ResourceTag/${key}`, value],
      [`iam:ResourceTag/${key}`, value],
    ]),
  );

function requestTags({ Tags: tags, TagKeys: keys }: Pick<Named, "Tags" | "TagKeys">): Context {
  const given = (tags ?? []).map(({ Key: key = "", Value: value = "" }) => [key, value] as const);
  return {
    ...Object.fromEntries(given.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    "aws:TagKeys": tags === undefined ? keys : given.map(([key]) => key),
  };
}
