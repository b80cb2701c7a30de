// The limits of policy documents; what stands in them is checked by the policy grammar (#iam/parse.ts).
import { parsePolicy } from "#iam/parse.ts";
import { lengthWithin } from "./constraints.ts";

const LONGEST = 131_072;

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
