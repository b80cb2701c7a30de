// The steps of a task's life that are the control plane's own: registers targets and discovery instances (ACTIVATING), drains
// them (DEACTIVATING), takes those of an ended task out at once, and gives up tasks whose host is gone. Each step is one transaction.
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import { keyOfEcsArn } from "#domain/ecs/arns.ts";
import type { ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import { hasReached, type TaskRow } from "#domain/ecs/task.ts";
import { activateTask, loseTask, taskDrained } from "#domain/ecs/task-transitions.ts";
import { drainTarget, isDrained, removeTarget, type TargetRow, targetRowKey } from "#domain/elbv2/target.ts";
import { isChangeOf, type Reader, type Store, type Transaction, type Watch } from "#store/store.ts";
import { instances } from "#store/tables/ec2.ts";
import { containerInstances, tasks } from "#store/tables/ecs.ts";
import { targetGroups, targets } from "#store/tables/elbv2.ts";
import type { Controller } from "../controller.ts";
import { writeServiceEvent } from "../service-events.ts";
import { deregisterFromDiscovery, registerInDiscovery, tellHealth } from "../task-discovery.ts";
import { createWorkQueue } from "../work-queue.ts";
import { deregistrationDelay, targetFor } from "./register.ts";

export interface TaskControllerDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The load-balancer nodes that are alive now: a target is drained when each says so. */
  readonly nodes: () => readonly string[];
}

export function createTaskController({
  store,
  clock,
  random,
  logger,
  nodes,
}: TaskControllerDependencies): Controller {
  /** Target row → the task that it serves. */
  const taskOfTarget = new Map<string, string>();
  let watch: Watch | undefined;

  const step = (tx: Transaction, key: string): number | undefined => {
    const task = tx.get(tasks, key);
    if (task === undefined) return undefined;
    const now = clock.now();
    const instance = instanceOf(tx, task);
    if (task.lastStatus !== "STOPPED" && instance?.status === "INACTIVE") {
      const host = instance.ec2InstanceId ?? instance.id;
      const reason =
        task.launchType === "FARGATE" ? "The task's host ended." : `Host EC2 (instance ${host}) terminated.`;
      tx.put(tasks, key, loseTask(task, { code: "TerminationNotice", reason }, now));
      removeTargets(tx, task, now);
      deregisterFromDiscovery(tx, task);
    } else if (task.lastStatus === "ACTIVATING" && task.desiredStatus === "RUNNING") {
      activate(tx, key, task, instance, random, now);
    } else if (task.lastStatus === "DEACTIVATING") {
      return drain(tx, key, task, nodes(), now);
    } else if (hasReached(task, "STOPPING")) {
      removeTargets(tx, task, now);
      deregisterFromDiscovery(tx, task);
    } else if (task.lastStatus === "RUNNING") {
      tellHealth(tx, task);
    }
    return undefined;
  };
  const queue = createWorkQueue({
    clock,
    random,
    logger,
    async handle(key) {
      queue.addAt(key, await store.transact((tx) => step(tx, key)));
    },
  });

  const onChange = () => {
    for (const change of watch?.take() ?? []) {
      if (isChangeOf(change, tasks)) {
        const targetKeys = (change.row?.loadBalancers ?? []).flatMap((lb) => lb.targetKey ?? []);
        for (const targetKey of targetKeys) taskOfTarget.set(targetKey, change.key);
        if (change.row !== undefined && needsStep(change.row)) queue.add(change.key);
      } else if (isChangeOf(change, targets)) {
        const taskKey = taskOfTarget.get(change.key);
        if (change.row === undefined) taskOfTarget.delete(change.key);
        if (taskKey !== undefined) queue.add(taskKey);
      } else if (isChangeOf(change, containerInstances) && change.row?.status === "INACTIVE") {
        for (const [key] of store.find(tasks, "activeOnInstance", change.row.arn)) queue.add(key);
      }
    }
  };

  return {
    async start() {
      watch = store.snapshotAndWatch([tasks, targets, containerInstances], { notify: onChange });
    },
    async close() {
      watch?.close();
      await queue.close();
    },
  };
}

/** A task placed on an instance that is already gone must be seen too: PENDING ones are looked at once. */
const needsStep = (task: TaskRow): boolean =>
  task.lastStatus !== "RUNNING" || task.serviceRegistries !== undefined;

function instanceOf(rows: Reader, task: TaskRow): ContainerInstanceRow | undefined {
  const key = keyOfEcsArn(task.containerInstanceArn ?? "");
  return key === undefined ? undefined : rows.get(containerInstances, key);
}

/** Undefined also for one that is being terminated: its targets have left the load balancers, and none may follow. */
function hostOf(rows: Reader, task: TaskRow, instance: ContainerInstanceRow | undefined) {
  const id = instance?.ec2InstanceId;
  const host = id === undefined ? undefined : rows.get(instances, ec2Key(task.region, id));
  return host?.state === "shutting-down" || host?.state === "terminated" ? undefined : host;
}

const groupOf = (rows: Reader, arn: string) => rows.find(targetGroups, "arn", arn)[0]?.[1];

function tell(tx: Transaction, task: TaskRow, message: string, now: number): void {
  const { region, clusterName, serviceName } = task;
  if (serviceName !== undefined)
    writeServiceEvent(tx, { region, clusterName, name: serviceName }, message, now);
}

/** Registers every target and discovery instance, and lets the task be RUNNING, in one transaction: it is never half registered. */
function activate(
  tx: Transaction,
  key: string,
  task: TaskRow,
  instance: ContainerInstanceRow | undefined,
  random: Random,
  now: number,
): void {
  const host = hostOf(tx, task, instance);
  const targetKeys: string[] = [];
  for (const [i, entry] of task.loadBalancers.entries()) {
    const group = groupOf(tx, entry.targetGroupArn);
    const target =
      group !== undefined && host !== undefined && instance !== undefined
        ? targetFor(task, entry, group, host, instance, random.hex(16), now)
        : undefined;
    if (target === undefined) {
      // The task runs without it and never counts as healthy: a group deleted by hand, a port that is not bound, a host
      // that is being terminated.
      tell(tx, task, `was unable to register a target in (target-group ${entry.targetGroupArn}).`, now);
      continue;
    }
    const rowKey = targetRowKey(target.targetGroupId, target.key);
    tx.put(targets, rowKey, target);
    targetKeys[i] = rowKey;
    tell(tx, task, `registered 1 targets in (target-group ${entry.targetGroupArn})`, now);
  }
  const discovered = (task.serviceRegistries ?? []).map((registry) => {
    const id = host === undefined ? undefined : registerInDiscovery(tx, task, registry, host, now);
    if (id === undefined)
      tell(
        tx,
        task,
        `was unable to register an instance in (service-registry ${registry.registryArn}).`,
        now,
      );
    return id;
  });
  tx.put(tasks, key, activateTask(task, targetKeys, now, discovered));
}

function targetsOf(rows: Reader, task: TaskRow): readonly (readonly [string, TargetRow])[] {
  return task.loadBalancers.flatMap(({ targetKey }) => {
    const target = targetKey === undefined ? undefined : rows.get(targets, targetKey);
    return targetKey === undefined || target === undefined ? [] : [[targetKey, target] as const];
  });
}

/** No new requests; those in flight may end until the deadline, which is stored. Returns when to look again. */
function drain(
  tx: Transaction,
  key: string,
  task: TaskRow,
  nodes: readonly string[],
  now: number,
): number | undefined {
  deregisterFromDiscovery(tx, task);
  const all = targetsOf(tx, task);
  const registered = all.filter(([, target]) => target.lifecycle === "registered");
  if (registered.length > 0) tell(tx, task, "has begun draining connections on 1 tasks.", now);
  for (const [targetKey, target] of registered) {
    const delay = deregistrationDelay(groupOf(tx, target.targetGroupArn));
    tx.put(targets, targetKey, drainTarget(target, delay, now));
    tell(tx, task, `deregistered 1 targets in (target-group ${target.targetGroupArn})`, now);
  }
  const waiting = targetsOf(tx, task).filter(([, target]) => !isDrained(target, nodes, now));
  if (waiting.length > 0) return Math.min(...waiting.map(([, target]) => target.drainingUntil ?? now));
  removeTargets(tx, task, now);
  tx.put(tasks, key, taskDrained(task));
  return undefined;
}

function removeTargets(tx: Transaction, task: TaskRow, now: number): void {
  for (const [targetKey, target] of targetsOf(tx, task)) {
    if (target.lifecycle === "removed") continue;
    if (target.lifecycle === "registered")
      tell(tx, task, `deregistered 1 targets in (target-group ${target.targetGroupArn})`, now);
    tx.put(
      targets,
      targetKey,
      removeTarget(target, deregistrationDelay(groupOf(tx, target.targetGroupArn)), now),
    );
  }
}
