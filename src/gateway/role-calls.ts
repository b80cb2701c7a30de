// Calls that come from inside, with a role that a user handed to a service: trust, permissions and operation are those of a call
// from outside; only the wire is left out.
import { formatArn, parseArn } from "#lib/arn.ts";
import type { Clock } from "#lib/clock.ts";
import { ServiceError } from "#lib/errors.ts";
import type { Random } from "#lib/random.ts";
import type { RoleCalls, RoleSession } from "#domain/ports/role-calls.ts";
import { serviceMayAssume } from "#iam/assume.ts";
import type { Reader } from "#store/store.ts";
import { roles } from "#store/tables/iam.ts";
import { accessDenied } from "./auth-errors.ts";
import { resourcePoliciesOf } from "./resource-policies.ts";
import type { Authorizer, Permission, Principal, ServiceDefinition } from "./service-definition.ts";

export interface RoleCallParts {
  readonly reader: Reader;
  readonly services: readonly ServiceDefinition[];
  readonly authorizer: Authorizer;
  readonly account: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Base URL for answers that name one. */
  readonly endpoint: string;
}

export function createRoleCalls({
  reader,
  services,
  authorizer,
  account,
  clock,
  random,
  endpoint,
}: RoleCallParts): RoleCalls {
  const resourcePolicyOf = resourcePoliciesOf(services);
  /** @throws ServiceError AccessDeniedException when the role is not there or does not trust the service */
  const assume = ({ roleArn, service, sourceArn, sessionName }: RoleSession): Principal => {
    const role = reader.find(roles, "arn", roleArn)[0]?.[1];
    const isTrusted =
      role !== undefined &&
      serviceMayAssume(role.assumeRolePolicyDocument, { service, sourceAccount: account, sourceArn });
    if (!isTrusted)
      throw denied(`${service} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`);
    const name = parseArn(roleArn)?.resource.split("/").at(-1) ?? "";
    return {
      type: "session",
      account,
      roleArn,
      issuedAt: clock.now(),
      id: `${role.id}:${sessionName}`,
      arn: formatArn({
        service: "sts",
        region: "",
        account,
        resource: `assumed-role/${name}/${sessionName}`,
      }),
    };
  };
  const judge = (
    principal: Principal,
    { region, service }: RoleSession,
    action: string,
    permissions: () => readonly Permission[],
  ) => {
    const denial = authorizer.authorize({
      principal,
      action,
      permissions,
      region,
      sourceIp: "127.0.0.1",
      userAgent: service,
      resourcePolicyOf,
    });
    if (denial !== undefined) throw denied(accessDenied(principal.arn, denial).detail ?? "Access denied");
  };

  return {
    judge: (session, action, resource) => judge(assume(session), session, action, () => [{ resource }]),

    async call(session, serviceName, operationName, input) {
      const service = services.find(({ name }) => name === serviceName);
      const operation = service?.operations[operationName];
      if (service === undefined || operation === undefined)
        throw new Error(`There is no ${serviceName}:${operationName}.`);
      const principal = assume(session);
      const { region } = session;
      const action = `${serviceName}:${operationName}`;
      const permissions = service.permissions?.[operationName];
      judge(
        principal,
        session,
        action,
        () => permissions?.(input as never, { region, account }) ?? [{ resource: "*" }],
      );
      return operation(input as never, {
        requestId: random.uuid(),
        region,
        account,
        principal,
        action,
        sourceIp: "127.0.0.1",
        userAgent: session.service,
        endpoint,
      });
    },
  };
}

const denied = (message: string): ServiceError =>
  new ServiceError("AccessDeniedException", message, { statusCode: 403 });
