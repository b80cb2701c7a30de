// RegisterContainerInstance and DeregisterContainerInstance: how a host comes into a cluster and leaves it.
import type { RegisterContainerInstanceRequest } from "@aws-sdk/client-ecs";
import { newHexId } from "#lib/ids.ts";
import { containerInstanceArn } from "#domain/ecs/arns.ts";
import type { ClusterRow } from "#domain/ecs/cluster.ts";
import {
  containerInstanceKey,
  deregisterInstance,
  newContainerInstance,
  registerAgain,
  type ContainerInstanceRow,
  type InstanceRegistration,
} from "#domain/ecs/container-instance.ts";
import { taskKey } from "#domain/ecs/task.ts";
import { loseTask } from "#domain/ecs/task-transitions.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Transaction } from "#store/store.ts";
import { containerInstances, tasks } from "#store/tables/ecs.ts";
import { showContainerInstance, tasksOn } from "../container-instance-view.ts";
import type { EcsDependencies, EcsOperations } from "../dependencies.ts";
import { clientException, clusterNotFound, invalidParameter } from "../errors.ts";
import { clusterOf, findCluster, findContainerInstance, idWithin } from "../lookup.ts";
import { checkOwn, notOwn } from "../own-instance.ts";
import { poolHostOf } from "../pool-host.ts";
import { honourOnly } from "../refuse.ts";
import { hostOf, managedInstanceOf, readAttributes, readResources } from "../registration.ts";
import { readTags } from "../tags.ts";

/** The stock agent's members, and its private `clientToken`. */
type Input = RegisterContainerInstanceRequest & { readonly clientToken?: string };

/** Rows that one transaction may write, less the instance's own. */
const TASKS_A_TRANSACTION = 90;
const FORCED = {
  code: "UserInitiated",
  reason: "Container instance deregistration forced by user.",
} as const;

export function registrationOperations(deps: EcsDependencies) {
  const { store, clock, random, account } = deps;

  return {
    /** Idempotent on clientToken and on containerInstanceArn; an INACTIVE or unknown ARN is revived. */
    async RegisterContainerInstance(input: Input, context) {
      honourOnly<Input>(input, [
        "cluster",
        "clientToken",
        "instanceIdentityDocument",
        "instanceIdentityDocumentSignature",
        "totalResources",
        "versionInfo",
        "containerInstanceArn",
        "attributes",
        "tags",
      ]);
      const row = await store.transact((tx) => register(tx, input, context));
      return { containerInstance: showContainerInstance(store, row, ["TAGS"]) };
    },

    /** With force its tasks are orphaned: STOPPED for ECS, whatever the host's containers do. */
    async DeregisterContainerInstance(input, context) {
      const row = await store.transact((tx) => {
        const cluster = clusterOf(tx, context, input.cluster);
        const before = containerInstanceOf(tx, cluster, context, input.containerInstance ?? "");
        checkOwn(context, before);
        if (input.force !== true && tasksOn(tx, before.arn).length > 0)
          throw invalidParameter("Found running tasks on the instance.");
        const after = deregisterInstance(before, clock.now());
        tx.put(containerInstances, containerInstanceKey(after.region, after.clusterName, after.id), after);
        loseSome(tx, after.arn);
        return after;
      });
      while (tasksOn(store, row.arn).length > 0) await store.transact((tx) => loseSome(tx, row.arn));
      return { containerInstance: showContainerInstance(store, row, []) };
    },
  } satisfies EcsOperations;

  function register(tx: Transaction, input: Input, context: RequestContext): ContainerInstanceRow {
    const cluster = poolHostOf(tx, context)?.cluster ?? findCluster(tx, context, input.cluster);
    if (cluster === undefined) throw clusterNotFound();
    if (cluster.status === "INACTIVE") throw clientException("The referenced cluster was inactive.");
    const host = hostOf(tx, deps.verifyIdentityDocument, input, context);
    const managed = managedInstanceOf(context);
    const hostId = host?.id ?? managed;
    const registration: InstanceRegistration = {
      ...(hostId === undefined ? {} : { ec2InstanceId: hostId }),
      ...readResources(input.totalResources ?? [], host),
      attributes: readAttributes(input.attributes ?? [], host, managed),
      availabilityZone: host?.availabilityZone ?? "",
      versionInfo: readVersion(input.versionInfo),
      ...(input.clientToken ? { clientToken: input.clientToken } : {}),
      tags: readTags(input.tags),
    };
    const { id, before } = known(tx, cluster, input, context);
    // The ARN, or a token that was seen, is of no use to another host.
    if (before !== undefined && before.ec2InstanceId !== hostId) {
      deps.logger.warn("A container instance was claimed by another host", {
        containerInstanceArn: before.arn,
        principal: context.principal.arn,
      });
      throw notOwn(context, before.arn);
    }
    const { region } = context;
    const arn = containerInstanceArn(region, account, cluster.name, id);
    const identity = { arn, id, region, clusterName: cluster.name, clusterArn: cluster.arn };
    const row =
      before === undefined
        ? newContainerInstance(identity, registration, clock.now())
        : registerAgain(before, registration, clock.now());
    tx.put(containerInstances, containerInstanceKey(region, cluster.name, id), row);
    return row;
  }

  /** By the ARN that the agent kept, else by its process's token; a fresh id when it is new. */
  function known(tx: Transaction, cluster: ClusterRow, input: Input, context: RequestContext) {
    const pool = poolHostOf(tx, context);
    if (pool !== undefined) {
      const { containerInstanceId: id } = pool;
      return {
        id,
        before: tx.get(containerInstances, containerInstanceKey(context.region, cluster.name, id)),
      };
    }
    if (input.containerInstanceArn) {
      const id = idWithin("container-instance", cluster, context, input.containerInstanceArn);
      if (!/^[0-9a-f]{32}$/.test(id))
        throw invalidParameter("containerInstanceId length should be one of [32,36]");
      return {
        id,
        before: tx.get(containerInstances, containerInstanceKey(context.region, cluster.name, id)),
      };
    }
    const sameToken = input.clientToken
      ? tx.find(containerInstances, "clientToken", `${context.region}/${input.clientToken}`)
      : [];
    const before = sameToken.find(([, row]) => row.clusterName === cluster.name)?.[1];
    return { id: before?.id ?? newHexId(random), before };
  }

  function loseSome(tx: Transaction, arn: string): void {
    for (const task of tasksOn(tx, arn).slice(0, TASKS_A_TRANSACTION))
      tx.put(tasks, taskKey(task.region, task.clusterName, task.id), loseTask(task, FORCED, clock.now()));
  }
}

function readVersion(given: RegisterContainerInstanceRequest["versionInfo"] = {}) {
  const { agentVersion, agentHash, dockerVersion } = given;
  return {
    ...(agentVersion === undefined ? {} : { agentVersion }),
    ...(agentHash === undefined ? {} : { agentHash }),
    ...(dockerVersion === undefined ? {} : { dockerVersion }),
  };
}

/** @throws InvalidParameterException when there is none */
export function containerInstanceOf(
  tx: Transaction,
  cluster: ClusterRow,
  context: RequestContext,
  given: string,
): ContainerInstanceRow {
  const row = findContainerInstance(tx, context, cluster, given);
  if (row === undefined) throw invalidParameter(`Referenced container instance ${given} not found.`);
  return row;
}
