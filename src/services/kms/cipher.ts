// What KMS's ciphertext looks like here: which key, and the text under AES-256-GCM, bound to the key and the encryption context.
// Like AWS's it names its key, so that Decrypt needs to be told none.
import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import type { Random } from "#lib/random.ts";
import type { EncryptionContext } from "#domain/ports/value-keys.ts";

const VERSION = 1;
const KEY_ID = 16;
const NONCE = 12;
const TAG = 16;
const HEAD = 1 + KEY_ID;

/** The same for the same pairs in whatever order. */
function additionalData(head: Uint8Array, context: EncryptionContext): Buffer {
  const pairs = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const digest = createHash("sha256").update(JSON.stringify(pairs)).digest();
  return Buffer.concat([head, digest]);
}

export function encryptWith(
  material: Uint8Array,
  plaintext: Uint8Array,
  {
    keyId,
    context,
    random,
  }: { readonly keyId: string; readonly context: EncryptionContext; readonly random: Pick<Random, "hex"> },
): Buffer {
  const head = Buffer.concat([Buffer.from([VERSION]), Buffer.from(keyId.replaceAll("-", ""), "hex")]);
  const nonce = Buffer.from(random.hex(NONCE * 2), "hex");
  const cipher = createCipheriv("aes-256-gcm", material, nonce, { authTagLength: TAG });
  cipher.setAAD(additionalData(head, context));
  return Buffer.concat([head, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** The id of the key that a ciphertext names; undefined when it is none of ours. */
export function keyIdOf(ciphertext: Uint8Array): string | undefined {
  if (ciphertext.length < HEAD + NONCE + TAG || ciphertext[0] !== VERSION) return undefined;
  const hex = Buffer.from(ciphertext.subarray(1, HEAD)).toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Undefined: not made with this key and context. */
export function decryptWith(
  material: Uint8Array,
  ciphertext: Uint8Array,
  context: EncryptionContext,
): Buffer | undefined {
  const octets = Buffer.from(ciphertext);
  const head = octets.subarray(0, HEAD);
  try {
    const decipher = createDecipheriv("aes-256-gcm", material, octets.subarray(HEAD, HEAD + NONCE), {
      authTagLength: TAG,
    });
    decipher.setAAD(additionalData(head, context)).setAuthTag(octets.subarray(-TAG));
    return Buffer.concat([decipher.update(octets.subarray(HEAD + NONCE, -TAG)), decipher.final()]);
  } catch {
    return undefined;
  }
}
