// EventBridge's refusals in AWS's words (EventBridge API reference).
import { ServiceError } from "#lib/errors.ts";
import { InvalidPattern } from "#domain/events/pattern-operators.ts";
import { readPattern, type EventPattern } from "#domain/events/pattern.ts";

export const validationError = (message: string): ServiceError =>
  new ServiceError("ValidationException", message);

export const notFound = (what: string): ServiceError =>
  new ServiceError("ResourceNotFoundException", `${what} does not exist.`);

export const ruleNotFound = (name: string, busName: string): ServiceError =>
  new ServiceError("ResourceNotFoundException", `Rule ${name} does not exist on EventBus ${busName}.`);

export const alreadyExists = (what: string): ServiceError =>
  new ServiceError("ResourceAlreadyExistsException", `${what} already exists.`);

export const limitExceeded = (message: string): ServiceError =>
  new ServiceError("LimitExceededException", message);

/** `path` in the caller's names: `entries.1.source`. */
export const missingMember = (path: string): ServiceError =>
  validationError(
    `1 validation error detected: Value null at '${path.charAt(0).toLowerCase()}${path.slice(1)}' failed to satisfy constraint: Member must not be null`,
  );

/** What the API has and Estiba has not: said by name instead of accepted and ignored. */
export const notImplemented = (what: string): ServiceError =>
  validationError(`${what} is not implemented by Estiba.`);

/** @throws InvalidEventPatternException */
export function checkPattern(text: string): EventPattern {
  try {
    return readPattern(text);
  } catch (error) {
    if (!(error instanceof InvalidPattern)) throw error;
    throw new ServiceError(
      "InvalidEventPatternException",
      `Event pattern is not valid. Reason: ${error.message}`,
    );
  }
}
