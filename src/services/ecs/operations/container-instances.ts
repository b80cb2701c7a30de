// Container instances as callers see and steer them: describe, list, drain. How they register is in registration.ts.
import type { ContainerInstance, Failure } from "@aws-sdk/client-ecs";
import { ServiceError } from "#lib/errors.ts";
import { containerInstanceArn } from "#domain/ecs/arns.ts";
import type { ClusterRow } from "#domain/ecs/cluster.ts";
import { containerInstanceKey, setInstanceState } from "#domain/ecs/container-instance.ts";
import { compile } from "#scheduler/evaluate.ts";
import { ExpressionError, parseExpression } from "#scheduler/expression.ts";
import type { Store } from "#store/store.ts";
import { containerInstances } from "#store/tables/ecs.ts";
import {
  asSchedulerInstance,
  readInstanceFields,
  showContainerInstance,
} from "../container-instance-view.ts";
import type { EcsDependencies, EcsOperations } from "../dependencies.ts";
import { invalidParameter } from "../errors.ts";
import { clusterOf, findContainerInstance, idWithin, type Scope } from "../lookup.ts";
import { checkOwn } from "../own-instance.ts";
import { page } from "../paging.ts";
import { containerInstanceOf } from "./registration.ts";

const MOST_DESCRIBED = 100;
const MOST_UPDATED = 10;

export function containerInstanceOperations({ store }: EcsDependencies) {
  return {
    DescribeContainerInstances(input, context) {
      const cluster = clusterOf(store, context, input.cluster);
      const asked = checkCount(input.containerInstances, MOST_DESCRIBED);
      const include = readInstanceFields(input.include);
      const found: ContainerInstance[] = [];
      const failures: Failure[] = [];
      for (const given of asked) {
        const row = findContainerInstance(store, context, cluster, given);
        if (row === undefined) failures.push(missing(cluster, context, given));
        else found.push(showContainerInstance(store, row, include));
      }
      return { containerInstances: found, failures };
    },

    ListContainerInstances(input, context) {
      const cluster = clusterOf(store, context, input.cluster);
      const { status, filter } = input;
      if (
        status !== undefined &&
        !["ACTIVE", "DRAINING", "REGISTERING", "DEREGISTERING", "REGISTRATION_FAILED"].includes(status)
      )
        throw invalidParameter(`Invalid container instance status '${status}'.`);
      const matches = filterOf(store, filter);
      const rows = Array.from(
        store.scan(containerInstances, { prefix: `${cluster.region}/${cluster.name}/` }),
        ([, row]) => row,
      ).filter((row) => (status === undefined ? row.status !== "INACTIVE" : row.status === status));
      const { items, more } = page(
        rows.filter((row) => matches(row)),
        (row) => row.id,
        ["ListContainerInstances", cluster.arn, status, filter],
        input,
      );
      return { containerInstanceArns: items.map((row) => row.arn), ...more };
    },

    async UpdateContainerInstancesState(input, context) {
      const { status } = input;
      if (status !== "ACTIVE" && status !== "DRAINING")
        throw invalidParameter("Container instances can be set to ACTIVE and DRAINING only.");
      const asked = checkCount(input.containerInstances, MOST_UPDATED);
      return store.transact((tx) => {
        const cluster = clusterOf(tx, context, input.cluster);
        const updated: ContainerInstance[] = [];
        const failures: Failure[] = [];
        for (const given of asked) {
          const before = findContainerInstance(tx, context, cluster, given);
          if (before === undefined) failures.push(missing(cluster, context, given));
          else if (before.status === "INACTIVE") failures.push({ arn: before.arn, reason: "INACTIVE" });
          else {
            checkOwn(context, before);
            const after = setInstanceState(before, status);
            tx.put(
              containerInstances,
              containerInstanceKey(after.region, after.clusterName, after.id),
              after,
            );
            updated.push(showContainerInstance(tx, after, []));
          }
        }
        return { containerInstances: updated, failures };
      });
    },

    /** Agents are updated with the host's software: there is never a newer one to send. */
    async UpdateContainerAgent(input, context) {
      return store.transact((tx) => {
        const cluster = clusterOf(tx, context, input.cluster);
        const row = containerInstanceOf(tx, cluster, context, input.containerInstance ?? "");
        if (row.versionInfo.agentVersion === undefined)
          throw new ServiceError(
            "MissingVersionException",
            "Amazon ECS can't determine the current version of the container agent on the container instance.",
          );
        throw new ServiceError(
          "NoUpdateAvailableException",
          "There's no update available for this Amazon ECS container agent.",
        );
      });
    },
  } satisfies EcsOperations;
}

function checkCount(given: readonly string[] | undefined, most: number): readonly string[] {
  if (given === undefined || given.length === 0)
    throw invalidParameter("Container instances cannot be empty.");
  if (given.length > most)
    throw invalidParameter(`At most ${most} container instances can be named in a call.`);
  return [...new Set(given)];
}

function missing(cluster: ClusterRow, scope: Scope, given: string): Failure {
  const id = idWithin("container-instance", cluster, scope, given);
  return { arn: containerInstanceArn(cluster.region, scope.account, cluster.name, id), reason: "MISSING" };
}

type Row = Parameters<typeof asSchedulerInstance>[1];

function filterOf(store: Store, filter: string | undefined): (row: Row) => boolean {
  if (filter === undefined || filter === "") return () => true;
  try {
    const predicate = compile(parseExpression(filter));
    return (row) => predicate(asSchedulerInstance(store, row));
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw invalidParameter(`Invalid filter '${filter}': ${error.message}.`);
  }
}
