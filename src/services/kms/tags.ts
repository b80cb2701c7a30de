// Tags of keys: limits, and the API's list form.
import type { Tag } from "@aws-sdk/client-kms";
import { ServiceError } from "#lib/errors.ts";
import type { Tags } from "#domain/tags.ts";
import { lengthWithin } from "./constraints.ts";
import { limitExceeded } from "./errors.ts";

const MOST_TAGS = 50;

/** @throws ValidationException, TagException, LimitExceededException */
export function readTags(given: readonly Tag[] | undefined): Tags {
  const tags = new Map<string, string>();
  for (const { TagKey: key = "", TagValue: value = "" } of given ?? []) {
    lengthWithin(key, "tags.member.tagKey", 1, 128);
    lengthWithin(value, "tags.member.tagValue", 0, 256);
    if (/^aws:/i.test(key)) throw new ServiceError("TagException", "Tag keys must not begin with aws:");
    if (tags.has(key)) throw new ServiceError("TagException", `Duplicate tag key ${key}`);
    tags.set(key, value);
  }
  return checkTagCount(Object.fromEntries(tags));
}

/** @throws LimitExceededException */
export function checkTagCount(tags: Tags): Tags {
  if (Object.keys(tags).length > MOST_TAGS) throw limitExceeded(`A key can have up to ${MOST_TAGS} tags.`);
  return tags;
}

export const showTags = (tags: Tags): { TagKey: string; TagValue: string }[] =>
  Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
