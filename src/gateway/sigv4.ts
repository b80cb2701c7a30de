// Checks Signature Version 4 of a request: in the Authorization header or presigned in the query.
// Decides only whether the signature stands and why not; the wording is auth-errors.ts's.
import { timingSafeEqual } from "node:crypto";
import {
  amzDate,
  canonicalRequest,
  percentDecode,
  sha256Hex,
  SIGV4_ALGORITHM,
  signatureOf,
  type SigV4Scope,
} from "#lib/sigv4-canonical.ts";
import type { AuthFailure } from "./auth-errors.ts";
import { header, type WireRequest } from "./wire-request.ts";

/** How far a caller's clock may be off (AWS: five minutes). */
const SKEW_MS = 5 * 60_000;
/** The longest life of a presigned request, seconds (AWS: seven days). */
const LONGEST_PRESIGN = 604_800;

/** A signature as the request presents it; nothing of it is proven yet. */
export interface PresentedSignature {
  readonly accessKeyId: string;
  readonly scope: SigV4Scope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly sessionToken: string | undefined;
  readonly amzDate: string;
  /** Presigned only: how long it lasts, seconds. */
  readonly expires: number | undefined;
}

type Refusal = { readonly failure: AuthFailure };
const refuse = (kind: AuthFailure["kind"], detail?: string): Refusal => ({
  failure: { kind, ...(detail === undefined ? {} : { detail }) },
});

/** Reads what the request presents; undefined when it is not signed at all. */
export function readSignature(request: Omit<WireRequest, "body">): PresentedSignature | Refusal | undefined {
  const authorization = request.headers.get("authorization");
  if (authorization !== undefined) return readHeader(request, authorization);
  const query = readQuery(request.rawQuery);
  return query.has("X-Amz-Signature") || query.has("X-Amz-Algorithm") ? readPresigned(query) : undefined;
}

function readHeader(
  request: Omit<WireRequest, "body">,
  values: readonly string[],
): PresentedSignature | Refusal {
  const value = values[0] ?? "";
  if (values.length !== 1 || !value.startsWith(`${SIGV4_ALGORITHM} `)) {
    return refuse("incomplete", "Authorization header must begin with AWS4-HMAC-SHA256.");
  }
  const fields = new Map<string, string>();
  for (const part of value.slice(SIGV4_ALGORITHM.length).split(",")) {
    const at = part.indexOf("=");
    if (at > 0) fields.set(part.slice(0, at).trim(), part.slice(at + 1).trim());
  }
  for (const name of ["Credential", "Signature", "SignedHeaders"]) {
    if (!fields.get(name)) return refuse("incomplete", `Authorization header requires '${name}' parameter.`);
  }
  const date = header(request, "x-amz-date");
  if (date === undefined) {
    return refuse(
      "incomplete",
      "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
    );
  }
  return present(fields.get("Credential"), fields.get("SignedHeaders"), fields.get("Signature"), {
    amzDate: date,
    sessionToken: header(request, "x-amz-security-token"),
    expires: undefined,
  });
}

function readPresigned(query: ReadonlyMap<string, string>): PresentedSignature | Refusal {
  if (query.get("X-Amz-Algorithm") !== SIGV4_ALGORITHM) {
    return refuse(
      "incomplete",
      "AWS query-string parameters must include 'X-Amz-Algorithm' AWS4-HMAC-SHA256.",
    );
  }
  for (const name of ["Credential", "Signature", "SignedHeaders", "Date", "Expires"]) {
    if (!query.get(`X-Amz-${name}`)) {
      return refuse("incomplete", `AWS query-string parameters must include 'X-Amz-${name}'.`);
    }
  }
  const expiresText = query.get("X-Amz-Expires") ?? "";
  const expires = /^\d{1,6}$/.test(expiresText) ? Number(expiresText) : LONGEST_PRESIGN + 1;
  if (expires > LONGEST_PRESIGN)
    return refuse("incomplete", "X-Amz-Expires must be between 0 and 604800 seconds.");
  return present(
    query.get("X-Amz-Credential"),
    query.get("X-Amz-SignedHeaders"),
    query.get("X-Amz-Signature"),
    {
      amzDate: query.get("X-Amz-Date") ?? "",
      sessionToken: query.get("X-Amz-Security-Token"),
      expires,
    },
  );
}

function present(
  credential = "",
  signedHeaders = "",
  signature = "",
  rest: Pick<PresentedSignature, "amzDate" | "sessionToken" | "expires">,
): PresentedSignature | Refusal {
  const [accessKeyId = "", date = "", region = "", service = "", terminator, ...more] = credential.split("/");
  const wellFormed =
    /^\w{1,128}$/.test(accessKeyId) && /^[a-z0-9-]{1,64}$/.test(region) && /^[a-z0-9-]{1,64}$/.test(service);
  if (!wellFormed || !/^\d{8}$/.test(date) || terminator === undefined || more.length > 0) {
    return refuse(
      "incomplete",
      "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
    );
  }
  if (terminator !== "aws4_request") {
    return refuse("badSignature", "Credential should be scoped with a valid terminator: 'aws4_request'.");
  }
  if (parseAmzDate(rest.amzDate) === undefined) {
    return refuse(
      "incomplete",
      "Date must be in ISO-8601 'basic format'. See http://en.wikipedia.org/wiki/ISO_8601",
    );
  }
  if (rest.amzDate.slice(0, 8) !== date) {
    return refuse(
      "badSignature",
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${date}' != '${rest.amzDate.slice(0, 8)}', from '${rest.amzDate}'.`,
    );
  }
  return {
    accessKeyId,
    scope: { date, region, service },
    signedHeaders: signedHeaders.split(";"),
    signature,
    ...rest,
  };
}

/** Why the signature does not stand; undefined when it does. `now`: epoch milliseconds. */
export function checkSignature(
  request: WireRequest,
  presented: PresentedSignature,
  secretAccessKey: string,
  service: string,
  now: number,
): AuthFailure | undefined {
  const payloadHash = sha256Hex(request.body);
  const claimed = request.headers.get("x-amz-content-sha256");
  const failure = checkHead(request, presented, secretAccessKey, { service, payloadHash }, now);
  if (failure !== undefined) return failure;
  // UNSIGNED-PAYLOAD is S3's: no service here allows it, so that the body is always covered.
  if (claimed !== undefined && (claimed.length !== 1 || claimed[0] !== payloadHash))
    return refuse("badSignature").failure;
  return undefined;
}

/** The same of a request whose body is yet to come: `payloadHash` is what was signed of it. */
export function checkHead(
  request: Omit<WireRequest, "body">,
  presented: PresentedSignature,
  secretAccessKey: string,
  signed: { readonly service: string; readonly payloadHash: string; readonly isS3?: boolean },
  now: number,
): AuthFailure | undefined {
  const { service, payloadHash, isS3 = false } = signed;
  if (presented.scope.service !== service) {
    return refuse("badSignature", `Credential should be scoped to correct service: '${service}'.`).failure;
  }
  const late = checkTime(presented, now);
  if (late !== undefined) return late;
  const names = new Set(presented.signedHeaders);
  const mustBeSigned = [...request.headers.keys()].filter(
    (name) => name === "host" || name.startsWith("x-amz-"),
  );
  const missing = ["host", ...mustBeSigned].find((name) => !names.has(name));
  if (missing !== undefined) {
    return refuse("badSignature", `'${missing}' must be a 'SignedHeader' in the AWS Authorization.`).failure;
  }
  const absent = presented.signedHeaders.find((name) => !request.headers.has(name));
  if (absent !== undefined || names.size !== presented.signedHeaders.length)
    return refuse("badSignature").failure;
  const canonical = canonicalRequest({
    method: request.method,
    rawPath: request.rawPath,
    rawQuery: request.rawQuery,
    headers: presented.signedHeaders.map((name) => [name, request.headers.get(name) ?? []] as const),
    payloadHash,
    isS3,
  });
  const expected = Buffer.from(
    signatureOf(secretAccessKey, presented.scope, presented.amzDate, canonical),
    "latin1",
  );
  const actual = Buffer.from(presented.signature, "latin1");
  const same = expected.length === actual.length && timingSafeEqual(expected, actual);
  return same ? undefined : refuse("badSignature").failure;
}

function checkTime(presented: PresentedSignature, now: number): AuthFailure | undefined {
  const signedAt = parseAmzDate(presented.amzDate) ?? 0;
  if (signedAt > now + SKEW_MS) {
    const detail = `Signature not yet current: ${presented.amzDate} is still later than ${amzDate(now + SKEW_MS)} (${amzDate(now)} + 5 min.)`;
    return refuse("clockSkew", detail).failure;
  }
  const lifetime = presented.expires === undefined ? SKEW_MS : presented.expires * 1000;
  if (signedAt + lifetime >= now) return undefined;
  const limit =
    presented.expires === undefined
      ? `${amzDate(now)} - 5 min.`
      : `${presented.amzDate} + ${presented.expires} s`;
  return refuse(
    "clockSkew",
    `Signature expired: ${presented.amzDate} is now earlier than ${amzDate(now - lifetime)} (${limit})`,
  ).failure;
}

function parseAmzDate(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) return undefined;
  const [, y, mo, d, h, mi, s] = match;
  const time = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
  return Number.isNaN(time) ? undefined : time;
}

function readQuery(rawQuery: string): Map<string, string> {
  const out = new Map<string, string>();
  for (const part of rawQuery.split("&")) {
    const at = part.indexOf("=");
    if (at > 0)
      out.set(
        percentDecode(part.slice(0, at), true).toString("latin1"),
        percentDecode(part.slice(at + 1), true).toString("latin1"),
      );
  }
  return out;
}
