// A caller's request as the upstream gets it: the caller's signature taken off, the upstream's put on. Path, query and body stay.
import { amzDate, canonicalRequest, scopeText, SIGV4_ALGORITHM, signatureOf } from "#lib/sigv4-canonical.ts";
import type { SigningCredentials } from "#lib/sigv4-sign.ts";
import type { WireRequest } from "../wire-request.ts";

export interface Outgoing {
  readonly method: string;
  /** Path and query as they go into the request line. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface SigningScope {
  readonly service: string;
  readonly region: string;
  readonly credentials: SigningCredentials;
  /** Epoch milliseconds. */
  readonly time: number;
  /** What is said of the body: its hash, or UNSIGNED-PAYLOAD. */
  readonly payloadHash: string;
}

/** Headers of one connection (RFC 9110), of the caller's signature, and those that are set anew. */
const DROPPED = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
  "host",
  "authorization",
  "x-amz-date",
  "date",
  "x-amz-security-token",
  "x-amz-content-sha256",
  "content-length",
]);
/** Not signed: what may change on the way. */
const UNSIGNED = new Set(["user-agent", "x-amzn-trace-id", "accept-encoding"]);
const PRESIGNED =
  /^X-Amz-(Algorithm|Credential|Date|Expires|SignedHeaders|Signature|Security-Token|Content-Sha256)$/i;

/** `rawPath` instead of the request's own; `more`: headers that are set or, when undefined, taken off. */
export function signedFor(
  url: URL,
  request: Omit<WireRequest, "body">,
  rawPath: string,
  more: Readonly<Record<string, string | undefined>>,
  scope: SigningScope,
): Outgoing {
  const path = `${url.pathname.replace(/\/$/, "")}${rawPath}`;
  const query = request.rawQuery
    .split("&")
    .filter((part) => part !== "" && !PRESIGNED.test(part.split("=", 1)[0] ?? ""))
    .join("&");
  const listed = new Set(
    (request.headers.get("connection") ?? [])
      .join()
      .toLowerCase()
      .split(/[\s,]+/),
  );
  const headers: Record<string, string> = {};
  for (const [name, values] of request.headers)
    if (!DROPPED.has(name) && !listed.has(name)) headers[name] = values.join(", ");
  for (const [name, value] of Object.entries(more)) {
    if (value === undefined) delete headers[name];
    else headers[name] = value;
  }
  const date = amzDate(scope.time);
  headers["host"] = url.host;
  headers["x-amz-date"] = date;
  headers["x-amz-content-sha256"] = scope.payloadHash;
  const { accessKeyId, secretAccessKey, sessionToken } = scope.credentials;
  if (sessionToken !== undefined) headers["x-amz-security-token"] = sessionToken;
  const signed = Object.entries(headers).filter(([name]) => !UNSIGNED.has(name));
  const place = { date: date.slice(0, 8), region: scope.region, service: scope.service };
  const canonical = canonicalRequest({
    method: request.method,
    rawPath: path,
    rawQuery: query,
    headers: signed.map(([name, value]) => [name, [value]] as const),
    payloadHash: scope.payloadHash,
    isS3: scope.service === "s3",
  });
  const names = signed.map(([name]) => name).sort();
  headers["authorization"] =
    `${SIGV4_ALGORITHM} Credential=${accessKeyId}/${scopeText(place)}, SignedHeaders=${names.join(";")}, ` +
    `Signature=${signatureOf(secretAccessKey, place, date, canonical)}`;
  return { method: request.method, path: query === "" ? path : `${path}?${query}`, headers };
}
