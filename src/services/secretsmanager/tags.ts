// Tags of secrets: limits, and the API's list form.
import type { Tag } from "@aws-sdk/client-secrets-manager";
import type { Tags } from "#domain/tags.ts";
import { lengthWithin } from "./constraints.ts";
import { invalidParameter } from "./errors.ts";

const MOST_TAGS = 50;

/** @throws ValidationException, InvalidParameterException */
export function readTags(given: readonly Tag[] | undefined): Tags {
  const tags = new Map<string, string>();
  for (const { Key: key = "", Value: value = "" } of given ?? []) {
    lengthWithin(key, "tags.member.key", 1, 128);
    lengthWithin(value, "tags.member.value", 0, 256);
    if (/^aws:/i.test(key))
      throw invalidParameter("Tag keys beginning with aws: are reserved for system use.");
    if (tags.has(key)) throw invalidParameter(`Duplicate tag key: ${key}`);
    tags.set(key, value);
  }
  return checkTagCount(Object.fromEntries(tags));
}

/** @throws InvalidParameterException */
export function checkTagCount(tags: Tags): Tags {
  if (Object.keys(tags).length > MOST_TAGS)
    throw invalidParameter(`The number of tags exceeds the maximum of ${MOST_TAGS}.`);
  return tags;
}

export const showTags = (tags: Tags): { Key: string; Value: string }[] =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
