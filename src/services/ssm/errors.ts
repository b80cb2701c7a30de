// Parameter Store's refusals in AWS's codes and words (Systems Manager API reference and what the service answers).
import { ServiceError } from "#lib/errors.ts";
import { constraintsOf } from "../constraints.ts";

export const validation = (message: string): ServiceError => new ServiceError("ValidationException", message);

export const { refuse: constraint } = constraintsOf(validation);

export const missingMember = (path: string): ServiceError =>
  validation(
    `1 validation error detected: Value null at '${path.charAt(0).toLowerCase()}${path.slice(1)}' failed to satisfy constraint: Member must not be null`,
  );

export const parameterNotFound = (name: string): ServiceError =>
  new ServiceError("ParameterNotFound", `Parameter ${name} not found.`);

export const versionNotFound = (name: string, selector: string): ServiceError =>
  new ServiceError(
    "ParameterVersionNotFound",
    `Systems Manager could not find version ${selector} of ${name}. Verify the version and try again.`,
  );

export const alreadyExists = (): ServiceError =>
  new ServiceError(
    "ParameterAlreadyExists",
    "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
  );

export const invalidKeyId = (message: string): ServiceError => new ServiceError("InvalidKeyId", message);

/** What the API has and Estiba has not: said by name instead of accepted and ignored. */
export const notImplemented = (what: string): ServiceError =>
  validation(`${what} is not implemented by Estiba`);
