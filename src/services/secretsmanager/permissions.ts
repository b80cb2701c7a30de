// Which permissions Secrets Manager's operations need (Service Authorization Reference, "AWS Secrets Manager"), and the KMS key's of
// secrets under a customer's key: the service's own key serves whoever may use the service.
import type { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { formatArn } from "#lib/arn.ts";
import { CURRENT, type SecretRow } from "#domain/secretsmanager/secret.ts";
import type { CallScope, Permission, PermissionTable } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { aliases, keys } from "#store/tables/kms.ts";
import { secrets } from "#store/tables/secretsmanager.ts";
import { matchesAll, readFilters } from "./filters.ts";
import { findSecret } from "./lookup.ts";

type Context = NonNullable<Permission["context"]>;
interface TagInput {
  readonly Key?: string | undefined;
  readonly Value?: string | undefined;
}

export function secretsManagerPermissions(reader: Reader) {
  // Whether its recovery window is over is the operation's matter.
  const rowOf = (scope: CallScope, given: string) => findSecret(reader, scope, given, 0);
  const arnOf = (scope: CallScope, given: string, row: SecretRow | undefined) => {
    if (row !== undefined || given.startsWith("arn:")) return row?.arn ?? given;
    return formatArn({ service: "secretsmanager", ...scope, resource: `secret:${given}` });
  };
  const on = (scope: CallScope, given = "", more: Context = {}): Permission[] => {
    const row = rowOf(scope, given);
    const resource = arnOf(scope, given, row);
    return [{ resource, context: { ...tagsOf(row), "secretsmanager:SecretId": resource, ...more } }];
  };
  const isCustomers = (keyArn: string) => reader.find(keys, "arn", keyArn)[0]?.[1].manager !== "AWS";
  const useOfKey = (scope: CallScope, keyArn: string, action: string, row?: SecretRow): Permission[] =>
    !isCustomers(keyArn)
      ? []
      : [
          {
            action,
            resource: keyArn,
            context: {
              "kms:ViaService": `secretsmanager.${scope.region}.amazonaws.com`,
              "kms:CallerAccount": scope.account,
              "kms:EncryptionContextKeys": ["SecretARN", "SecretVersionId"],
              ...(row === undefined ? {} : { "kms:EncryptionContext:SecretARN": row.arn }),
            },
          },
        ];
  const reading = (scope: CallScope, row: SecretRow | undefined): Permission[] =>
    row === undefined ? [] : useOfKey(scope, row.keyArn, "kms:Decrypt", row);
  const writing = (scope: CallScope, keyArn: string | undefined, row?: SecretRow): Permission[] =>
    keyArn === undefined
      ? []
      : ["kms:GenerateDataKey", "kms:Decrypt"].flatMap((action) => useOfKey(scope, keyArn, action, row));
  const keyNamed = ({ region, account }: CallScope, given: string | undefined): string | undefined => {
    if (given === undefined || given === "") return undefined;
    if (given.startsWith("arn:") && !given.includes(":alias/")) return given;
    const name = given.startsWith("arn:") ? given.split(":").slice(5).join(":") : given;
    const id = name.startsWith("alias/") ? reader.get(aliases, `${region}/${name}`)?.keyId : name;
    return formatArn({ service: "kms", region, account, resource: id === undefined ? name : `key/${id}` });
  };
  const values = (scope: CallScope, given: string): Permission[] => {
    const row = rowOf(scope, given);
    return [
      ...on(scope, given, { "secretsmanager:VersionStage": CURRENT }).map((permission) => ({
        ...permission,
        action: "secretsmanager:GetSecretValue",
      })),
      ...reading(scope, row),
    ];
  };

  return {
    CreateSecret: (input, scope) => {
      const tags = requestTags(input.Tags);
      // It has no suffix yet: six characters of it, whichever they will be.
      const resource = arnOf(scope, `${input.Name ?? ""}-??????`, undefined);
      const context = {
        ...tags,
        "secretsmanager:Name": input.Name,
        "secretsmanager:Description": input.Description,
        "secretsmanager:KmsKeyId": input.KmsKeyId,
      };
      return [
        { resource, context },
        ...((input.Tags ?? []).length === 0
          ? []
          : [{ action: "secretsmanager:TagResource", resource, context: tags }]),
        ...writing(scope, keyNamed(scope, input.KmsKeyId)),
      ];
    },
    DescribeSecret: (input, scope) => on(scope, input.SecretId),
    ListSecrets: () => [{ resource: "*" }],
    ListSecretVersionIds: (input, scope) => on(scope, input.SecretId),
    UpdateSecret: (input, scope) => {
      const row = rowOf(scope, input.SecretId ?? "");
      const hasValue = input.SecretString !== undefined || input.SecretBinary !== undefined;
      return [
        ...on(scope, input.SecretId, {
          "secretsmanager:Description": input.Description,
          "secretsmanager:KmsKeyId": input.KmsKeyId,
        }),
        ...(input.KmsKeyId === undefined ? [] : reading(scope, row)),
        ...writing(scope, keyNamed(scope, input.KmsKeyId) ?? (hasValue ? row?.keyArn : undefined), row),
      ];
    },
    DeleteSecret: (input, scope) =>
      on(scope, input.SecretId, {
        "secretsmanager:RecoveryWindowInDays":
          input.RecoveryWindowInDays === undefined ? undefined : String(input.RecoveryWindowInDays),
        "secretsmanager:ForceDeleteWithoutRecovery": String(input.ForceDeleteWithoutRecovery === true),
      }),
    RestoreSecret: (input, scope) => on(scope, input.SecretId),

    GetSecretValue: (input, scope) => [
      ...on(scope, input.SecretId, {
        "secretsmanager:VersionId": input.VersionId,
        "secretsmanager:VersionStage":
          input.VersionStage ?? (input.VersionId === undefined ? CURRENT : undefined),
      }),
      ...reading(scope, rowOf(scope, input.SecretId ?? "")),
    ],
    // Judged as a whole: AWS would name a secret that the caller may not read among the answer's errors.
    BatchGetSecretValue: (input, scope) => [
      { resource: "*" },
      ...(input.SecretIdList ?? []).flatMap((given) => values(scope, given)),
      ...(input.Filters === undefined
        ? []
        : [
            { action: "secretsmanager:ListSecrets", resource: "*" },
            ...filtered(reader, scope, input.Filters).flatMap((arn) => values(scope, arn)),
          ]),
    ],
    PutSecretValue: (input, scope) => {
      const row = rowOf(scope, input.SecretId ?? "");
      return [...on(scope, input.SecretId), ...writing(scope, row?.keyArn, row)];
    },
    UpdateSecretVersionStage: (input, scope) =>
      on(scope, input.SecretId, { "secretsmanager:VersionStage": input.VersionStage }),
    RotateSecret: (input, scope) =>
      on(scope, input.SecretId, {
        "secretsmanager:RotationLambdaARN": input.RotationLambdaARN,
        "secretsmanager:ModifyRotationRules": String(input.RotationRules !== undefined),
        "secretsmanager:RotateImmediately": String(input.RotateImmediately !== false),
      }),
    CancelRotateSecret: (input, scope) => on(scope, input.SecretId),
    GetRandomPassword: () => [{ resource: "*" }],

    TagResource: (input, scope) => on(scope, input.SecretId, requestTags(input.Tags)),
    UntagResource: (input, scope) => on(scope, input.SecretId, { "aws:TagKeys": input.TagKeys ?? [] }),

    PutResourcePolicy: (input, scope) =>
      on(scope, input.SecretId, {
        "secretsmanager:BlockPublicPolicy": String(input.BlockPublicPolicy === true),
      }),
    GetResourcePolicy: (input, scope) => on(scope, input.SecretId),
    DeleteResourcePolicy: (input, scope) => on(scope, input.SecretId),
    ValidateResourcePolicy: (input, scope) =>
      input.SecretId === undefined ? [{ resource: "*" }] : on(scope, input.SecretId),
  } satisfies Partial<PermissionTable<SecretsManager>>;
}

function filtered(reader: Reader, { region }: CallScope, given: Parameters<typeof readFilters>[0]): string[] {
  try {
    const filters = readFilters(given);
    return Array.from(reader.scan(secrets, { prefix: `${region}/` }), ([, row]) => row)
      .filter((row) => row.deletedAt === undefined && matchesAll(filters, row))
      .map(({ arn }) => arn);
  } catch {
    // The operation refuses such filters in its words.
    return [];
  }
}

const tagsOf = (row: SecretRow | undefined): Context =>
  Object.fromEntries(
    Object.entries(row?.tags ?? {}).flatMap(([key, value]) => [
      [`aws:ResourceTag/${key}`, value],
      [`secretsmanager:ResourceTag/${key}`, value],
    ]),
  );

const requestTags = (tags: readonly TagInput[] | undefined): Context => ({
  ...Object.fromEntries(
    (tags ?? []).map(({ Key: key = "", Value: value = "" }) => [`aws:RequestTag/${key}`, value]),
  ),
  "aws:TagKeys": tags?.map(({ Key: key = "" }) => key),
});
