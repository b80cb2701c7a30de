// Values of other services under KMS keys: each has a data key of its own, which only the KMS key opens. So a value is as safe as
// its key, and is gone with it.
import { createCipheriv, createDecipheriv } from "node:crypto";
import { parseArn } from "#lib/arn.ts";
import { ServiceError } from "#lib/errors.ts";
import {
  KeyUnusable,
  type EncryptionContext,
  type SealedValue,
  type ValueKeys,
} from "#domain/ports/value-keys.ts";
import type { KmsDependencies } from "./dependencies.ts";
import { createKeyring, findAlias, isServiceAlias } from "./keyring.ts";

const NONCE = 12;
const TAG = 16;

export function createValueKeys(deps: KmsDependencies): ValueKeys {
  const { store } = deps;
  const ring = createKeyring(deps);

  const usable = (arn: string) => translated(() => ring.usable(store, parseArn(arn)?.region ?? "", arn));

  return {
    async resolve(region, given) {
      if (!isServiceAlias(given)) return translated(() => ring.usable(store, region, given).arn);
      const known = findAlias(store, region, given);
      if (known !== undefined) return ring.find(store, region, given).arn;
      return store.transact((tx) => ring.ensure(tx, region, given).arn);
    },

    seal(arn, value, context) {
      const key = usable(arn);
      const dataKey = ring.octets(32);
      const nonce = ring.octets(NONCE);
      const cipher = createCipheriv("aes-256-gcm", dataKey, nonce, { authTagLength: TAG });
      const text = Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
      return {
        keyArn: arn,
        dataKey: ring.encrypt(key, dataKey, context).toString("base64"),
        text: text.toString("base64"),
      };
    },

    open({ keyArn: arn, dataKey, text }: SealedValue, context: EncryptionContext) {
      usable(arn);
      const region = parseArn(arn)?.region ?? "";
      const { plaintext } = translated(() =>
        ring.decrypt(store, region, Buffer.from(dataKey, "base64"), context),
      );
      const octets = Buffer.from(text, "base64");
      const decipher = createDecipheriv("aes-256-gcm", plaintext, octets.subarray(0, NONCE), {
        authTagLength: TAG,
      });
      decipher.setAuthTag(octets.subarray(-TAG));
      return Buffer.concat([decipher.update(octets.subarray(NONCE, -TAG)), decipher.final()]);
    },
  };
}

const REASONS: Readonly<Record<string, KeyUnusable["reason"]>> = {
  NotFoundException: "NotFound",
  DisabledException: "Disabled",
  KMSInvalidStateException: "PendingDeletion",
  InvalidCiphertextException: "BadCiphertext",
};

/** What KMS refuses, in the port's words. */
function translated<T>(use: () => T): T {
  try {
    return use();
  } catch (error) {
    const reason = error instanceof ServiceError ? REASONS[error.code] : undefined;
    if (reason === undefined) throw error;
    throw new KeyUnusable(reason, (error as ServiceError).message);
  }
}
