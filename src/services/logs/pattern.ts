// A caller's filter pattern, or the refusal of one that cannot be read.
import { BadPattern } from "#domain/logs/filter/bad-pattern.ts";
import type { Filter } from "#domain/logs/filter/filter.ts";
import { parseFilterPattern } from "#domain/logs/filter/filter-pattern.ts";
import { invalidParameter } from "./errors.ts";

/** Undefined: there is none, so every event matches. @throws InvalidParameterException */
export function readPattern(pattern: string | undefined): Filter | undefined {
  if (pattern === undefined || pattern.trim() === "") return undefined;
  try {
    return parseFilterPattern(pattern);
  } catch (error) {
    throw error instanceof BadPattern ? invalidParameter(error.message) : error;
  }
}
