// Which permissions KMS's operations need (Service Authorization Reference, "AWS Key Management Service"): on the key that is meant,
// by whatever name, whose policy decides.
import type { KMS } from "@aws-sdk/client-kms";
import { formatArn } from "#lib/arn.ts";
import { kmsKey, type KeyRow } from "#domain/kms/key.ts";
import type { CallScope, Permission, PermissionTable } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { aliases, keys } from "#store/tables/kms.ts";
import { keyIdOf } from "./cipher.ts";

type Context = NonNullable<Permission["context"]>;
type Pairs = Readonly<Record<string, string>> | undefined;
interface TagInput {
  readonly TagKey?: string | undefined;
  readonly TagValue?: string | undefined;
}

export function kmsPermissions(reader: Reader) {
  const arn = (scope: CallScope, resource: string) => formatArn({ service: "kms", ...scope, resource });
  const named = (
    scope: CallScope,
    given: string,
  ): { readonly row: KeyRow | undefined; readonly resource: string } => {
    const resource = given.startsWith("arn:") ? given.split(":").slice(5).join(":") : given;
    const name = resource.startsWith("alias/") || resource.startsWith("key/") ? resource : `key/${resource}`;
    const id = name.startsWith("alias/")
      ? reader.get(aliases, kmsKey(scope.region, name))?.keyId
      : name.slice("key/".length);
    const row = id === undefined || id === "" ? undefined : reader.get(keys, kmsKey(scope.region, id));
    const isElsewhere = given.startsWith("arn:") && given !== arn(scope, resource);
    return isElsewhere
      ? { row: undefined, resource: given }
      : { row, resource: row?.arn ?? arn(scope, name) };
  };
  const on = (scope: CallScope, given = "", more: Context = {}): Permission[] => {
    const { row, resource } = named(scope, given);
    const ofKey = row === undefined ? [] : reader.find(aliases, "key", row.id).map(([, alias]) => alias.name);
    return [
      {
        resource,
        context: {
          ...tagsOf(row),
          "kms:CallerAccount": scope.account,
          "kms:KeySpec": "SYMMETRIC_DEFAULT",
          "kms:KeyUsage": "ENCRYPT_DECRYPT",
          "kms:KeyOrigin": "AWS_KMS",
          "kms:MultiRegion": "false",
          "kms:RequestAlias": given.includes("alias/") ? given.slice(given.indexOf("alias/")) : undefined,
          "kms:ResourceAliases": ofKey,
          ...more,
        },
      },
    ];
  };
  const ofCiphertext = (blob: Uint8Array | undefined, keyId: string | undefined) =>
    keyIdOf(blob ?? new Uint8Array()) ?? keyId ?? "none";
  const onAlias = (scope: CallScope, name = "", keyId?: string): Permission[] => {
    const target = keyId ?? reader.get(aliases, kmsKey(scope.region, name))?.keyId;
    return [
      { resource: arn(scope, name === "" ? "alias/*" : name) },
      ...(target === undefined ? [] : on(scope, target)),
    ];
  };
  const anything = (): Permission[] => [{ resource: "*" }];

  return {
    CreateKey: (input, scope) => {
      const context = {
        ...requestTags(input.Tags),
        "kms:CallerAccount": scope.account,
        "kms:KeySpec": input.KeySpec ?? "SYMMETRIC_DEFAULT",
        "kms:KeyUsage": input.KeyUsage ?? "ENCRYPT_DECRYPT",
        "kms:BypassPolicyLockoutSafetyCheck": String(input.BypassPolicyLockoutSafetyCheck === true),
      };
      const tagging = { action: "kms:TagResource", resource: arn(scope, "key/*"), context };
      return [{ resource: "*", context }, ...((input.Tags ?? []).length === 0 ? [] : [tagging])];
    },
    DescribeKey: (input, scope) => on(scope, input.KeyId),
    ListKeys: anything,
    EnableKey: (input, scope) => on(scope, input.KeyId),
    DisableKey: (input, scope) => on(scope, input.KeyId),
    UpdateKeyDescription: (input, scope) => on(scope, input.KeyId),
    ScheduleKeyDeletion: (input, scope) =>
      on(scope, input.KeyId, {
        "kms:ScheduleKeyDeletionPendingWindowInDays": String(input.PendingWindowInDays ?? 30),
      }),
    CancelKeyDeletion: (input, scope) => on(scope, input.KeyId),
    GetKeyRotationStatus: (input, scope) => on(scope, input.KeyId),

    Encrypt: (input, scope) => on(scope, input.KeyId, contextKeys(input.EncryptionContext)),
    Decrypt: (input, scope) =>
      on(scope, ofCiphertext(input.CiphertextBlob, input.KeyId), contextKeys(input.EncryptionContext)),
    ReEncrypt: (input, scope) => [
      ...on(
        scope,
        ofCiphertext(input.CiphertextBlob, input.SourceKeyId),
        contextKeys(input.SourceEncryptionContext),
      ).map((permission) => ({ ...permission, action: "kms:ReEncryptFrom" })),
      ...on(scope, input.DestinationKeyId, contextKeys(input.DestinationEncryptionContext)).map(
        (permission) => ({
          ...permission,
          action: "kms:ReEncryptTo",
        }),
      ),
    ],
    GenerateDataKey: (input, scope) => on(scope, input.KeyId, contextKeys(input.EncryptionContext)),
    GenerateDataKeyWithoutPlaintext: (input, scope) =>
      on(scope, input.KeyId, contextKeys(input.EncryptionContext)),
    GenerateRandom: anything,

    CreateAlias: (input, scope) => onAlias(scope, input.AliasName, input.TargetKeyId ?? ""),
    UpdateAlias: (input, scope) => [
      ...onAlias(scope, input.AliasName, input.TargetKeyId ?? ""),
      ...onAlias(scope, input.AliasName).slice(1),
    ],
    DeleteAlias: (input, scope) => onAlias(scope, input.AliasName),
    ListAliases: anything,

    PutKeyPolicy: (input, scope) =>
      on(scope, input.KeyId, {
        "kms:BypassPolicyLockoutSafetyCheck": String(input.BypassPolicyLockoutSafetyCheck === true),
      }),
    GetKeyPolicy: (input, scope) => on(scope, input.KeyId),
    ListKeyPolicies: (input, scope) => on(scope, input.KeyId),
    TagResource: (input, scope) => on(scope, input.KeyId, requestTags(input.Tags)),
    UntagResource: (input, scope) => on(scope, input.KeyId, { "aws:TagKeys": input.TagKeys ?? [] }),
    ListResourceTags: (input, scope) => on(scope, input.KeyId),
  } satisfies Partial<PermissionTable<KMS>>;
}

const contextKeys = (pairs: Pairs): Context => ({
  ...Object.fromEntries(
    Object.entries(pairs ?? {}).map(([key, value]) => [`kms:EncryptionContext:${key}`, value]),
  ),
  ...(pairs === undefined ? {} : { "kms:EncryptionContextKeys": Object.keys(pairs) }),
});

const tagsOf = (row: KeyRow | undefined): Context =>
  Object.fromEntries(
    Object.entries(row?.tags ?? {}).map(([key, value]) => [`aws:ResourceTag/${key}`, value]),
  );

const requestTags = (tags: readonly TagInput[] | undefined): Context => ({
  ...Object.fromEntries(
    (tags ?? []).map(({ TagKey: key = "", TagValue: value = "" }) => [`aws:RequestTag/${key}`, value]),
  ),
  "aws:TagKeys": tags?.map(({ TagKey: key = "" }) => key),
});
