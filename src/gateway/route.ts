// Which service and operation a request means: awsJson by X-Amz-Target, Query and EC2 by the signature's service and `Action`.
import { ServiceError } from "#lib/errors.ts";
import { ec2Protocol } from "./ec2.ts";
import { jsonProtocol } from "./json.ts";
import type { Protocol } from "./protocol.ts";
import { queryProtocol } from "./query.ts";
import { readParameters } from "./query-parameters.ts";
import type { ServiceDefinition, WireProtocol } from "./service-definition.ts";
import { header, type WireRequest } from "./wire-request.ts";

export const protocols: Readonly<Record<WireProtocol, Protocol>> = {
  awsJson1_1: jsonProtocol,
  query: queryProtocol,
  ec2: ec2Protocol,
};

export type Route =
  | { readonly service: ServiceDefinition; readonly operation: string }
  /** In whose form to answer that there is no such thing; no wire protocol is known when `service` is undefined. */
  | {
      readonly service: ServiceDefinition | undefined;
      readonly wire: WireProtocol;
      readonly error: ServiceError;
    };

/**
 * `scopeService`: the service of the signature's scope; undefined when the request is not signed.
 * Throws ServiceError MalformedQueryString when Query parameters cannot be read.
 */
export function route(
  services: readonly ServiceDefinition[],
  request: WireRequest,
  scopeService: string | undefined,
  parameterLimit: number,
): Route {
  const target = header(request, "x-amz-target");
  return target === undefined
    ? routeQuery(services, request, scopeService, parameterLimit)
    : routeJson(services, target);
}

/** The service that an awsJson request names, before any of its body is read. */
export function targetedService(
  services: readonly ServiceDefinition[],
  request: Pick<WireRequest, "headers">,
): ServiceDefinition | undefined {
  const prefix = (header(request, "x-amz-target") ?? "").split(".", 1)[0];
  return services.find((s) => s.protocol === "awsJson1_1" && s.wireName === prefix);
}

function routeJson(services: readonly ServiceDefinition[], target: string): Route {
  const dot = target.lastIndexOf(".");
  const prefix = target.slice(0, Math.max(0, dot));
  const service = services.find((s) => s.protocol === "awsJson1_1" && s.wireName === prefix);
  if (service !== undefined && dot >= 0) return { service, operation: target.slice(dot + 1) };
  return {
    service,
    wire: "awsJson1_1",
    error: jsonProtocol.errors.unknownOperation(printable(target), service),
  };
}

function routeQuery(
  services: readonly ServiceDefinition[],
  request: WireRequest,
  scopeService: string | undefined,
  parameterLimit: number,
): Route {
  const parameters = readParameters(request, parameterLimit);
  const version = parameters.get("Version");
  const candidates = services.filter((s) => s.signingName === scopeService);
  // An unsigned request still hears the answer in its service's form, when its version tells which that is.
  const service =
    candidates.find((s) => s.wireName === version) ??
    candidates[0] ??
    (scopeService === undefined ? services.find((s) => s.wireName === version) : undefined);
  const wire = service?.protocol ?? "query";
  const action = parameters.get("Action");
  if (service === undefined || wire === "awsJson1_1" || action === undefined) {
    return { service, wire, error: unroutable(service, wire, action, scopeService) };
  }
  if (version !== undefined && version !== service.wireName) {
    const message = `Could not find operation ${printable(action)} for version ${printable(version)}`;
    return { service, wire, error: new ServiceError("InvalidAction", message) };
  }
  return { service, operation: action };
}

function unroutable(
  service: ServiceDefinition | undefined,
  wire: WireProtocol,
  action: string | undefined,
  scopeService: string | undefined,
): ServiceError {
  if (wire === "awsJson1_1") return jsonProtocol.errors.unknownOperation("without X-Amz-Target", service);
  if (action === undefined)
    return new ServiceError("MissingAction", "The request must contain the parameter Action");
  const name = scopeService === undefined ? printable(action) : `${scopeService}:${printable(action)}`;
  return protocols[wire].errors.unknownOperation(name, service);
}

/** Caller's text that goes into an answer: short, and nothing that is not a plain name. */
const printable = (text: string): string => text.slice(0, 128).replace(/[^\w.:-]/g, "?");
