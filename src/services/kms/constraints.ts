// The model's limits on single members of inputs, refused as KMS words them; and members that Estiba does not have.
import { constraintsOf } from "../constraints.ts";
import { notImplemented, validation } from "./errors.ts";

export const { refuse: constraint, lengthWithin, inRange } = constraintsOf(validation);

/** The octets themselves are never shown in an answer. */
export function octetsWithin(value: Uint8Array, member: string, maximum: number): Uint8Array {
  if (value.length < 1) throw constraint("*", member, "Member must have length greater than or equal to 1");
  if (value.length > maximum)
    throw constraint("*", member, `Member must have length less than or equal to ${maximum}`);
  return value;
}

/** @throws UnsupportedOperationException for the first member that is set to anything else than the one value that there is */
export function onlyValue(input: object, allowed: Readonly<Record<string, unknown>>): void {
  for (const [member, value] of Object.entries(allowed)) {
    const given = (input as Record<string, unknown>)[member];
    if (given === undefined || given === value || (Array.isArray(given) && given.length === 0)) continue;
    throw notImplemented(typeof given === "string" ? `${member} ${given.slice(0, 64)}` : member);
  }
}
