// Aliases: names of keys that can be given to other keys.
import type { AliasListEntry } from "@aws-sdk/client-kms";
import { ServiceError } from "#lib/errors.ts";
import { kmsKey, type AliasRow } from "#domain/kms/key.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { aliases } from "#store/tables/kms.ts";
import { lengthWithin } from "../constraints.ts";
import type { KmsDependencies, KmsOperations } from "../dependencies.ts";
import { limitExceeded, noSuchAlias, pendingDeletion } from "../errors.ts";
import { aliasArn, findAlias, newAlias } from "../keyring.ts";
import { ownKeyOf } from "../lookup.ts";
import { page } from "../paging.ts";

/** AWS KMS quotas, "Aliases per KMS key". */
const MOST_ALIASES = 50;

export function aliasOperations({ store, clock, account }: KmsDependencies) {
  return {
    async CreateAlias(input, context) {
      const name = checkName(input.AliasName ?? "");
      await store.transact((tx) => {
        if (findAlias(tx, context.region, name) !== undefined)
          throw new ServiceError(
            "AlreadyExistsException",
            `An alias with the name ${aliasArn(context, name)} already exists`,
          );
        const key = target(tx, context, input.TargetKeyId);
        if (tx.find(aliases, "key", key.id).length >= MOST_ALIASES)
          throw limitExceeded(`A key can have up to ${MOST_ALIASES} aliases.`);
        const row = newAlias({ name, region: context.region, account, keyId: key.id }, clock.now());
        tx.put(aliases, kmsKey(context.region, name), row);
      });
      return {};
    },

    async UpdateAlias(input, context) {
      const name = checkName(input.AliasName ?? "");
      await store.transact((tx) => {
        const before = aliasOf(tx, context, name);
        const key = target(tx, context, input.TargetKeyId);
        tx.put(aliases, kmsKey(context.region, name), { ...before, keyId: key.id, updatedAt: clock.now() });
      });
      return {};
    },

    async DeleteAlias(input, context) {
      const name = checkName(input.AliasName ?? "");
      await store.transact((tx) => {
        aliasOf(tx, context, name);
        tx.delete(aliases, kmsKey(context.region, name));
      });
      return {};
    },

    ListAliases(input, context) {
      const { KeyId: keyId } = input;
      const id = keyId === undefined ? undefined : ownKeyOf(store, context, keyId, clock.now(), true).id;
      const rows = Array.from(
        store.scan(aliases, { prefix: kmsKey(context.region, "") }),
        ([, row]) => row,
      ).filter((row) => id === undefined || row.keyId === id);
      const { items, rest } = page(rows, ({ name }) => name, context, { input, usual: 50, most: 100 });
      return { Aliases: items.map(show), ...rest };
    },
  } satisfies KmsOperations;

  function target(reader: Reader, context: RequestContext, id: string | undefined) {
    const key = ownKeyOf(reader, context, id, clock.now());
    if (key.state === "PendingDeletion") throw pendingDeletion(key.arn);
    return key;
  }
}

function aliasOf(reader: Reader, context: RequestContext, name: string): AliasRow {
  const row = findAlias(reader, context.region, name);
  if (row === undefined) throw noSuchAlias(aliasArn(context, name));
  return row;
}

function checkName(name: string): string {
  lengthWithin(name, "aliasName", 1, 256);
  if (!/^alias\/[\w/-]+$/.test(name))
    throw new ServiceError(
      "InvalidAliasNameException",
      'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
    );
  if (/^alias\/aws\//.test(name))
    throw new ServiceError("InvalidAliasNameException", `${name} is reserved for keys that AWS manages.`);
  return name;
}

const show = (row: AliasRow): AliasListEntry => ({
  AliasName: row.name,
  AliasArn: row.arn,
  TargetKeyId: row.keyId,
  CreationDate: new Date(row.createdAt),
  LastUpdatedDate: new Date(row.updatedAt),
});
