// Who may do what: root everything, users and sessions of roles what their policies, boundaries and session policies allow, together
// with the policies of what they ask for. That an instance or a task acts only for itself is checked by the services, which know
// their rows.
import type { Clock } from "#lib/clock.ts";
import { contextOf, type Decision, evaluate, reasonOf } from "#iam/evaluate.ts";
import type { Grants } from "./grants.ts";
import type {
  AuthorizationQuestion,
  Authorizer,
  Denial,
  Principal,
  ResourcePolicy,
} from "./service-definition.ts";
import { createPolicyReader, type PolicyReader } from "./stored-policy.ts";

export interface AuthorizerParts {
  readonly clock: Pick<Clock, "now">;
  /** What is granted to whom: nothing to who is gone. */
  readonly grantsOf: (principal: Principal) => Grants;
  readonly readPolicy?: PolicyReader;
}

/** AWS lets every identity ask who it is, and every user for a session, whatever the policies say. */
const EVERYBODYS: ReadonlySet<string> = new Set(["sts:GetCallerIdentity", "sts:GetSessionToken"]);

export function createAuthorizer({
  clock,
  grantsOf,
  readPolicy = createPolicyReader(),
}: AuthorizerParts): Authorizer {
  return {
    authorize(question) {
      const { principal } = question;
      if (principal.type === "root") return undefined;
      if (EVERYBODYS.has(question.action)) return undefined;
      const limited = limitOfSession(question);
      if (limited !== undefined) return limited;
      const grants = grantsOf(principal);
      const context = contextOf({
        ...contextOfCaller(principal, grants),
        ...contextOfCall(question, clock.now()),
      });
      let denied: Denial | undefined;
      for (const { action = question.action, resource, context: own } of question.permissions()) {
        const decision = evaluate(
          { ...grants, ...policiesOf(question.resourcePolicyOf?.(action, resource), readPolicy) },
          {
            principal: callerOf(principal),
            action,
            resources: [{ arn: resource, ...(own === undefined ? {} : { context: contextOf(own) }) }],
            context,
          },
        );
        if (decision.allowed) continue;
        // Of several refusals the explicit one is told: no further policy can lift it.
        if (decision.explicit) return denial(action, decision);
        denied ??= denial(action, decision);
      }
      return denied;
    },
  };
}

const denial = (action: string, decision: Decision & { allowed: false }): Denial => ({
  action,
  resource: decision.resource,
  reason: reasonOf(decision, action),
});

/** IAM User Guide, "Request credentials through AWS STS": of GetSessionToken they call neither IAM nor most of STS. */
function limitOfSession({ principal, action }: AuthorizationQuestion): Denial | undefined {
  if (principal.type !== "user" || principal.issuedAt === undefined) return undefined;
  if (!/^(iam|sts):/.test(action) || action === "sts:AssumeRole") return undefined;
  return { action, resource: "*", reason: "because session credentials without MFA cannot call it" };
}

const policiesOf = (policy: ResourcePolicy | undefined, readPolicy: PolicyReader) =>
  policy === undefined
    ? {}
    : {
        resource: [readPolicy(policy.document, policy.rule === "trust" ? "trust" : "resource")],
        ...(policy.rule === undefined ? {} : { resourceRule: policy.rule }),
      };

export const callerOf = (principal: Principal) => ({
  type: "AWS" as const,
  arn: principal.arn,
  account: principal.account,
  id: principal.id.split(":")[0] ?? "",
  ...("roleArn" in principal ? { roleArn: principal.roleArn } : {}),
});

/** IAM User Guide, "AWS global condition context keys", properties of the principal. */
export const contextOfCaller = (principal: Principal, { tags }: Pick<Grants, "tags">) => ({
  // Of a session it is the role's, not the session's.
  "aws:PrincipalArn": "roleArn" in principal ? principal.roleArn : principal.arn,
  "aws:PrincipalAccount": principal.account,
  "aws:PrincipalType":
    principal.type === "user" ? "User" : principal.type === "root" ? "Account" : "AssumedRole",
  "aws:PrincipalIsAWSService": "false",
  "aws:ViaAWSService": "false",
  "aws:userid": principal.id,
  "aws:username": principal.type === "user" ? principal.userName : undefined,
  ...(principal.issuedAt === undefined
    ? {}
    : {
        "aws:TokenIssueTime": new Date(principal.issuedAt).toISOString(),
        // Known of temporary credentials only, and never true: there is no MFA.
        "aws:MultiFactorAuthPresent": "false",
      }),
  ...(principal.type === "session"
    ? {
        "aws:SourceIdentity": principal.sourceIdentity,
        "aws:FederatedProvider": principal.federatedProvider,
      }
    : {}),
  ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:PrincipalTag/${key}`, value])),
});

const contextOfCall = ({ region, sourceIp, userAgent }: AuthorizationQuestion, now: number) => ({
  "aws:RequestedRegion": region,
  "aws:SourceIp": sourceIp,
  "aws:UserAgent": userAgent,
  "aws:SecureTransport": "false",
  "aws:CurrentTime": new Date(now).toISOString(),
  "aws:EpochTime": String(Math.floor(now / 1000)),
});
