// Calls between a machine and the server before they share any secret: the caller signs with its key, the answer is signed with the
// server's key, which the caller knew before, and can be read by this caller only. Each call has a fresh pair of keys (X25519), so
// that what was recorded cannot be opened with any key that is kept. What is called, and who may, is the callers' matter.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  sign,
  verify,
  type KeyObject,
} from "node:crypto";

/** Ed25519: `publicKey` is its 32 octets in base64url, by which others know the holder. */
export interface SigningKey {
  readonly publicKey: string;
  readonly sign: (text: string) => string;
}

export interface SealedRequest {
  readonly version: 1;
  /** Who signs. */
  readonly key: string;
  /** The caller's key of this call (X25519). */
  readonly ephemeral: string;
  /** Epoch milliseconds. */
  readonly time: number;
  /** JSON; readable by everybody on the way. */
  readonly payload: string;
  readonly signature: string;
}

export interface SealedAnswer {
  readonly ephemeral: string;
  readonly sealed: string;
  readonly signature: string;
}

/** As with signed requests to AWS. */
export const MOST_SKEW_MS = 5 * 60_000;

/** What came is none of ours, was changed on the way, or is by somebody else. */
export class BadSeal extends Error {
  override readonly name = "BadSeal";
}

const PRIVATE = { ed25519: "302e020100300506032b657004220420" };
const PUBLIC = { ed25519: "302a300506032b6570032100", x25519: "302a300506032b656e032100" };
const OCTETS = 32;
const NONCE = 12;
const TAG = 16;

/** @param seed 32 octets; @throws RangeError */
export function signingKey(seed: Uint8Array): SigningKey {
  if (seed.length !== OCTETS) throw new RangeError("a seed has 32 octets");
  const key = createPrivateKey({
    key: Buffer.concat([Buffer.from(PRIVATE.ed25519, "hex"), seed]),
    format: "der",
    type: "pkcs8",
  });
  return {
    publicKey: rawOf(createPublicKey(key)),
    sign: (text) => sign(null, Buffer.from(text), key).toString("base64url"),
  };
}

export interface OpenCall {
  readonly request: SealedRequest;
  /** The answer's JSON. @throws BadSeal unless the server that was named gave it to this call */
  readonly open: (answer: SealedAnswer) => unknown;
}

/** @param server the public key that must have signed the answer */
export function sealedCall(key: SigningKey, server: string, payload: unknown, now: number): OpenCall {
  const own = generateKeyPairSync("x25519");
  const unsigned = {
    version: 1 as const,
    key: key.publicKey,
    ephemeral: rawOf(own.publicKey),
    time: now,
    payload: JSON.stringify(payload),
  };
  const request = { ...unsigned, signature: key.sign(textOf(unsigned)) };
  return {
    request,
    open({ ephemeral, sealed, signature }) {
      if (!isSigned(server, answerText(request, ephemeral, sealed), signature))
        throw new BadSeal("The answer is not signed by the server that the token names.");
      const octets = Buffer.from(sealed, "base64url");
      const decipher = createDecipheriv(
        "aes-256-gcm",
        sharedKey(own.privateKey, ephemeral, request),
        octets.subarray(0, NONCE),
        { authTagLength: TAG },
      );
      decipher.setAuthTag(octets.subarray(-TAG));
      const text = decipher.update(octets.subarray(NONCE, -TAG), undefined, "utf8") + decipher.final("utf8");
      return JSON.parse(text) as unknown;
    },
  };
}

/**
 * The payload of a request that its named key signed, not long ago. Whether that key may call is not judged here.
 * @throws BadSeal
 */
export function readSealedRequest(
  text: string,
  now: number,
): { readonly request: SealedRequest; readonly payload: unknown } {
  const request = parse(text);
  if (!isSigned(request.key, textOf(request), request.signature))
    throw new BadSeal("The signature is not by the key that the call names.");
  if (Math.abs(now - request.time) > MOST_SKEW_MS)
    throw new BadSeal("The call is too old, or the clocks of the two machines differ by over five minutes.");
  return { request, payload: JSON.parse(request.payload) };
}

export function sealAnswer(key: SigningKey, request: SealedRequest, answer: unknown): SealedAnswer {
  const own = generateKeyPairSync("x25519");
  // The key is of this answer only, so its one nonce may be fixed.
  const nonce = Buffer.alloc(NONCE);
  const cipher = createCipheriv("aes-256-gcm", sharedKey(own.privateKey, request.ephemeral, request), nonce, {
    authTagLength: TAG,
  });
  const body = Buffer.concat([cipher.update(JSON.stringify(answer), "utf8"), cipher.final()]);
  const sealed = Buffer.concat([nonce, body, cipher.getAuthTag()]).toString("base64url");
  const ephemeral = rawOf(own.publicKey);
  return { ephemeral, sealed, signature: key.sign(answerText(request, ephemeral, sealed)) };
}

function parse(text: string): SealedRequest {
  try {
    const found = JSON.parse(text) as Partial<SealedRequest> | null;
    const { version, key, ephemeral, time, payload, signature } = found ?? {};
    const texts = [key, ephemeral, payload, signature];
    if (version === 1 && texts.every((t) => typeof t === "string") && typeof time === "number")
      return found as SealedRequest;
  } catch {
    // Told below.
  }
  throw new BadSeal("The call is not of the form that this server reads.");
}

const textOf = (request: Omit<SealedRequest, "signature">): string =>
  ["estiba call", request.version, request.key, request.ephemeral, request.time, request.payload].join("\n");
const answerText = (request: SealedRequest, ephemeral: string, sealed: string): string =>
  ["estiba answer", request.signature, ephemeral, sealed].join("\n");

function sharedKey(own: KeyObject, other: string, request: SealedRequest): Buffer {
  const secret = diffieHellman({ privateKey: own, publicKey: publicKeyOf(other, "x25519") });
  const salt = createHash("sha256").update(request.signature).digest();
  return Buffer.from(hkdfSync("sha256", secret, salt, "estiba sealed answer", OCTETS));
}

function isSigned(key: string, text: string, signature: string): boolean {
  return verify(null, Buffer.from(text), publicKeyOf(key, "ed25519"), Buffer.from(signature, "base64url"));
}

const rawOf = (key: KeyObject): string =>
  key.export({ format: "der", type: "spki" }).subarray(-OCTETS).toString("base64url");

function publicKeyOf(raw: string, kind: keyof typeof PUBLIC): KeyObject {
  const octets = Buffer.from(raw, "base64url");
  if (octets.length !== OCTETS) throw new BadSeal("A key has not the length of a key.");
  const key = Buffer.concat([Buffer.from(PUBLIC[kind], "hex"), octets]);
  return createPublicKey({ key, format: "der", type: "spki" });
}
