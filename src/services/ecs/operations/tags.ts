// Tags of every kind of ECS resource that has them.
import { ecsResourceOf } from "#domain/ecs/arns.ts";
import { clusterKey } from "#domain/ecs/cluster.ts";
import { containerInstanceKey } from "#domain/ecs/container-instance.ts";
import { serviceKey } from "#domain/ecs/service.ts";
import { taskKey } from "#domain/ecs/task.ts";
import { withTags, type Tags } from "#domain/tags.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader, Row, Table, Transaction } from "#store/store.ts";
import { clusters, containerInstances, services, taskDefinitions, tasks } from "#store/tables/ecs.ts";
import type { EcsDependencies, EcsOperations } from "../dependencies.ts";
import { clusterNotFound, invalidParameter, resourceNotFound } from "../errors.ts";
import { callingInstance, notOwn } from "../own-instance.ts";
import { checkTagCount, readTags, showTags } from "../tags.ts";

export function tagOperations({ store }: EcsDependencies) {
  return {
    async TagResource(input, context) {
      const added = readTags(input.tags);
      await store.transact((tx) => {
        const found = taggable(tx, context, input.resourceArn ?? "");
        found.put(tx, checkTagCount({ ...found.tags, ...added }));
      });
      return {};
    },

    async UntagResource(input, context) {
      const removed = new Set(input.tagKeys ?? []);
      await store.transact((tx) => {
        const found = taggable(tx, context, input.resourceArn ?? "");
        found.put(tx, Object.fromEntries(Object.entries(found.tags).filter(([key]) => !removed.has(key))));
      });
      return {};
    },

    ListTagsForResource: (input, context) => ({
      tags: showTags(taggable(store, context, input.resourceArn ?? "").tags),
    }),
  } satisfies EcsOperations;
}

interface Taggable {
  readonly tags: Tags;
  readonly put: (tx: Transaction, tags: Tags) => void;
}

/** @throws InvalidParameterException, ClusterNotFoundException, ResourceNotFoundException, AccessDeniedException */
function taggable(reader: Reader, context: RequestContext, arn: string): Taggable {
  const { region, account } = context;
  const named = ecsResourceOf(arn);
  if (named === undefined || named.region !== region || named.account !== account)
    throw invalidParameter("Invalid resource ARN.");
  const [kind, first = "", id = ""] = named.parts;
  switch (kind) {
    case "cluster": {
      const key = clusterKey(region, first);
      const row = reader.get(clusters, key);
      if (row === undefined) throw clusterNotFound();
      if (row.status === "INACTIVE")
        throw invalidParameter("The specified cluster is inactive. Specify an active cluster and try again.");
      checkInstance(context, arn, undefined);
      return of(clusters, key, row);
    }
    case "container-instance": {
      const key = containerInstanceKey(region, first, id);
      const row = reader.get(containerInstances, key);
      checkInstance(context, arn, row?.arn, reader);
      return of(containerInstances, key, row);
    }
    case "task": {
      const key = taskKey(region, first, id);
      const row = reader.get(tasks, key);
      checkInstance(context, arn, row?.containerInstanceArn, reader);
      return of(tasks, key, row);
    }
    case "service": {
      const key = serviceKey(region, first, id);
      const row = reader.get(services, key);
      checkInstance(context, arn, undefined);
      return of(services, key, row?.status === "INACTIVE" ? undefined : row);
    }
    case "task-definition": {
      const [key, row] = reader.find(taskDefinitions, "arn", arn)[0] ?? [""];
      checkInstance(context, arn, undefined);
      return of(taskDefinitions, key, row);
    }
    default:
      throw invalidParameter("Invalid resource ARN.");
  }
}

function of<R extends Row & { readonly tags: Tags }>(
  table: Table<R>,
  key: string,
  row: Readonly<R> | undefined,
): Taggable {
  if (row === undefined) throw resourceNotFound("The specified resource wasn't found.");
  return { tags: row.tags, put: (tx, tags) => tx.put(table, key, withTags<R>(row, tags)) };
}

/** An agent asks for its own instance's and its own tasks' tags. */
function checkInstance(
  context: RequestContext,
  arn: string,
  instanceArn: string | undefined,
  reader?: Reader,
): void {
  const caller = callingInstance(context);
  if (caller === undefined) return;
  const own =
    instanceArn !== undefined &&
    reader !== undefined &&
    reader.find(containerInstances, "ec2InstanceId", caller).some(([, row]) => row.arn === instanceArn);
  if (!own) throw notOwn(context, arn);
}
