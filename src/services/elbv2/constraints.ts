// The model's limits on single members, refused as the service's front end words it.
import { constraintsOf } from "../constraints.ts";
import { validationError } from "./errors.ts";

export const { inRange, oneOf, matching, lengthWithin } = constraintsOf(validationError);

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
