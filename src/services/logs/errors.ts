// The refusals of CloudWatch Logs in AWS's codes and words (API reference and what the service answers).
import { ServiceError } from "#lib/errors.ts";

export const invalidParameter = (message: string): ServiceError =>
  new ServiceError("InvalidParameterException", message);

export const invalidToken = (): ServiceError => invalidParameter("The specified nextToken is invalid.");

export const noSuchGroup = (): ServiceError =>
  new ServiceError("ResourceNotFoundException", "The specified log group does not exist.");

export const noSuchStream = (): ServiceError =>
  new ServiceError("ResourceNotFoundException", "The specified log stream does not exist.");

export const groupExists = (): ServiceError =>
  new ServiceError("ResourceAlreadyExistsException", "The specified log group already exists");

export const streamExists = (): ServiceError =>
  new ServiceError("ResourceAlreadyExistsException", "The specified log stream already exists");

/** The disk is full, or the log store cannot keep up: the caller tries again. */
export const unavailable = (message: string): ServiceError =>
  new ServiceError("ServiceUnavailableException", message, { statusCode: 503 });

/** What the API has and Estiba has not: said by name instead of accepted and ignored. */
export const notImplemented = (what: string): ServiceError =>
  invalidParameter(`${what} is not implemented by Estiba`);

export const missingMember = (path: string): ServiceError =>
  invalidParameter(
    `1 validation error detected: Value null at '${path}' failed to satisfy constraint: Member must not be null`,
  );
