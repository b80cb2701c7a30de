// What time does to secrets: rotations that are due and the steps of those under way, parameters whose policy ends them, and secrets
// and keys whose recovery window is over. One look at each row at its next moment; nothing is polled.
import type { Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import { isDeleted } from "#domain/kms/key.ts";
import {
  isRotating,
  nextMoment,
  rotationFailed,
  rotationStepDone,
  startRotation,
} from "#domain/secretsmanager/rotation.ts";
import type { RotationStep } from "#domain/secretsmanager/rotation-record.ts";
import { isGone, secretVersionKey, type SecretRow } from "#domain/secretsmanager/secret.ts";
import { isExpired, type ParameterRow } from "#domain/ssm/parameter.ts";
import { isChangeOf, type Store, type Transaction, type Watch } from "#store/store.ts";
import { aliases, keys } from "#store/tables/kms.ts";
import { secrets, secretVersions } from "#store/tables/secretsmanager.ts";
import { parameters } from "#store/tables/ssm.ts";
import type { Controller } from "../controller.ts";
import { createWorkQueue } from "../work-queue.ts";

/** What a hook is asked, as a rotation function is on AWS. */
export interface RotationCall {
  readonly Step: RotationStep;
  /** ARN. */
  readonly SecretId: string;
  /** The version that is to become the current one. */
  readonly ClientRequestToken: string;
}

export interface SecretsControllerParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Resolves when the hook has done the step. */
  readonly callHook: (url: string, call: RotationCall) => Promise<void>;
  readonly removeSecret: (tx: Transaction, row: SecretRow) => void;
  readonly removeParameter: (key: string, isToGo: (row: ParameterRow) => boolean) => Promise<boolean>;
}

const TABLES = [secrets, keys, parameters] as const;

export function createSecretsController(parts: SecretsControllerParts): Controller {
  const { store, clock, random, logger, callHook } = parts;
  let watch: Watch | undefined;

  const queue = createWorkQueue({
    clock,
    random,
    logger,
    async handle(name) {
      const [table = "", key = ""] = [name.slice(0, name.indexOf(" ")), name.slice(name.indexOf(" ") + 1)];
      if (table === secrets.name) await handleSecret(key);
      else if (table === keys.name) await store.transact((tx) => endKey(tx, key, clock.now()));
      else await parts.removeParameter(key, (row) => isExpired(row, clock.now()));
    },
  });

  const onChange = () => {
    for (const change of watch?.take() ?? []) {
      const at = isChangeOf(change, secrets)
        ? change.row && nextMoment(change.row)
        : isChangeOf(change, keys)
          ? change.row?.deletionAt
          : isChangeOf(change, parameters)
            ? change.row?.expiresAt
            : undefined;
      const name = `${change.table.name} ${change.key}`;
      const isDue = at !== undefined && at <= clock.now();
      queue.addAt(name, isDue ? undefined : at);
      if (isDue) queue.add(name);
    }
  };

  const handleSecret = async (key: string) => {
    const due = await store.transact((tx) => prepare(tx, key));
    if (due === undefined) return;
    const { hook, call } = due;
    const error = await callHook(hook, call).then(
      () => undefined,
      (reason: unknown) => messageOf(reason),
    );
    if (error !== undefined)
      logger.warn("a rotation hook failed", { secret: call.SecretId, step: call.Step, reason: error });
    await store.transact((tx) => {
      const row = tx.get(secrets, key);
      // Cancelled, deleted or begun anew meanwhile.
      if (row === undefined || !isRotating(row) || row.deletedAt !== undefined) return;
      const { underWay } = row.rotation;
      if (underWay?.versionId !== call.ClientRequestToken || underWay.step !== call.Step) return;
      const settle = error === undefined ? rotationStepDone : rotationFailed;
      tx.put(secrets, key, settle(row, clock.now()));
    });
  };

  /** What is due for the secret now; a rotation whose time has come begins. */
  const prepare = (
    tx: Transaction,
    key: string,
  ): { readonly hook: string; readonly call: RotationCall } | undefined => {
    const now = clock.now();
    const found = tx.get(secrets, key);
    if (found === undefined || (nextMoment(found) ?? Infinity) > now) return undefined;
    if (isGone(found, now)) {
      parts.removeSecret(tx, found);
      return undefined;
    }
    if (!isRotating(found)) return undefined;
    const row = found.rotation.underWay === undefined ? startRotation(found, random.uuid(), now) : found;
    const { underWay, hook } = row.rotation;
    if (underWay === undefined) return undefined;
    const { versionId, step } = underWay;
    if (row !== found) {
      tx.put(secretVersions, secretVersionKey(row.id, versionId), {
        secretId: row.id,
        versionId,
        kind: "string",
        createdAt: now,
      });
      tx.put(secrets, key, row);
    }
    return { hook, call: { Step: step, SecretId: row.arn, ClientRequestToken: versionId } };
  };

  return {
    async start() {
      watch = store.snapshotAndWatch(TABLES, { notify: onChange });
    },
    async close() {
      watch?.close();
      await queue.close();
    },
  };
}

/** The key's material goes with its row: what it encrypted is lost. */
function endKey(tx: Transaction, key: string, now: number): void {
  const row = tx.get(keys, key);
  if (row === undefined || !isDeleted(row, now)) return;
  for (const [alias] of tx.find(aliases, "key", row.id)) tx.delete(aliases, alias);
  tx.delete(keys, key);
}
