// UpdateSecretVersionStage: a stage goes from one version to another, or away.
import { CURRENT, withoutStage, withStages, type SecretRow } from "#domain/secretsmanager/secret.ts";
import { lengthWithin } from "../constraints.ts";
import type { SecretsManagerDependencies, SecretsManagerOperations } from "../dependencies.ts";
import { invalidParameter, versionNotFound } from "../errors.ts";
import { getVersion, liveSecretOf } from "../lookup.ts";
import { checkStageCount, putSecret } from "../versions.ts";

export function stageOperations({ store, clock }: SecretsManagerDependencies) {
  return {
    async UpdateSecretVersionStage(input, context) {
      const stage = lengthWithin(input.VersionStage ?? "", "versionStage", 1, 256);
      const { MoveToVersionId: to, RemoveFromVersionId: from } = input;
      return store.transact((tx) => {
        const row = liveSecretOf(tx, context, input.SecretId ?? "", clock.now());
        if (to !== undefined && (to.length > 64 || getVersion(tx, row, to) === undefined))
          throw versionNotFound(`VersionId: ${to}`);
        checkOrigin(row, stage, to, from);
        const after =
          to === undefined
            ? withoutStage(row, stage, clock.now())
            : withStages(row, to, [stage], clock.now());
        putSecret(tx, checkStageCount(after));
        return { ARN: row.arn, Name: row.name };
      });
    },
  } satisfies SecretsManagerOperations;
}

/** Whoever moves a stage says where it was, so that two who move it at once do not both succeed. */
function checkOrigin(row: SecretRow, stage: string, to: string | undefined, from: string | undefined): void {
  const at = Object.hasOwn(row.stages, stage) ? row.stages[stage] : undefined;
  if (to === undefined && from === undefined)
    throw invalidParameter("You must specify MoveToVersionId, RemoveFromVersionId, or both.");
  if (to === undefined && stage === CURRENT)
    throw invalidParameter(
      "You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.",
    );
  if (from !== undefined && at !== from)
    throw invalidParameter(
      `The RemoveFromVersionId ${from} doesn't have the staging label ${stage} attached.`,
    );
  if (from === undefined && at !== undefined && at !== to)
    throw invalidParameter(
      `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is currently attached to version ${at}, so you must explicitly reference that version in RemoveFromVersionId.`,
    );
}
