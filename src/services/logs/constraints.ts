// The model's limits on single members, refused as CloudWatch Logs words them.
import { RETENTION_DAYS } from "#domain/logs/log-group.ts";
import type { Tags } from "#domain/tags.ts";
import { invalidParameter } from "./errors.ts";

export const refuse = (value: string | number, member: string, constraint: string) =>
  invalidParameter(
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ${constraint}`,
  );

export function lengthWithin(value: string, member: string, minimum: number, maximum: number): string {
  if (value.length < minimum)
    throw refuse(value, member, `Member must have length greater than or equal to ${minimum}`);
  if (value.length > maximum)
    throw refuse(value, member, `Member must have length less than or equal to ${maximum}`);
  return value;
}

function matching(value: string, member: string, pattern: string): string {
  if (new RegExp(`^(?:${pattern})$`, "u").test(value)) return value;
  throw refuse(value, member, `Member must satisfy regular expression pattern: ${pattern}`);
}

export const checkGroupName = (value: string, member = "logGroupName"): string =>
  matching(lengthWithin(value, member, 1, 512), member, "[\\.\\-_\\/#A-Za-z0-9]+");

/** Names are parts of keys, which have fewer bytes than AWS's names may have. */
const STREAM_NAME_BYTES = 900;

export function checkStreamName(value: string, member = "logStreamName"): string {
  matching(lengthWithin(value, member, 1, 512), member, "[^:*]*");
  if (new TextEncoder().encode(value).length > STREAM_NAME_BYTES)
    throw invalidParameter(
      `A log stream's name of more than ${STREAM_NAME_BYTES} bytes is not implemented by Estiba`,
    );
  return value;
}

export function inRange(value: number, member: string, minimum: number, maximum: number): number {
  if (value < minimum)
    throw refuse(value, member, `Member must have value greater than or equal to ${minimum}`);
  if (value > maximum) throw refuse(value, member, `Member must have value less than or equal to ${maximum}`);
  if (!Number.isInteger(value)) throw refuse(value, member, "Member must be a whole number");
  return value;
}

export function checkRetention(days: number): number {
  if (RETENTION_DAYS.includes(days)) return days;
  throw refuse(days, "retentionInDays", `Member must satisfy enum value set: [${RETENTION_DAYS.join(", ")}]`);
}

const MOST_TAGS = 50;

export function checkTags(given: Readonly<Record<string, string>> | undefined): Tags {
  const tags = given ?? {};
  for (const [key, value] of Object.entries(tags)) {
    matching(lengthWithin(key, "tags", 1, 128), "tags", "[\\p{L}\\p{Z}\\p{N}_.:\\/=+\\-@]+");
    matching(lengthWithin(value, "tags", 0, 256), "tags", "[\\p{L}\\p{Z}\\p{N}_.:\\/=+\\-@]*");
    if (key.toLowerCase().startsWith("aws:"))
      throw invalidParameter("Tag keys that begin with aws: are reserved for system use.");
  }
  return checkTagCount(tags);
}

export function checkTagCount(tags: Tags): Tags {
  if (Object.keys(tags).length > MOST_TAGS)
    throw invalidParameter(`A log group can have at most ${MOST_TAGS} tags.`);
  return tags;
}
