// Tasks: run, start, stop, describe, list. Placement alone makes them; a stop is a transition that the task controller and the
// agent carry out.
import type { ListTasksRequest, RunTaskRequest } from "@aws-sdk/client-ecs";
import { containerInstanceArn, taskArn } from "#domain/ecs/arns.ts";
import type { ClusterRow } from "#domain/ecs/cluster.ts";
import { isExternal } from "#domain/ecs/container-instance.ts";
import { serviceKey } from "#domain/ecs/service.ts";
import { taskKey, type TaskRow } from "#domain/ecs/task.ts";
import { stopTask } from "#domain/ecs/task-transitions.ts";
import type { PlacementResult } from "#domain/ports/placement.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { containerInstances, tasks } from "#store/tables/ecs.ts";
import { checkClientToken, checkSameRequest, fingerprintOf, tasksOfToken } from "../client-token.ts";
import type { EcsDependencies, EcsOperations } from "../dependencies.ts";
import { invalidParameter, serviceNotFound } from "../errors.ts";
import { checkOverrides, checkPlacement, launchTypeFor, readLaunch } from "../launch.ts";
import {
  clusterOf,
  findContainerInstance,
  findService,
  findTask,
  idWithin,
  usableTaskDefinition,
} from "../lookup.ts";
import { page } from "../paging.ts";
import { readConstraints, readStrategy } from "../placement-settings.ts";
import { honourOnly } from "../refuse.ts";
import { namesGiven, wantsTags } from "../requested.ts";
import { showTask } from "../show-task.ts";
import { readTaskRequest } from "../task-request.ts";

const MOST_DESCRIBED = 100;
const MOST_STARTED = 10;
const LONGEST_REASON = 1024;

export function taskOperations({ store, clock, placement }: EcsDependencies) {
  const answer = ({ tasks: placed, failures }: Pick<PlacementResult, "tasks" | "failures">) => ({
    tasks: placed.map((row) => showTask(store, row, { tags: true })),
    failures: failures.map((failure) => ({ ...failure })),
  });

  return {
    async RunTask(input, context) {
      honourOnly(input, RUN_TASK_MEMBERS);
      const count = input.count ?? 1;
      if (!Number.isInteger(count) || count < 1 || count > MOST_STARTED)
        throw invalidParameter(`count must be between 1 and ${MOST_STARTED}.`);
      const clientToken = checkClientToken(input.clientToken);
      const cluster = clusterOf(store, context, input.cluster);
      const requestFingerprint = fingerprintOf({ ...input, cluster: cluster.name, clientToken: undefined });
      const known = tasksOfToken(store, context.region, clientToken, requestFingerprint);
      if (known.length > 0) return answer({ tasks: known, failures: [] });

      const definition = usableTaskDefinition(store, context, input.taskDefinition ?? "");
      const { platformVersion: _, ...launch } = readLaunch(cluster, definition, input);
      const { launchType } = launch;
      const request = readTaskRequest(store, context, input, cluster, definition, launchType);
      checkPlacement(launchType, input.placementConstraints, input.placementStrategy);
      checkOverrides(launchType, definition, request.overrides);
      const constraints = readConstraints(input.placementConstraints);
      const strategy = readStrategy(input.placementStrategy);
      if (launchType !== "FARGATE" && !hasInstances(store, cluster, launchType))
        throw invalidParameter("No Container Instances were found in your cluster.");
      const result = await placement.place({
        ...request,
        ...launch,
        count,
        constraints,
        strategy,
        ...(clientToken === undefined ? {} : { clientToken, requestFingerprint }),
      });
      // Another request with the token may have come in between.
      if (clientToken !== undefined) checkSameRequest(result.tasks, requestFingerprint);
      return answer(result);
    },

    async StartTask(input, context) {
      honourOnly(input, START_TASK_MEMBERS);
      const { region, account } = context;
      const given = namesGiven(input.containerInstances, "Container instances", MOST_STARTED);
      const cluster = clusterOf(store, context, input.cluster);
      const definition = usableTaskDefinition(store, context, input.taskDefinition ?? "");
      const request = readTaskRequest(store, context, input, cluster, definition, "EC2");
      checkOverrides("EC2", definition, request.overrides);
      const targets = given.map((id) => {
        const row = findContainerInstance(store, context, cluster, id);
        const missing = idWithin("container-instance", cluster, context, id);
        return {
          arn: row?.arn ?? containerInstanceArn(region, account, cluster.name, missing),
          launchType: row !== undefined && isExternal(row) ? ("EXTERNAL" as const) : ("EC2" as const),
        };
      });
      // The launch type is the instance's: what runs on an external one is external.
      const requests = (["EC2", "EXTERNAL"] as const).flatMap((launchType) => {
        const containerInstanceArns = targets.flatMap((t) => (t.launchType === launchType ? [t.arn] : []));
        if (containerInstanceArns.length === 0) return [];
        return { launchType: launchTypeFor(launchType, definition), containerInstanceArns };
      });
      const results: PlacementResult[] = [];
      for (const part of requests) {
        const count = part.containerInstanceArns.length;
        results.push(await placement.place({ ...request, ...part, count, constraints: [], strategy: [] }));
      }
      return answer({
        tasks: results.flatMap((r) => r.tasks),
        failures: results.flatMap((r) => r.failures),
      });
    },

    /** A task that stops already, or has, is answered as it is. */
    async StopTask(input, context) {
      honourOnly(input, ["cluster", "task", "reason"]);
      const { reason = "" } = input;
      if (reason.length > LONGEST_REASON)
        throw invalidParameter(`reason can have at most ${LONGEST_REASON} characters.`);
      const row = await store.transact((tx) => {
        const before = findTask(tx, context, clusterOf(tx, context, input.cluster), input.task ?? "");
        if (before === undefined) throw invalidParameter("The referenced task was not found.");
        const cause = {
          code: "UserInitiated" as const,
          reason: reason === "" ? "Task stopped by user" : reason,
        };
        const after = stopTask(before, cause, clock.now());
        tx.put(tasks, taskKey(after.region, after.clusterName, after.id), after);
        return after;
      });
      return { task: showTask(store, row, { tags: true }) };
    },

    DescribeTasks(input, context) {
      honourOnly(input, ["cluster", "tasks", "include"]);
      const given = namesGiven(input.tasks, "Tasks", MOST_DESCRIBED);
      const cluster = clusterOf(store, context, input.cluster);
      const options = { tags: wantsTags(input.include) };
      const found: TaskRow[] = [];
      const failures: { arn: string; reason: string }[] = [];
      for (const id of given) {
        const row = findTask(store, context, cluster, id);
        if (row !== undefined) found.push(row);
        else {
          const arn = taskArn(
            context.region,
            context.account,
            cluster.name,
            idWithin("task", cluster, context, id),
          );
          failures.push({ arn, reason: "MISSING" });
        }
      }
      return { tasks: found.map((row) => showTask(store, row, options)), failures };
    },

    ListTasks(input, context) {
      honourOnly(input, LIST_TASKS_MEMBERS);
      checkFilters(input);
      const cluster = clusterOf(store, context, input.cluster);
      const wanted = input.desiredStatus ?? "RUNNING";
      if (wanted !== "RUNNING" && wanted !== "STOPPED" && wanted !== "PENDING")
        throw invalidParameter(`Invalid value '${wanted as string}' for desiredStatus.`);
      const rows = candidates(store, context, cluster, input).filter(
        (row) =>
          row.clusterName === cluster.name &&
          row.desiredStatus === wanted &&
          (input.family === undefined || row.family === input.family) &&
          (input.startedBy === undefined || row.startedBy === input.startedBy) &&
          (input.launchType === undefined || row.launchType === input.launchType),
      );
      const { nextToken, maxResults, ...question } = input;
      const { items, more } = page(
        rows,
        (row) => row.id,
        ["ListTasks", context.region, cluster.name, wanted, fingerprintOf(question)],
        { nextToken, maxResults },
      );
      return { taskArns: items.map((row) => row.arn), ...more };
    },
  } satisfies EcsOperations;
}

/** enableExecuteCommand may be false only: there is no ExecuteCommand yet. */
const RUN_TASK_MEMBERS = [
  "capacityProviderStrategy",
  "cluster",
  "clientToken",
  "count",
  "enableECSManagedTags",
  "group",
  "launchType",
  "networkConfiguration",
  "overrides",
  "placementConstraints",
  "placementStrategy",
  "platformVersion",
  "propagateTags",
  "startedBy",
  "tags",
  "taskDefinition",
] as const satisfies readonly (keyof RunTaskRequest)[];

const START_TASK_MEMBERS = [
  "cluster",
  "containerInstances",
  "enableECSManagedTags",
  "group",
  "networkConfiguration",
  "overrides",
  "propagateTags",
  "startedBy",
  "tags",
  "taskDefinition",
] as const;

const LIST_TASKS_MEMBERS = [
  "cluster",
  "containerInstance",
  "desiredStatus",
  "family",
  "launchType",
  "maxResults",
  "nextToken",
  "serviceName",
  "startedBy",
] as const satisfies readonly (keyof ListTasksRequest)[];

/** desiredStatus goes with every filter. @throws InvalidParameterException */
function checkFilters({ startedBy, serviceName, family, containerInstance, launchType }: ListTasksRequest) {
  const others = [family, containerInstance].some((given) => given !== undefined);
  if (startedBy !== undefined && (others || serviceName !== undefined || launchType !== undefined))
    throw invalidParameter("cannot specify startedBy with other arguments");
  if (serviceName !== undefined && others)
    throw invalidParameter("cannot specify serviceName with other arguments");
}

/** The rows under the filter that has an index, else the cluster's. */
function candidates(
  rows: Reader,
  context: RequestContext,
  cluster: ClusterRow,
  { serviceName, containerInstance }: ListTasksRequest,
): readonly TaskRow[] {
  if (serviceName !== undefined) {
    const service = findService(rows, context, cluster, serviceName);
    if (service === undefined) throw serviceNotFound();
    const key = serviceKey(cluster.region, cluster.name, service.name);
    return rows.find(tasks, "service", key).map(([, row]) => row);
  }
  if (containerInstance !== undefined) {
    const instance = findContainerInstance(rows, context, cluster, containerInstance);
    if (instance === undefined) throw invalidParameter("The referenced container instance was not found.");
    return rows.find(tasks, "instance", instance.arn).map(([, row]) => row);
  }
  return Array.from(rows.scan(tasks, { prefix: `${cluster.region}/${cluster.name}/` }), ([, row]) => row);
}

function hasInstances(rows: Reader, cluster: ClusterRow, launchType: "EC2" | "EXTERNAL"): boolean {
  for (const [, row] of rows.scan(containerInstances, { prefix: `${cluster.region}/${cluster.name}/` }))
    if (row.status !== "INACTIVE" && isExternal(row) === (launchType === "EXTERNAL")) return true;
  return false;
}
