// Values at rest: each version under the secret's KMS key, bound to the secret's ARN and its version.
import { ServiceError } from "#lib/errors.ts";
import { KeyUnusable, type EncryptionContext } from "#domain/ports/value-keys.ts";
import type { SecretRow, SecretVersionRow } from "#domain/secretsmanager/secret.ts";
import type { SecretsManagerDependencies } from "./dependencies.ts";
import { constraint, invalidParameter } from "./errors.ts";

export const SERVICE_KEY = "alias/aws/secretsmanager";
const LONGEST_VALUE = 65_536;

export interface PlainValue {
  readonly kind: "string" | "binary";
  readonly octets: Uint8Array;
}

/** AWS KMS Developer Guide, "How AWS Secrets Manager uses AWS KMS". */
export const contextOf = (arn: string, versionId: string): EncryptionContext => ({
  SecretARN: arn,
  SecretVersionId: versionId,
});

/** Undefined: neither was given. @throws InvalidParameterException, ValidationException */
export function readValue({
  SecretString: text,
  SecretBinary: binary,
}: {
  readonly SecretString?: string | undefined;
  readonly SecretBinary?: Uint8Array | undefined;
}): PlainValue | undefined {
  if (text !== undefined && binary !== undefined)
    throw invalidParameter(
      "You can't specify both a binary secret value and a string secret value in the same secret.",
    );
  const value: PlainValue | undefined =
    text !== undefined
      ? { kind: "string", octets: Buffer.from(text) }
      : binary === undefined
        ? undefined
        : { kind: "binary", octets: binary };
  // The value itself is never shown in an answer.
  if (value !== undefined && value.octets.length > LONGEST_VALUE)
    throw constraint(
      "*",
      value.kind === "string" ? "secretString" : "secretBinary",
      `Member must have length less than or equal to ${LONGEST_VALUE}`,
    );
  return value;
}

/** @throws EncryptionFailure */
export function sealVersion(
  { keys }: Pick<SecretsManagerDependencies, "keys">,
  { arn, keyArn }: Pick<SecretRow, "arn" | "keyArn">,
  versionId: string,
  value: PlainValue,
): Pick<SecretVersionRow, "value" | "kind"> {
  try {
    return { kind: value.kind, value: keys.seal(keyArn, value.octets, contextOf(arn, versionId)) };
  } catch (error) {
    throw refusedKey(error, "EncryptionFailure");
  }
}

/** @throws DecryptionFailure */
export function openVersion(
  { keys }: Pick<SecretsManagerDependencies, "keys">,
  { arn }: Pick<SecretRow, "arn">,
  { value, versionId }: SecretVersionRow,
): Buffer {
  if (value === undefined) return Buffer.alloc(0);
  try {
    return Buffer.from(keys.open(value, contextOf(arn, versionId)));
  } catch (error) {
    throw refusedKey(error, "DecryptionFailure");
  }
}

/** What the API shows of a value. */
export const shownValue = ({ kind }: Pick<SecretVersionRow, "kind">, octets: Buffer) =>
  kind === "string" ? { SecretString: octets.toString() } : { SecretBinary: new Uint8Array(octets) };

export function refusedKey(error: unknown, code: "EncryptionFailure" | "DecryptionFailure"): unknown {
  if (!(error instanceof KeyUnusable)) return error;
  const what = code === "EncryptionFailure" ? "encrypt" : "decrypt";
  return new ServiceError(
    code,
    `Secrets Manager can't ${what} the protected secret text using the provided KMS key. ${error.message}`,
  );
}
