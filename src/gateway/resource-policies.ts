// Which service keeps the policy of a resource: the action's, not the ARN's (a role's trust policy is STS's to ask for, not IAM's).
import type { AuthorizationQuestion, ServiceDefinition } from "./service-definition.ts";

export const resourcePoliciesOf = (
  services: readonly ServiceDefinition[],
): NonNullable<AuthorizationQuestion["resourcePolicyOf"]> => {
  const byName = new Map(services.map((service) => [service.name, service] as const));
  return (action, arn) => byName.get(action.slice(0, action.indexOf(":")))?.resourcePolicyOf?.(arn);
};
