// The model's limits on single members, refused as IAM words them.
import type { Tag } from "@aws-sdk/client-iam";
import { parseArn } from "#lib/arn.ts";
import type { Tags } from "#domain/tags.ts";
import { constraintsOf } from "../constraints.ts";
import { limitExceeded, validationError } from "./errors.ts";

export const { lengthWithin, inRange } = constraintsOf(validationError);

/** IAM User Guide, "IAM and AWS STS quotas", character limits: roles 64, instance profiles and inline policies 128. */
export function checkName(value: string | undefined, member: string, maximum: number): string {
  const name = lengthWithin(value ?? "", member, 1, maximum);
  if (/^[\w+=,.@-]+$/.test(name)) return name;
  throw validationError(
    `The specified value for ${member} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-`,
  );
}

export const checkRoleName = (value: string | undefined) => checkName(value, "roleName", 64);
export const checkUserName = (value: string | undefined) => checkName(value, "userName", 64);
export const checkGroupName = (value: string | undefined) => checkName(value, "groupName", 128);
export const checkProfileName = (value: string | undefined) => checkName(value, "instanceProfileName", 128);
export const checkPolicyName = (value: string | undefined) => checkName(value, "policyName", 128);

/** @throws ValidationError */
export function checkPolicyArn(given: string | undefined): string {
  const arn = lengthWithin(given ?? "", "policyArn", 20, 2048);
  if (parseArn(arn)?.service !== "iam") throw validationError(`ARN ${arn} is not valid.`);
  return arn;
}

/** `/` or `/a/b/`, 512 characters at most. */
export function checkPath(value: string | undefined): string {
  const path = lengthWithin(value ?? "/", "path", 1, 512);
  if (/^\/([\x21-\x7e]+\/)?$/.test(path)) return path;
  throw validationError(
    "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
  );
}

export const checkDescription = (value: string): string => lengthWithin(value, "description", 0, 1000);
/** Seconds. */
export const checkSessionDuration = (value: number): number =>
  inRange(value, "maxSessionDuration", 3600, 43_200);

const MOST_TAGS = 50;

/** @throws ValidationError, InvalidInput for a repeated key */
export function readTags(given: readonly Tag[] | undefined): Tags {
  const tags = new Map<string, string>();
  for (const { Key: key = "", Value: value = "" } of given ?? []) {
    lengthWithin(key, "tags.member.key", 1, 128);
    lengthWithin(value, "tags.member.value", 0, 256);
    if (key.toLowerCase().startsWith("aws:"))
      throw validationError("Tag keys beginning with aws: are reserved for system use.");
    if (tags.has(key))
      throw validationError("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
    tags.set(key, value);
  }
  return checkTagCount(Object.fromEntries(tags));
}

export function checkTagCount(tags: Tags): Tags {
  if (Object.keys(tags).length > MOST_TAGS)
    throw limitExceeded(`The number of tags has reached the maximum limit of ${MOST_TAGS}.`);
  return tags;
}

export const showTags = (tags: Tags): { Key: string; Value: string }[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
