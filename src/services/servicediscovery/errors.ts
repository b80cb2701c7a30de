// Cloud Map's refusals in AWS's codes (AWS Cloud Map API reference).
import { ServiceError } from "#lib/errors.ts";

export const invalidInput = (message: string): ServiceError => new ServiceError("InvalidInput", message);

/** `path` in the caller's names: `Service.DnsConfig`. */
export const missingMember = (path: string): ServiceError =>
  invalidInput(
    `1 validation error detected: Value null at '${path.charAt(0).toLowerCase()}${path.slice(1)}' failed to satisfy constraint: Member must not be null`,
  );

/** What the API has and Estiba has not: said by name instead of accepted and ignored. */
export const notImplemented = (what: string): ServiceError =>
  invalidInput(`${what} is not implemented by Estiba.`);

export const noSuchNamespace = (named: string): ServiceError =>
  new ServiceError("NamespaceNotFound", `Failed to find namespace: ${named}`);

export const noSuchService = (named: string): ServiceError =>
  new ServiceError("ServiceNotFound", `Failed to find service: ${named}`);

export const noSuchInstance = (id: string, serviceId: string): ServiceError =>
  new ServiceError("InstanceNotFound", `Failed to find instance ${id} of the service ${serviceId}`);

export const noSuchOperation = (id: string): ServiceError =>
  new ServiceError("OperationNotFound", `Failed to find operation: ${id}`);

export const noSuchResource = (arn: string): ServiceError =>
  new ServiceError("ResourceNotFoundException", `Failed to find resource: ${arn}`);

export const inUse = (message: string): ServiceError => new ServiceError("ResourceInUse", message);

export const limitExceeded = (message: string): ServiceError =>
  new ServiceError("ResourceLimitExceeded", message);

export const namespaceExists = (existing: {
  readonly id: string;
  readonly name: string;
  readonly creatorRequestId?: string;
}): ServiceError =>
  new ServiceError("NamespaceAlreadyExists", `A namespace with the name ${existing.name} already exists.`, {
    members: { NamespaceId: existing.id, CreatorRequestId: existing.creatorRequestId },
  });

export const serviceExists = (existing: {
  readonly id: string;
  readonly arn: string;
  readonly name: string;
  readonly creatorRequestId?: string;
}): ServiceError =>
  new ServiceError("ServiceAlreadyExists", `A service with the name ${existing.name} already exists.`, {
    members: {
      ServiceId: existing.id,
      ServiceArn: existing.arn,
      CreatorRequestId: existing.creatorRequestId,
    },
  });
