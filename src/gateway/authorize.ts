// Who may do what: root everything, sessions of roles what the roles' policies allow, users nothing yet. That an instance or a
// task acts only for itself is checked by the services, which know their rows.
import type { Clock } from "#lib/clock.ts";
import type { Tags } from "#domain/tags.ts";
import { contextOf, evaluate, reasonOf } from "#iam/evaluate.ts";
import type { Policy } from "#iam/policy.ts";
import type { AuthorizationQuestion, Authorizer, Permission, Principal } from "./service-definition.ts";

export interface RoleGrants {
  readonly policies: readonly Policy[];
  readonly tags: Tags;
}

export interface AuthorizerParts {
  readonly clock: Pick<Clock, "now">;
  /** What a role's identity-based policies say; nothing for a role that is gone. */
  readonly policiesOf: (roleArn: string) => RoleGrants;
}

const NOTHING: RoleGrants = { policies: [], tags: {} };

export function createAuthorizer({ clock, policiesOf }: AuthorizerParts): Authorizer {
  return {
    authorize(question) {
      const { principal } = question;
      if (principal.type === "root") return undefined;
      // AWS lets every identity ask who it is, whatever its policies say.
      if (question.action === "sts:GetCallerIdentity") return undefined;
      const grants = principal.type === "user" ? NOTHING : policiesOf(principal.roleArn);
      const context = contextOf({
        ...contextOfCaller(principal, grants),
        ...contextOfCall(question, clock.now()),
      });
      for (const [action, permissions] of byAction(question)) {
        const decision = evaluate(
          { identity: grants.policies },
          {
            principal: callerOf(principal),
            action,
            resources: permissions.map(({ resource, context: own }) => ({
              arn: resource,
              ...(own === undefined ? {} : { context: contextOf(own) }),
            })),
            context,
          },
        );
        if (!decision.allowed)
          return { action, resource: decision.resource, reason: reasonOf(decision, action) };
      }
      return undefined;
    },
  };
}

const callerOf = (principal: Principal) => ({
  type: "AWS" as const,
  arn: principal.arn,
  account: principal.account,
  ...("roleArn" in principal ? { roleArn: principal.roleArn } : {}),
});

function byAction({
  action,
  permissions,
}: AuthorizationQuestion): ReadonlyMap<string, readonly Permission[]> {
  const grouped = new Map<string, Permission[]>();
  for (const permission of permissions()) {
    const of = permission.action ?? action;
    grouped.set(of, [...(grouped.get(of) ?? []), permission]);
  }
  return grouped;
}

/** IAM User Guide, "AWS global condition context keys", properties of the principal. */
const contextOfCaller = (principal: Principal, { tags }: RoleGrants) => ({
  // Of a session it is the role's, not the session's.
  "aws:PrincipalArn": "roleArn" in principal ? principal.roleArn : principal.arn,
  "aws:PrincipalAccount": principal.account,
  "aws:PrincipalType": principal.type === "user" ? "User" : "AssumedRole",
  "aws:userid": principal.id,
  "aws:username": principal.type === "user" ? principal.userName : undefined,
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
