// Tags of parameters: of all the kinds of resources that Systems Manager tags there is one here.
import { ServiceError } from "#lib/errors.ts";
import { parameterKey, type ParameterRow } from "#domain/ssm/parameter.ts";
import { withTags, type Tags } from "#domain/tags.ts";
import type { Reader } from "#store/store.ts";
import { parameters } from "#store/tables/ssm.ts";
import type { SsmDependencies, SsmOperations } from "../dependencies.ts";
import { constraint, notImplemented } from "../errors.ts";
import { findParameter } from "../lookup.ts";
import { readName, type Place } from "../parameter-name.ts";
import { checkTagCount, readTags, showTags } from "../tags.ts";

interface Named {
  readonly ResourceType?: string | undefined;
  readonly ResourceId?: string | undefined;
}

const KINDS = [
  "Association",
  "Automation",
  "Document",
  "MaintenanceWindow",
  "ManagedInstance",
  "OpsItem",
  "OpsMetadata",
  "Parameter",
  "PatchBaseline",
];

export function tagOperations({ store, clock }: SsmDependencies) {
  return {
    async AddTagsToResource(input, context) {
      const given = readTags(input.Tags);
      await change(context, input, (tags) => checkTagCount({ ...tags, ...given }));
      return {};
    },

    async RemoveTagsFromResource(input, context) {
      const keys = input.TagKeys ?? [];
      await change(context, input, (tags) =>
        Object.fromEntries(Object.entries(tags).filter(([key]) => !keys.includes(key))),
      );
      return {};
    },

    ListTagsForResource: (input, context) => ({ TagList: showTags(tagged(store, context, input).tags) }),
  } satisfies SsmOperations;

  function change(place: Place, named: Named, to: (tags: Tags) => Tags): Promise<void> {
    return store.transact((tx) => {
      const row = tagged(tx, place, named);
      tx.put(parameters, parameterKey(row.region, row.name), withTags(row, to(row.tags)));
    });
  }

  function tagged(
    reader: Reader,
    place: Place,
    { ResourceType: type = "", ResourceId: id = "" }: Named,
  ): ParameterRow {
    if (!KINDS.includes(type))
      throw constraint(type, "resourceType", `Member must satisfy enum value set: [${KINDS.join(", ")}]`);
    if (type !== "Parameter") throw notImplemented(`ResourceType ${type}`);
    const named = readName(place, id);
    // The resource's id is the name: no ARN.
    const row =
      named.byArn || named.selector !== undefined
        ? undefined
        : findParameter(reader, place, named, clock.now());
    if (row === undefined)
      throw new ServiceError(
        "InvalidResourceId",
        "The resource ID isn't valid. Verify that you entered the correct ID and try again.",
      );
    return row;
  }
}
