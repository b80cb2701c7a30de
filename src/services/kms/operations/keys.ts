// Create, describe and list keys; enable, disable and delete them.
import type { KeyMetadata } from "@aws-sdk/client-kms";
import {
  defaultKeyPolicy,
  deletionCancelled,
  isDeleted,
  kmsKey,
  scheduledForDeletion,
  withDescription,
  withPolicy,
  withState,
  type KeyRow,
} from "#domain/kms/key.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import { keys } from "#store/tables/kms.ts";
import { inRange, lengthWithin, onlyValue } from "../constraints.ts";
import type { KmsDependencies, KmsOperations } from "../dependencies.ts";
import { invalidState, limitExceeded, pendingDeletion } from "../errors.ts";
import { checkKeyPolicy } from "../key-policy.ts";
import { createKeyring, findKey, isServiceAlias } from "../keyring.ts";
import { ownKeyOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { readTags } from "../tags.ts";

/** AWS KMS quotas, "AWS KMS keys". */
const MOST_KEYS = 100_000;

export function keyOperations(deps: KmsDependencies) {
  const { store, clock, account } = deps;
  const ring = createKeyring(deps);

  return {
    async CreateKey(input, context) {
      onlyValue(input, {
        KeyUsage: "ENCRYPT_DECRYPT",
        KeySpec: "SYMMETRIC_DEFAULT",
        CustomerMasterKeySpec: "SYMMETRIC_DEFAULT",
        Origin: "AWS_KMS",
        MultiRegion: false,
        CustomKeyStoreId: undefined,
        XksKeyId: undefined,
      });
      const description = lengthWithin(input.Description ?? "", "description", 0, 8192);
      const tags = readTags(input.Tags);
      const key = await store.transact((tx) => {
        if (tx.find(keys, "manager", `${context.region}/CUSTOMER`).length >= MOST_KEYS)
          throw limitExceeded(`The number of keys has reached its limit of ${MOST_KEYS}.`);
        const policy = defaultKeyPolicy(account);
        const made = ring.make(tx, context.region, { manager: "CUSTOMER", description, policy, tags });
        if (input.Policy === undefined) return made;
        // The policy may name the key's ARN, which is known by now only.
        const given = checkKeyPolicy({
          policy: input.Policy,
          keyArn: made.arn,
          principal: context.principal,
          bypassLockoutCheck: input.BypassPolicyLockoutSafetyCheck === true,
        });
        const row = withPolicy(made, given);
        tx.put(keys, kmsKey(row.region, row.id), row);
        return row;
      });
      return { KeyMetadata: show(key) };
    },

    async DescribeKey(input, context) {
      onlyValue(input, { GrantTokens: undefined });
      const id = input.KeyId ?? "";
      // A service's own key comes into being when it is asked for by its alias.
      const key = isServiceAlias(id)
        ? await store.transact((tx) => ring.ensure(tx, context.region, id))
        : findKey(store, context, lengthWithin(id, "keyId", 1, 2048), clock.now());
      return { KeyMetadata: show(key) };
    },

    ListKeys(input, context) {
      const rows = Array.from(
        store.scan(keys, { prefix: kmsKey(context.region, "") }),
        ([, row]) => row,
      ).filter((row) => !isDeleted(row, clock.now()));
      const { items, rest } = page(rows, ({ id }) => id, context, { input, usual: 100, most: 1000 });
      return { Keys: items.map(({ id, arn }) => ({ KeyId: id, KeyArn: arn })), ...rest };
    },

    async EnableKey(input, context) {
      await change(context, input.KeyId, (key) => withState(checkNotPending(key), "Enabled"));
      return {};
    },

    async DisableKey(input, context) {
      await change(context, input.KeyId, (key) => withState(checkNotPending(key), "Disabled"));
      return {};
    },

    async UpdateKeyDescription(input, context) {
      const description = lengthWithin(input.Description ?? "", "description", 0, 8192);
      await change(context, input.KeyId, (key) => withDescription(checkNotPending(key), description));
      return {};
    },

    async ScheduleKeyDeletion(input, context) {
      const days = inRange(input.PendingWindowInDays ?? 30, "pendingWindowInDays", 7, 30);
      const key = await change(context, input.KeyId, (row) =>
        scheduledForDeletion(checkNotPending(row), days, clock.now()),
      );
      return {
        KeyId: key.arn,
        DeletionDate: new Date(key.deletionAt ?? 0),
        KeyState: key.state,
        PendingWindowInDays: days,
      };
    },

    async CancelKeyDeletion(input, context) {
      const key = await change(context, input.KeyId, (row) => {
        if (row.state !== "PendingDeletion") throw invalidState(`${row.arn} is not pending deletion.`);
        return deletionCancelled(row);
      });
      return { KeyId: key.arn };
    },

    /** Keys are not rotated here: EnableKeyRotation answers as an unknown operation. */
    GetKeyRotationStatus: (input, context) => ({
      KeyRotationEnabled: false,
      KeyId: ownKeyOf(store, context, input.KeyId, clock.now(), true).arn,
    }),
  } satisfies KmsOperations;

  function change(
    context: RequestContext,
    id: string | undefined,
    to: (key: KeyRow) => KeyRow,
  ): Promise<KeyRow> {
    return store.transact((tx) => {
      const after = to(ownKeyOf(tx, context, id, clock.now()));
      tx.put(keys, kmsKey(after.region, after.id), after);
      return after;
    });
  }
}

function checkNotPending(key: KeyRow): KeyRow {
  if (key.state === "PendingDeletion") throw pendingDeletion(key.arn);
  return key;
}

const show = (key: KeyRow): KeyMetadata => ({
  AWSAccountId: key.account,
  KeyId: key.id,
  Arn: key.arn,
  CreationDate: new Date(key.createdAt),
  Enabled: key.state === "Enabled",
  Description: key.description,
  KeyUsage: "ENCRYPT_DECRYPT",
  KeyState: key.state,
  ...(key.deletionAt === undefined ? {} : { DeletionDate: new Date(key.deletionAt) }),
  Origin: "AWS_KMS",
  KeyManager: key.manager,
  CustomerMasterKeySpec: "SYMMETRIC_DEFAULT",
  KeySpec: "SYMMETRIC_DEFAULT",
  EncryptionAlgorithms: ["SYMMETRIC_DEFAULT"],
  MultiRegion: false,
});
