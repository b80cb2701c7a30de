// Keys in use: found by any of their names, checked for their state, and made to encrypt and decrypt. The service's own operations
// and other services' values both come here.
import { formatArn, parseArn } from "#lib/arn.ts";
import { isDeleted, kmsKey, newKey, servicePolicy, type AliasRow, type KeyRow } from "#domain/kms/key.ts";
import type { EncryptionContext, ServiceAlias } from "#domain/ports/value-keys.ts";
import type { Reader, Transaction } from "#store/store.ts";
import { aliases, keys } from "#store/tables/kms.ts";
import { decryptWith, encryptWith, keyIdOf } from "./cipher.ts";
import type { KmsDependencies } from "./dependencies.ts";
import { disabled, invalidCiphertext, noSuchAlias, noSuchKey, notFound, pendingDeletion } from "./errors.ts";

export interface Place {
  readonly region: string;
  readonly account: string;
}

export const keyArn = ({ region, account }: Place, id: string): string =>
  formatArn({ service: "kms", region, account, resource: `key/${id}` });
export const aliasArn = ({ region, account }: Place, name: string): string =>
  formatArn({ service: "kms", region, account, resource: name });

export type Keyring = ReturnType<typeof createKeyring>;

export function createKeyring({ clock, random, account, sealer }: Omit<KmsDependencies, "store">) {
  const materialOf = (key: KeyRow): Buffer => Buffer.from(sealer.open(key.sealedMaterial), "base64");

  return {
    /** Stores a new key, in the transaction. */
    make(
      tx: Transaction,
      region: string,
      made: Pick<KeyRow, "manager" | "description" | "policy" | "tags">,
    ): KeyRow {
      const id = random.uuid();
      const key = newKey(
        {
          ...made,
          id,
          region,
          account,
          arn: keyArn({ region, account }, id),
          sealedMaterial: sealer.seal(Buffer.from(random.hex(64), "hex").toString("base64")),
        },
        clock.now(),
      );
      tx.put(keys, kmsKey(region, id), key);
      return key;
    },

    /** A service's own key, made when it is first asked for, in the transaction. */
    ensure(tx: Transaction, region: string, alias: ServiceAlias): KeyRow {
      if (findAlias(tx, region, alias) !== undefined)
        return findKey(tx, { region, account }, alias, clock.now());
      const service = alias === "alias/aws/ssm" ? "ssm" : "secretsmanager";
      const key = this.make(tx, region, {
        manager: "AWS",
        description: DESCRIPTIONS[service],
        policy: servicePolicy(service, region, account),
        tags: {},
      });
      const row = newAlias({ name: alias, region, account, keyId: key.id }, clock.now());
      tx.put(aliases, kmsKey(region, alias), row);
      return key;
    },

    /** @throws NotFoundException, in whatever state the key is */
    find: (reader: Reader, region: string, given: string): KeyRow =>
      findKey(reader, { region, account }, given, clock.now()),

    /** @throws NotFoundException, DisabledException, KMSInvalidStateException */
    usable(reader: Reader, region: string, given: string): KeyRow {
      return checkUsable(findKey(reader, { region, account }, given, clock.now()));
    },

    encrypt: (key: KeyRow, plaintext: Uint8Array, context: EncryptionContext): Buffer =>
      encryptWith(materialOf(key), plaintext, { keyId: key.id, context, random }),

    /** @throws InvalidCiphertextException, DisabledException, KMSInvalidStateException */
    decrypt(
      reader: Reader,
      region: string,
      ciphertext: Uint8Array,
      context: EncryptionContext,
    ): { readonly key: KeyRow; readonly plaintext: Buffer } {
      const row = reader.get(keys, kmsKey(region, keyIdOf(ciphertext) ?? "none"));
      // A key of another account or region, one that is gone, and no ciphertext at all are told apart by nobody.
      if (row === undefined || isDeleted(row, clock.now())) throw invalidCiphertext();
      const key = checkUsable(row);
      const plaintext = decryptWith(materialOf(key), ciphertext, context);
      if (plaintext === undefined) throw invalidCiphertext();
      return { key, plaintext };
    },

    octets: (count: number): Buffer => Buffer.from(random.hex(count * 2), "hex"),
  };
}

export const newAlias = (
  { name, region, account, keyId }: Place & Pick<AliasRow, "name" | "keyId">,
  now: number,
): AliasRow => ({
  name,
  region,
  keyId,
  arn: aliasArn({ region, account }, name),
  createdAt: now,
  updatedAt: now,
});

const DESCRIPTIONS = {
  ssm: "Default key that protects my SSM parameters when no other key is defined",
  secretsmanager: "Default key that protects my Secrets Manager data when no other key is defined",
} as const;

export const isServiceAlias = (name: string): name is ServiceAlias =>
  name === "alias/aws/ssm" || name === "alias/aws/secretsmanager";

export function checkUsable(key: KeyRow): KeyRow {
  if (key.state === "Disabled") throw disabled(key.arn);
  if (key.state === "PendingDeletion") throw pendingDeletion(key.arn);
  return key;
}

export const findAlias = (reader: Reader, region: string, name: string): AliasRow | undefined =>
  reader.get(aliases, kmsKey(region, name));

/** By id, key ARN, alias or alias ARN. @throws NotFoundException */
export function findKey(reader: Reader, place: Place, given: string, now: number): KeyRow {
  const { region, account } = place;
  const arn = parseArn(given);
  if (arn !== undefined && (arn.service !== "kms" || arn.region !== region || arn.account !== account))
    throw arn.service === "kms" ? noSuchKey(given) : notFound(`Invalid arn ${given}`);
  const name = arn?.resource ?? (given.startsWith("alias/") ? given : `key/${given}`);
  if (name.startsWith("alias/")) {
    const alias = findAlias(reader, region, name);
    const key = alias === undefined ? undefined : reader.get(keys, kmsKey(region, alias.keyId));
    if (key === undefined || isDeleted(key, now)) throw noSuchAlias(aliasArn(place, name));
    return key;
  }
  const id = name.replace(/^key\//, "");
  const key = id === "" ? undefined : reader.get(keys, kmsKey(region, id));
  if (key === undefined || isDeleted(key, now)) throw noSuchKey(keyArn(place, id));
  return key;
}
