// The model's limits on single members of inputs, refused as the service words them.
import { constraintsOf } from "../constraints.ts";
import { constraint, invalidParameter, validation } from "./errors.ts";

export const { lengthWithin } = constraintsOf(validation);

/** @throws ValidationException, InvalidParameterException */
export function checkName(name: string): string {
  lengthWithin(name, "name", 1, 512);
  if (/^[\w/+=.@-]+$/.test(name)) return name;
  throw constraint(
    name,
    "name",
    "Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
  );
}

/** A version's id, which callers choose. @throws ValidationException, InvalidParameterException */
export function checkToken(token: string): string {
  if (token.length < 32 || token.length > 64 || !/^[\x21-\x7e]+$/.test(token) || token.includes("/"))
    throw invalidParameter("ClientRequestToken must be 32-64 characters long.");
  return token;
}

const MOST_STAGES = 20;

export function checkStages(stages: readonly string[]): readonly string[] {
  if (stages.length === 0 || stages.length > MOST_STAGES)
    throw constraint(
      `[${stages.join(", ")}]`,
      "versionStages",
      `Member must have length between 1 and ${MOST_STAGES}`,
    );
  return [...new Set(stages.map((stage) => lengthWithin(stage, "versionStage", 1, 256)))];
}
