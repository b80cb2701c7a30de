// IAM's refusals in AWS's codes and words (IAM API reference and what the service answers).
import { ServiceError } from "#lib/errors.ts";

export const validationError = (message: string): ServiceError =>
  new ServiceError("ValidationError", message);

export const noSuchEntity = (message: string): ServiceError =>
  new ServiceError("NoSuchEntity", message, { statusCode: 404 });

export const noSuchRole = (name: string): ServiceError =>
  noSuchEntity(`The role with name ${name} cannot be found.`);

export const noSuchInstanceProfile = (name: string): ServiceError =>
  noSuchEntity(`Instance Profile ${name} cannot be found.`);

export const entityAlreadyExists = (what: string): ServiceError =>
  new ServiceError("EntityAlreadyExists", `${what} already exists.`, { statusCode: 409 });

export const deleteConflict = (what: string): ServiceError =>
  new ServiceError("DeleteConflict", `Cannot delete entity, must ${what} first.`, { statusCode: 409 });

export const limitExceeded = (message: string): ServiceError =>
  new ServiceError("LimitExceeded", message, { statusCode: 409 });

/** What the API has and Estiba has not: said by name instead of accepted and ignored. */
export const notImplemented = (what: string): ServiceError =>
  validationError(`${what} is not implemented by Estiba`);
