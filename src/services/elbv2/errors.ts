// ELBv2's refusals in AWS's words (API reference and what the service answers).
import { ServiceError } from "#lib/errors.ts";

export const validationError = (message: string): ServiceError =>
  new ServiceError("ValidationError", message);

export const invalidConfiguration = (message: string): ServiceError =>
  new ServiceError("InvalidConfigurationRequest", message);

export const loadBalancerNotFound = (what = "One or more load balancers not found"): ServiceError =>
  new ServiceError("LoadBalancerNotFound", what);

export const targetGroupNotFound = (what = "One or more target groups not found"): ServiceError =>
  new ServiceError("TargetGroupNotFound", what);

export const listenerNotFound = (): ServiceError =>
  new ServiceError("ListenerNotFound", "One or more listeners not found");

export const ruleNotFound = (): ServiceError =>
  new ServiceError("RuleNotFound", "One or more rules not found");

/** What the API has and Estiba has not: said by name instead of accepted and ignored. */
export const notImplemented = (what: string, code = "InvalidConfigurationRequest"): ServiceError =>
  new ServiceError(code, `${what} is not implemented by Estiba`);
