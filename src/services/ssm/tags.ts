// Tags of parameters: limits, and the API's list form.
import type { Tag } from "@aws-sdk/client-ssm";
import { ServiceError } from "#lib/errors.ts";
import type { Tags } from "#domain/tags.ts";
import { constraint, validation } from "./errors.ts";

const MOST_TAGS = 50;
const CHARACTERS = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** @throws ValidationException */
export function readTags(given: readonly Tag[] | undefined): Tags {
  const tags = new Map<string, string>();
  for (const { Key: key = "", Value: value = "" } of given ?? []) {
    checkTagKey(key);
    if (value.length > 256)
      throw constraint(value, "tags.member.value", "Member must have length less than or equal to 256");
    if (!CHARACTERS.test(value)) throw invalid(value, "tags.member.value");
    if (tags.has(key)) throw validation(`Duplicate tag key: ${key}`);
    tags.set(key, value);
  }
  return checkTagCount(Object.fromEntries(tags));
}

export function checkTagKey(key: string): void {
  if (key === "")
    throw constraint(key, "tags.member.key", "Member must have length greater than or equal to 1");
  if (key.length > 128)
    throw constraint(key, "tags.member.key", "Member must have length less than or equal to 128");
  if (!CHARACTERS.test(key)) throw invalid(key, "tags.member.key");
  if (/^aws:/i.test(key)) throw validation("Tag keys beginning with aws: are reserved for system use.");
}

/** @throws TooManyTagsError */
export function checkTagCount(tags: Tags): Tags {
  if (Object.keys(tags).length > MOST_TAGS)
    throw new ServiceError("TooManyTagsError", `The number of tags exceeds the maximum of ${MOST_TAGS}.`);
  return tags;
}

const invalid = (value: string, member: string) =>
  constraint(
    value,
    member,
    "Member must satisfy regular expression pattern: ^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$",
  );

export const showTags = (tags: Tags): { Key: string; Value: string }[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
