// What was signed of a body that goes to an upstream, and the form in which it goes on (S3 API reference, "Common request headers",
// x-amz-content-sha256).
import type { Transform } from "node:stream";
import { ServiceError } from "#lib/errors.ts";
import { sha256Hex } from "#lib/sigv4-canonical.ts";
import type { WireRequest } from "../wire-request.ts";
import { checkedBody } from "./body.ts";
import { CHECKSUMS, decodeChunked, type ChunkSigning } from "./chunked.ts";
import { NotRouted } from "./target.ts";

const UNSIGNED = "UNSIGNED-PAYLOAD";
const SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const UNSIGNED_CHUNKS = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/** What the caller signed of the body: its hash, or one of S3's words. @throws NotRouted for a form that is not read here */
export function payloadHashOf(
  head: Omit<WireRequest, "body">,
  body: Uint8Array | undefined,
  isS3: boolean,
): string {
  const claimed = head.headers.get("x-amz-content-sha256")?.[0];
  if (body !== undefined) {
    const hash = sha256Hex(body);
    if (claimed !== undefined && claimed !== hash && !(isS3 && claimed === UNSIGNED))
      throw new ServiceError(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
      );
    return isS3 && claimed === UNSIGNED ? UNSIGNED : hash;
  }
  // A presigned request does not tell: S3 takes its body as unsigned.
  const hash = claimed ?? UNSIGNED;
  if (!/^[0-9a-f]{64}$/.test(hash) && ![UNSIGNED, SIGNED_CHUNKS, UNSIGNED_CHUNKS].includes(hash))
    throw new NotRouted(`Bodies of the form ${hash.slice(0, 64).replace(/[^\w-]/g, "?")} are not routed.`);
  return hash;
}

interface PlainBody {
  readonly through: readonly Transform[];
  readonly payloadHash: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** How a streamed body goes on: checked, and without the form aws-chunked. */
export function plainBody(
  { headers }: Omit<WireRequest, "body">,
  hash: string,
  signing: ChunkSigning,
): PlainBody {
  const length = headers.get("content-length")?.[0];
  if (hash !== SIGNED_CHUNKS && hash !== UNSIGNED_CHUNKS) {
    const through = hash === UNSIGNED ? [] : [checkedBody(hash)];
    const hasBody = length !== undefined || headers.has("transfer-encoding");
    return {
      through,
      payloadHash: hash,
      headers:
        length === undefined
          ? hasBody
            ? { "transfer-encoding": "chunked" }
            : {}
          : { "content-length": length },
    };
  }
  const decoded = headers.get("x-amz-decoded-content-length")?.[0] ?? "";
  if (!/^\d{1,13}$/.test(decoded))
    throw new ServiceError(
      "MissingContentLength",
      "You must provide the x-amz-decoded-content-length header.",
      { statusCode: 411 },
    );
  const trailer = headers.get("x-amz-trailer")?.[0]?.trim().toLowerCase();
  if (trailer !== undefined && (hash === SIGNED_CHUNKS || !Object.hasOwn(CHECKSUMS, trailer)))
    throw new NotRouted(`The trailer ${trailer.slice(0, 64)} is not routed.`);
  const others = (headers.get("content-encoding") ?? [])
    .flatMap((value) => value.split(","))
    .map((value) => value.trim())
    .filter((value) => value !== "" && value !== "aws-chunked");
  return {
    through: [
      decodeChunked({
        decodedLength: Number(decoded),
        ...(hash === SIGNED_CHUNKS ? { signing } : {}),
        ...(trailer === undefined ? {} : { trailer }),
      }),
    ],
    payloadHash: UNSIGNED,
    headers: {
      "content-length": decoded,
      "content-encoding": others.length === 0 ? undefined : others.join(", "),
      "x-amz-decoded-content-length": undefined,
      "x-amz-trailer": undefined,
      // They announce a checksum that stood in the trailer.
      "x-amz-sdk-checksum-algorithm": undefined,
    },
  };
}
