// Who is it: the caller, a key, and what a denial says of why.
import { ServiceError } from "#lib/errors.ts";
import { accessKeys } from "#store/tables/iam.ts";
import { checkDuration, checkText } from "../constraints.ts";
import type { StsDependencies, StsOperations } from "../dependencies.ts";
import { accessDenied, notImplemented, validationError } from "../errors.ts";
import { showCredentials } from "../show-credentials.ts";

/** Seconds (STS API reference, GetSessionToken). */
const USUAL = 43_200;
const LONGEST = 129_600;
const LONGEST_OF_ROOT = 3600;

export function identityOperations({ store, clock, account, sessions, messages }: StsDependencies) {
  return {
    /** Needs no permission on AWS either. The user id of a role session is `<role id>:<session name>`. */
    GetCallerIdentity: (_input, { principal }) => ({
      UserId: principal.id,
      Account: principal.account,
      Arn: principal.arn,
    }),

    GetSessionToken(input, { principal }) {
      for (const member of ["SerialNumber", "TokenCode"] as const)
        if (input[member] !== undefined) throw notImplemented(member);
      const isLongLived =
        (principal.type === "root" || principal.type === "user") && principal.issuedAt === undefined;
      if (!isLongLived) throw accessDenied("Cannot call GetSessionToken with session credentials");
      const asked = checkDuration(input.DurationSeconds, { usual: USUAL, most: LONGEST });
      const seconds = principal.type === "root" ? Math.min(asked, LONGEST_OF_ROOT) : asked;
      const now = clock.now();
      const issued = sessions.issue({
        principal: { ...principal, issuedAt: now },
        expiresAt: now + seconds * 1000,
      });
      return { Credentials: showCredentials(issued) };
    },

    /** Knows the keys of users. Those of sessions are in no list, and AWS's are another's to tell. */
    GetAccessKeyInfo(input) {
      const id = checkText(input.AccessKeyId ?? "", "accessKeyId", {
        least: 16,
        most: 128,
        pattern: /^\w*$/,
      });
      if (store.get(accessKeys, id) === undefined)
        throw validationError(`The access key ${id} is not one of a user of this account.`);
      return { Account: account };
    },

    DecodeAuthorizationMessage(input) {
      const encoded = checkText(input.EncodedMessage ?? "", "encodedMessage", { least: 1, most: 10_240 });
      try {
        return { DecodedMessage: messages.open(encoded) };
      } catch {
        throw new ServiceError("InvalidAuthorizationMessageException", "Message is not valid");
      }
    },
  } satisfies StsOperations;
}
