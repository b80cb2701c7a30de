// Secrets and their versions: what is kept, and how stages move (Secrets Manager User Guide, "Staging labels"). Values are sealed by
// whoever stores them.
import type { SealedValue } from "../ports/value-keys.ts";
import type { Tags } from "../tags.ts";
import type { Rotation } from "./rotation-record.ts";

export const CURRENT = "AWSCURRENT";
export const PREVIOUS = "AWSPREVIOUS";
export const PENDING = "AWSPENDING";

export interface SecretRow {
  /** Never shown: versions are found by it. */
  readonly id: string;
  readonly name: string;
  readonly region: string;
  /** Ends in a hyphen and six characters that no other secret of this name had. */
  readonly arn: string;
  readonly description?: string;
  /** As the caller named it; absent: the service's own key. */
  readonly kmsKeyId?: string;
  readonly keyArn: string;
  readonly tags: Tags;
  /** JSON text. */
  readonly policy?: string;
  /** Stage → version id. */
  readonly stages: Readonly<Record<string, string>>;
  /** Epoch milliseconds, all of these. */
  readonly createdAt: number;
  readonly changedAt: number;
  readonly accessedAt?: number;
  /** When it was deleted, and until when it can be restored. */
  readonly deletedAt?: number;
  readonly deletionAt?: number;
  readonly rotation?: Rotation;
}

export interface SecretVersionRow {
  readonly secretId: string;
  readonly versionId: string;
  /** Absent: a version without a value, that a rotation is to fill. */
  readonly value?: SealedValue;
  readonly kind: "string" | "binary";
  readonly createdAt: number;
  readonly accessedAt?: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

export const secretKey = (region: string, name: string): string => `${region}/${name}`;
export const secretVersionKey = (id: string, versionId: string): string => `${id}/${versionId}`;

export const newSecret = (
  secret: Pick<SecretRow, "id" | "name" | "region" | "arn" | "keyArn" | "tags"> & {
    readonly description?: string;
    readonly kmsKeyId?: string;
  },
  now: number,
): SecretRow => ({ ...secret, stages: {}, createdAt: now, changedAt: now });

export const stagesOf = (row: SecretRow, versionId: string): string[] =>
  Object.entries(row.stages).flatMap(([stage, at]) => (at === versionId ? [stage] : []));

/** Attaches stages to a version. What was current becomes the previous one; a stage is at one version only. */
export function withStages(
  row: SecretRow,
  versionId: string,
  stages: readonly string[],
  now: number,
): SecretRow {
  const current = row.stages[CURRENT];
  const moved = Object.fromEntries(stages.map((stage) => [stage, versionId]));
  const replaces = stages.includes(CURRENT) && current !== undefined && current !== versionId;
  const kept = Object.fromEntries(
    // A version that becomes current is no longer the previous one.
    Object.entries(row.stages).filter(
      ([stage, at]) => !(stage === PREVIOUS && at === versionId && stages.includes(CURRENT)),
    ),
  );
  return {
    ...row,
    stages: { ...kept, ...moved, ...(replaces ? { [PREVIOUS]: current } : {}) },
    changedAt: now,
  };
}

export function withoutStage(row: SecretRow, stage: string, now: number): SecretRow {
  const { [stage]: _, ...stages } = row.stages;
  return { ...row, stages, changedAt: now };
}

export const deletedSecret = (row: SecretRow, days: number, now: number): SecretRow => ({
  ...row,
  deletedAt: now,
  deletionAt: now + days * DAY_MS,
});

export function restoredSecret(row: SecretRow, now: number): SecretRow {
  const { deletedAt: _, deletionAt: __, ...rest } = row;
  return { ...rest, changedAt: now };
}

/** Past its recovery window. */
export const isGone = (row: SecretRow, now: number): boolean =>
  row.deletionAt !== undefined && row.deletionAt <= now;

/** DescribeSecret shows the day of the last reading. */
export const dayOf = (now: number): number => now - (now % DAY_MS);
