// How calls of services that are elsewhere are refused here: in the form of the caller's protocol, as far as it can be told.
import { ServiceError } from "#lib/errors.ts";
import { authError, type AuthFailure } from "../auth-errors.ts";
import { protocols } from "../route.ts";
import type { WireProtocol } from "../service-definition.ts";
import type { WireRequest } from "../wire-request.ts";
import { BadBody } from "./body.ts";
import { NotRouted } from "./target.ts";

type Form = WireProtocol | "s3";

export const formOf = (service: string, { headers }: Pick<WireRequest, "headers">): Form =>
  service === "s3" ? "s3" : headers.has("x-amz-target") ? "awsJson1_1" : "query";

/** S3 API reference, "Error responses". */
const S3_CODES: Partial<Record<AuthFailure["kind"], readonly [code: string, status: number]>> = {
  unknownKey: ["InvalidAccessKeyId", 403],
  badSignature: ["SignatureDoesNotMatch", 403],
  expiredToken: ["ExpiredToken", 400],
  clockSkew: ["RequestTimeTooSkewed", 403],
};

export function authFailureIn(form: Form, failure: AuthFailure): ServiceError {
  if (form !== "s3") return authError(form, failure);
  const [code, statusCode] = S3_CODES[failure.kind] ?? ["AccessDenied", 403];
  return new ServiceError(code, failure.detail ?? authError("query", failure).message, { statusCode });
}

/** Nobody answers for the service; the message says what to do about it. */
export function noUpstream(service: string): ServiceError {
  return new ServiceError(
    "UnknownOperationException",
    `Estiba does not have the service '${service}'. Start the server with --upstream ${service}=<url> (ESTIBA_UPSTREAMS) to have its calls answered elsewhere.`,
  );
}

export function refusalOf(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  if (error instanceof NotRouted)
    return new ServiceError("NotImplemented", error.message, { statusCode: 501 });
  if (error instanceof BadBody) return new ServiceError(error.code, error.message);
  return new ServiceError("InternalError", "The call could not be passed on.", { statusCode: 500 });
}

export function encodeRefusal(
  form: Form,
  error: ServiceError,
  requestId: string,
): { readonly statusCode: number; readonly contentType: string; readonly body: string } {
  const { statusCode } = error;
  if (form !== "s3") {
    const protocol = protocols[form];
    return {
      statusCode,
      contentType: protocol.contentType,
      body: protocol.encodeError(undefined, error, requestId),
    };
  }
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${escaped(error.code)}</Code><Message>${escaped(error.message)}</Message><RequestId>${requestId}</RequestId></Error>`;
  return { statusCode, contentType: "application/xml", body };
}

const escaped = (text: string): string =>
  text
    .replace(/[^\t\n\x20-\ud7ff\ue000-\ufffd]/g, "?")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
