// The parts of Signature Version 4 that signing and checking share: canonical forms, string to sign, key derivation.
// (AWS General Reference, "Create a signed AWS API request".) Whether a signature is acceptable is decided in gateway/.
import { createHash, createHmac } from "node:crypto";

export const SIGV4_ALGORITHM = "AWS4-HMAC-SHA256";

export interface SigV4Scope {
  /** `YYYYMMDD`, UTC. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

export interface CanonicalParts {
  readonly method: string;
  /** The path as it stands in the request line, still percent-encoded. */
  readonly rawPath: string;
  /** The query as it stands in the request line, without `?`. */
  readonly rawQuery: string;
  /** Lower-case names with their values in the order sent; only those that are signed. */
  readonly headers: readonly (readonly [name: string, values: readonly string[]])[];
  /** Hexadecimal SHA-256 of the body. */
  readonly payloadHash: string;
  /** S3's paths stand as they are: dots and empty segments are parts of a key, and nothing is encoded twice. */
  readonly isS3?: boolean;
}

export const sha256Hex = (data: string | Uint8Array): string =>
  createHash("sha256").update(data).digest("hex");

/** `YYYYMMDDTHHMMSSZ` of an epoch time in milliseconds. */
export const amzDate = (milliseconds: number): string =>
  new Date(milliseconds).toISOString().replace(/[-:]|\.\d{3}/g, "");

export const scopeText = (scope: SigV4Scope): string =>
  `${scope.date}/${scope.region}/${scope.service}/aws4_request`;

export function canonicalRequest(parts: CanonicalParts): string {
  const headers = [...parts.headers].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return [
    parts.method,
    parts.isS3 === true ? encodedOnce(parts.rawPath) : canonicalPath(parts.rawPath),
    canonicalQuery(parts.rawQuery),
    ...headers.map(([name, values]) => `${name}:${values.map(canonicalValue).join(",")}`),
    "",
    headers.map(([name]) => name).join(";"),
    parts.payloadHash,
  ].join("\n");
}

/** The signature over a canonical request, in hexadecimal. */
export function signatureOf(
  secretAccessKey: string,
  scope: SigV4Scope,
  amzDateText: string,
  canonical: string,
): string {
  const toSign = [SIGV4_ALGORITHM, amzDateText, scopeText(scope), sha256Hex(canonical)].join("\n");
  return hmac(signingKeyOf(secretAccessKey, scope), toSign).toString("hex");
}

/** The key of a day, region and service, which signs in the secret's stead. */
export function signingKeyOf(secretAccessKey: string, scope: SigV4Scope): Buffer {
  const dateKey = hmac(`AWS4${secretAccessKey}`, scope.date);
  return hmac(hmac(hmac(dateKey, scope.region), scope.service), "aws4_request");
}

const hmac = (key: string | Uint8Array, data: string): Buffer =>
  createHmac("sha256", key).update(data).digest();

const canonicalValue = (value: string): string => value.trim().replace(/\s+/g, " ");

/** Dots and empty segments are resolved, then the already encoded path is encoded once more (all services but S3). */
export function canonicalPath(rawPath: string): string {
  const segments: string[] = [];
  for (const segment of rawPath.split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment === "..") segments.pop();
    else segments.push(segment);
  }
  const trailing = segments.length > 0 && rawPath.endsWith("/") ? "/" : "";
  return `/${segments.map((s) => encodeOctets(Buffer.from(s, "latin1"))).join("/")}${trailing}`;
}

const encodedOnce = (rawPath: string): string =>
  rawPath
    .split("/")
    .map((segment) => encodeOctets(percentDecode(segment)))
    .join("/");

/**
 * Each name and value decoded and encoded again AWS's way, sorted; the signature itself is left out. A plus sign is a space:
 * the stock container agent signs `%20` and sends `+` (agent protocol, "Connection"), so whoever reads a query must read it so
 * too, or one signature would stand for two requests.
 */
export function canonicalQuery(rawQuery: string): string {
  const pairs: [string, string][] = [];
  for (const part of rawQuery.split("&")) {
    if (part === "") continue;
    const at = part.indexOf("=");
    const name = at < 0 ? part : part.slice(0, at);
    if (name === "X-Amz-Signature") continue;
    pairs.push([
      encodeOctets(percentDecode(name, true)),
      encodeOctets(percentDecode(at < 0 ? "" : part.slice(at + 1), true)),
    ]);
  }
  pairs.sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0));
  return pairs.map(([name, value]) => `${name}=${value}`).join("&");
}

/** The octets that a percent-encoded text stands for. A `%` that begins no escape stands for itself. */
export function percentDecode(text: string, plusIsSpace = false): Buffer {
  const source = Buffer.from(text, "latin1");
  const out = Buffer.allocUnsafe(source.length);
  let length = 0;
  for (let i = 0; i < source.length; i++) {
    let octet = source[i] ?? 0;
    if (octet === 0x25 && i + 2 < source.length) {
      const high = hexDigit(source[i + 1] ?? 0);
      const low = hexDigit(source[i + 2] ?? 0);
      if (high >= 0 && low >= 0) {
        octet = high * 16 + low;
        i += 2;
      }
    } else if (plusIsSpace && octet === 0x2b) octet = 0x20;
    out[length++] = octet;
  }
  return out.subarray(0, length);
}

function hexDigit(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const lower = octet | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** RFC 3986 unreserved characters stay, everything else is `%XX`. */
function encodeOctets(octets: Uint8Array): string {
  let out = "";
  for (const octet of octets) {
    const char = String.fromCharCode(octet);
    out += /[A-Za-z0-9._~-]/.test(char) ? char : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}
