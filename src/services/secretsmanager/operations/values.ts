// GetSecretValue, PutSecretValue, BatchGetSecretValue and GetRandomPassword.
import type { APIErrorType, SecretValueEntry } from "@aws-sdk/client-secrets-manager";
import { ServiceError } from "#lib/errors.ts";
import {
  dayOf,
  secretVersionKey,
  stagesOf,
  type SecretRow,
  type SecretVersionRow,
} from "#domain/secretsmanager/secret.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import { secrets, secretVersions } from "#store/tables/secretsmanager.ts";
import { checkStages, checkToken } from "../constraints.ts";
import type { SecretsManagerDependencies, SecretsManagerOperations } from "../dependencies.ts";
import { constraint, invalidParameter } from "../errors.ts";
import { matchesAll, readFilters } from "../filters.ts";
import { getVersion, liveSecretOf, versionOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { randomPassword } from "../random-password.ts";
import { openVersion, readValue, shownValue } from "../values.ts";
import { putSecret, putVersion } from "../versions.ts";

const MOST_IN_A_BATCH = 20;

export function valueOperations(deps: SecretsManagerDependencies) {
  const { store, clock, random } = deps;

  return {
    async GetSecretValue(input, context) {
      const row = liveSecretOf(store, context, input.SecretId ?? "", clock.now());
      const version = versionOf(store, row, { versionId: input.VersionId, stage: input.VersionStage });
      const shown = show(row, version);
      await accessed(row, version.versionId);
      return shown;
    },

    async BatchGetSecretValue(input, context) {
      const { SecretIdList: ids, Filters: filters } = input;
      if ((ids === undefined) === (filters === undefined))
        throw invalidParameter("You must specify either Filters or SecretIdList, but not both.");
      if (ids !== undefined && input.MaxResults !== undefined)
        throw invalidParameter("MaxResults can be used with Filters only.");
      if (ids !== undefined && (ids.length === 0 || ids.length > MOST_IN_A_BATCH))
        throw constraint(
          `[${ids.join(", ")}]`,
          "secretIdList",
          `Member must have length between 1 and ${MOST_IN_A_BATCH}`,
        );
      const wanted = ids === undefined ? filtered(context, input) : { names: [...new Set(ids)], rest: {} };
      const values: SecretValueEntry[] = [];
      const errors: APIErrorType[] = [];
      for (const name of wanted.names) {
        try {
          const row = liveSecretOf(store, context, name, clock.now());
          const version = versionOf(store, row, {});
          values.push(show(row, version));
          await accessed(row, version.versionId);
        } catch (error) {
          if (!(error instanceof ServiceError)) throw error;
          errors.push({ SecretId: name, ErrorCode: error.code, Message: error.message });
        }
      }
      return { SecretValues: values, Errors: errors, ...wanted.rest };
    },

    async PutSecretValue(input, context) {
      if (input.RotationToken !== undefined)
        throw invalidParameter("RotationToken is not implemented by Estiba");
      const value = readValue(input);
      if (value === undefined)
        throw invalidParameter("You must provide either SecretString or SecretBinary.");
      const versionId = checkToken(input.ClientRequestToken ?? random.uuid());
      const stages = input.VersionStages === undefined ? undefined : checkStages(input.VersionStages);
      const row = await store.transact((tx) =>
        putVersion(deps, tx, liveSecretOf(tx, context, input.SecretId ?? "", clock.now()), {
          versionId,
          value,
          stages,
        }),
      );
      return { ARN: row.arn, Name: row.name, VersionId: versionId, VersionStages: stagesOf(row, versionId) };
    },

    GetRandomPassword: (input) => ({ RandomPassword: randomPassword(input, random) }),
  } satisfies SecretsManagerOperations;

  function show(row: SecretRow, version: SecretVersionRow) {
    return {
      ARN: row.arn,
      Name: row.name,
      VersionId: version.versionId,
      ...shownValue(version, openVersion(deps, row, version)),
      VersionStages: stagesOf(row, version.versionId),
      CreatedDate: new Date(version.createdAt),
    };
  }

  /** The day of the last reading, so written once a day at most. */
  async function accessed({ id, region, name, accessedAt }: SecretRow, versionId: string): Promise<void> {
    const today = dayOf(clock.now());
    const known = store.get(secretVersions, secretVersionKey(id, versionId));
    if (accessedAt === today && known?.accessedAt === today) return;
    await store.transact((tx) => {
      const row = tx.get(secrets, `${region}/${name}`);
      if (row?.id !== id) return;
      putSecret(tx, { ...row, accessedAt: today });
      const version = getVersion(tx, row, versionId);
      if (version !== undefined)
        tx.put(secretVersions, secretVersionKey(id, versionId), { ...version, accessedAt: today });
    });
  }

  function filtered(
    context: RequestContext,
    input: Parameters<typeof page>[3] & { readonly Filters?: Parameters<typeof readFilters>[0] },
  ) {
    const filters = readFilters(input.Filters);
    const rows = Array.from(store.scan(secrets, { prefix: `${context.region}/` }), ([, row]) => row).filter(
      (row) => row.deletedAt === undefined && matchesAll(filters, row),
    );
    const { items, rest } = page(rows, (row) => row.name, context, input, MOST_IN_A_BATCH);
    return { names: items.map(({ arn }) => arn), rest };
  }
}
