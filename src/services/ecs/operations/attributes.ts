// Custom attributes of container instances. What agents and the platform say of themselves cannot be put or deleted: the next
// registration would undo it.
import type { Attribute } from "@aws-sdk/client-ecs";
import { ServiceError } from "#lib/errors.ts";
import type { ClusterRow } from "#domain/ecs/cluster.ts";
import {
  containerInstanceKey,
  deleteInstanceAttributes,
  isCustomAttribute,
  putInstanceAttributes,
  type ContainerInstanceRow,
} from "#domain/ecs/container-instance.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader, Transaction } from "#store/store.ts";
import { containerInstances } from "#store/tables/ecs.ts";
import type { EcsDependencies, EcsOperations } from "../dependencies.ts";
import { invalidParameter } from "../errors.ts";
import { clusterOf, findContainerInstance } from "../lookup.ts";
import { page } from "../paging.ts";
import { checkAttribute } from "../registration.ts";

const MOST_IN_A_CALL = 10;
const MOST_ON_AN_INSTANCE = 10;

export function attributeOperations({ store }: EcsDependencies) {
  return {
    PutAttributes: async (input, context) => ({
      attributes: await store.transact((tx) => {
        const cluster = clusterOf(tx, context, input.cluster);
        return checkCount(input.attributes).map((given) => {
          checkAttribute(given.name ?? "", given.value);
          const before = target(tx, cluster, context, given);
          const { name = "", value } = given;
          const after = putInstanceAttributes(before, [{ name, ...(value === undefined ? {} : { value }) }]);
          if (after.attributes.filter((a) => isCustomAttribute(a.name)).length > MOST_ON_AN_INSTANCE)
            throw new ServiceError(
              "AttributeLimitExceededException",
              `You can apply up to ${MOST_ON_AN_INSTANCE} custom attributes for each resource.`,
            );
          put(tx, after);
          return { name, value, targetId: after.arn };
        });
      }),
    }),

    /** Answers what was there; an attribute that was not is none. */
    DeleteAttributes: async (input, context) => ({
      attributes: await store.transact((tx) => {
        const cluster = clusterOf(tx, context, input.cluster);
        return checkCount(input.attributes).flatMap((given): Attribute[] => {
          if (given.value !== undefined)
            throw invalidParameter("Attributes are deleted by name: the value must not be specified.");
          const before = target(tx, cluster, context, given);
          const found = before.attributes.find((a) => a.name === given.name);
          if (found === undefined) return [];
          put(tx, deleteInstanceAttributes(before, new Set([found.name])));
          return [{ ...found, targetId: before.arn }];
        });
      }),
    }),

    ListAttributes(input, context) {
      const cluster = clusterOf(store, context, input.cluster);
      const { targetType, attributeName: name, attributeValue: value } = input;
      if (targetType !== "container-instance")
        throw invalidParameter(`Invalid target type '${String(targetType)}'.`);
      if (value !== undefined && name === undefined)
        throw invalidParameter("attributeName must be specified with attributeValue.");
      const all: Attribute[] = [];
      for (const [, row] of store.scan(containerInstances, {
        prefix: `${cluster.region}/${cluster.name}/`,
      })) {
        if (row.status === "INACTIVE") continue;
        for (const attribute of row.attributes)
          if (
            (name === undefined || attribute.name === name) &&
            (value === undefined || attribute.value === value)
          )
            all.push({ ...attribute, targetId: row.arn });
      }
      const question = ["ListAttributes", cluster.arn, targetType, name, value];
      const { items, more } = page(all, (a) => `${a.targetId} ${a.name}`, question, input);
      return { attributes: [...items], ...more };
    },
  } satisfies EcsOperations;
}

function checkCount(given: readonly Attribute[] | undefined): readonly Attribute[] {
  if (given === undefined || given.length < 1 || given.length > MOST_IN_A_CALL)
    throw invalidParameter(`Between 1 and ${MOST_IN_A_CALL} attributes can be specified in a call.`);
  return given;
}

function target(
  reader: Reader,
  cluster: ClusterRow,
  context: RequestContext,
  { name = "", targetId, targetType }: Attribute,
): ContainerInstanceRow {
  if (targetType !== undefined && targetType !== "container-instance")
    throw invalidParameter(`Invalid target type '${String(targetType)}'.`);
  if (!isCustomAttribute(name))
    throw invalidParameter(`The attribute '${name}' is reserved: it is set by the agent's registration.`);
  if (targetId === undefined || targetId === "") throw invalidParameter("targetId can not be blank.");
  const row = findContainerInstance(reader, context, cluster, targetId);
  if (row === undefined || row.status === "INACTIVE")
    throw new ServiceError("TargetNotFoundException", `The specified target '${targetId}' wasn't found.`);
  return row;
}

const put = (tx: Transaction, row: ContainerInstanceRow): void =>
  tx.put(containerInstances, containerInstanceKey(row.region, row.clusterName, row.id), row);
