// Whether a text is a policy at all (IAM User Guide, "Grammar of the IAM JSON policy language"): its outer form and the members
// of its statements. What it allows is not judged here.
import { lengthWithin } from "./constraints.ts";
import { malformedPolicy } from "./errors.ts";

const LONGEST = 131_072;
const TOP = ["Version", "Id", "Statement"];
const STATEMENT = [
  "Sid",
  "Effect",
  "Principal",
  "NotPrincipal",
  "Action",
  "NotAction",
  "Resource",
  "NotResource",
  "Condition",
];
const PRINCIPALS = ["AWS", "Service", "Federated", "CanonicalUser"];

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isTexts = (value: unknown): boolean =>
  typeof value === "string" ||
  (Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === "string"));

/** A role's trust policy: who may assume it. @throws MalformedPolicyDocument */
export function checkTrustPolicy(document: string): string {
  for (const statement of statementsOf(lengthWithin(document, "assumeRolePolicyDocument", 1, LONGEST))) {
    if ("Resource" in statement || "NotResource" in statement)
      throw malformedPolicy("Has prohibited field Resource");
    if (!("Principal" in statement) && !("NotPrincipal" in statement))
      throw malformedPolicy("Missing required field Principal");
    for (const member of ["Principal", "NotPrincipal"]) checkPrincipal(statement[member]);
    const actions = [statement["Action"] ?? []].flat();
    if (!actions.every((action) => typeof action === "string" && /^(\*|sts:.+)$/i.test(action)))
      throw malformedPolicy("AssumeRole policy may only specify STS AssumeRole actions.");
  }
  return document;
}

/** A permissions policy. @throws MalformedPolicyDocument */
export function checkPermissionsPolicy(document: string): string {
  for (const statement of statementsOf(lengthWithin(document, "policyDocument", 1, LONGEST))) {
    if ("Principal" in statement || "NotPrincipal" in statement)
      throw malformedPolicy("Policy document should not specify a principal.");
    if (!isTexts(statement["Resource"] ?? statement["NotResource"]))
      throw malformedPolicy("Policy statement must contain resources.");
  }
  return document;
}

function statementsOf(document: string): readonly Json[] {
  let policy: unknown;
  try {
    policy = JSON.parse(document);
  } catch {
    throw malformedPolicy("This policy contains invalid Json");
  }
  const syntax = () => malformedPolicy("Syntax errors in policy.");
  if (!isObject(policy) || Object.keys(policy).some((key) => !TOP.includes(key))) throw syntax();
  const version = policy["Version"];
  if (version !== undefined && version !== "2012-10-17" && version !== "2008-10-17") throw syntax();
  const statements = [policy["Statement"] ?? []].flat();
  if (statements.length === 0) throw syntax();
  return statements.map((statement) => {
    if (!isObject(statement) || Object.keys(statement).some((key) => !STATEMENT.includes(key)))
      throw syntax();
    const { Effect: effect, Action: action, NotAction: notAction, Condition: condition } = statement;
    if (effect !== "Allow" && effect !== "Deny") throw syntax();
    if ((action === undefined) === (notAction === undefined))
      throw malformedPolicy("Policy statement must contain actions.");
    if (!isTexts(action ?? notAction) || (condition !== undefined && !isObject(condition))) throw syntax();
    return statement;
  });
}

function checkPrincipal(principal: unknown): void {
  if (principal === undefined || principal === "*") return;
  if (!isObject(principal)) throw malformedPolicy("Invalid principal in policy.");
  for (const [kind, value] of Object.entries(principal)) {
    if (!PRINCIPALS.includes(kind) || !isTexts(value))
      throw malformedPolicy(`Invalid principal in policy: "${kind}":${JSON.stringify(value)}`);
  }
}
