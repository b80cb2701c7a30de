// Tags of ECS resources: limits (Developer Guide, "Tag restrictions"), and the API's list form of the stored map.
import type { Tag } from "@aws-sdk/client-ecs";
import type { Tags } from "#domain/tags.ts";
import { invalidParameter } from "./errors.ts";

const MOST_TAGS = 50;
const ALLOWED = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** The tags as stored. @throws InvalidParameterException */
export function readTags(given: readonly Tag[] | undefined): Tags {
  const tags = new Map<string, string>();
  for (const { key = "", value = "" } of given ?? []) {
    if (tags.has(key)) throw invalidParameter(`Duplicate tag key '${key}'. Tag keys must be unique.`);
    checkTag(key, value);
    tags.set(key, value);
  }
  return checkTagCount(Object.fromEntries(tags));
}

function checkTag(key: string, value: string): void {
  if (key.length < 1 || key.length > 128)
    throw invalidParameter("Tag keys must have between 1 and 128 characters.");
  if (value.length > 256) throw invalidParameter("Tag values must have at most 256 characters.");
  if (/^aws:/i.test(key) || /^aws:/i.test(value))
    throw invalidParameter("The prefix 'aws:' is reserved: it can be used in neither tag keys nor values.");
  if (!ALLOWED.test(key) || !ALLOWED.test(value))
    throw invalidParameter(
      "Tags may contain letters, numbers, spaces, and the characters + - = . _ : / @ only.",
    );
}

/** @throws InvalidParameterException */
export function checkTagCount(tags: Tags): Tags {
  if (Object.keys(tags).length > MOST_TAGS)
    throw invalidParameter(`A resource can have at most ${MOST_TAGS} tags.`);
  return tags;
}

export const showTags = (tags: Tags): Tag[] => Object.entries(tags).map(([key, value]) => ({ key, value }));
