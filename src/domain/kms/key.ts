// KMS keys and their aliases: rows, and how a key's state changes (KMS Developer Guide, "Key states of AWS KMS keys"). What is
// encrypted with a key, and who may, is decided elsewhere.
import type { Tags } from "../tags.ts";

export type KeyState = "Enabled" | "Disabled" | "PendingDeletion";

export interface KeyRow {
  /** A UUID. */
  readonly id: string;
  readonly arn: string;
  readonly region: string;
  readonly account: string;
  readonly state: KeyState;
  /** `AWS`: made by a service for its own use, with an alias `alias/aws/…`. */
  readonly manager: "CUSTOMER" | "AWS";
  readonly description: string;
  /** JSON text. */
  readonly policy: string;
  readonly tags: Tags;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  /** Set while PendingDeletion. */
  readonly deletionAt?: number;
  /** The 32 octets of the key, sealed with the server's key. */
  readonly sealedMaterial: string;
}

export interface AliasRow {
  /** `alias/…` */
  readonly name: string;
  readonly arn: string;
  readonly region: string;
  readonly keyId: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

export const kmsKey = (region: string, idOrAlias: string): string => `${region}/${idOrAlias}`;

export const newKey = (
  key: Pick<
    KeyRow,
    "id" | "arn" | "region" | "account" | "manager" | "description" | "policy" | "tags" | "sealedMaterial"
  >,
  now: number,
): KeyRow => ({ ...key, state: "Enabled", createdAt: now });

/** From Enabled or Disabled. */
export const withState = (key: KeyRow, state: "Enabled" | "Disabled"): KeyRow => ({ ...key, state });

export const scheduledForDeletion = (key: KeyRow, days: number, now: number): KeyRow => ({
  ...key,
  state: "PendingDeletion",
  deletionAt: now + days * DAY_MS,
});

/** A key whose deletion was called off is Disabled until somebody enables it. */
export function deletionCancelled(key: KeyRow): KeyRow {
  const { deletionAt: _, ...rest } = key;
  return { ...rest, state: "Disabled" };
}

export const withPolicy = (key: KeyRow, policy: string): KeyRow => ({ ...key, policy });
export const withDescription = (key: KeyRow, description: string): KeyRow => ({ ...key, description });

/** At the end of its waiting period a key, and with it all that it encrypted, is gone. */
export const isDeleted = (key: KeyRow, now: number): boolean =>
  key.deletionAt !== undefined && key.deletionAt <= now;

/** The policy of a key that is made without one: the account's IAM policies decide. */
export const defaultKeyPolicy = (account: string): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Id: "key-default-1",
    Statement: [
      {
        Sid: "Enable IAM User Permissions",
        Effect: "Allow",
        Principal: { AWS: `arn:aws:iam::${account}:root` },
        Action: "kms:*",
        Resource: "*",
      },
    ],
  });

/** The policy of a service's own key: whoever may use the service may use the key through it, and nobody otherwise. */
export const servicePolicy = (service: "ssm" | "secretsmanager", region: string, account: string): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Id: `auto-${service}-1`,
    Statement: [
      {
        Sid: `Allow access through ${service} for all principals in the account`,
        Effect: "Allow",
        Principal: { AWS: "*" },
        Action: ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
        Resource: "*",
        Condition: {
          StringEquals: {
            "kms:ViaService": `${service}.${region}.amazonaws.com`,
            "kms:CallerAccount": account,
          },
        },
      },
      {
        Sid: "Allow direct access to key metadata to the account",
        Effect: "Allow",
        Principal: { AWS: `arn:aws:iam::${account}:root` },
        Action: ["kms:Describe*", "kms:Get*", "kms:List*"],
        Resource: "*",
      },
    ],
  });
