// The limits of policy documents; what stands in them is checked by the policy grammar (#iam/parse.ts).
import { parsePolicy } from "#iam/parse.ts";
import { lengthWithin } from "./constraints.ts";
import { limitExceeded } from "./errors.ts";

const LONGEST = 131_072;
/** IAM quotas, "Size of managed policy": characters, white space not counted. */
const LONGEST_MANAGED = 6144;

/** A role's trust policy: who may assume it. @throws MalformedPolicyDocument */
export function checkTrustPolicy(document: string): string {
  parsePolicy(lengthWithin(document, "assumeRolePolicyDocument", 1, LONGEST), "trust");
  return document;
}

/** A permissions policy. @throws MalformedPolicyDocument */
export function checkPermissionsPolicy(document: string): string {
  parsePolicy(lengthWithin(document, "policyDocument", 1, LONGEST), "identity");
  return document;
}

/** @throws MalformedPolicyDocument, LimitExceeded */
export function checkManagedPolicy(document: string): string {
  if (checkPermissionsPolicy(document).replace(/\s/g, "").length > LONGEST_MANAGED)
    throw limitExceeded(`Cannot exceed quota for PolicySize: ${LONGEST_MANAGED}`);
  return document;
}
