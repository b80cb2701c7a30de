// Policies of a parameter (Systems Manager User Guide, "Assigning parameter policies"). Expiration is kept and carried out;
// notifications are refused by name: there is nobody to notify.
import { ServiceError } from "#lib/errors.ts";
import type { ExpirationPolicy } from "#domain/ssm/parameter.ts";

const MOST_POLICIES = 10;

/** @throws InvalidPolicyTypeException, InvalidPolicyAttributeException, PoliciesLimitExceededException */
export function readPolicies(given: string | undefined): readonly ExpirationPolicy[] {
  if (given === undefined) return [];
  const list = parsed(given);
  if (list.length > MOST_POLICIES)
    throw new ServiceError(
      "PoliciesLimitExceededException",
      `You specified more than the maximum number of allowed policies for the parameter. The maximum is ${MOST_POLICIES}.`,
    );
  const policies = list.map(readPolicy);
  if (policies.length > 1) throw attribute("A parameter can have one policy of the type Expiration.");
  return policies;
}

function readPolicy(policy: unknown): ExpirationPolicy {
  const { Type: type, Version: version, Attributes: attributes } = objectOf(policy);
  if (type === "ExpirationNotification" || type === "NoChangeNotification")
    throw new ServiceError("InvalidPolicyTypeException", `Policy type ${type} is not implemented by Estiba`);
  if (type !== "Expiration")
    throw new ServiceError(
      "InvalidPolicyTypeException",
      "The policy type isn't supported. Parameter Store supports the following policy types: Expiration, ExpirationNotification, and NoChangeNotification.",
    );
  if (version !== "1.0") throw attribute("The policy version must be 1.0.");
  const { Timestamp: timestamp, ...others } = objectOf(attributes);
  const expiresAt = typeof timestamp === "string" ? Date.parse(timestamp) : NaN;
  const isTime = typeof timestamp === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(timestamp);
  if (!isTime || Number.isNaN(expiresAt) || Object.keys(others).length > 0)
    throw attribute("A policy of the type Expiration has one attribute, Timestamp, a time in ISO 8601.");
  return { text: JSON.stringify(policy), expiresAt };
}

function parsed(given: string): readonly unknown[] {
  try {
    const list: unknown = JSON.parse(given);
    if (Array.isArray(list)) return list as unknown[];
  } catch {
    // Told below.
  }
  throw attribute("Policies must be a JSON list of policies.");
}

const objectOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

const attribute = (message: string) => new ServiceError("InvalidPolicyAttributeException", message);
