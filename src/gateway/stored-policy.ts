// Policy texts as they were stored, read once: a server has a few dozen, and evaluates them with every call.
import { parsePolicy, type PolicyKind } from "#iam/parse.ts";
import type { Policy } from "#iam/policy.ts";

/** Reads a stored text. One that is no policy after all may have been meant to forbid anything: it forbids everything. */
export type PolicyReader = (text: string, kind: PolicyKind) => Policy;

/** Texts of a kind kept read. */
const MOST_KEPT = 1000;
const DENY_ALL = '{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}';

export function createPolicyReader(): PolicyReader {
  const kinds = {
    identity: new Map<string, Policy>(),
    trust: new Map<string, Policy>(),
    resource: new Map<string, Policy>(),
  } satisfies Record<PolicyKind, Map<string, Policy>>;
  return (text, kind) => {
    const known = kinds[kind];
    const before = known.get(text);
    if (before !== undefined) return before;
    if (known.size >= MOST_KEPT) known.clear();
    const policy = read(text, kind);
    known.set(text, policy);
    return policy;
  };
}

function read(text: string, kind: PolicyKind): Policy {
  try {
    return parsePolicy(text, kind);
  } catch {
    return parsePolicy(DENY_ALL, "identity");
  }
}
