// Values at rest: a SecureString under its KMS key and bound to the parameter's ARN, the others with the server's key.
import type { ParameterRow, ParameterVersionRow, VersionContent } from "#domain/ssm/parameter.ts";
import { KeyUnusable } from "#domain/ports/value-keys.ts";
import type { SsmDependencies } from "./dependencies.ts";
import { invalidKeyId } from "./errors.ts";

export const SERVICE_KEY = "alias/aws/ssm";

type Parts = Pick<SsmDependencies, "keys" | "sealer">;
/** AWS KMS Developer Guide, "How AWS Systems Manager Parameter Store uses AWS KMS". */
export const contextOf = (arn: string) => ({ PARAMETER_ARN: arn });

/** @throws InvalidKeyId */
export function sealValue(
  { keys, sealer }: Parts,
  {
    arn,
    keyArn,
    value,
  }: { readonly arn: string; readonly keyArn: string | undefined; readonly value: string },
): VersionContent["value"] {
  if (keyArn === undefined) return { sealed: sealer.seal(value) };
  return withKey(() => ({ kms: keys.seal(keyArn, Buffer.from(value), contextOf(arn)) }));
}

/** A SecureString that is not to be decrypted is shown as it is kept. @throws InvalidKeyId */
export function showValue(
  { keys, sealer }: Parts,
  { arn }: Pick<ParameterRow, "arn">,
  { value }: ParameterVersionRow,
  decrypt: boolean,
): string {
  if ("sealed" in value) return sealer.open(value.sealed);
  const { kms } = value;
  if (!decrypt)
    return Buffer.concat([Buffer.from(kms.dataKey, "base64"), Buffer.from(kms.text, "base64")]).toString(
      "base64",
    );
  return withKey(() => Buffer.from(keys.open(kms, contextOf(arn))).toString());
}

export function withKey<T>(use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw refusedKey(error);
  }
}

export function refusedKey(error: unknown): unknown {
  return error instanceof KeyUnusable ? invalidKeyId(error.message) : error;
}
