// The model's limits on single members of inputs, tags among them; and members that are not honoured.
import type { Tag } from "@aws-sdk/client-servicediscovery";
import { ServiceError } from "#lib/errors.ts";
import type { Tags } from "#domain/tags.ts";
import { constraintsOf } from "../constraints.ts";
import { invalidInput } from "./errors.ts";

export const { lengthWithin, inRange, oneOf, matching } = constraintsOf(invalidInput);

const LABEL = "([a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?)";
const DNS_NAME = new RegExp(`^${LABEL}(\\.${LABEL})*$`);

/** Of a private DNS namespace: a domain name, which leaves room for the names of its services. */
export function checkDomainName(name: string): string {
  lengthWithin(name, "name", 1, 253);
  if (!DNS_NAME.test(name)) throw invalidInput(`${name} is not a valid domain name.`);
  return name;
}

export const checkHttpName = (name: string): string =>
  matching(lengthWithin(name, "name", 1, 1024), "name", /^[!-~]{1,1024}$/);

/** Of a service: labels of a domain name, as `_http._tcp`. */
export function checkServiceName(name: string): string {
  lengthWithin(name, "name", 1, 127);
  return matching(name, "name", DNS_NAME);
}

export const checkInstanceId = (id: string | undefined): string =>
  matching(lengthWithin(id ?? "", "instanceId", 1, 64), "instanceId", /^[0-9a-zA-Z_/:.@-]+$/);

/** Spread into a row: nothing when they are absent. */
export const checkTexts = (input: {
  readonly Description?: string | undefined;
  readonly CreatorRequestId?: string | undefined;
}): { description?: string; creatorRequestId?: string } => ({
  ...(input.Description === undefined
    ? {}
    : { description: lengthWithin(input.Description, "description", 0, 1024) }),
  ...(input.CreatorRequestId === undefined
    ? {}
    : { creatorRequestId: lengthWithin(input.CreatorRequestId, "creatorRequestId", 0, 64) }),
});

export const checkTtl = (seconds: number | undefined, member: string): number =>
  inRange(seconds ?? 0, member, 0, 2_147_483_647);

const MOST_TAGS = 50;

/** @throws InvalidInput, TooManyTagsException */
export function readTags(given: readonly Tag[] | undefined): Tags {
  const tags = new Map<string, string>();
  for (const { Key: key = "", Value: value = "" } of given ?? []) {
    lengthWithin(key, "tags.member.key", 1, 128);
    lengthWithin(value, "tags.member.value", 0, 256);
    if (/^aws:/i.test(key)) throw invalidInput("Tag keys that begin with aws: are reserved.");
    if (tags.has(key)) throw invalidInput(`Duplicate tag key ${key}.`);
    tags.set(key, value);
  }
  return checkTagCount(Object.fromEntries(tags), "");
}

/** @throws TooManyTagsException */
export function checkTagCount(tags: Tags, resourceName: string): Tags {
  if (Object.keys(tags).length > MOST_TAGS)
    throw new ServiceError("TooManyTagsException", `A resource can have up to ${MOST_TAGS} tags.`, {
      members: { ResourceName: resourceName },
    });
  return tags;
}

export const showTags = (tags: Tags): Tag[] => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
