// Managed policies: the account's own with their versions, AWS's as they are known here, and what they are attached to.
import { formatArn } from "#lib/arn.ts";
import { managedPolicies as awsPolicies } from "#domain/iam/managed-policies/catalogue.ts";
import {
  type ManagedPolicyRow,
  MOST_VERSIONS,
  newManagedPolicy,
  withDefaultVersion,
  withoutVersion,
  withVersion,
} from "#domain/iam/managed-policy.ts";
import type { GroupRow, RoleRow, UserRow } from "#domain/iam/records.ts";
import type { Reader } from "#store/store.ts";
import { groups, managedPolicies, roles, users } from "#store/tables/iam.ts";
import {
  checkDescription,
  checkPath,
  checkPolicyName,
  checkTagCount,
  readTags,
  showTags,
} from "../constraints.ts";
import type { IamDependencies, IamOperations } from "../dependencies.ts";
import { conflict, entityAlreadyExists, limitExceeded, noSuchEntity, validationError } from "../errors.ts";
import { isTaken, policyOf, type StoredPolicy } from "../lookup.ts";
import { page } from "../paging.ts";
import { checkManagedPolicy } from "../policy-document.ts";
import { attachments, boundaries, showPolicy, showVersion, versionsOf } from "../show-policy.ts";

/** IAM quotas, "Customer managed policies in an AWS account". */
const MOST_POLICIES = 1500;

export function policyOperations({ store, clock, random, account }: IamDependencies) {
  return {
    async CreatePolicy(input) {
      const name = checkPolicyName(input.PolicyName);
      const path = checkPath(input.Path);
      const made = newManagedPolicy(
        {
          name,
          path,
          arn: formatArn({ service: "iam", region: "", account, resource: `policy${path}${name}` }),
          document: checkManagedPolicy(input.PolicyDocument ?? ""),
          tags: readTags(input.Tags),
          ...(input.Description === undefined ? {} : { description: checkDescription(input.Description) }),
        },
        random,
        clock.now(),
      );
      await store.transact((tx) => {
        if (isTaken(tx, managedPolicies, name)) throw entityAlreadyExists(`A policy called ${name}`);
        if ([...tx.scan(managedPolicies)].length >= MOST_POLICIES)
          throw limitExceeded(`Cannot exceed quota for PoliciesPerAccount: ${MOST_POLICIES}`);
        tx.put(managedPolicies, name, made);
      });
      return { Policy: showPolicy(store, made) };
    },

    GetPolicy: (input) => ({ Policy: showPolicy(store, policyOf(store, input.PolicyArn)) }),

    ListPolicies(input, context) {
      const own = input.Scope === "AWS" ? [] : Array.from(store.scan(managedPolicies), ([, row]) => row);
      const ofAws = input.Scope === "Local" ? [] : [...awsPolicies.values()];
      const rows = [...own, ...ofAws].filter(
        (row) =>
          row.path.startsWith(input.PathPrefix ?? "/") &&
          (input.OnlyAttached !== true ||
            attachments(store, row.arn) > 0 ||
            boundaries(store, row.arn) > 0) &&
          (input.PolicyUsageFilter !== "PermissionsBoundary" || boundaries(store, row.arn) > 0) &&
          (input.PolicyUsageFilter !== "PermissionsPolicy" || attachments(store, row.arn) > 0),
      );
      const { items, rest } = page(rows, (row) => row.arn, context, input);
      return { Policies: items.map((row) => showPolicy(store, row, false)), ...rest };
    },

    /** As IAM: it is attached to nothing any more, and has one version left. */
    async DeletePolicy(input) {
      await store.transact((tx) => {
        const policy = ownPolicyOf(tx, input.PolicyArn);
        if (attachments(tx, policy.arn) + boundaries(tx, policy.arn) > 0)
          throw conflict("Cannot delete a policy attached to entities.");
        if (policy.versions.length > 1)
          throw conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
          );
        tx.delete(managedPolicies, policy.name);
      });
      return {};
    },

    async CreatePolicyVersion(input) {
      const document = checkManagedPolicy(input.PolicyDocument ?? "");
      const asDefault = input.SetAsDefault === true;
      const policy = await change(input.PolicyArn, (row) => {
        if (row.versions.length >= MOST_VERSIONS) {
          throw limitExceeded(
            `A managed policy can have up to ${MOST_VERSIONS} versions. Before you create a new version, you must delete an existing version.`,
          );
        }
        return withVersion(row, { document, asDefault }, clock.now());
      });
      const made = policy.versions.at(-1);
      return { PolicyVersion: made === undefined ? undefined : showVersion(policy, made, false) };
    },

    GetPolicyVersion(input) {
      const policy = policyOf(store, input.PolicyArn);
      return { PolicyVersion: showVersion(policy, versionOf(policy, input.VersionId), true) };
    },

    ListPolicyVersions(input, context) {
      const policy = policyOf(store, input.PolicyArn);
      const newestFirst = [...versionsOf(policy)].reverse();
      const order = (id: string) => String(100_000 - Number(id.slice(1))).padStart(6, "0");
      const { items, rest } = page(newestFirst, ({ id }) => order(id), context, input);
      return { Versions: items.map((version) => showVersion(policy, version, false)), ...rest };
    },

    async SetDefaultPolicyVersion(input) {
      await change(input.PolicyArn, (row) =>
        withDefaultVersion(row, versionOf(row, input.VersionId).id, clock.now()),
      );
      return {};
    },

    async DeletePolicyVersion(input) {
      await change(input.PolicyArn, (row) => {
        const { id } = versionOf(row, input.VersionId);
        if (id === row.defaultVersionId) throw conflict("Cannot delete the default version of a policy.");
        return withoutVersion(row, id, clock.now());
      });
      return {};
    },

    ListEntitiesForPolicy(input, context) {
      const { arn } = policyOf(store, input.PolicyArn);
      const { EntityFilter: filter, PolicyUsageFilter: usage, PathPrefix: prefix = "/" } = input;
      if (filter === "LocalManagedPolicy" || filter === "AWSManagedPolicy")
        throw validationError(`The value ${filter} at 'entityFilter' is not valid.`);
      const index = usage === "PermissionsBoundary" ? "boundary" : "policy";
      const found = [
        ...(filter === undefined || filter === "User" ? entities("User", store.find(users, index, arn)) : []),
        ...((filter === undefined || filter === "Group") && index === "policy"
          ? entities("Group", store.find(groups, "policy", arn))
          : []),
        ...(filter === undefined || filter === "Role" ? entities("Role", store.find(roles, index, arn)) : []),
      ].filter(({ row }) => row.path.startsWith(prefix));
      const { items, rest } = page(found, ({ kind, row }) => `${kind}/${row.name}`, context, input);
      const of = (kind: string) => items.flatMap((item) => (item.kind === kind ? [item.row] : []));
      return {
        PolicyRoles: of("Role").map((row) => ({ RoleName: row.name, RoleId: row.id })),
        PolicyUsers: of("User").map((row) => ({ UserName: row.name, UserId: row.id })),
        PolicyGroups: of("Group").map((row) => ({ GroupName: row.name, GroupId: row.id })),
        ...rest,
      };
    },

    async TagPolicy(input) {
      const given = readTags(input.Tags);
      await change(input.PolicyArn, (row) => ({ ...row, tags: checkTagCount({ ...row.tags, ...given }) }));
      return {};
    },

    async UntagPolicy(input) {
      await change(input.PolicyArn, (row) => ({
        ...row,
        tags: Object.fromEntries(Object.entries(row.tags).filter(([key]) => !input.TagKeys?.includes(key))),
      }));
      return {};
    },

    ListPolicyTags(input, context) {
      const policy = policyOf(store, input.PolicyArn);
      const tags = showTags("tags" in policy ? policy.tags : {});
      const { items, rest } = page(tags, (tag) => tag.Key, context, input);
      return { Tags: [...items], ...rest };
    },
  } satisfies IamOperations;

  function change(arn: string | undefined, to: (row: ManagedPolicyRow) => ManagedPolicyRow) {
    return store.transact((tx) => {
      const after = to(ownPolicyOf(tx, arn));
      tx.put(managedPolicies, after.name, after);
      return after;
    });
  }
}

const entities = (
  kind: "User" | "Group" | "Role",
  found: readonly (readonly [string, UserRow | GroupRow | RoleRow])[],
) => found.map(([, row]) => ({ kind, row }));

function versionOf(policy: StoredPolicy, id: string | undefined) {
  if (!/^v[1-9]\d*$/.test(id ?? ""))
    throw validationError(`The value '${id ?? ""}' at 'versionId' is not valid.`);
  const found = versionsOf(policy).find((version) => version.id === id);
  if (found === undefined)
    throw noSuchEntity(`Policy ${policy.arn} version ${id} does not exist or is not attachable.`);
  return found;
}

/** @throws ValidationError for AWS's, which only AWS changes */
function ownPolicyOf(reader: Reader, given: string | undefined): ManagedPolicyRow {
  const found = policyOf(reader, given);
  if ("versionId" in found)
    throw validationError(`Policy ${found.arn} is managed by AWS and cannot be changed.`);
  return found;
}
