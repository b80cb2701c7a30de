// Lists of names and `include` that the Describe operations take.
import { invalidParameter } from "./errors.ts";

/** The names, each once. @throws InvalidParameterException when there are none or too many */
export function namesGiven(given: readonly string[] | undefined, what: string, most: number): string[] {
  if (given === undefined || given.length === 0) throw invalidParameter(`${what} cannot be empty.`);
  if (given.length > most) throw invalidParameter(`${what} can have at most ${most} items.`);
  return [...new Set(given)];
}

/** Whether `include` asks for the tags, the only thing these operations know. @throws InvalidParameterException */
export function wantsTags(include: readonly string[] | undefined): boolean {
  const unknown = include?.find((field) => field !== "TAGS");
  if (unknown !== undefined) throw invalidParameter(`Invalid value '${unknown}' in include.`);
  return include?.includes("TAGS") ?? false;
}
