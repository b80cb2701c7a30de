// STS's refusals in AWS's codes and words.
import { ServiceError } from "#lib/errors.ts";

export const validationError = (message: string): ServiceError =>
  new ServiceError("ValidationError", message);

/** What the API has and Estiba has not. */
export const notImplemented = (what: string): ServiceError =>
  validationError(`${what} is not implemented by Estiba`);

export const accessDenied = (message: string): ServiceError =>
  new ServiceError("AccessDenied", message, { statusCode: 403 });
