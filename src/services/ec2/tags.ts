// Tags of EC2 resources: limits, and the API's list form of the stored map (EC2 User Guide, "Tag restrictions").
import type { Tag, TagSpecification } from "@aws-sdk/client-ec2";
import { ServiceError } from "#lib/errors.ts";
import type { Tags } from "#domain/tags.ts";
import { invalidValue, notImplemented } from "./errors.ts";

const MOST_TAGS = 50;

/** @throws InvalidParameterValue */
export function readTags(given: readonly Tag[] | undefined): Tags {
  const tags = new Map<string, string>();
  for (const { Key: key = "", Value: value = "" } of given ?? []) {
    checkKey(key);
    if (tags.has(key)) throw invalidValue(`Duplicate tag key '${key}' specified.`);
    if (value.length > 256) throw invalidValue("Tag value exceeds the maximum length of 256 characters");
    tags.set(key, value);
  }
  return Object.fromEntries(tags);
}

function checkKey(key: string): void {
  if (key === "") throw invalidValue("Tag key cannot be empty");
  if (key.length > 128) throw invalidValue("Tag key exceeds the maximum length of 128 characters");
  if (key.toLowerCase().startsWith("aws:"))
    throw invalidValue("Tag keys starting with 'aws:' are reserved for internal use");
}

/** @throws TagLimitExceeded */
export function checkTagCount(tags: Tags): Tags {
  if (Object.keys(tags).length > MOST_TAGS)
    throw new ServiceError("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.");
  return tags;
}

/** The tags that a creating call gives to its one kind of resource. @throws UnsupportedOperation for other kinds, by name */
export function readTagSpecifications(
  given: readonly TagSpecification[] | undefined,
  resourceType: string,
): Tags {
  let tags: Tags = {};
  const seen = new Set<string>();
  for (const { ResourceType: type = "", Tags: list } of given ?? []) {
    if (type !== resourceType) throw notImplemented(`TagSpecifications for resource type '${type}'`);
    if (seen.has(type))
      throw invalidValue(`Duplicate resource type '${type}' specified in TagSpecifications`);
    seen.add(type);
    tags = readTags(list);
  }
  return checkTagCount(tags);
}

export const showTags = (tags: Tags): Tag[] => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
