// ECS's refusals: AWS's codes and words (API reference, "Common Errors", and what the service answers).
import { ServiceError } from "#lib/errors.ts";

export const clientException = (message: string): ServiceError =>
  new ServiceError("ClientException", message);

export const invalidParameter = (message: string): ServiceError =>
  new ServiceError("InvalidParameterException", message);

export const clusterNotFound = (message = "Cluster not found."): ServiceError =>
  new ServiceError("ClusterNotFoundException", message);

export const serviceNotFound = (message = "Service not found."): ServiceError =>
  new ServiceError("ServiceNotFoundException", message);

export const serviceNotActive = (message = "Service was not ACTIVE."): ServiceError =>
  new ServiceError("ServiceNotActiveException", message);

/** RunTask's and StartTask's answer to a clientToken that was used with other parameters. */
export const conflict = (message: string, resourceIds: readonly string[] = []): ServiceError =>
  new ServiceError("ConflictException", message, { members: { resourceIds: [...resourceIds] } });

export const resourceNotFound = (message: string): ServiceError =>
  new ServiceError("ResourceNotFoundException", message);

export const accessDenied = (message: string): ServiceError =>
  new ServiceError("AccessDeniedException", message);

/** What the API has and Estiba has not: said by name instead of accepted and ignored. */
export const notImplemented = (
  what: string,
  code: "ClientException" | "InvalidParameterException" = "InvalidParameterException",
): ServiceError => new ServiceError(code, `${what} is not implemented by Estiba.`);
