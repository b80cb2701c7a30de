// Whether a text is a policy (IAM User Guide, "Grammar of the IAM JSON policy language"), and what it says, in a form that is
// evaluated quickly. What IAM refuses is refused in its words; what a policy allows is not judged here.
import { ServiceError } from "#lib/errors.ts";
import { type ArnPattern, readArnPattern } from "./arn-pattern.ts";
import { conditionTest, type ConditionTest, readOperator } from "./condition.ts";
import { type Pattern, readPattern } from "./pattern.ts";
import type { Listed, Policy, PrincipalEntry, PrincipalKind, Statement } from "./policy.ts";
import { isPrincipal } from "./principal.ts";

/** `identity`: says what its owner may do; `trust`: who may assume its role; `resource`: who may do what with its resource. */
export type PolicyKind = "identity" | "trust" | "resource";

type Json = Readonly<Record<string, unknown>>;

const TOP = new Set(["Version", "Id", "Statement"]);
const STATEMENT = new Set([
  "Sid",
  "Effect",
  "Principal",
  "NotPrincipal",
  "Action",
  "NotAction",
  "Resource",
  "NotResource",
  "Condition",
]);
const PRINCIPALS: readonly string[] = ["AWS", "Service", "Federated", "CanonicalUser"];

const malformed = (message: string) => new ServiceError("MalformedPolicyDocument", message);
const syntax = () => malformed("Syntax errors in policy.");

/** @throws MalformedPolicyDocument */
export function parsePolicy(document: string, kind: PolicyKind): Policy {
  let policy: unknown;
  try {
    policy = JSON.parse(document);
  } catch {
    throw malformed("This policy contains invalid Json");
  }
  if (!isObject(policy) || Object.keys(policy).some((key) => !TOP.has(key))) throw syntax();
  const { Version: version, Id: id } = policy;
  if (version !== undefined && version !== "2012-10-17" && version !== "2008-10-17") throw syntax();
  if (id !== undefined && typeof id !== "string") throw syntax();
  const given = [policy["Statement"] ?? []].flat();
  if (given.length === 0) throw syntax();
  const statements = given.map((statement) => {
    if (!isObject(statement) || Object.keys(statement).some((key) => !STATEMENT.has(key))) throw syntax();
    return readStatement(statement, kind, version === "2012-10-17");
  });
  const sids = statements.flatMap(({ sid }) => (sid === undefined || sid === "" ? [] : [sid]));
  if (new Set(sids).size < sids.length)
    throw malformed("Statement IDs (SID) in a single policy must be unique.");
  return { id, statements };
}

function readStatement(statement: Json, kind: PolicyKind, variables: boolean): Statement {
  const { Sid: sid, Effect: effect } = statement;
  if (effect !== "Allow" && effect !== "Deny") throw syntax();
  if (sid !== undefined && (typeof sid !== "string" || (kind === "identity" && !/^[0-9A-Za-z]*$/.test(sid))))
    throw malformed(
      "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
    );
  checkMembers(statement, kind);
  return {
    sid,
    effect,
    principals: readPrincipals(statement),
    actions: readActions(statement, kind),
    resources: kind === "trust" ? undefined : readResources(statement, variables),
    conditions: readConditions(statement["Condition"], variables),
  };
}

function checkMembers(statement: Json, kind: PolicyKind): void {
  const has = (...members: string[]) => members.filter((member) => member in statement).length;
  if (kind === "trust") {
    if (has("Resource", "NotResource") > 0) throw malformed("Has prohibited field Resource");
    if (has("Principal", "NotPrincipal") === 0) throw malformed("Missing required field Principal");
  } else {
    const names = has("Principal", "NotPrincipal");
    if (kind === "identity" && names > 0) throw malformed("Policy document should not specify a principal.");
    if (kind === "resource" && names === 0) throw malformed("Missing required field Principal");
    if (has("Resource", "NotResource") === 0) throw malformed("Policy statement must contain resources.");
  }
  if (has("Action", "NotAction") === 0) throw malformed("Policy statement must contain actions.");
  const pairs = [
    has("Action", "NotAction"),
    has("Resource", "NotResource"),
    has("Principal", "NotPrincipal"),
  ];
  if (pairs.includes(2)) throw syntax();
}

function readActions(statement: Json, kind: PolicyKind): Listed<Pattern> {
  const negated = "NotAction" in statement;
  const texts = textsOf(statement["Action"] ?? statement["NotAction"]);
  if (texts.length === 0) throw malformed("Policy statement must contain actions.");
  for (const text of texts) {
    if (kind === "trust" && !/^(\*|sts:.+)$/i.test(text))
      throw malformed("AssumeRole policy may only specify STS AssumeRole actions.");
    if (text === "*") continue;
    const [vendor = "", name] = text.split(":");
    if (name === undefined || name === "")
      throw malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    if (!/^[A-Za-z0-9-]+$/.test(vendor)) throw malformed(`Vendor ${vendor} is not valid`);
  }
  // Actions have no case, and no variables.
  const entries = texts.map((text) => readPattern(text.toLowerCase(), { wildcards: true, variables: false }));
  return { entries, negated };
}

function readResources(statement: Json, variables: boolean): Listed<ArnPattern> {
  const negated = "NotResource" in statement;
  const texts = textsOf(statement["Resource"] ?? statement["NotResource"]);
  if (texts.length === 0) throw malformed("Policy statement must contain resources.");
  for (const text of texts) {
    if (text === "*") continue;
    if (!text.startsWith("arn:")) throw malformed(`Resource ${text} must be in ARN format or "*".`);
    if (text.split(":").length < 6) throw malformed("The policy failed legacy parsing");
  }
  return { entries: texts.map((text) => readArnPattern(text, { wildcards: true, variables })), negated };
}

function readPrincipals(statement: Json): Listed<PrincipalEntry> | undefined {
  const negated = "NotPrincipal" in statement;
  const given = statement["Principal"] ?? statement["NotPrincipal"];
  if (given === undefined) return undefined;
  if (given === "*") return { entries: [{ kind: "*", value: "*" }], negated };
  if (!isObject(given) || Object.keys(given).length === 0) throw malformed("Invalid principal in policy.");
  const entries = Object.entries(given).flatMap(([kind, values]) => {
    const refused = () => malformed(`Invalid principal in policy: "${kind}":${JSON.stringify(values)}`);
    const texts = [values].flat();
    if (!PRINCIPALS.includes(kind) || texts.length === 0) throw refused();
    return texts.map((value) => {
      if (typeof value !== "string" || !isPrincipal(kind as PrincipalKind, value)) throw refused();
      return { kind: kind as PrincipalKind, value };
    });
  });
  return { entries, negated };
}

function readConditions(given: unknown, variables: boolean): ConditionTest[] {
  if (given === undefined) return [];
  if (!isObject(given)) throw syntax();
  return Object.entries(given).flatMap(([written, keys]) => {
    const operator = readOperator(written);
    if (operator === undefined) throw malformed(`Invalid Condition type : ${written}.`);
    if (!isObject(keys)) throw syntax();
    return Object.entries(keys).map(([key, values]) => {
      if (!/^[A-Za-z0-9.-]+:./.test(key))
        throw malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
      return conditionTest(operator, key, valuesOf(values), variables);
    });
  });
}

/** Numbers and booleans may stand without quotes. */
function valuesOf(given: unknown): string[] {
  const values = [given].flat();
  if (!values.every((value) => ["string", "number", "boolean"].includes(typeof value))) throw syntax();
  return values.map(String);
}

function textsOf(given: unknown): string[] {
  const values = [given].flat();
  if (!values.every((value): value is string => typeof value === "string")) throw syntax();
  return values;
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
