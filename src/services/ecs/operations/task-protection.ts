// Scale-in protection of a service's tasks. It stands in the task's row with its end; the service controller honours it.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection.html
import type { Failure, ProtectedTask } from "@aws-sdk/client-ecs";
import { taskArn } from "#domain/ecs/arns.ts";
import type { ClusterRow } from "#domain/ecs/cluster.ts";
import { serviceKey } from "#domain/ecs/service.ts";
import { isProtected, taskKey, type TaskRow } from "#domain/ecs/task.ts";
import { protectTask } from "#domain/ecs/task-transitions.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader, Transaction } from "#store/store.ts";
import { services, tasks } from "#store/tables/ecs.ts";
import type { EcsDependencies, EcsOperations } from "../dependencies.ts";
import { invalidParameter } from "../errors.ts";
import { clusterOf, findTask, idWithin } from "../lookup.ts";
import { honourOnly } from "../refuse.ts";
import { namesGiven } from "../requested.ts";
import { checkOwnTask } from "../own-task.ts";

const MOST_SHOWN = 100;
const MOST_PROTECTED = 10;
const MINUTE_MS = 60_000;
const DEFAULT_MINUTES = 120;
const MOST_MINUTES = 2880;

type Found = { readonly row: TaskRow } | { readonly failure: Failure };

export function taskProtectionOperations({ store, clock }: EcsDependencies) {
  return {
    GetTaskProtection(input, context) {
      honourOnly(input, ["cluster", "tasks"]);
      const given = namesGiven(input.tasks, "Tasks", MOST_SHOWN);
      const cluster = clusterOf(store, context, input.cluster);
      const found = given.map((id) => look(store, context, cluster, id));
      return answer(found, clock.now());
    },

    async UpdateTaskProtection(input, context) {
      honourOnly(input, ["cluster", "tasks", "protectionEnabled", "expiresInMinutes"]);
      const given = namesGiven(input.tasks, "Tasks", MOST_PROTECTED);
      const { protectionEnabled, expiresInMinutes = DEFAULT_MINUTES } = input;
      if (!Number.isInteger(expiresInMinutes) || expiresInMinutes < 1 || expiresInMinutes > MOST_MINUTES)
        throw invalidParameter(`expiresInMinutes must be between 1 and ${MOST_MINUTES}.`);
      return store.transact((tx) => {
        const now = clock.now();
        const cluster = clusterOf(tx, context, input.cluster);
        const until = protectionEnabled === true ? now + expiresInMinutes * MINUTE_MS : undefined;
        const found = given.map((id) => {
          const one = look(tx, context, cluster, id);
          return "failure" in one ? one : change(tx, one.row, until, now);
        });
        return answer(found, now);
      });
    },
  } satisfies EcsOperations;
}

/** @throws AccessDeniedException when a task asks about another */
function look(rows: Reader, context: RequestContext, cluster: ClusterRow, given: string): Found {
  const { region, account } = context;
  const arn = taskArn(region, account, cluster.name, idWithin("task", cluster, context, given));
  checkOwnTask(context, arn);
  const row = findTask(rows, context, cluster, given);
  if (row === undefined) return { failure: { arn, reason: "MISSING" } };
  return row.serviceName === undefined ? { failure: { arn, reason: "TASK_NOT_VALID" } } : { row };
}

function change(tx: Transaction, row: TaskRow, until: number | undefined, now: number): Found {
  if (until !== undefined && row.desiredStatus === "STOPPED")
    return {
      failure: { arn: row.arn, reason: "TASK_NOT_VALID", detail: "The task is stopping or stopped." },
    };
  if (until !== undefined && isBlocked(tx, row, now))
    return {
      failure: {
        arn: row.arn,
        reason: "DEPLOYMENT_BLOCKED",
        detail: "The service would have more protected tasks than its desired count.",
      },
    };
  const after = protectTask(row, until);
  if (after !== row) tx.put(tasks, taskKey(row.region, row.clusterName, row.id), after);
  return { row: after };
}

/** As many of the service's other tasks are protected as it wants: with this one it could neither scale in nor deploy. */
function isBlocked(
  rows: Reader,
  { region, clusterName, serviceName = "", id }: TaskRow,
  now: number,
): boolean {
  const key = serviceKey(region, clusterName, serviceName);
  const others = rows
    .find(tasks, "activeOfService", key)
    .filter(([, t]) => t.id !== id && t.desiredStatus === "RUNNING" && isProtected(t, now));
  return others.length >= (rows.get(services, key)?.desiredCount ?? 0);
}

function answer(found: readonly Found[], now: number) {
  return {
    protectedTasks: found.flatMap((one) => ("row" in one ? [show(one.row, now)] : [])),
    failures: found.flatMap((one) => ("failure" in one ? [one.failure] : [])),
  };
}

const show = (row: TaskRow, now: number): ProtectedTask => ({
  taskArn: row.arn,
  protectionEnabled: isProtected(row, now),
  ...(isProtected(row, now) && row.protectedUntil !== undefined
    ? { expirationDate: new Date(row.protectedUntil) }
    : {}),
});
