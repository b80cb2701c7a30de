// AllowedPattern: a caller's regular expression over a caller's value. It may be one that never ends, so it gets little time.
import { createContext, Script } from "node:vm";
import { ServiceError } from "#lib/errors.ts";

const MOST_MS = 100;
const script = new Script("new RegExp(pattern, 'u').test(value)");

/** @throws InvalidAllowedPatternException, ParameterPatternMismatchException */
export function checkPattern(pattern: string, value: string): void {
  let matches: unknown;
  try {
    matches = script.runInContext(createContext({ pattern, value }), { timeout: MOST_MS });
  } catch (error) {
    const isSlow = (error as { readonly code?: string }).code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
    throw new ServiceError(
      "InvalidAllowedPatternException",
      isSlow
        ? "The regular expression takes too long to be evaluated."
        : "The request doesn't meet the regular expression requirement.",
    );
  }
  if (matches !== true)
    throw new ServiceError(
      "ParameterPatternMismatchException",
      `Parameter value, cannot be validated against allowedPattern: ${pattern}`,
    );
}
