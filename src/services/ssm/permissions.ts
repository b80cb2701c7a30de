// Which permissions Parameter Store's operations need (Service Authorization Reference, "AWS Systems Manager"), and the KMS key's of
// a SecureString under a customer's key: the service's own key serves whoever may use the service.
import type { SSM } from "@aws-sdk/client-ssm";
import { parameterKey } from "#domain/ssm/parameter.ts";
import type { CallScope, Permission, PermissionTable } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { aliases, keys } from "#store/tables/kms.ts";
import { parameters } from "#store/tables/ssm.ts";
import { getVersion } from "./lookup.ts";
import { parameterArn, readName } from "./parameter-name.ts";
import { contextOf, SERVICE_KEY } from "./values.ts";

type Context = NonNullable<Permission["context"]>;
interface TagInput {
  readonly Key?: string | undefined;
  readonly Value?: string | undefined;
}

export function ssmPermissions(reader: Reader) {
  const rowOf = ({ region, account }: CallScope, given: string) => {
    const named = readName({ region, account }, given);
    const fits = !named.isElsewhere && named.name !== "" && named.name.length <= 1011;
    return fits ? reader.get(parameters, parameterKey(region, named.name)) : undefined;
  };
  /** An ARN is taken as it stands, without version or label. */
  const arnOf = (scope: CallScope, given: string) => {
    const { name, byArn } = readName(scope, given);
    return byArn ? given.split(":").slice(0, 6).join(":") : parameterArn(scope, name);
  };
  const on = (scope: CallScope, names: readonly (string | undefined)[], more: Context = {}): Permission[] =>
    names.map((name = "") => ({
      resource: arnOf(scope, name),
      context: { ...resourceTags(rowOf(scope, name)?.tags), ...more },
    }));
  const useOfKey = (scope: CallScope, action: string, keyArn: string, arn: string): Permission => ({
    action,
    resource: keyArn,
    context: {
      "kms:ViaService": `ssm.${scope.region}.amazonaws.com`,
      "kms:CallerAccount": scope.account,
      "kms:EncryptionContext:PARAMETER_ARN": contextOf(arn).PARAMETER_ARN,
      "kms:EncryptionContextKeys": ["PARAMETER_ARN"],
    },
  });
  const decrypting = (
    scope: CallScope,
    names: Iterable<string>,
    isAsked: boolean | undefined,
  ): Permission[] => {
    if (isAsked !== true) return [];
    return [...names].flatMap((name) => {
      const row = rowOf(scope, name);
      const version = row?.type === "SecureString" ? getVersion(reader, row, row.version) : undefined;
      if (row === undefined || version === undefined || !("kms" in version.value)) return [];
      const { keyArn } = version.value.kms;
      return isCustomers(keyArn) ? [useOfKey(scope, "kms:Decrypt", keyArn, row.arn)] : [];
    });
  };
  const isCustomers = (keyArn: string) => reader.find(keys, "arn", keyArn)[0]?.[1].manager !== "AWS";

  const keyNamed = ({ region, account }: CallScope, given: string): string => {
    if (given.startsWith("arn:") && !given.includes(":alias/")) return given;
    const name = given.startsWith("arn:") ? given.split(":").slice(5).join(":") : given;
    const id = name.startsWith("alias/") ? reader.get(aliases, `${region}/${name}`)?.keyId : name;
    return `arn:aws:kms:${region}:${account}:${id === undefined ? name : `key/${id}`}`;
  };

  return {
    PutParameter: (input, scope) => {
      const name = input.Name ?? "";
      const before = rowOf(scope, name);
      const requested = requestTags(input.Tags);
      const isSecret = (input.Type ?? before?.type) === "SecureString";
      const keyArn = isSecret ? keyNamed(scope, input.KeyId ?? SERVICE_KEY) : undefined;
      return [
        ...on(scope, [name], { ...requested, "ssm:Overwrite": String(input.Overwrite === true) }),
        ...((input.Tags ?? []).length === 0
          ? []
          : [{ action: "ssm:AddTagsToResource", resource: arnOf(scope, name), context: requested }]),
        ...(keyArn === undefined || (input.KeyId ?? SERVICE_KEY) === SERVICE_KEY || !isCustomers(keyArn)
          ? []
          : [
              useOfKey(
                scope,
                input.Tier === "Advanced" || before?.tier === "Advanced"
                  ? "kms:GenerateDataKey"
                  : "kms:Encrypt",
                keyArn,
                parameterArn(scope, name),
              ),
            ]),
      ];
    },
    GetParameter: (input, scope) => [
      ...on(scope, [input.Name]),
      ...decrypting(scope, [input.Name ?? ""], input.WithDecryption),
    ],
    GetParameters: (input, scope) => [
      ...on(scope, input.Names ?? []),
      ...decrypting(scope, input.Names ?? [], input.WithDecryption),
    ],
    GetParameterHistory: (input, scope) => [
      ...on(scope, [input.Name]),
      ...decrypting(scope, [input.Name ?? ""], input.WithDecryption),
    ],
    GetParametersByPath: (input, scope) => [
      ...on(scope, [input.Path], { "ssm:Recursive": String(input.Recursive === true) }),
      ...decrypting(scope, namesBelow(reader, scope, input.Path ?? ""), input.WithDecryption),
    ],
    DescribeParameters: () => [{ resource: "*" }],
    LabelParameterVersion: (input, scope) => on(scope, [input.Name]),
    UnlabelParameterVersion: (input, scope) => on(scope, [input.Name]),
    DeleteParameter: (input, scope) => on(scope, [input.Name]),
    DeleteParameters: (input, scope) => on(scope, input.Names ?? []),
    AddTagsToResource: (input, scope) => on(scope, [input.ResourceId], requestTags(input.Tags)),
    RemoveTagsFromResource: (input, scope) =>
      on(scope, [input.ResourceId], { "aws:TagKeys": input.TagKeys ?? [] }),
    ListTagsForResource: (input, scope) => on(scope, [input.ResourceId]),
  } satisfies Partial<PermissionTable<SSM>>;
}

function* namesBelow(reader: Reader, { region }: CallScope, path: string): Iterable<string> {
  if (!path.startsWith("/")) return;
  const prefix = parameterKey(region, path.endsWith("/") ? path : `${path}/`);
  for (const [, row] of reader.scan(parameters, { prefix })) if (row.type === "SecureString") yield row.name;
}

const resourceTags = (tags: Readonly<Record<string, string>> | undefined): Context =>
  Object.fromEntries(
    Object.entries(tags ?? {}).flatMap(([key, value]) => [
      [`aws:ResourceTag/${key}`, value],
      [`ssm:resourceTag/${key}`, value],
    ]),
  );

const requestTags = (tags: readonly TagInput[] | undefined): Context => ({
  ...Object.fromEntries(
    (tags ?? []).map(({ Key: key = "", Value: value = "" }) => [`aws:RequestTag/${key}`, value]),
  ),
  "aws:TagKeys": tags?.map(({ Key: key = "" }) => key),
});
