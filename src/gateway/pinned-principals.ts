// Whom a policy of a resource trusts, kept by unique id instead of by name (IAM User Guide, "Principal"): whoever is made later under
// the name of a user or role that is gone is somebody else. Shown by name as long as they are there.
import { ServiceError } from "#lib/errors.ts";
import { parseArn } from "#lib/arn.ts";
import type { Reader } from "#store/store.ts";
import { roles, users } from "#store/tables/iam.ts";

const ID = /^A(?:IDA|ROA)[A-Z0-9]{17}$/;

/**
 * The text to store of one that parsePolicy accepts: ARNs of the account's users and roles become their ids.
 * @throws MalformedPolicyDocument for one that is not there
 */
export function pinPrincipals(reader: Reader, account: string, document: string): string {
  return withPrincipals(document, (value) => {
    const arn = parseArn(value);
    if (arn?.service !== "iam" || arn.account !== account || !/^(user|role)\//.test(arn.resource))
      return value;
    const found = (reader.find(users, "arn", value)[0] ?? reader.find(roles, "arn", value)[0])?.[1].id;
    if (found !== undefined) return found;
    throw new ServiceError("MalformedPolicyDocument", `Invalid principal in policy: "AWS":"${value}"`);
  });
}

/** The text as it is shown: ids of who is there become ARNs again; of who is gone they stay. */
export function showPrincipals(reader: Reader, document: string): string {
  if (!/A(?:IDA|ROA)[A-Z0-9]{17}/.test(document)) return document;
  const arns = new Map<string, string>();
  for (const table of [users, roles] as const)
    for (const [, { id, arn }] of reader.scan<{ id: string; arn: string }>(table as never)) arns.set(id, arn);
  return withPrincipals(document, (value) => (ID.test(value) ? (arns.get(value) ?? value) : value));
}

type Json = Readonly<Record<string, unknown>>;

/** The same text when nothing of it changes. */
function withPrincipals(document: string, change: (value: string) => string): string {
  const policy = JSON.parse(document) as Json;
  let changed = false;
  const one = (value: unknown): unknown => {
    const after = typeof value === "string" ? change(value) : value;
    changed ||= after !== value;
    return after;
  };
  const principal = (given: unknown): unknown => {
    if (typeof given !== "object" || given === null || !("AWS" in given)) return given;
    const { AWS: values } = given;
    return { ...given, AWS: Array.isArray(values) ? values.map(one) : one(values) };
  };
  const statement = (given: Json): Json => ({
    ...given,
    ...("Principal" in given ? { Principal: principal(given["Principal"]) } : {}),
    ...("NotPrincipal" in given ? { NotPrincipal: principal(given["NotPrincipal"]) } : {}),
  });
  const { Statement: statements } = policy;
  const after = {
    ...policy,
    Statement: Array.isArray(statements)
      ? (statements as Json[]).map(statement)
      : statement(statements as Json),
  };
  return changed ? JSON.stringify(after) : document;
}
