// Users' access keys: how their secrets are kept, found again when one signs, and when it was last used.
import type { KeyUse, AccessKeyRow } from "#domain/iam/records.ts";
import type { Sealer } from "#domain/ports/sealer.ts";
import type { Reader } from "#store/store.ts";
import { accessKeys, users } from "#store/tables/iam.ts";
import type { StaticCredential } from "./resolver.ts";

/** Between two writes of when a key was used, milliseconds: calls in between are not written. */
const USE_NOTED_EVERY_MS = 15 * 60_000;

/** The id is sealed with the secret, so that no key's secret can stand in another's row. */
export const sealAccessKey = (sealer: Sealer, id: string, secret: string): string =>
  sealer.seal(`${id} ${secret}`);

/** Undefined: no such key, one that is off, or one whose user is gone. */
export function findAccessKey(
  reader: Reader,
  sealer: Sealer,
  { id, account }: { readonly id: string; readonly account: string },
): StaticCredential | undefined {
  const key = reader.get(accessKeys, id);
  if (key?.status !== "Active") return undefined;
  const user = reader.get(users, key.userName);
  if (user === undefined) return undefined;
  const [sealedId, secretAccessKey] = sealer.open(key.sealedSecret).split(" ");
  if (sealedId !== id || secretAccessKey === undefined) return undefined;
  const { arn, name: userName } = user;
  return { secretAccessKey, principal: { type: "user", arn, account, id: user.id, userName } };
}

/** The row with its use noted; undefined when that can wait. */
export function withUse(key: AccessKeyRow, use: KeyUse): AccessKeyRow | undefined {
  const isFresh = key.lastUsed !== undefined && use.at - key.lastUsed.at < USE_NOTED_EVERY_MS;
  return isFresh ? undefined : { ...key, lastUsed: use };
}
