// KMS's refusals in AWS's codes and words (KMS API reference and what the service answers).
import { ServiceError } from "#lib/errors.ts";

export const validation = (message: string): ServiceError => new ServiceError("ValidationException", message);

export const missingMember = (path: string): ServiceError =>
  validation(
    `1 validation error detected: Value at '${path}' failed to satisfy constraint: Member must not be null`,
  );

export const notFound = (message: string): ServiceError => new ServiceError("NotFoundException", message);

export const noSuchKey = (arn: string): ServiceError => notFound(`Key '${arn}' does not exist`);

export const noSuchAlias = (arn: string): ServiceError => notFound(`Alias ${arn} is not found.`);

export const disabled = (arn: string): ServiceError =>
  new ServiceError("DisabledException", `${arn} is disabled.`);

export const invalidState = (message: string): ServiceError =>
  new ServiceError("KMSInvalidStateException", message);

export const pendingDeletion = (arn: string): ServiceError => invalidState(`${arn} is pending deletion.`);

export const invalidCiphertext = (): ServiceError =>
  new ServiceError(
    "InvalidCiphertextException",
    "The ciphertext was not made with a key of this account and region and this encryption context.",
  );

export const limitExceeded = (message: string): ServiceError =>
  new ServiceError("LimitExceededException", message);

/** What the API has and Estiba has not: said by name instead of accepted and ignored. */
export const notImplemented = (what: string): ServiceError =>
  new ServiceError("UnsupportedOperationException", `${what} is not implemented by Estiba`);
