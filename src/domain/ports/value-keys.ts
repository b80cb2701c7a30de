// The port by which services that keep customers' values (Parameter Store, Secrets Manager) seal them under KMS keys. Whether a
// caller may use the key is judged before, by the permissions of the call.

/** Bound to the value: it opens with the same names and texts only. */
export type EncryptionContext = Readonly<Record<string, string>>;

export type ServiceAlias = "alias/aws/ssm" | "alias/aws/secretsmanager";

/** The key is not there, or in a state in which it cannot be used; or the value was not sealed like this. */
export class KeyUnusable extends Error {
  override readonly name = "KeyUnusable";
  readonly reason: "NotFound" | "Disabled" | "PendingDeletion" | "BadCiphertext";

  constructor(reason: KeyUnusable["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface SealedValue {
  /** Of the KMS key. */
  readonly keyArn: string;
  /** A data key of this value's own, encrypted under the KMS key. */
  readonly dataKey: string;
  readonly text: string;
}

export interface ValueKeys {
  /** The ARN of the key that is meant: by id, ARN, alias or alias ARN; a service's own key is made when it is first used. @throws KeyUnusable */
  resolve(region: string, key: string): Promise<string>;
  /** @throws KeyUnusable */
  seal(keyArn: string, value: Uint8Array, context: EncryptionContext): SealedValue;
  /** @throws KeyUnusable */
  open(sealed: SealedValue, context: EncryptionContext): Uint8Array;
}
