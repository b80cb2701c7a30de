// PutParameter: a new parameter, or a new version of one.
import type { PutParameterCommandInput } from "@aws-sdk/client-ssm";
import { ServiceError } from "#lib/errors.ts";
import { newHexId } from "#lib/ids.ts";
import {
  isExpired,
  labelsOf,
  newParameter,
  parameterKey,
  parameterVersionKey,
  withNewVersion,
  type ParameterRow,
  type ParameterTier,
  type ParameterType,
  type VersionContent,
} from "#domain/ssm/parameter.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Transaction } from "#store/store.ts";
import { parameters, parameterVersions } from "#store/tables/ssm.ts";
import { checkPattern } from "../allowed-pattern.ts";
import type { SsmDependencies, SsmOperations } from "../dependencies.ts";
import { alreadyExists, constraint, notImplemented, validation } from "../errors.ts";
import { getVersion } from "../lookup.ts";
import { checkNewName, parameterArn } from "../parameter-name.ts";
import { readPolicies } from "../policies.ts";
import { removeParameter } from "../remove-parameter.ts";
import { readTags } from "../tags.ts";
import { refusedKey, sealValue, SERVICE_KEY } from "../values.ts";

/** Octets, by tier. Systems Manager User Guide, "Managing parameter tiers". */
const LONGEST_VALUE = { Standard: 4096, Advanced: 8192 } as const;
const MOST_PARAMETERS = { Standard: 10_000, Advanced: 100_000 } as const;
const TYPES: readonly string[] = ["String", "StringList", "SecureString"];
const MORE =
  "For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html";

export function putParameterOperations(deps: SsmDependencies) {
  const { store, clock, random, keys } = deps;

  return {
    async PutParameter(input, context) {
      const name = checkNewName(context, input.Name ?? "");
      const tags = readTags(input.Tags);
      const overwrite = input.Overwrite === true;
      checkInput(input, overwrite);
      const place = parameterKey(context.region, name);
      // One whose time is over but that nobody has swept yet makes room.
      await removeParameter(store, place, (row) => isExpired(row, clock.now()));
      const keyArn = await keyFor(context.region, name, input);
      return store.transact((tx) => {
        const before = tx.get(parameters, place);
        if (before !== undefined && (!overwrite || before.name !== name)) throw alreadyExists();
        const content = contentOf(tx, before, input, { name, keyArn, context });
        checkRoom(tx, context.region, before, content.tier);
        const change = { content, modifiedBy: context.principal.arn };
        const after =
          before === undefined
            ? newParameter(
                {
                  id: newHexId(random),
                  name,
                  region: context.region,
                  arn: parameterArn(context, name),
                  tags,
                },
                change,
                clock.now(),
              )
            : withNewVersion(checkOldest(before), change, clock.now());
        const { row, version, dropped } = after;
        tx.put(parameters, place, row);
        tx.put(parameterVersions, parameterVersionKey(row.id, version.version), version);
        if (dropped !== undefined) tx.delete(parameterVersions, parameterVersionKey(row.id, dropped));
        return { Version: row.version, Tier: row.tier };
      });
    },
  } satisfies SsmOperations;

  /** Of a SecureString: sealed before the transaction, because a service's own key may have to be made. */
  async function keyFor(region: string, name: string, input: PutParameterCommandInput) {
    const type = input.Type ?? store.get(parameters, parameterKey(region, name))?.type;
    if (type !== "SecureString") {
      if (input.KeyId !== undefined)
        throw validation("KeyId is required for SecureString type parameter only.");
      return undefined;
    }
    return keys.resolve(region, input.KeyId ?? SERVICE_KEY).catch((error: unknown) => {
      throw refusedKey(error);
    });
  }

  function contentOf(
    tx: Transaction,
    before: ParameterRow | undefined,
    input: PutParameterCommandInput,
    {
      name,
      keyArn,
      context,
    }: { readonly name: string; readonly keyArn: string | undefined; readonly context: RequestContext },
  ): VersionContent {
    const value = input.Value ?? "";
    const last = before === undefined ? undefined : getVersion(tx, before, before.version);
    const type = typeOf(before, input.Type);
    // The parameter's type was another when the key was looked up.
    if ((type === "SecureString") !== (keyArn !== undefined))
      throw new ServiceError(
        "TooManyUpdates",
        "There are concurrent updates for a resource that supports one update at a time.",
      );
    const policies = input.Policies === undefined ? (last?.policies ?? []) : readPolicies(input.Policies);
    const tier = tierOf(before, input.Tier, Buffer.byteLength(value), policies.length > 0);
    const pattern = input.AllowedPattern ?? last?.allowedPattern;
    if (pattern !== undefined && pattern !== "") checkPattern(pattern, value);
    const description = input.Description ?? last?.description;
    return {
      type,
      tier,
      dataType: input.DataType ?? last?.dataType ?? "text",
      policies,
      ...(description === undefined || description === "" ? {} : { description }),
      ...(pattern === undefined || pattern === "" ? {} : { allowedPattern: pattern }),
      ...(type === "SecureString" ? { keyId: input.KeyId ?? SERVICE_KEY } : {}),
      value: sealValue(deps, { arn: parameterArn(context, name), keyArn, value }),
    };
  }
}

function checkInput(input: PutParameterCommandInput, overwrite: boolean): void {
  const { Value: value = "", Description: description = "", DataType: dataType = "text" } = input;
  if (value === "") throw constraint(value, "value", "Member must have length greater than or equal to 1");
  if (value.includes("{{"))
    throw validation(`Parameter value: can't nest another parameter. Do not use "{{}}" in the value.`);
  if (description.length > 1024)
    throw constraint(description, "description", "Member must have length less than or equal to 1024");
  if ((input.AllowedPattern ?? "").length > 1024)
    throw constraint(
      input.AllowedPattern ?? "",
      "allowedPattern",
      "Member must have length less than or equal to 1024",
    );
  if (input.Type !== undefined && !TYPES.includes(input.Type))
    throw constraint(
      input.Type,
      "type",
      "Member must satisfy enum value set: [SecureString, StringList, String]",
    );
  if (input.Tier !== undefined && !["Standard", "Advanced", "Intelligent-Tiering"].includes(input.Tier))
    throw constraint(
      input.Tier,
      "tier",
      "Member must satisfy enum value set: [Advanced, Intelligent-Tiering, Standard]",
    );
  if (dataType === "aws:ec2:image" || dataType === "aws:ssm:integration")
    throw notImplemented(`DataType ${dataType}`);
  if (dataType !== "text")
    throw validation(
      "The following data type is not supported: " +
        `${dataType}. Supported data types are: [aws:ec2:image, aws:ssm:integration, text].`,
    );
  if (overwrite && (input.Tags ?? []).length > 0)
    throw validation(
      "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
    );
}

function typeOf(before: ParameterRow | undefined, given: ParameterType | undefined): ParameterType {
  if (before === undefined) {
    if (given === undefined) throw validation("A parameter type is required when you create a parameter.");
    return given;
  }
  if (given !== undefined && given !== before.type)
    throw new ServiceError(
      "HierarchyTypeMismatchException",
      `Parameter Store does not support changing a parameter type in a hierarchy. The type of ${before.name} is ${before.type}.`,
    );
  return before.type;
}

function tierOf(
  before: ParameterRow | undefined,
  given: PutParameterCommandInput["Tier"],
  octets: number,
  hasPolicies: boolean,
): ParameterTier {
  if (before?.tier === "Advanced" && given === "Standard")
    throw validation(
      "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter. " +
        MORE,
    );
  const needsMore = octets > LONGEST_VALUE.Standard || hasPolicies;
  const tier =
    given === "Intelligent-Tiering"
      ? needsMore || before?.tier === "Advanced"
        ? "Advanced"
        : "Standard"
      : (given ?? before?.tier ?? "Standard");
  if (tier === "Standard" && hasPolicies)
    throw validation(
      `Parameter policies are supported by the advanced-parameter tier only. To assign a policy, upgrade the parameter to use the advanced-parameter tier. ${MORE}`,
    );
  if (octets <= LONGEST_VALUE[tier]) return tier;
  throw validation(
    tier === "Standard"
      ? `Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. ${MORE}`
      : "Advanced tier parameters support a maximum parameter value of 8192 characters.",
  );
}

function checkRoom(
  tx: Transaction,
  region: string,
  before: ParameterRow | undefined,
  tier: ParameterTier,
): void {
  if (before?.tier === tier) return;
  if (tx.find(parameters, "tier", `${region}/${tier}`).length < MOST_PARAMETERS[tier]) return;
  throw new ServiceError(
    "ParameterLimitExceeded",
    `You have exceeded the number of ${tier.toLowerCase()} parameters for this account. Delete one or more parameters and try again.`,
  );
}

/** @throws ParameterMaxVersionLimitExceeded when the version that would have to go has a label */
function checkOldest(row: ParameterRow): ParameterRow {
  const oldest = row.oldestVersion;
  if (row.version + 1 - oldest >= 100 && labelsOf(row, oldest).length > 0)
    throw new ServiceError(
      "ParameterMaxVersionLimitExceeded",
      `You attempted to create a new version of ${row.name} by calling the PutParameter API with the overwrite flag. Version ${oldest}, the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.`,
    );
  return row;
}
