// The policies that hold for a role's sessions now: inline ones, and the default versions of attached ones. Texts are read once.
import { managedPolicies as awsPolicies } from "#domain/iam/managed-policies/catalogue.ts";
import { defaultVersionOf } from "#domain/iam/managed-policy.ts";
import { parsePolicy } from "#iam/parse.ts";
import type { Policy } from "#iam/policy.ts";
import type { Reader } from "#store/store.ts";
import { managedPolicies, roles } from "#store/tables/iam.ts";
import type { RoleGrants } from "./authorize.ts";

/** Texts kept read; a server has a few dozen. */
const MOST_KEPT = 1000;

const NOTHING: RoleGrants = { policies: [], tags: {} };

export function createRolePolicies(reader: Reader): (roleArn: string) => RoleGrants {
  const known = new Map<string, Policy>();
  const read = (text: string): Policy => {
    const before = known.get(text);
    if (before !== undefined) return before;
    if (known.size >= MOST_KEPT) known.clear();
    const policy = readStored(text);
    known.set(text, policy);
    return policy;
  };
  return (roleArn) => {
    const role = reader.find(roles, "arn", roleArn)[0]?.[1];
    if (role === undefined) return NOTHING;
    const attached = role.attachedPolicies.flatMap((arn) => documentOf(reader, arn) ?? []);
    return {
      policies: [...Object.values(role.inlinePolicies), ...attached].map(read),
      tags: role.tags,
    };
  };
}

function documentOf(reader: Reader, arn: string): string | undefined {
  const ofAws = awsPolicies.get(arn);
  if (ofAws !== undefined) return ofAws.document;
  const own = reader.find(managedPolicies, "arn", arn)[0]?.[1];
  return own === undefined ? undefined : defaultVersionOf(own).document;
}

/** A stored text that is no policy after all may have been meant to forbid anything: it forbids everything. */
function readStored(text: string): Policy {
  try {
    return parsePolicy(text, "identity");
  } catch {
    return parsePolicy('{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}', "identity");
  }
}
