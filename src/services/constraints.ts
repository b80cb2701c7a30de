// The limits that AWS's models put on single members, refused in the words of AWS's front ends: the same for every service, but for
// the code.
import type { ServiceError } from "#lib/errors.ts";

/** @param refusal makes the service's own error of the words */
export function constraintsOf(refusal: (message: string) => ServiceError) {
  const refuse = (value: string | number, member: string, constraint: string): ServiceError =>
    refusal(
      `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ${constraint}`,
    );

  function lengthWithin(value: string, member: string, minimum: number, maximum: number): string {
    if (value.length < minimum)
      throw refuse(value, member, `Member must have length greater than or equal to ${minimum}`);
    if (value.length > maximum)
      throw refuse(value, member, `Member must have length less than or equal to ${maximum}`);
    return value;
  }

  function inRange(value: number, member: string, minimum: number, maximum: number): number {
    if (value < minimum)
      throw refuse(value, member, `Member must have value greater than or equal to ${minimum}`);
    if (value > maximum)
      throw refuse(value, member, `Member must have value less than or equal to ${maximum}`);
    if (!Number.isInteger(value)) throw refuse(value, member, "Member must be a whole number");
    return value;
  }

  function oneOf<T extends string>(value: string, member: string, allowed: readonly T[]): T {
    const found = allowed.find((a) => a === value);
    if (found === undefined)
      throw refuse(value, member, `Member must satisfy enum value set: [${allowed.join(", ")}]`);
    return found;
  }

  /** @param shown the pattern as the model writes it */
  function matching(value: string, member: string, pattern: RegExp, shown = pattern.source): string {
    if (!pattern.test(value))
      throw refuse(value, member, `Member must satisfy regular expression pattern: ${shown}`);
    return value;
  }

  return { refuse, lengthWithin, inRange, oneOf, matching };
}
