// The limits of single members of STS's inputs (STS API reference).
import { validationError } from "./errors.ts";

const refuse = (value: string | number, member: string, constraint: string) =>
  validationError(
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ${constraint}`,
  );

/** @throws ValidationError */
export function checkText(
  value: string,
  member: string,
  { least, most, pattern }: { readonly least: number; readonly most: number; readonly pattern?: RegExp },
): string {
  if (value.length < least)
    throw refuse(value, member, `Member must have length greater than or equal to ${least}`);
  if (value.length > most)
    throw refuse(value, member, `Member must have length less than or equal to ${most}`);
  if (pattern !== undefined && !pattern.test(value))
    throw refuse(value, member, `Member must satisfy regular expression pattern: ${pattern.source}`);
  return value;
}

const NAME = /^[\w+=,.@-]*$/;
export const checkSessionName = (value: string | undefined): string =>
  checkText(value ?? "", "roleSessionName", { least: 2, most: 64, pattern: NAME });
export const checkSourceIdentity = (value: string): string =>
  checkText(value, "sourceIdentity", { least: 2, most: 64, pattern: NAME });
export const checkExternalId = (value: string): string =>
  checkText(value, "externalId", { least: 2, most: 1224, pattern: /^[\w+=,.@:/-]*$/ });
export const checkRoleArn = (value: string | undefined): string =>
  checkText(value ?? "", "roleArn", { least: 20, most: 2048 });

/** Seconds. */
export function checkDuration(
  value: number | undefined,
  { usual, most }: { readonly usual: number; readonly most: number },
): number {
  const seconds = value ?? usual;
  if (seconds < 900)
    throw refuse(seconds, "durationSeconds", "Member must have value greater than or equal to 900");
  if (seconds > most)
    throw refuse(seconds, "durationSeconds", `Member must have value less than or equal to ${most}`);
  if (!Number.isInteger(seconds)) throw refuse(seconds, "durationSeconds", "Member must be a whole number");
  return seconds;
}
