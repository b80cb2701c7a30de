// The model's limits on single members, refused as CloudWatch Logs words them.
import { RETENTION_DAYS } from "#domain/logs/log-group.ts";
import type { Tags } from "#domain/tags.ts";
import { constraintsOf } from "../constraints.ts";
import { invalidParameter } from "./errors.ts";

export const { refuse, lengthWithin, inRange, matching } = constraintsOf(invalidParameter);

/** The whole value, by the pattern as the model writes it. */
const wholly = (value: string, member: string, pattern: string): string =>
  matching(value, member, new RegExp(`^(?:${pattern})$`, "u"), pattern);

export const checkGroupName = (value: string, member = "logGroupName"): string =>
  wholly(lengthWithin(value, member, 1, 512), member, "[\\.\\-_\\/#A-Za-z0-9]+");

/** Names are parts of keys, which have fewer bytes than AWS's names may have. */
const STREAM_NAME_BYTES = 900;

export function checkStreamName(value: string, member = "logStreamName"): string {
  wholly(lengthWithin(value, member, 1, 512), member, "[^:*]*");
  if (new TextEncoder().encode(value).length > STREAM_NAME_BYTES)
    throw invalidParameter(
      `A log stream's name of more than ${STREAM_NAME_BYTES} bytes is not implemented by Estiba`,
    );
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
    wholly(lengthWithin(key, "tags", 1, 128), "tags", "[\\p{L}\\p{Z}\\p{N}_.:\\/=+\\-@]+");
    wholly(lengthWithin(value, "tags", 0, 256), "tags", "[\\p{L}\\p{Z}\\p{N}_.:\\/=+\\-@]*");
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
