// Parameters of Parameter Store: what is kept of each, of each of its versions, and how they change. Values are sealed by whoever
// stores them; who may read them is decided elsewhere.
import type { SealedValue } from "../ports/value-keys.ts";
import type { Tags } from "../tags.ts";

export type ParameterType = "String" | "StringList" | "SecureString";
export type ParameterTier = "Standard" | "Advanced";

/** The only kind of policy that is kept: the parameter is deleted at its time. */
export interface ExpirationPolicy {
  /** As it was given: JSON text of the one policy. */
  readonly text: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** What each version has of its own. */
export interface VersionContent {
  readonly type: ParameterType;
  readonly tier: ParameterTier;
  readonly dataType: string;
  readonly description?: string;
  readonly allowedPattern?: string;
  readonly policies: readonly ExpirationPolicy[];
  /** SecureString: the key as the caller named it. */
  readonly keyId?: string;
  /** SecureString: under its KMS key. Others: with the server's key. */
  readonly value: { readonly kms: SealedValue } | { readonly sealed: string };
}

export interface ParameterVersionRow extends VersionContent {
  readonly parameterId: string;
  readonly version: number;
  /** Epoch milliseconds. */
  readonly modifiedAt: number;
  /** ARN. */
  readonly modifiedBy: string;
}

export interface ParameterRow {
  /** Never shown: versions are found by it. */
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly arn: string;
  readonly type: ParameterType;
  readonly tier: ParameterTier;
  readonly version: number;
  readonly oldestVersion: number;
  /** Label → version. */
  readonly labels: Readonly<Record<string, number>>;
  readonly tags: Tags;
  /** Epoch milliseconds; of its expiration policy. */
  readonly expiresAt?: number;
}

/** Systems Manager quotas, "Parameter version history". */
export const MOST_PARAMETER_VERSIONS = 100;

/** `a` and `/a` have the same ARN: they are one place, whichever of them is there. */
export const parameterKey = (region: string, name: string): string =>
  `${region}${name.startsWith("/") ? "" : "/"}${name}`;

export const parameterVersionKey = (id: string, version: number): string =>
  `${id}/${String(version).padStart(12, "0")}`;

export interface NewVersion {
  readonly content: VersionContent;
  readonly modifiedBy: string;
}

export interface VersionMade {
  readonly row: ParameterRow;
  readonly version: ParameterVersionRow;
  /** The oldest version, when it has to make room. */
  readonly dropped?: number;
}

export function newParameter(
  parameter: Pick<ParameterRow, "id" | "name" | "region" | "arn" | "tags">,
  change: NewVersion,
  now: number,
): VersionMade {
  const { type, tier } = change.content;
  const first = { ...parameter, type, tier, version: 0, oldestVersion: 1, labels: {} };
  return withNewVersion(first, change, now);
}

/** The caller has checked that the oldest version may go when there is no room for one more. */
export function withNewVersion(
  row: ParameterRow,
  { content, modifiedBy }: NewVersion,
  now: number,
): VersionMade {
  const number = row.version + 1;
  const drops = number - row.oldestVersion >= MOST_PARAMETER_VERSIONS;
  const { expiresAt: _, ...kept } = row;
  const expiresAt = content.policies[0]?.expiresAt;
  return {
    row: {
      ...kept,
      type: content.type,
      tier: content.tier,
      version: number,
      oldestVersion: drops ? row.oldestVersion + 1 : row.oldestVersion,
      ...(expiresAt === undefined ? {} : { expiresAt }),
    },
    version: { ...content, parameterId: row.id, version: number, modifiedAt: now, modifiedBy },
    ...(drops ? { dropped: row.oldestVersion } : {}),
  };
}

export const labelsOf = (row: ParameterRow, version: number): string[] =>
  Object.entries(row.labels).flatMap(([label, at]) => (at === version ? [label] : []));

/** A label is at one version only: it moves. */
export const withLabels = (row: ParameterRow, labels: readonly string[], version: number): ParameterRow => ({
  ...row,
  labels: { ...row.labels, ...Object.fromEntries(labels.map((label) => [label, version])) },
});

export const withoutLabels = (row: ParameterRow, labels: readonly string[]): ParameterRow => ({
  ...row,
  labels: Object.fromEntries(Object.entries(row.labels).filter(([label]) => !labels.includes(label))),
});

export const isExpired = (row: ParameterRow, now: number): boolean =>
  row.expiresAt !== undefined && row.expiresAt <= now;
