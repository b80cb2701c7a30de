// One table: how each protocol says that a caller may not. SDKs refresh credentials and correct clocks by these names.
import { ServiceError } from "#lib/errors.ts";
import type { Denial, Principal, WireProtocol } from "./service-definition.ts";

type AuthFailureKind =
  | "missingToken"
  | "incomplete"
  | "unknownKey"
  | "badSignature"
  | "expiredToken"
  | "clockSkew"
  | "accessDenied"
  | "dryRun";

export interface AuthFailure {
  readonly kind: AuthFailureKind;
  /** Replaces the table's wording where AWS names the particular fault. */
  readonly detail?: string;
}

type Row = readonly [code: string, statusCode: number, message: string];

const MISMATCH =
  "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and " +
  "signing method. Consult the service documentation for details.";
const INVALID = "The security token included in the request is invalid.";
const EXPIRED = "The security token included in the request is expired";
const NOT_VALIDATED = "AWS was not able to validate the provided access credentials";
const WOULD_SUCCEED = "Request would have succeeded, but DryRun flag is set.";

const table: Readonly<Record<WireProtocol, Readonly<Record<AuthFailureKind, Row>>>> = {
  awsJson1_1: {
    missingToken: ["MissingAuthenticationTokenException", 400, "Missing Authentication Token"],
    incomplete: [
      "IncompleteSignatureException",
      400,
      "The request signature does not conform to AWS standards.",
    ],
    unknownKey: ["UnrecognizedClientException", 400, INVALID],
    badSignature: ["InvalidSignatureException", 400, MISMATCH],
    expiredToken: ["ExpiredTokenException", 400, EXPIRED],
    clockSkew: ["InvalidSignatureException", 400, "Signature expired"],
    accessDenied: ["AccessDeniedException", 400, "Access denied"],
    dryRun: ["DryRunOperation", 412, WOULD_SUCCEED],
  },
  query: {
    missingToken: ["MissingAuthenticationToken", 403, "Request is missing Authentication Token"],
    incomplete: ["IncompleteSignature", 403, "The request signature does not conform to AWS standards."],
    unknownKey: ["InvalidClientTokenId", 403, INVALID],
    badSignature: ["SignatureDoesNotMatch", 403, MISMATCH],
    expiredToken: ["ExpiredToken", 403, EXPIRED],
    clockSkew: ["SignatureDoesNotMatch", 403, "Signature expired"],
    accessDenied: ["AccessDenied", 403, "Access denied"],
    dryRun: ["DryRunOperation", 412, WOULD_SUCCEED],
  },
  // EC2 tells a caller less: one code for every key or signature that does not hold.
  ec2: {
    missingToken: ["AuthFailure", 401, NOT_VALIDATED],
    incomplete: ["AuthFailure", 401, NOT_VALIDATED],
    unknownKey: ["AuthFailure", 401, NOT_VALIDATED],
    badSignature: ["AuthFailure", 401, NOT_VALIDATED],
    expiredToken: ["RequestExpired", 400, "Request has expired."],
    clockSkew: ["RequestExpired", 400, "Request has expired."],
    accessDenied: ["UnauthorizedOperation", 403, "You are not authorized to perform this operation."],
    dryRun: ["DryRunOperation", 412, WOULD_SUCCEED],
  },
};

/** The error that a caller of `protocol` gets for `failure`. */
export function authError(protocol: WireProtocol, failure: AuthFailure): ServiceError {
  const [code, statusCode, message] = table[protocol][failure.kind];
  return new ServiceError(code, wording(protocol, failure, message), { statusCode });
}

function wording(protocol: WireProtocol, failure: AuthFailure, message: string): string {
  if (failure.detail === undefined) return message;
  if (protocol !== "ec2") return failure.detail;
  return failure.kind === "accessDenied" ? `${message} ${failure.detail}` : message;
}

/** AWS's sentence for a denied call, and what DecodeAuthorizationMessage opens where there is such. */
export const accessDenied = (
  principalArn: string,
  { action, resource, reason }: Denial,
  encoded?: string,
): AuthFailure => ({
  kind: "accessDenied",
  detail:
    `User: ${principalArn} is not authorized to perform: ${action} on resource: ${resource} ${reason}` +
    (encoded === undefined ? "" : `. Encoded authorization failure message: ${encoded}`),
});

/** The text of DecodeAuthorizationMessage, in the form that it has on AWS. */
export const denialMessage = (
  principal: Pick<Principal, "id" | "arn">,
  { action, resource, reason }: Denial,
): string =>
  JSON.stringify({
    allowed: false,
    explicitDeny: reason.startsWith("with an explicit deny"),
    matchedStatements: { items: [] },
    failures: { items: [] },
    context: {
      principal: { id: principal.id, arn: principal.arn },
      action,
      resource,
      conditions: { items: [] },
    },
  });
