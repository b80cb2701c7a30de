// IAM's refusals in AWS's codes and words (IAM API reference and what the service answers).
import { ServiceError } from "#lib/errors.ts";

export const validationError = (message: string): ServiceError =>
  new ServiceError("ValidationError", message);

export const invalidInput = (message: string): ServiceError => new ServiceError("InvalidInput", message);

export const noSuchEntity = (message: string): ServiceError =>
  new ServiceError("NoSuchEntity", message, { statusCode: 404 });

/** `what`: user, group, role. */
export const notFoundByName = (what: string, name: string): ServiceError =>
  noSuchEntity(`The ${what} with name ${name} cannot be found.`);

export const noSuchInstanceProfile = (name: string): ServiceError =>
  noSuchEntity(`Instance Profile ${name} cannot be found.`);

export const entityAlreadyExists = (what: string): ServiceError =>
  new ServiceError("EntityAlreadyExists", `${what} already exists.`, { statusCode: 409 });

export const deleteConflict = (what: string): ServiceError =>
  conflict(`Cannot delete entity, must ${what} first.`);

export const conflict = (message: string): ServiceError =>
  new ServiceError("DeleteConflict", message, { statusCode: 409 });

export const limitExceeded = (message: string): ServiceError =>
  new ServiceError("LimitExceeded", message, { statusCode: 409 });

/** Of roles that are linked to a service. */
export const unmodifiable = (name: string): ServiceError =>
  new ServiceError(
    "UnmodifiableEntity",
    `Cannot perform the operation on the protected role '${name}' - this role is only modifiable by AWS`,
  );
