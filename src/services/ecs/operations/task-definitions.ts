// Task definitions: register, describe, list, deregister, delete. A family never uses a revision twice.
import type { TaskDefinition } from "@aws-sdk/client-ecs";
import { taskDefinitionArn } from "#domain/ecs/arns.ts";
import {
  deregisterTaskDefinition,
  familyKey,
  requestDeletion,
  taskDefinitionKey,
  type TaskDefinitionRow,
} from "#domain/ecs/task-definition.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader, Transaction } from "#store/store.ts";
import { services, taskDefinitionFamilies, taskDefinitions, tasks } from "#store/tables/ecs.ts";
import { readDefinition } from "../definition/read.ts";
import { withRoles } from "../definition/roles.ts";
import type { EcsDependencies, EcsOperations } from "../dependencies.ts";
import { clientException, invalidParameter } from "../errors.ts";
import { findTaskDefinition } from "../lookup.ts";
import { page } from "../paging.ts";
import { readTags, showTags } from "../tags.ts";

const MOST_DELETED = 10;

export function taskDefinitionOperations({ store, clock, account }: EcsDependencies) {
  return {
    async RegisterTaskDefinition(input, { region, principal }) {
      const body = readDefinition(input);
      const tags = readTags(input.tags);
      const row = await store.transact((tx) => {
        const family = tx.get(taskDefinitionFamilies, familyKey(region, body.family));
        const revision = (family?.lastRevision ?? 0) + 1;
        const created: TaskDefinitionRow = {
          arn: taskDefinitionArn(region, account, body.family, revision),
          region,
          family: body.family,
          revision,
          status: "ACTIVE",
          body: withRoles(tx, account, body),
          registeredAt: clock.now(),
          registeredBy: principal.arn,
          tags,
        };
        tx.put(taskDefinitionFamilies, familyKey(region, body.family), {
          region,
          family: body.family,
          lastRevision: revision,
        });
        put(tx, created);
        return created;
      });
      return { taskDefinition: showTaskDefinition(row), tags: showTags(row.tags) };
    },

    DescribeTaskDefinition(input, context) {
      const row = findTaskDefinition(store, context, input.taskDefinition ?? "");
      if (row === undefined) throw clientException("Unable to describe task definition.");
      for (const field of input.include ?? [])
        if (field !== "TAGS") throw invalidParameter(`Invalid value '${String(field)}' in include.`);
      const tags = input.include?.includes("TAGS") ? { tags: showTags(row.tags) } : {};
      return { taskDefinition: showTaskDefinition(row), ...tags };
    },

    /** A second call answers the INACTIVE definition. */
    async DeregisterTaskDefinition(input, context) {
      const row = await store.transact((tx) => {
        const before = exactTaskDefinition(tx, context, input.taskDefinition ?? "");
        if (before === undefined) throw clientException("The specified task definition does not exist.");
        const after = deregisterTaskDefinition(before, clock.now());
        put(tx, after);
        return after;
      });
      return { taskDefinition: showTaskDefinition(row) };
    },

    /** What no task and no service needs any more is gone with the answer; the rest stays DELETE_IN_PROGRESS. */
    async DeleteTaskDefinitions(input, context) {
      const asked = input.taskDefinitions ?? [];
      if (asked.length < 1 || asked.length > MOST_DELETED)
        throw invalidParameter(`You can delete between 1 and ${MOST_DELETED} task definitions in a call.`);
      return store.transact((tx) => {
        const deleted: TaskDefinition[] = [];
        const failures: { arn: string; reason: string; detail?: string }[] = [];
        for (const given of new Set(asked)) {
          const row = exactTaskDefinition(tx, context, given);
          if (row === undefined) {
            const arn = given.startsWith("arn:")
              ? given
              : `arn:aws:ecs:${context.region}:${account}:task-definition/${given}`;
            failures.push({ arn, reason: "The specified task definition does not exist." });
          } else if (row.status === "ACTIVE") {
            const reason =
              "The specified task definition is still in ACTIVE status. Please deregister the target and try again.";
            failures.push({ arn: row.arn, reason });
          } else {
            const after = requestDeletion(row, clock.now());
            if (isNeeded(tx, row.arn)) put(tx, after);
            else tx.delete(taskDefinitions, keyOf(row));
            deleted.push(showTaskDefinition(after));
          }
        }
        return { taskDefinitions: deleted, failures };
      });
    },

    ListTaskDefinitions(input, { region }) {
      const { familyPrefix, status = "ACTIVE", sort = "ASC" } = input;
      if (!["ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"].includes(status))
        throw invalidParameter(`Invalid task definition status '${status}'.`);
      if (sort !== "ASC" && sort !== "DESC") throw invalidParameter(`Invalid sort order '${String(sort)}'.`);
      const prefix = familyPrefix === undefined ? `${region}/` : `${region}/${familyPrefix}/`;
      const rows = Array.from(store.scan(taskDefinitions, { prefix }), ([, row]) => row);
      const { items, more } = page(
        rows.filter((row) => row.status === status),
        keyOf,
        ["ListTaskDefinitions", region, familyPrefix, status, sort],
        input,
        { descending: sort === "DESC" },
      );
      return { taskDefinitionArns: items.map((row) => row.arn), ...more };
    },

    /** A family is ACTIVE as long as one of its revisions is. */
    ListTaskDefinitionFamilies(input, { region }) {
      const { familyPrefix = "", status = "ALL" } = input;
      if (!["ACTIVE", "INACTIVE", "ALL"].includes(status))
        throw invalidParameter(`Invalid task definition family status '${status}'.`);
      const active = new Map<string, boolean>();
      for (const [, row] of store.scan(taskDefinitions, { prefix: `${region}/${familyPrefix}` }))
        active.set(row.family, active.get(row.family) === true || row.status === "ACTIVE");
      const families = [...active].flatMap(([family, isActive]) =>
        status === "ALL" || (status === "ACTIVE") === isActive ? [family] : [],
      );
      const question = ["ListTaskDefinitionFamilies", region, familyPrefix, status];
      const { items, more } = page(families, (family) => family, question, input);
      return { families: [...items], ...more };
    },
  } satisfies EcsOperations;
}

const keyOf = (row: TaskDefinitionRow): string => taskDefinitionKey(row.region, row.family, row.revision);

const put = (tx: Transaction, row: TaskDefinitionRow): void => tx.put(taskDefinitions, keyOf(row), row);

/** By family:revision or ARN: a family alone does not say which. */
function exactTaskDefinition(
  reader: Reader,
  context: RequestContext,
  given: string,
): TaskDefinitionRow | undefined {
  if (!/:\d+$/.test(given))
    throw clientException(
      "The task definition must be given with its revision: family:revision or the full ARN.",
    );
  return findTaskDefinition(reader, context, given);
}

/** A task that is not STOPPED or a service's deployment is made of it. */
function isNeeded(reader: Reader, arn: string): boolean {
  for (const [, task] of reader.scan(tasks))
    if (task.taskDefinitionArn === arn && task.lastStatus !== "STOPPED") return true;
  for (const [, service] of reader.scan(services))
    if (service.status !== "INACTIVE" && service.deployments.some((d) => d.taskDefinitionArn === arn))
      return true;
  return false;
}

export function showTaskDefinition(row: TaskDefinitionRow): TaskDefinition {
  const date = (at: number | undefined) => (at === undefined ? undefined : new Date(at));
  return {
    ...row.body,
    taskDefinitionArn: row.arn,
    revision: row.revision,
    status: row.status,
    registeredAt: new Date(row.registeredAt),
    registeredBy: row.registeredBy,
    deregisteredAt: date(row.deregisteredAt),
    deleteRequestedAt: date(row.deleteRequestedAt),
  };
}
