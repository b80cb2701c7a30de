// The official SDK's signer, as the measure for ours. Tests only.
import { createHash, createHmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import type { SigningCredentials } from "./sigv4-sign.ts";

/** The hash constructor that the SDK's signer asks for. */
class Sha256 {
  readonly #hash;

  constructor(secret?: string | Uint8Array | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret as Uint8Array);
  }

  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {}
}

export function sdkSigner(service: string, region: string, credentials: SigningCredentials): SignatureV4 {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return new SignatureV4({
    service,
    region,
    sha256: Sha256,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
  });
}
