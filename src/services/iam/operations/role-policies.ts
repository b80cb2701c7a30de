// Policies of roles: managed ones attached by ARN, inline ones kept with the role.
import { parseArn } from "#lib/arn.ts";
import { checkPolicyArn, checkPolicyName } from "../constraints.ts";
import type { IamDependencies, IamOperations } from "../dependencies.ts";
import { limitExceeded, noSuchEntity } from "../errors.ts";
import { encodeDocument, findPolicy, roleOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { checkPermissionsPolicy } from "../policy-document.ts";
import { changeRole } from "./roles.ts";

/** IAM quotas, "Managed policies attached to an IAM role". */
const MOST_ATTACHED = 10;
/** Characters of a role's inline policies together, white space not counted. */
const LONGEST_INLINE = 10_240;

export function rolePolicyOperations({ store }: IamDependencies) {
  return {
    /** Attaching what is attached changes nothing. */
    async AttachRolePolicy(input) {
      const arn = checkPolicyArn(input.PolicyArn);
      await store.transact((tx) =>
        changeRole(tx, input.RoleName, (row) => {
          if (row.attachedPolicies.includes(arn)) return row;
          if (findPolicy(tx, arn) === undefined)
            throw noSuchEntity(`Policy ${arn} does not exist or is not attachable.`);
          if (row.attachedPolicies.length >= MOST_ATTACHED)
            throw limitExceeded(`Cannot exceed quota for PoliciesPerRole: ${MOST_ATTACHED}`);
          return { ...row, attachedPolicies: [...row.attachedPolicies, arn] };
        }),
      );
      return {};
    },

    async DetachRolePolicy(input) {
      const arn = checkPolicyArn(input.PolicyArn);
      await store.transact((tx) =>
        changeRole(tx, input.RoleName, (row) => {
          if (!row.attachedPolicies.includes(arn)) throw noSuchEntity(`Policy ${arn} was not found.`);
          return { ...row, attachedPolicies: row.attachedPolicies.filter((a) => a !== arn) };
        }),
      );
      return {};
    },

    ListAttachedRolePolicies(input, context) {
      const policies = roleOf(store, input.RoleName).attachedPolicies.map((arn) => {
        const resource = parseArn(arn)?.resource.slice("policy".length) ?? "/";
        const end = resource.lastIndexOf("/") + 1;
        return { arn, path: resource.slice(0, end), name: resource.slice(end) };
      });
      const rows = policies.filter((p) => p.path.startsWith(input.PathPrefix ?? "/"));
      const { items, rest } = page(rows, (p) => p.arn, context, input);
      return {
        AttachedPolicies: items.map((p) => ({ PolicyName: p.name, PolicyArn: p.arn })),
        ...rest,
      };
    },

    async PutRolePolicy(input) {
      const name = checkPolicyName(input.PolicyName);
      const document = checkPermissionsPolicy(input.PolicyDocument ?? "");
      await store.transact((tx) =>
        changeRole(tx, input.RoleName, (row) => {
          const inlinePolicies = { ...row.inlinePolicies, [name]: document };
          const size = Object.values(inlinePolicies).join("").replace(/\s/g, "").length;
          if (size > LONGEST_INLINE) {
            throw limitExceeded(
              `Maximum policy size of ${LONGEST_INLINE} bytes exceeded for role ${row.name}`,
            );
          }
          return { ...row, inlinePolicies };
        }),
      );
      return {};
    },

    GetRolePolicy(input) {
      const role = roleOf(store, input.RoleName);
      const name = checkPolicyName(input.PolicyName);
      const document = Object.hasOwn(role.inlinePolicies, name) ? role.inlinePolicies[name] : undefined;
      if (document === undefined) throw noSuchPolicy(name);
      return { RoleName: role.name, PolicyName: name, PolicyDocument: encodeDocument(document) };
    },

    async DeleteRolePolicy(input) {
      const name = checkPolicyName(input.PolicyName);
      await store.transact((tx) =>
        changeRole(tx, input.RoleName, (row) => {
          if (!Object.hasOwn(row.inlinePolicies, name)) throw noSuchPolicy(name);
          const { [name]: _deleted, ...inlinePolicies } = row.inlinePolicies;
          return { ...row, inlinePolicies };
        }),
      );
      return {};
    },

    ListRolePolicies(input, context) {
      const names = Object.keys(roleOf(store, input.RoleName).inlinePolicies);
      const { items, rest } = page(names, (name) => name, context, input);
      return { PolicyNames: [...items], ...rest };
    },
  } satisfies IamOperations;
}

const noSuchPolicy = (name: string) => noSuchEntity(`The role policy with name ${name} cannot be found.`);
