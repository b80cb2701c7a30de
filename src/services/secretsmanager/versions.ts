// Versions of a secret as they are made, filled and dropped.
import { ServiceError } from "#lib/errors.ts";
import {
  CURRENT,
  secretKey,
  secretVersionKey,
  stagesOf,
  withStages,
  type SecretRow,
  type SecretVersionRow,
} from "#domain/secretsmanager/secret.ts";
import type { Transaction } from "#store/store.ts";
import { secrets, secretVersions } from "#store/tables/secretsmanager.ts";
import type { SecretsManagerDependencies } from "./dependencies.ts";
import { resourceExists } from "./errors.ts";
import { getVersion, versionsOf } from "./lookup.ts";
import { openVersion, sealVersion, type PlainValue } from "./values.ts";

/** About as many as Secrets Manager keeps, and no more than go in one transaction with their secret: of those without a stage the oldest go. */
const MOST_VERSIONS = 97;
/** Secrets Manager quotas, "Staging labels attached across all versions of a secret". */
const MOST_STAGES = 20;

export interface NewVersion {
  readonly versionId: string;
  readonly value: PlainValue;
  /** Absent: AWSCURRENT. */
  readonly stages?: readonly string[] | undefined;
}

/**
 * Puts the version and its stages; the same again changes nothing.
 * @throws ResourceExistsException for a version of the id with another value
 */
export function putVersion(
  deps: SecretsManagerDependencies,
  tx: Transaction,
  row: SecretRow,
  { versionId, value, stages = [CURRENT] }: NewVersion,
): SecretRow {
  const before = getVersion(tx, row, versionId);
  if (before?.value !== undefined) {
    if (isSame(deps, row, before, value)) return row;
    throw resourceExists(
      `You can't use ClientRequestToken ${versionId} because that value is already in use for a version of secret ${row.arn}.`,
    );
  }
  const now = deps.clock.now();
  tx.put(secretVersions, secretVersionKey(row.id, versionId), {
    ...(before ?? { secretId: row.id, versionId, createdAt: now }),
    ...sealVersion(deps, row, versionId, value),
  });
  // The first version is the current one, whatever was asked for.
  const isFirst = row.stages[CURRENT] === undefined;
  const after = withStages(row, versionId, isFirst ? [...new Set([...stages, CURRENT])] : stages, now);
  putSecret(tx, checkStageCount(after));
  dropSurplus(tx, after);
  return after;
}

/** @throws LimitExceededException */
export function checkStageCount(row: SecretRow): SecretRow {
  if (Object.keys(row.stages).length <= MOST_STAGES) return row;
  throw new ServiceError(
    "LimitExceededException",
    `The number of staging labels of the secret exceeds the maximum of ${MOST_STAGES}.`,
  );
}

export const putSecret = (tx: Transaction, row: SecretRow): void =>
  tx.put(secrets, secretKey(row.region, row.name), row);

export function isSame(
  deps: SecretsManagerDependencies,
  row: SecretRow,
  version: SecretVersionRow,
  value: PlainValue,
): boolean {
  return version.kind === value.kind && openVersion(deps, row, version).equals(value.octets);
}

function dropSurplus(tx: Transaction, row: SecretRow): void {
  const versions = versionsOf(tx, row);
  const surplus = versions.length - MOST_VERSIONS;
  if (surplus <= 0) return;
  versions
    .filter(({ versionId }) => stagesOf(row, versionId).length === 0)
    .sort((a, b) => a.createdAt - b.createdAt)
    .slice(0, surplus)
    .forEach(({ versionId }) => tx.delete(secretVersions, secretVersionKey(row.id, versionId)));
}

/** The secret with all its versions: never more than fit a transaction. */
export function removeSecret(tx: Transaction, row: SecretRow): void {
  for (const { versionId } of versionsOf(tx, row))
    tx.delete(secretVersions, secretVersionKey(row.id, versionId));
  tx.delete(secrets, secretKey(row.region, row.name));
}
