// Bodies in the form aws-chunked: pieces with their sizes, and checksums or signatures between them (S3 API reference, "Signature
// calculations for … multiple chunks"). They are taken apart and checked, and go on as plain bodies: the caller's chunk signatures
// would mean nothing to an upstream.
import { createHash, createHmac, timingSafeEqual, type Hash } from "node:crypto";
import { Transform } from "node:stream";
import { sha256Hex } from "#lib/sigv4-canonical.ts";
import { BadBody } from "./body.ts";
import { createCrc32 } from "./crc32.ts";

export interface ChunkSigning {
  readonly signingKey: Buffer;
  /** The request's own signature: the first chunk follows it. */
  readonly seed: string;
  readonly amzDate: string;
  readonly scope: string;
}

export interface ChunkedOptions {
  /** Of what is left when the form is taken off. */
  readonly decodedLength: number;
  /** Given: each chunk is signed. */
  readonly signing?: ChunkSigning;
  /** The header that follows the body: `x-amz-checksum-crc32`. */
  readonly trailer?: string;
}

interface Checksum {
  update(data: Buffer): unknown;
  digest(encoding: "base64"): string;
}

/** Trailing checksums that are checked; another is refused by its name. */
export const CHECKSUMS: Readonly<Record<string, () => Checksum>> = {
  "x-amz-checksum-crc32": createCrc32,
  "x-amz-checksum-sha1": () => createHash("sha1"),
  "x-amz-checksum-sha256": () => createHash("sha256"),
};

const LONGEST_LINE = 1024;
const LARGEST_CHUNK = 64 * 1024 * 1024;
const CRLF = Buffer.from("\r\n");

/** The body without its form. @throws BadBody (as the stream's error) */
export function decodeChunked({ decodedLength, signing, trailer }: ChunkedOptions): Transform {
  let rest: Buffer = Buffer.alloc(0);
  let state: "size" | "data" | "end" | "trailer" | "done" = "size";
  let left = 0;
  let total = 0;
  let held: Buffer | undefined;
  let signature = "";
  let previous = signing?.seed ?? "";
  let chunkHash: Hash = createHash("sha256");
  const checksum = trailer === undefined ? undefined : CHECKSUMS[trailer]?.();
  let trailing: string | undefined;

  const bad = (message: string) => new BadBody("IncompleteBody", message);
  const line = (): string | undefined => {
    const at = rest.indexOf(CRLF);
    if (at < 0 && rest.length > LONGEST_LINE) throw bad("A line of the body is too long.");
    if (at < 0) return undefined;
    const text = rest.subarray(0, at).toString("latin1");
    rest = rest.subarray(at + 2);
    return text;
  };
  const checkSignature = () => {
    if (signing === undefined) return;
    const toSign = [
      "AWS4-HMAC-SHA256-PAYLOAD",
      signing.amzDate,
      signing.scope,
      previous,
      sha256Hex(""),
      chunkHash.digest("hex"),
    ].join("\n");
    const expected = createHmac("sha256", signing.signingKey).update(toSign).digest("hex");
    const isSame =
      signature.length === expected.length && timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
    if (!isSame) throw new BadBody("SignatureDoesNotMatch", "The signature of a chunk does not match.");
    previous = expected;
    chunkHash = createHash("sha256");
  };
  const readSize = (text: string) => {
    const [, size = "", signed = ""] =
      /^([0-9a-fA-F]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(text) ?? [];
    if (size === "" || (signing !== undefined && signed === ""))
      throw bad("A chunk's beginning cannot be read.");
    left = parseInt(size, 16);
    if (left > LARGEST_CHUNK) throw bad("A chunk is too large.");
    signature = signed;
    if (left > 0) state = "data";
    else {
      checkSignature();
      state = "trailer";
    }
  };
  const readTrailer = (text: string) => {
    if (text === "") {
      state = "done";
      return;
    }
    const [, name = "", value = ""] = /^([^:]+):(.*)$/.exec(text) ?? [];
    if (name.toLowerCase() !== trailer || trailing !== undefined) throw bad("A trailer was not announced.");
    trailing = value.trim();
  };
  const advance = (out: (piece: Buffer) => void): boolean => {
    if (state === "data") {
      if (rest.length === 0) return false;
      const piece = rest.subarray(0, left);
      rest = rest.subarray(piece.length);
      left -= piece.length;
      total += piece.length;
      if (total > decodedLength) throw bad("The body is longer than it was announced to be.");
      if (signing !== undefined) chunkHash.update(piece);
      checksum?.update(piece);
      out(piece);
      if (left === 0) state = "end";
      return true;
    }
    const text = line();
    if (text === undefined) return false;
    if (state === "size") readSize(text);
    else if (state === "end") {
      if (text !== "") throw bad("A chunk does not end where it should.");
      checkSignature();
      state = "size";
    } else if (state === "trailer") readTrailer(text);
    else throw bad("The body goes on after its end.");
    return true;
  };
  const finish = () => {
    // Some clients leave the last empty line out when no trailer follows.
    const isDone = state === "done" || (state === "trailer" && rest.length === 0);
    if (!isDone || rest.length > 0 || total !== decodedLength)
      throw bad(
        "You did not provide the number of bytes specified by the x-amz-decoded-content-length header.",
      );
    if (checksum !== undefined && checksum.digest("base64") !== trailing)
      throw new BadBody("BadDigest", `The ${trailer} that was told does not match the body.`);
  };

  return new Transform({
    transform(chunk: Buffer, _, done) {
      try {
        rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        // The last piece is held back until all is proven, as in body.ts.
        while (
          advance((piece) => {
            if (held !== undefined) this.push(held);
            held = piece;
          })
        );
        done();
      } catch (error) {
        done(error as Error);
      }
    },
    flush(done) {
      try {
        finish();
        done(null, held);
      } catch (error) {
        done(error as Error);
      }
    },
  });
}
