// Secrets at rest: texts sealed with a key of the server's, one derived for each purpose.
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import type { Random } from "#lib/random.ts";
import type { Sealer } from "#domain/ports/sealer.ts";

const NONCE = 12;
const TAG = 16;

/** `key`: 32 octets; `purpose` parts the keys of those who seal, so that none opens another's. */
export function createSealer(options: {
  readonly key: Uint8Array;
  readonly purpose: string;
  readonly random: Pick<Random, "hex">;
}): Sealer {
  const key = Buffer.from(hkdfSync("sha256", options.key, "", `estiba sealed ${options.purpose}`, 32));
  return {
    seal(text) {
      const nonce = Buffer.from(options.random.hex(NONCE * 2), "hex");
      const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG });
      return Buffer.concat([
        nonce,
        cipher.update(text, "utf8"),
        cipher.final(),
        cipher.getAuthTag(),
      ]).toString("base64url");
    },
    open(sealed) {
      const octets = Buffer.from(sealed, "base64url");
      if (octets.length < NONCE + TAG) throw new Error("This was not sealed by this server.");
      const decipher = createDecipheriv("aes-256-gcm", key, octets.subarray(0, NONCE), {
        authTagLength: TAG,
      });
      decipher.setAuthTag(octets.subarray(-TAG));
      return decipher.update(octets.subarray(NONCE, -TAG), undefined, "utf8") + decipher.final("utf8");
    },
  };
}
