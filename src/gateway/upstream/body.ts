// A streamed body on its way: counted, and held against the hash that the caller signed. The last piece goes on only when the hash
// is right, so that an upstream never has a whole body that nobody signed.
import { createHash } from "node:crypto";
import { Transform } from "node:stream";

/** The body is not what was signed, or not in the form that was announced. */
export class BadBody extends Error {
  override readonly name = "BadBody";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** @throws BadBody (as the stream's error) */
export function checkedBody(payloadHash: string): Transform {
  const hash = createHash("sha256");
  let held: Buffer | undefined;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk);
      const before = held;
      held = chunk;
      done(null, before);
    },
    flush(done) {
      if (hash.digest("hex") !== payloadHash)
        return done(
          new BadBody(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
          ),
        );
      done(null, held);
    },
  });
}
