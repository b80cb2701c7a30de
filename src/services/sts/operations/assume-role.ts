// AssumeRole: whether the caller may was judged by the gateway, by the role's trust policy and the caller's own. Here the session is
// made of what was asked for.
import { formatArn } from "#lib/arn.ts";
import type { RoleRow } from "#domain/iam/records.ts";
import type { Principal, SessionAttributes } from "#gateway/service-definition.ts";
import { roles } from "#store/tables/iam.ts";
import { checkDuration, checkExternalId, checkRoleArn, checkSessionName } from "../constraints.ts";
import type { StsDependencies, StsOperations } from "../dependencies.ts";
import { accessDenied, notImplemented, validationError } from "../errors.ts";
import { readSession } from "../session-input.ts";
import { showCredentials } from "../show-credentials.ts";

/** Seconds (STS API reference, AssumeRole). */
const USUAL = 3600;
const LONGEST = 43_200;
const LONGEST_CHAINED = 3600;

export function assumeRoleOperations({ store, clock, account, sessions }: StsDependencies) {
  return {
    AssumeRole(input, { principal }) {
      for (const member of ["SerialNumber", "TokenCode", "ProvidedContexts"] as const)
        if (input[member] !== undefined) throw notImplemented(member);
      const name = checkSessionName(input.RoleSessionName);
      if (input.ExternalId !== undefined) checkExternalId(input.ExternalId);
      const duration = checkDuration(input.DurationSeconds, { usual: USUAL, most: LONGEST });
      const roleArn = checkRoleArn(input.RoleArn);
      if (principal.type === "root") throw accessDenied("Roles may not be assumed by root accounts.");
      const role = store.find(roles, "arn", roleArn)[0]?.[1];
      if (role === undefined) throw validationError(`${roleArn} is invalid`);
      if ("roleArn" in principal && duration > LONGEST_CHAINED) {
        throw validationError(
          "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        );
      }
      if (duration > role.maxSessionDuration) {
        throw validationError(
          "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        );
      }
      const { attributes, packedPercent } = readSession(store, input, principal);
      const now = clock.now();
      const session = sessionOf(role, { account, name }, { ...attributes, issuedAt: now });
      const issued = sessions.issue({ principal: session, expiresAt: now + duration * 1000 });
      return {
        Credentials: showCredentials(issued),
        AssumedRoleUser: { AssumedRoleId: session.id, Arn: session.arn },
        ...(packedPercent === undefined ? {} : { PackedPolicySize: packedPercent }),
        ...(attributes.sourceIdentity === undefined ? {} : { SourceIdentity: attributes.sourceIdentity }),
      };
    },
  } satisfies StsOperations;
}

/** `assumed-role/<role>/<session>` and `<role id>:<session>`. */
export const sessionOf = (
  role: RoleRow,
  { account, name }: { readonly account: string; readonly name: string },
  attributes: SessionAttributes,
): Principal => ({
  type: "session",
  account,
  roleArn: role.arn,
  id: `${role.id}:${name}`,
  arn: formatArn({
    service: "sts",
    region: "",
    account,
    resource: `assumed-role/${role.name}/${name}`,
  }),
  ...attributes,
});
