// Secrets Manager's refusals in AWS's codes and words (API reference and what the service answers).
import { ServiceError } from "#lib/errors.ts";
import { constraintsOf } from "../constraints.ts";

export const invalidParameter = (message: string): ServiceError =>
  new ServiceError("InvalidParameterException", message);

export const invalidRequest = (message: string): ServiceError =>
  new ServiceError("InvalidRequestException", message);

export const validation = (message: string): ServiceError => new ServiceError("ValidationException", message);

export const { refuse: constraint } = constraintsOf(validation);

export const missingMember = (path: string): ServiceError =>
  validation(
    `1 validation error detected: Value null at '${path.charAt(0).toLowerCase()}${path.slice(1)}' failed to satisfy constraint: Member must not be null`,
  );

export const secretNotFound = (): ServiceError =>
  new ServiceError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");

export const versionNotFound = (what: string): ServiceError =>
  new ServiceError(
    "ResourceNotFoundException",
    `Secrets Manager can't find the specified secret value for ${what}`,
  );

export const resourceExists = (message: string): ServiceError =>
  new ServiceError("ResourceExistsException", message);

export const markedForDeletion = (): ServiceError =>
  invalidRequest("You can't perform this operation on the secret because it was marked for deletion.");

/** What the API has and Estiba has not: said by name instead of accepted and ignored. */
export const notImplemented = (what: string): ServiceError =>
  invalidParameter(`${what} is not implemented by Estiba`);
