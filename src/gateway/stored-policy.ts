// Policy texts as they were stored, read once: a server has a few dozen, and evaluates them with every call.
import { parsePolicy, type PolicyKind } from "#iam/parse.ts";
import type { Policy } from "#iam/policy.ts";

/** Reads a stored text. One that is no policy after all may have been meant to forbid anything: it forbids everything. */
export type PolicyReader = (text: string, kind: PolicyKind) => Policy;

/** Texts kept read. */
const MOST_KEPT = 1000;
const DENY_ALL = '{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}';

export function createPolicyReader(): PolicyReader {
  const known = new Map<string, Policy>();
  return (text, kind) => {
    const key = `${kind} ${text}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    if (known.size >= MOST_KEPT) known.clear();
    const policy = read(text, kind);
    known.set(key, policy);
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
