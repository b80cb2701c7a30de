// Access keys of users: two at most, the secret shown once and kept sealed.
import type { AccessKeyRow } from "#domain/iam/records.ts";
import { sealAccessKey } from "#gateway/credentials/access-keys.ts";
import type { Reader } from "#store/store.ts";
import { accessKeys } from "#store/tables/iam.ts";
import { lengthWithin } from "../constraints.ts";
import type { IamDependencies, IamOperations } from "../dependencies.ts";
import { limitExceeded, noSuchEntity, validationError } from "../errors.ts";
import { page } from "../paging.ts";
import { namedOrCaller } from "./users.ts";

/** IAM quotas, "Access keys assigned to an IAM user". */
const MOST_KEYS = 2;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export function accessKeyOperations({ store, clock, random, sealer }: IamDependencies) {
  return {
    async CreateAccessKey(input, { principal }) {
      const id = `AKIA${Array.from({ length: 16 }, () => ALPHABET[random.below(32)]).join("")}`;
      const secret = Buffer.from(random.hex(60), "hex").toString("base64");
      const row = await store.transact((tx) => {
        const user = namedOrCaller(tx, input.UserName, principal);
        if (tx.find(accessKeys, "user", user.name).length >= MOST_KEYS)
          throw limitExceeded(`Cannot exceed quota for AccessKeysPerUser: ${MOST_KEYS}`);
        const made: AccessKeyRow = {
          id,
          userName: user.name,
          sealedSecret: sealAccessKey(sealer, id, secret),
          status: "Active",
          createdAt: clock.now(),
        };
        tx.put(accessKeys, id, made);
        return made;
      });
      return {
        AccessKey: {
          UserName: row.userName,
          AccessKeyId: id,
          Status: row.status,
          SecretAccessKey: secret,
          CreateDate: new Date(row.createdAt),
        },
      };
    },

    ListAccessKeys(input, context) {
      const user = namedOrCaller(store, input.UserName, context.principal);
      const rows = store.find(accessKeys, "user", user.name).map(([, row]) => row);
      const { items, rest } = page(rows, (row) => `${row.createdAt}/${row.id}`, context, input);
      return {
        AccessKeyMetadata: items.map((row) => ({
          UserName: row.userName,
          AccessKeyId: row.id,
          Status: row.status,
          CreateDate: new Date(row.createdAt),
        })),
        ...rest,
      };
    },

    async UpdateAccessKey(input, { principal }) {
      const { Status: status } = input;
      if (status !== "Active" && status !== "Inactive") {
        throw validationError(
          `1 validation error detected: Value '${status ?? ""}' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]`,
        );
      }
      await store.transact((tx) => {
        const row = keyOf(tx, input, principal);
        tx.put(accessKeys, row.id, { ...row, status });
      });
      return {};
    },

    async DeleteAccessKey(input, { principal }) {
      await store.transact((tx) => tx.delete(accessKeys, keyOf(tx, input, principal).id));
      return {};
    },

    GetAccessKeyLastUsed(input) {
      const row = store.get(accessKeys, checkKeyId(input.AccessKeyId));
      if (row === undefined) throw noSuchKey(input.AccessKeyId);
      const { lastUsed } = row;
      return {
        UserName: row.userName,
        AccessKeyLastUsed: {
          ...(lastUsed === undefined ? {} : { LastUsedDate: new Date(lastUsed.at) }),
          ServiceName: lastUsed?.service ?? "N/A",
          Region: lastUsed?.region ?? "N/A",
        },
      };
    },
  } satisfies IamOperations;
}

const checkKeyId = (given: string | undefined): string => lengthWithin(given ?? "", "accessKeyId", 16, 128);

const noSuchKey = (id: string | undefined) =>
  noSuchEntity(`The Access Key with id ${id ?? ""} cannot be found.`);

/** The key of the named user, or of the caller. */
function keyOf(
  reader: Reader,
  input: { readonly AccessKeyId: string | undefined; readonly UserName?: string | undefined },
  principal: Parameters<typeof namedOrCaller>[2],
): AccessKeyRow {
  const id = checkKeyId(input.AccessKeyId);
  const user = namedOrCaller(reader, input.UserName, principal);
  const row = reader.get(accessKeys, id);
  if (row?.userName !== user.name) throw noSuchKey(id);
  return row;
}
