// What a session is given when its role is assumed: policies that narrow it, tags, who stands behind it. Some of it comes from the
// session that assumes (IAM User Guide, "Pass session tags in AWS STS", "Monitor and control actions taken with assumed roles").
import type { AssumeRoleRequest } from "@aws-sdk/client-sts";
import { ServiceError } from "#lib/errors.ts";
import type { Tags } from "#domain/tags.ts";
import { documentOf } from "#gateway/grants.ts";
import type { Principal, SessionAttributes } from "#gateway/service-definition.ts";
import { parsePolicy } from "#iam/parse.ts";
import type { Reader } from "#store/store.ts";
import { checkSourceIdentity, checkText } from "./constraints.ts";
import { accessDenied, validationError } from "./errors.ts";

const MOST_TAGS = 50;
const MOST_POLICY_ARNS = 10;
/** Octets of policies and tags together: they travel in the token with every request. */
const LARGEST = 6144;

type Given = Pick<
  AssumeRoleRequest,
  "Policy" | "PolicyArns" | "Tags" | "TransitiveTagKeys" | "SourceIdentity"
>;

/** @throws MalformedPolicyDocument, ValidationError, InvalidParameterValue, PackedPolicyTooLarge, AccessDenied */
export function readSession(
  reader: Reader,
  input: Given,
  caller: Principal | undefined,
): { readonly attributes: Omit<SessionAttributes, "issuedAt">; readonly packedPercent: number | undefined } {
  const before = caller?.type === "session" ? caller : undefined;
  const given = {
    ...readPolicies(reader, input),
    ...readTags(input, before),
    ...readSourceIdentity(input.SourceIdentity, before),
  };
  const size = Buffer.byteLength(JSON.stringify(given));
  const isPacked = Object.keys(given).some((key) => key !== "sourceIdentity");
  if (size > LARGEST) {
    throw new ServiceError(
      "PackedPolicyTooLarge",
      `Packed size of session tags consumes ${Math.ceil((100 * size) / LARGEST)}% of allotted space.`,
    );
  }
  return { attributes: given, packedPercent: isPacked ? Math.ceil((100 * size) / LARGEST) : undefined };
}

function readPolicies(
  reader: Reader,
  { Policy: document, PolicyArns: arns }: Given,
): Pick<SessionAttributes, "policies" | "policyArns"> {
  if ((arns ?? []).length > MOST_POLICY_ARNS)
    throw validationError(
      `1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less than or equal to ${MOST_POLICY_ARNS}`,
    );
  const policyArns = (arns ?? []).map(({ arn = "" }) => arn);
  const unknown = policyArns.find((arn) => documentOf(reader, arn) === undefined);
  if (unknown !== undefined)
    throw new ServiceError("MalformedPolicyDocument", `The policy ${unknown} was not found.`);
  if (document !== undefined)
    parsePolicy(checkText(document, "policy", { least: 1, most: 2048 }), "identity");
  return {
    ...(document === undefined ? {} : { policies: [document] }),
    ...(policyArns.length === 0 ? {} : { policyArns }),
  };
}

/** Transitive tags of the session that assumes go on; they cannot be given anew. */
function readTags(
  { Tags: given = [], TransitiveTagKeys: transitive = [] }: Given,
  before: SessionAttributes | undefined,
): Pick<SessionAttributes, "tags" | "transitiveTagKeys"> {
  if (given.length > MOST_TAGS)
    throw validationError(
      `1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to ${MOST_TAGS}`,
    );
  const inherited: Tags = Object.fromEntries(
    Object.entries(before?.tags ?? {}).filter(([key]) => before?.transitiveTagKeys?.includes(key)),
  );
  const tags = new Map<string, string>();
  const seen = new Set(Object.keys(inherited).map((key) => key.toLowerCase()));
  const invalid = (message: string) => new ServiceError("InvalidParameterValue", message);
  for (const { Key: key = "", Value: value = "" } of given) {
    checkText(key, "tags.member.key", { least: 1, most: 128 });
    checkText(value, "tags.member.value", { least: 0, most: 256 });
    if (key.toLowerCase().startsWith("aws:"))
      throw invalid("Tag keys beginning with aws: are reserved for system use.");
    if (Object.keys(inherited).some((each) => each.toLowerCase() === key.toLowerCase())) {
      throw invalid(
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
      );
    }
    if (seen.has(key.toLowerCase()))
      throw invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
    seen.add(key.toLowerCase());
    tags.set(key, value);
  }
  const missing = transitive.find((key) => !tags.has(key));
  if (missing !== undefined)
    throw invalid(`The specified transitive tag key must be included in the requested tags.`);
  const all = { ...inherited, ...Object.fromEntries(tags) };
  const keys = [...Object.keys(inherited), ...transitive];
  return {
    ...(Object.keys(all).length === 0 ? {} : { tags: all }),
    ...(keys.length === 0 ? {} : { transitiveTagKeys: keys }),
  };
}

/** Once set, it stays along the whole chain. */
function readSourceIdentity(
  given: string | undefined,
  before: SessionAttributes | undefined,
): Pick<SessionAttributes, "sourceIdentity"> {
  const set = before?.sourceIdentity;
  if (given === undefined) return set === undefined ? {} : { sourceIdentity: set };
  const sourceIdentity = checkSourceIdentity(given);
  if (set !== undefined && set !== sourceIdentity)
    throw accessDenied("The source identity of the calling session cannot be changed.");
  return { sourceIdentity };
}
