// Rows by the names, ids and ARNs that callers use. What an identifier names is checked against the region, the account and
// the cluster of the call.
import { ecsResourceOf } from "#domain/ecs/arns.ts";
import { clusterKey, type ClusterRow } from "#domain/ecs/cluster.ts";
import { containerInstanceKey, type ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import { serviceKey, type ServiceRow } from "#domain/ecs/service.ts";
import { taskDefinitionKey, type TaskDefinitionRow } from "#domain/ecs/task-definition.ts";
import { taskKey, type TaskRow } from "#domain/ecs/task.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { clusters, containerInstances, services, taskDefinitions, tasks } from "#store/tables/ecs.ts";
import { clientException, clusterNotFound, invalidParameter } from "./errors.ts";

export type Scope = Pick<RequestContext, "region" | "account">;
export type Kind = "cluster" | "task" | "container-instance" | "service" | "task-definition";

export const DEFAULT_CLUSTER = "default";

/** What stands behind the kind in an ARN, or the text itself when it is no ARN. @throws InvalidParameterException */
function resourceParts(kind: Kind, scope: Scope, given: string): readonly string[] | undefined {
  if (!given.startsWith("arn:")) return undefined;
  const found = ecsResourceOf(given);
  if (found === undefined || found.parts[0] !== kind)
    throw invalidParameter(`Invalid identifier: '${given}' is not the ARN of a ${kind}.`);
  if (found.region !== scope.region)
    throw invalidParameter(
      `Invalid identifier: Identifier is for ${found.region}. Your region is ${scope.region}.`,
    );
  if (found.account !== scope.account)
    throw invalidParameter(
      `Invalid identifier: Identifier is for ${found.account}. Your accountId is ${scope.account}.`,
    );
  return found.parts.slice(1);
}

/** The cluster's short name. @throws InvalidParameterException */
export function clusterNameOf(scope: Scope, given = DEFAULT_CLUSTER): string {
  const parts = resourceParts("cluster", scope, given);
  if (parts === undefined) return given === "" ? DEFAULT_CLUSTER : given;
  const [name] = parts;
  if (parts.length !== 1 || name === undefined || name === "")
    throw invalidParameter("Invalid identifier: Unexpected number of separators");
  return name;
}

/** INACTIVE clusters too. */
export const findCluster = (reader: Reader, scope: Scope, given?: string): ClusterRow | undefined =>
  reader.get(clusters, clusterKey(scope.region, clusterNameOf(scope, given)));

/** The ACTIVE cluster of that name or ARN, by default `default`. @throws ClusterNotFoundException */
export function clusterOf(reader: Reader, scope: Scope, given?: string): ClusterRow {
  const row = findCluster(reader, scope, given);
  if (row === undefined) throw clusterNotFound();
  if (row.status === "INACTIVE") throw clusterNotFound("The referenced cluster was inactive.");
  return row;
}

/**
 * The id (or the service's name) behind an id or ARN within a cluster. ARNs without the cluster (the old format) are refused.
 * @throws InvalidParameterException when the text is an ARN of something else
 */
export function idWithin(
  kind: "task" | "container-instance" | "service",
  cluster: ClusterRow,
  scope: Scope,
  given: string,
): string {
  const parts = resourceParts(kind, scope, given);
  if (parts === undefined) {
    if (given === "" || given.includes("/"))
      throw invalidParameter("Invalid identifier: Unexpected number of separators");
    return given;
  }
  const [clusterName, id] = parts;
  if (parts.length !== 2 || id === undefined || id === "")
    throw invalidParameter("Invalid identifier: Unexpected number of separators");
  if (clusterName !== cluster.name)
    throw invalidParameter(
      `Invalid identifier: Identifier is for ${clusterName}. Your cluster is ${cluster.name}`,
    );
  return id;
}

/** Refuses ids of another length than AWS's: a slip of the hand is not "MISSING". */
function hexId(
  kind: "task" | "container-instance",
  cluster: ClusterRow,
  scope: Scope,
  given: string,
): string {
  const id = idWithin(kind, cluster, scope, given);
  const name = kind === "task" ? "taskId" : "containerInstanceId";
  if (id.length !== 32 && id.length !== 36) throw invalidParameter(`${name} length should be one of [32,36]`);
  return id;
}

export const findContainerInstance = (
  reader: Reader,
  scope: Scope,
  cluster: ClusterRow,
  given: string,
): ContainerInstanceRow | undefined =>
  reader.get(
    containerInstances,
    containerInstanceKey(cluster.region, cluster.name, hexId("container-instance", cluster, scope, given)),
  );

export const findTask = (
  reader: Reader,
  scope: Scope,
  cluster: ClusterRow,
  given: string,
): TaskRow | undefined =>
  reader.get(tasks, taskKey(cluster.region, cluster.name, hexId("task", cluster, scope, given)));

/** INACTIVE services too. */
export const findService = (
  reader: Reader,
  scope: Scope,
  cluster: ClusterRow,
  given: string,
): ServiceRow | undefined =>
  reader.get(services, serviceKey(cluster.region, cluster.name, idWithin("service", cluster, scope, given)));

/**
 * `family` (its newest ACTIVE revision), `family:revision` or an ARN (in whatever status).
 * @throws ClientException when it is none of these
 */
export function findTaskDefinition(
  reader: Reader,
  scope: Scope,
  given: string,
): TaskDefinitionRow | undefined {
  const parts = resourceParts("task-definition", scope, given);
  const text = parts === undefined ? given : parts.join("/");
  const match = /^([A-Za-z0-9_-]{1,255})(?::(\d{1,10}))?$/.exec(text);
  const family = match?.[1];
  if (family === undefined)
    throw clientException(
      "Invalid task definition identifier: it must be a family, family:revision or the full ARN.",
    );
  const revision = match?.[2];
  if (revision !== undefined)
    return reader.get(taskDefinitions, taskDefinitionKey(scope.region, family, Number(revision)));
  let newest: TaskDefinitionRow | undefined;
  for (const [, row] of reader.scan(taskDefinitions, { prefix: `${scope.region}/${family}/` }))
    if (row.status === "ACTIVE") newest = row;
  return newest;
}

/**
 * The ACTIVE definition that new tasks and services are made of.
 * @throws ClientException "TaskDefinition not found." / "TaskDefinition is inactive"
 */
export function usableTaskDefinition(reader: Reader, scope: Scope, given: string): TaskDefinitionRow {
  const row = findTaskDefinition(reader, scope, given);
  if (row === undefined) throw clientException("TaskDefinition not found.");
  if (row.status !== "ACTIVE") throw clientException("TaskDefinition is inactive");
  return row;
}
