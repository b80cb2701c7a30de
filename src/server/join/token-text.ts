// A join token as text: the private half of its key, and the key by which the machine knows the server. Whoever has it may join once.
import { signingKey, type SigningKey } from "#lib/sealed-call.ts";

const PREFIX = "estiba1.";
const OCTETS = 32;

export class BadToken extends Error {
  override readonly name = "BadToken";
}

/** @param serverPublicKey in base64url */
export const writeToken = (seed: Uint8Array, serverPublicKey: string): string =>
  PREFIX + Buffer.concat([seed, Buffer.from(serverPublicKey, "base64url")]).toString("base64url");

/** @throws BadToken */
export function readToken(text: string): { readonly key: SigningKey; readonly serverPublicKey: string } {
  const octets = text.startsWith(PREFIX) ? Buffer.from(text.slice(PREFIX.length), "base64url") : Buffer.of();
  if (octets.length !== 2 * OCTETS)
    throw new BadToken("That is no join token: it is made by `estiba join-token` and begins with estiba1.");
  return {
    key: signingKey(octets.subarray(0, OCTETS)),
    serverPublicKey: octets.subarray(OCTETS).toString("base64url"),
  };
}
