// The limits of single members of STS's inputs (STS API reference).
import { constraintsOf } from "../constraints.ts";
import { validationError } from "./errors.ts";

const { lengthWithin, inRange, matching } = constraintsOf(validationError);

/** @throws ValidationError */
export function checkText(
  value: string,
  member: string,
  { least, most, pattern }: { readonly least: number; readonly most: number; readonly pattern?: RegExp },
): string {
  const text = lengthWithin(value, member, least, most);
  return pattern === undefined ? text : matching(text, member, pattern);
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
  return inRange(value ?? usual, "durationSeconds", 900, most);
}
