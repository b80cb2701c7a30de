// Whether a text can be a key's policy, and leaves the caller able to change it again.
import { ServiceError } from "#lib/errors.ts";
import { callerOf } from "#gateway/authorize.ts";
import type { Principal } from "#gateway/service-definition.ts";
import { evaluate } from "#iam/evaluate.ts";
import { parsePolicy } from "#iam/parse.ts";
import { lengthWithin } from "./constraints.ts";

const LONGEST_POLICY = 32_768;

export interface PolicyChange {
  readonly policy: string;
  readonly keyArn: string;
  readonly principal: Principal;
  readonly bypassLockoutCheck: boolean;
}

/** @throws MalformedPolicyDocumentException, ValidationException */
export function checkKeyPolicy({ policy, keyArn, principal, bypassLockoutCheck }: PolicyChange): string {
  lengthWithin(policy, "policy", 1, LONGEST_POLICY);
  let parsed: ReturnType<typeof parsePolicy>;
  try {
    parsed = parsePolicy(policy, "resource");
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    throw new ServiceError("MalformedPolicyDocumentException", error.message);
  }
  if (bypassLockoutCheck) return policy;
  // The caller's own policies are taken to allow it: what is asked is whether the key's would still let them.
  const own = parsePolicy(
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
    "identity",
  );
  const { allowed } = evaluate(
    { identity: [own], resource: [parsed], resourceRule: "decides" },
    {
      principal: callerOf(principal),
      action: "kms:PutKeyPolicy",
      resources: [{ arn: keyArn }],
      context: new Map(),
    },
  );
  if (!allowed)
    throw new ServiceError(
      "MalformedPolicyDocumentException",
      "The new key policy will not allow you to update the key policy in the future.",
    );
  return policy;
}
