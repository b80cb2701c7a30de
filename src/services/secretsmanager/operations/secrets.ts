// Create, describe, list, update, delete and restore secrets.
import type { CreateSecretCommandInput } from "@aws-sdk/client-secrets-manager";
import { formatArn } from "#lib/arn.ts";
import { newHexId } from "#lib/ids.ts";
import {
  deletedSecret,
  isGone,
  newSecret,
  restoredSecret,
  secretKey,
  secretVersionKey,
  stagesOf,
  type SecretRow,
} from "#domain/secretsmanager/secret.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Transaction } from "#store/store.ts";
import { secrets, secretVersions } from "#store/tables/secretsmanager.ts";
import { checkName, checkToken, lengthWithin } from "../constraints.ts";
import type { SecretsManagerDependencies, SecretsManagerOperations } from "../dependencies.ts";
import { constraint, invalidParameter, invalidRequest, notImplemented, resourceExists } from "../errors.ts";
import { matchesAll, readFilters } from "../filters.ts";
import { findSecret, getVersion, liveSecretOf, secretOf, versionsOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { showSecret } from "../show.ts";
import { readTags } from "../tags.ts";
import { openVersion, readValue, refusedKey, sealVersion, SERVICE_KEY, type PlainValue } from "../values.ts";
import { isSame, putSecret, putVersion, removeSecret } from "../versions.ts";

/** Secrets Manager quotas, "Secrets". */
const MOST_SECRETS = 500_000;
const SUFFIX = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const ADDED = ["AddReplicaRegions", "ForceOverwriteReplicaSecret", "Type"] as const;

export function secretOperations(deps: SecretsManagerDependencies) {
  const { store, clock, random, account, keys } = deps;

  return {
    async CreateSecret(input, context) {
      const name = checkName(input.Name ?? "");
      refuseReplicas(input);
      const description = lengthWithin(input.Description ?? "", "description", 0, 2048);
      const tags = readTags(input.Tags);
      const value = readValue(input);
      const versionId = checkToken(input.ClientRequestToken ?? random.uuid());
      const keyArn = await keyFor(context.region, input.KmsKeyId);
      return store.transact((tx) => {
        const known = vacated(tx, context.region, name);
        if (known !== undefined) return existing(tx, known, versionId, value);
        if ([...tx.scan(secrets, { prefix: `${context.region}/` })].length >= MOST_SECRETS)
          throw invalidRequest("The number of secrets has reached its limit.");
        const suffix = Array.from({ length: 6 }, () => SUFFIX[random.below(SUFFIX.length)]).join("");
        const { region } = context;
        const row = newSecret(
          {
            id: newHexId(random),
            name,
            region,
            arn: formatArn({
              service: "secretsmanager",
              region,
              account,
              resource: `secret:${name}-${suffix}`,
            }),
            keyArn,
            tags,
            ...(description === "" ? {} : { description }),
            ...(input.KmsKeyId === undefined ? {} : { kmsKeyId: input.KmsKeyId }),
          },
          clock.now(),
        );
        putSecret(tx, row);
        if (value === undefined) return { ARN: row.arn, Name: name };
        putVersion(deps, tx, row, { versionId, value });
        return { ARN: row.arn, Name: name, VersionId: versionId };
      });
    },

    DescribeSecret(input, context) {
      const row = secretOf(store, context, input.SecretId ?? "", clock.now());
      const staged = versionsOf(store, row).flatMap(({ versionId }): [string, string[]][] => {
        const stages = stagesOf(row, versionId);
        return stages.length === 0 ? [] : [[versionId, stages]];
      });
      return {
        ...showSecret(row),
        ...(staged.length === 0 ? {} : { VersionIdsToStages: Object.fromEntries(staged) }),
      };
    },

    ListSecrets(input, context) {
      if ("SortBy" in input && input.SortBy !== undefined && input.SortBy !== "created-date")
        throw notImplemented(`SortBy ${input.SortBy}`);
      if (input.SortOrder !== undefined && !["asc", "desc"].includes(input.SortOrder))
        throw constraint(input.SortOrder, "sortOrder", "Member must satisfy enum value set: [asc, desc]");
      const filters = readFilters(input.Filters);
      const rows = Array.from(store.scan(secrets, { prefix: `${context.region}/` }), ([, row]) => row).filter(
        (row) =>
          !isGone(row, clock.now()) &&
          (row.deletedAt === undefined || input.IncludePlannedDeletion === true) &&
          matchesAll(filters, row),
      );
      const byTime = (time: number) =>
        String(input.SortOrder === "desc" ? 1e15 - time : time).padStart(16, "0");
      const { items, rest } = page(rows, (row) => `${byTime(row.createdAt)}/${row.name}`, context, input);
      return {
        SecretList: items.map((row) => {
          const stages = Object.fromEntries(
            versionsOf(store, row).flatMap(({ versionId }): [string, string[]][] => {
              const at = stagesOf(row, versionId);
              return at.length === 0 ? [] : [[versionId, at]];
            }),
          );
          return { ...showSecret(row), SecretVersionsToStages: stages };
        }),
        ...rest,
      };
    },

    ListSecretVersionIds(input, context) {
      const row = secretOf(store, context, input.SecretId ?? "", clock.now());
      const versions = versionsOf(store, row).filter(
        ({ versionId }) => input.IncludeDeprecated === true || stagesOf(row, versionId).length > 0,
      );
      const { items, rest } = page(
        versions,
        ({ createdAt, versionId }) => `${String(createdAt).padStart(16, "0")}/${versionId}`,
        context,
        input,
      );
      return {
        ARN: row.arn,
        Name: row.name,
        Versions: items.map(({ versionId, createdAt, accessedAt, value }) => ({
          VersionId: versionId,
          VersionStages: stagesOf(row, versionId),
          CreatedDate: new Date(createdAt),
          ...(accessedAt === undefined ? {} : { LastAccessedDate: new Date(accessedAt) }),
          ...(value === undefined ? {} : { KmsKeyIds: [row.kmsKeyId ?? "DefaultEncryptionKey"] }),
        })),
        ...rest,
      };
    },

    async UpdateSecret(input, context) {
      if (input.Type !== undefined) throw notImplemented("Type");
      const value = readValue(input);
      const { Description: description, KmsKeyId: kmsKeyId } = input;
      if (description !== undefined) lengthWithin(description, "description", 0, 2048);
      const versionId = checkToken(input.ClientRequestToken ?? random.uuid());
      const keyArn = kmsKeyId === undefined ? undefined : await keyFor(context.region, kmsKeyId);
      return store.transact((tx) => {
        const before = liveSecretOf(tx, context, input.SecretId ?? "", clock.now());
        const { description: _, ...plain } = before;
        let row: SecretRow =
          description === undefined
            ? before
            : { ...plain, ...(description === "" ? {} : { description }), changedAt: clock.now() };
        if (keyArn !== undefined && kmsKeyId !== undefined) row = rekeyed(tx, row, keyArn, kmsKeyId);
        putSecret(tx, row);
        if (value === undefined) return { ARN: row.arn, Name: row.name };
        putVersion(deps, tx, row, { versionId, value });
        return { ARN: row.arn, Name: row.name, VersionId: versionId };
      });
    },

    async DeleteSecret(input, context) {
      const { RecoveryWindowInDays: days, ForceDeleteWithoutRecovery: force = false } = input;
      if (force && days !== undefined)
        throw invalidParameter(
          "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        );
      if (days !== undefined && (!Number.isInteger(days) || days < 7 || days > 30))
        throw invalidParameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).");
      return store.transact((tx) => {
        const now = clock.now();
        const id = input.SecretId ?? "";
        if (force) {
          // Deleting at once what is not there succeeds, as on AWS.
          const gone = findSecret(tx, context, id, now);
          if (gone === undefined && !id.startsWith("arn:") && id !== "")
            return {
              ARN: formatArn({ service: "secretsmanager", ...placeOf(context), resource: `secret:${id}` }),
              Name: id,
              DeletionDate: new Date(now),
            };
          const row = secretOf(tx, context, id, now);
          removeSecret(tx, row);
          return { ARN: row.arn, Name: row.name, DeletionDate: new Date(now) };
        }
        const row = deletedSecret(liveSecretOf(tx, context, id, now), days ?? 30, now);
        putSecret(tx, row);
        return { ARN: row.arn, Name: row.name, DeletionDate: new Date(row.deletionAt ?? now) };
      });
    },

    async RestoreSecret(input, context) {
      return store.transact((tx) => {
        const row = restoredSecret(secretOf(tx, context, input.SecretId ?? "", clock.now()), clock.now());
        putSecret(tx, row);
        return { ARN: row.arn, Name: row.name };
      });
    },
  } satisfies SecretsManagerOperations;

  /** @throws EncryptionFailure */
  function keyFor(region: string, given: string | undefined): Promise<string> {
    const name = given === undefined || given === "" ? SERVICE_KEY : given;
    return keys.resolve(region, name).catch((error: unknown) => {
      throw refusedKey(error, "EncryptionFailure");
    });
  }

  /** The secret of the name; one whose recovery window is over makes room. */
  function vacated(tx: Transaction, region: string, name: string): SecretRow | undefined {
    const known = tx.get(secrets, secretKey(region, name));
    if (known === undefined || !isGone(known, clock.now())) return known;
    removeSecret(tx, known);
    return undefined;
  }

  /** CreateSecret for a name that is taken: the same request again is answered as before. */
  function existing(tx: Transaction, row: SecretRow, versionId: string, value: PlainValue | undefined) {
    if (row.deletedAt !== undefined)
      throw invalidRequest(
        "You can't create this secret because a secret with this name is already scheduled for deletion.",
      );
    const version = value === undefined ? undefined : getVersion(tx, row, versionId);
    if (value === undefined || version === undefined || !isSame(deps, row, version, value))
      throw resourceExists(`The operation failed because the secret ${row.name} already exists.`);
    return { ARN: row.arn, Name: row.name, VersionId: versionId };
  }

  /** Versions with a stage are encrypted anew, as on AWS; the others stay under the key that they have. */
  function rekeyed(tx: Transaction, row: SecretRow, keyArn: string, kmsKeyId: string): SecretRow {
    const { kmsKeyId: _, ...rest } = row;
    const after: SecretRow = {
      ...rest,
      keyArn,
      ...(kmsKeyId === "" ? {} : { kmsKeyId }),
      changedAt: clock.now(),
    };
    for (const version of versionsOf(tx, row)) {
      if (version.value === undefined || stagesOf(row, version.versionId).length === 0) continue;
      const value = { kind: version.kind, octets: openVersion(deps, row, version) };
      tx.put(secretVersions, secretVersionKey(row.id, version.versionId), {
        ...version,
        ...sealVersion(deps, after, version.versionId, value),
      });
    }
    return after;
  }
}

const placeOf = ({ region, account }: RequestContext) => ({ region, account });

function refuseReplicas(input: CreateSecretCommandInput): void {
  for (const member of ADDED)
    if (input[member] !== undefined && input[member] !== false) throw notImplemented(member);
}
