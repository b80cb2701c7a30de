// The model's limits on single members, refused as the service's front end words it.
import { validationError } from "./errors.ts";

const refuse = (value: string | number, member: string, constraint: string) =>
  validationError(
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ${constraint}`,
  );

/** @throws ValidationError unless minimum ≤ value ≤ maximum */
export function inRange(value: number, member: string, minimum: number, maximum: number): number {
  if (value < minimum)
    throw refuse(value, member, `Member must have value greater than or equal to ${minimum}`);
  if (value > maximum) throw refuse(value, member, `Member must have value less than or equal to ${maximum}`);
  if (!Number.isInteger(value)) throw refuse(value, member, "Member must be a whole number");
  return value;
}

export function oneOf<T extends string>(value: string, member: string, allowed: readonly T[]): T {
  const found = allowed.find((a) => a === value);
  if (found === undefined)
    throw refuse(value, member, `Member must satisfy enum value set: [${allowed.join(", ")}]`);
  return found;
}

export function matching(value: string, member: string, pattern: RegExp): string {
  if (!pattern.test(value))
    throw refuse(value, member, `Member must satisfy regular expression pattern: ${pattern.source}`);
  return value;
}

export function lengthWithin(value: string, member: string, minimum: number, maximum: number): string {
  if (value.length < minimum)
    throw refuse(value, member, `Member must have length greater than or equal to ${minimum}`);
  if (value.length > maximum)
    throw refuse(value, member, `Member must have length less than or equal to ${maximum}`);
  return value;
}

/** Names of load balancers (`The load balancer`) and target groups (`Target group`): 32 letters, digits, single hyphens inside. */
export function checkName(what: "The load balancer" | "Target group", name: string): void {
  if (name.length > 32) throw validationError(`${what} name '${name}' cannot be longer than '32' characters`);
  if (!/^[A-Za-z0-9-]+$/.test(name)) {
    throw validationError(
      `${what} name '${name}' can only contain characters that are alphanumeric characters or hyphens(-)`,
    );
  }
  if (name.startsWith("-") || name.endsWith("-"))
    throw validationError(`${what} name '${name}' cannot begin or end with '-'`);
}
