// Signs an outgoing request with Signature Version 4: for our own agent and CLI, which import no SDK.
import {
  amzDate,
  canonicalRequest,
  scopeText,
  sha256Hex,
  SIGV4_ALGORITHM,
  signatureOf,
} from "./sigv4-canonical.ts";

export interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface RequestToSign {
  readonly method: string;
  /** The absolute URL exactly as it will be requested. */
  readonly url: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly credentials: SigningCredentials;
  readonly region: string;
  /** The service's signing name, for instance `ecs`. */
  readonly service: string;
  /** Epoch milliseconds. */
  readonly time: number;
  /** Without the header that repeats the body's hash, which is signed all the same: as the stock container agent signs. */
  readonly bareHash?: boolean;
}

/** Never signed: what a proxy or the HTTP client changes on the way. */
const unsigned = new Set([
  "authorization",
  "connection",
  "user-agent",
  "expect",
  "transfer-encoding",
  "upgrade",
  "x-amzn-trace-id",
]);

/** The request's headers (names in lower case) with `host`, `x-amz-date`, the session token and `authorization` added. */
export function signRequest(request: RequestToSign): Record<string, string> {
  const url = new URL(request.url);
  const date = amzDate(request.time);
  const scope = { date: date.slice(0, 8), region: request.region, service: request.service };
  const payloadHash = sha256Hex(request.body ?? "");
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value;
  headers["host"] = url.host;
  headers["x-amz-date"] = date;
  if (request.bareHash !== true) headers["x-amz-content-sha256"] = payloadHash;
  if (request.credentials.sessionToken !== undefined)
    headers["x-amz-security-token"] = request.credentials.sessionToken;
  const signed = Object.entries(headers).filter(([name]) => !unsigned.has(name));
  const canonical = canonicalRequest({
    method: request.method,
    rawPath: url.pathname,
    rawQuery: url.search.slice(1),
    headers: signed.map(([name, value]) => [name, [value]] as const),
    payloadHash,
  });
  const signature = signatureOf(request.credentials.secretAccessKey, scope, date, canonical);
  const names = signed.map(([name]) => name).sort();
  headers["authorization"] =
    `${SIGV4_ALGORITHM} Credential=${request.credentials.accessKeyId}/${scopeText(scope)}, ` +
    `SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return headers;
}
