// Policies of users, groups and roles: managed ones attached by ARN, inline ones kept with their holder. One way for the three, under
// the names that the API has for each.
import type {
  ListAttachedUserPoliciesRequest,
  ListAttachedUserPoliciesResponse,
  ListUserPoliciesResponse,
} from "@aws-sdk/client-iam";
import { parseArn } from "#lib/arn.ts";
import type { PolicyHolder } from "#domain/iam/records.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import { checkPolicyArn, checkPolicyName } from "../constraints.ts";
import type { IamDependencies, IamOperations } from "../dependencies.ts";
import { limitExceeded, noSuchEntity } from "../errors.ts";
import { change, groupKind, type HolderKind, roleKind, userKind } from "../holders.ts";
import { encodeDocument, findPolicy } from "../lookup.ts";
import { page } from "../paging.ts";
import { checkPermissionsPolicy } from "../policy-document.ts";

/** IAM quotas: managed policies attached to a user, a group, a role. */
const MOST_ATTACHED = 10;

export function holderPolicyOperations({ store }: IamDependencies) {
  const user = policiesOf(userKind);
  const group = policiesOf(groupKind);
  const role = policiesOf(roleKind);
  return {
    AttachUserPolicy: (input) => user.attach(input.UserName, input.PolicyArn),
    AttachGroupPolicy: (input) => group.attach(input.GroupName, input.PolicyArn),
    AttachRolePolicy: (input) => role.attach(input.RoleName, input.PolicyArn),
    DetachUserPolicy: (input) => user.detach(input.UserName, input.PolicyArn),
    DetachGroupPolicy: (input) => group.detach(input.GroupName, input.PolicyArn),
    DetachRolePolicy: (input) => role.detach(input.RoleName, input.PolicyArn),
    ListAttachedUserPolicies: (input, context) => user.listAttached(input.UserName, input, context),
    ListAttachedGroupPolicies: (input, context) => group.listAttached(input.GroupName, input, context),
    ListAttachedRolePolicies: (input, context) => role.listAttached(input.RoleName, input, context),
    PutUserPolicy: (input) => user.put(input.UserName, input),
    PutGroupPolicy: (input) => group.put(input.GroupName, input),
    PutRolePolicy: (input) => role.put(input.RoleName, input),
    GetUserPolicy: ({ UserName, PolicyName }) => ({ UserName, ...user.get(UserName, PolicyName) }),
    GetGroupPolicy: ({ GroupName, PolicyName }) => ({ GroupName, ...group.get(GroupName, PolicyName) }),
    GetRolePolicy: ({ RoleName, PolicyName }) => ({ RoleName, ...role.get(RoleName, PolicyName) }),
    DeleteUserPolicy: (input) => user.remove(input.UserName, input.PolicyName),
    DeleteGroupPolicy: (input) => group.remove(input.GroupName, input.PolicyName),
    DeleteRolePolicy: (input) => role.remove(input.RoleName, input.PolicyName),
    ListUserPolicies: (input, context) => user.list(input.UserName, input, context),
    ListGroupPolicies: (input, context) => group.list(input.GroupName, input, context),
    ListRolePolicies: (input, context) => role.list(input.RoleName, input, context),
  } satisfies IamOperations;

  function policiesOf<R extends PolicyHolder & { readonly name: string }>(kind: HolderKind<R>) {
    const noSuchPolicy = (name: string) =>
      noSuchEntity(`The ${kind.word} policy with name ${name} cannot be found.`);
    const update = async (name: string | undefined, to: (row: R) => R) => {
      await store.transact((tx) => change(tx, kind, name, to));
      return {};
    };
    return {
      /** Attaching what is attached changes nothing. */
      attach(name: string | undefined, given: string | undefined) {
        const arn = checkPolicyArn(given);
        return update(name, (row) => {
          if (row.attachedPolicies.includes(arn)) return row;
          if (findPolicy(store, arn) === undefined)
            throw noSuchEntity(`Policy ${arn} does not exist or is not attachable.`);
          if (row.attachedPolicies.length >= MOST_ATTACHED)
            throw limitExceeded(`Cannot exceed quota for ${kind.quota}: ${MOST_ATTACHED}`);
          return { ...row, attachedPolicies: [...row.attachedPolicies, arn] };
        });
      },

      detach(name: string | undefined, given: string | undefined) {
        const arn = checkPolicyArn(given);
        return update(name, (row) => {
          if (!row.attachedPolicies.includes(arn)) throw noSuchEntity(`Policy ${arn} was not found.`);
          return { ...row, attachedPolicies: row.attachedPolicies.filter((a) => a !== arn) };
        });
      },

      listAttached(
        name: string | undefined,
        input: Omit<ListAttachedUserPoliciesRequest, "UserName">,
        context: RequestContext,
      ): ListAttachedUserPoliciesResponse {
        const rows = kind
          .of(store, name)
          .attachedPolicies.map(readPolicyArn)
          .filter((p) => p.path.startsWith(input.PathPrefix ?? "/"));
        const { items, rest } = page(rows, (p) => p.arn, context, input);
        return { AttachedPolicies: items.map(showAttached), ...rest };
      },

      put(
        name: string | undefined,
        input: { PolicyName: string | undefined; PolicyDocument: string | undefined },
      ) {
        const policyName = checkPolicyName(input.PolicyName);
        const document = checkPermissionsPolicy(input.PolicyDocument ?? "");
        return update(name, (row) => {
          const inlinePolicies = { ...row.inlinePolicies, [policyName]: document };
          const size = Object.values(inlinePolicies).join("").replace(/\s/g, "").length;
          if (size > kind.longestInline) {
            throw limitExceeded(
              `Maximum policy size of ${kind.longestInline} bytes exceeded for ${kind.word} ${row.name}`,
            );
          }
          return { ...row, inlinePolicies };
        });
      },

      get(name: string | undefined, given: string | undefined) {
        const { inlinePolicies } = kind.of(store, name);
        const policyName = checkPolicyName(given);
        const document = Object.hasOwn(inlinePolicies, policyName) ? inlinePolicies[policyName] : undefined;
        if (document === undefined) throw noSuchPolicy(policyName);
        return { PolicyName: policyName, PolicyDocument: encodeDocument(document) };
      },

      remove(name: string | undefined, given: string | undefined) {
        const policyName = checkPolicyName(given);
        return update(name, (row) => {
          if (!Object.hasOwn(row.inlinePolicies, policyName)) throw noSuchPolicy(policyName);
          const { [policyName]: _deleted, ...inlinePolicies } = row.inlinePolicies;
          return { ...row, inlinePolicies };
        });
      },

      list(
        name: string | undefined,
        input: { readonly Marker?: string | undefined; readonly MaxItems?: number | undefined },
        context: RequestContext,
      ): ListUserPoliciesResponse {
        const names = Object.keys(kind.of(store, name).inlinePolicies);
        const { items, rest } = page(names, (each) => each, context, input);
        return { PolicyNames: [...items], ...rest };
      },
    };
  }
}

function readPolicyArn(arn: string) {
  const resource = parseArn(arn)?.resource.slice("policy".length) ?? "/";
  const end = resource.lastIndexOf("/") + 1;
  return { arn, path: resource.slice(0, end), name: resource.slice(end) };
}

const showAttached = ({ arn, name }: ReturnType<typeof readPolicyArn>) => ({
  PolicyName: name,
  PolicyArn: arn,
});

/** As lists and details show an attached policy. */
export const attachedPolicies = ({ attachedPolicies: arns }: PolicyHolder) =>
  arns.map((arn) => showAttached(readPolicyArn(arn)));
