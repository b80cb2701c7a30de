// The model's limits on single members, as EventBridge words them, and members that are not honoured.
import type { Tag } from "@aws-sdk/client-eventbridge";
import type { Tags } from "#domain/tags.ts";
import { constraintsOf } from "../constraints.ts";
import { notImplemented, validationError } from "./errors.ts";

export const { lengthWithin: checkLength, inRange: checkRange, matching } = constraintsOf(validationError);

const NAME = "[\\.\\-_A-Za-z0-9]+";

export function checkName(given: string | undefined, member: string, longest = 64): string {
  const name = checkLength(given ?? "", member, 1, longest);
  return matching(name, member, /^[.\-_A-Za-z0-9]+$/, NAME);
}

/** Spread into a row: nothing when it is absent. @throws ValidationException */
export const checkDescription = (given: string | undefined): { description?: string } =>
  given === undefined ? {} : { description: checkLength(given, "description", 0, 512) };

/**
 * The honoured members are listed, so that one which a newer SDK brings is refused, too. One that asks for nothing is as good as
 * absent.
 * @throws ValidationException with the name of the first other member
 */
export function honourOnly<T extends object>(
  input: T,
  honoured: readonly (keyof T & string)[],
  path = "",
): void {
  const known: ReadonlySet<string> = new Set(honoured);
  for (const [name, value] of Object.entries(input))
    if (!known.has(name) && !asksForNothing(value)) throw notImplemented(`The member '${path}${name}'`);
}

function asksForNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && Object.values(value).every((v) => v === undefined);
}

const MOST_TAGS = 50;

export function readTags(given: readonly Tag[] | undefined): Tags {
  const tags = new Map<string, string>();
  for (const { Key: key = "", Value: value = "" } of given ?? []) {
    checkLength(key, "tags.member.key", 1, 128);
    checkLength(value, "tags.member.value", 0, 256);
    if (/^aws:/i.test(key)) throw validationError("Tag keys that begin with aws: are reserved.");
    if (tags.has(key)) throw validationError(`Duplicate tag key ${key}.`);
    tags.set(key, value);
  }
  return checkTagCount(Object.fromEntries(tags));
}

export function checkTagCount(tags: Tags): Tags {
  if (Object.keys(tags).length > MOST_TAGS)
    throw validationError(`A resource can have at most ${MOST_TAGS} tags.`);
  return tags;
}

export const showTags = (tags: Tags): Tag[] => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
