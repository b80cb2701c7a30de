// Signs what the server says about an instance, and knows its own signature again. EC2 signs with a key of AWS's whose
// certificate is public; here the only verifier is the server itself, so a keyed digest does.
import { createHmac, timingSafeEqual } from "node:crypto";

export interface IdentitySigner {
  /** Base64. */
  sign(document: string): string;
  verify(document: string, signature: string): boolean;
}

export function createIdentitySigner(key: Buffer): IdentitySigner {
  const digest = (document: string) => createHmac("sha256", key).update(document).digest();
  return {
    sign: (document) => digest(document).toString("base64"),
    verify(document, signature) {
      // Clients break the signature into lines, as EC2 itself does.
      const given = Buffer.from(signature.replace(/\s/g, ""), "base64");
      const own = digest(document);
      return given.length === own.length && timingSafeEqual(given, own);
    },
  };
}
