// Tags of ELBv2 resources: limits, and the API's list form of the stored map.
import type { Tag } from "@aws-sdk/client-elastic-load-balancing-v2";
import { ServiceError } from "#lib/errors.ts";
import type { Tags } from "#domain/tags.ts";
import { lengthWithin } from "./constraints.ts";

const MOST_TAGS = 50;

/** The tags as stored. @throws DuplicateTagKeys, TooManyTags, ValidationError */
export function readTags(given: readonly Tag[] | undefined): Tags {
  const tags = new Map<string, string>();
  for (const { Key: key = "", Value: value = "" } of given ?? []) {
    if (tags.has(key)) throw new ServiceError("DuplicateTagKeys", `Duplicate tag key '${key}'`);
    lengthWithin(key, "tags.member.key", 1, 128);
    lengthWithin(value, "tags.member.value", 0, 256);
    tags.set(key, value);
  }
  return checkTagCount(Object.fromEntries(tags));
}

export function checkTagCount(tags: Tags): Tags {
  if (Object.keys(tags).length > MOST_TAGS)
    throw new ServiceError("TooManyTags", `The number of tags cannot exceed ${MOST_TAGS}`);
  return tags;
}

export const showTags = (tags: Tags): Tag[] => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
