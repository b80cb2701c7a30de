// Keeps Fargate's pool as large as it is needed. Placement adds hosts with the tasks that need them; here a host whose task has
// ended is kept a short while for another one and then ends, a task whose host could not be had is told why, and what is left of
// a host that is gone is forgotten. Each step is one transaction over the newest rows, so a crash between two changes nothing.
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { InstanceRow } from "#domain/ec2/instance.ts";
import { endPoolHost, leaveHost } from "#domain/ec2/pool-host.ts";
import { containerInstanceKey } from "#domain/ecs/container-instance.ts";
import { containerInstanceArn } from "#domain/ecs/arns.ts";
import { POOL_CLUSTER } from "#domain/ecs/fargate.ts";
import { hasReached, taskKey } from "#domain/ecs/task.ts";
import { loseTask } from "#domain/ecs/task-transitions.ts";
import { isChangeOf, type Store, type Transaction, type Watch } from "#store/store.ts";
import { instances } from "#store/tables/ec2.ts";
import { containerInstances, tasks } from "#store/tables/ecs.ts";
import type { Controller } from "../controller.ts";
import { createWorkQueue } from "../work-queue.ts";
import { decidePoolHost } from "./decide.ts";

export interface FargateControllerDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How long a host without a task is kept. */
  readonly keepMs: number;
}

export function createFargateController(dependencies: FargateControllerDependencies): Controller {
  const { store, clock, random, logger, keepMs } = dependencies;
  /** Container instance → the key of its host's row. */
  const hosts = new Map<string, string>();
  let watch: Watch | undefined;

  const queue = createWorkQueue({
    clock,
    random,
    logger,
    async handle(key) {
      queue.addAt(key, await store.transact((tx) => step(tx, key, keepMs, clock.now())));
    },
  });

  const onChange = () => {
    for (const change of watch?.take() ?? []) {
      if (isChangeOf(change, instances)) {
        const { key, row } = change;
        if (row?.fargate === undefined) continue;
        hosts.set(arnOf(row), key);
        queue.add(key);
      } else if (isChangeOf(change, tasks)) {
        const { row } = change;
        const host = row === undefined ? undefined : hosts.get(row.containerInstanceArn ?? "");
        if (row !== undefined && host !== undefined && hasReached(row, "DEPROVISIONING")) queue.add(host);
      } else if (isChangeOf(change, containerInstances)) {
        const host = hosts.get(change.row?.arn ?? "");
        if (host !== undefined) queue.add(host);
      }
    }
  };

  return {
    async start() {
      watch = store.snapshotAndWatch([instances, tasks, containerInstances], { notify: onChange });
    },
    async close() {
      watch?.close();
      await queue.close();
    },
  };

  /** Returns when to look again. */
  function step(tx: Transaction, key: string, keep: number, now: number): number | undefined {
    const row = tx.get(instances, key);
    if (row?.fargate === undefined) return undefined;
    const arn = arnOf(row);
    const instanceKey = containerInstanceKey(row.region, POOL_CLUSTER, row.fargate.containerInstanceId);
    const onHost = tx.find(tasks, "activeOnInstance", arn).map(([, task]) => task);
    const decided = decidePoolHost(row, tx.get(containerInstances, instanceKey), onHost, keep, now);
    switch (decided.step) {
      case "rest": {
        tx.put(instances, key, leaveHost(row, now));
        return now + keep;
      }
      case "end":
        tx.put(instances, key, endPoolHost(row, now));
        return undefined;
      case "fail":
        for (const task of decided.tasks) {
          const code = hasReached(task, "RUNNING") ? "TerminationNotice" : "TaskFailedToStart";
          const next = loseTask(task, { code, reason: decided.reason }, now);
          tx.put(tasks, taskKey(task.region, task.clusterName, task.id), next);
        }
        return undefined;
      case "forget":
        hosts.delete(arn);
        if (tx.get(containerInstances, instanceKey) !== undefined) tx.delete(containerInstances, instanceKey);
        tx.delete(instances, key);
        return undefined;
      case "wait":
        return decided.at;
    }
  }
}

const arnOf = ({ region, ownerId, fargate }: InstanceRow): string =>
  containerInstanceArn(region, ownerId, POOL_CLUSTER, fargate?.containerInstanceId ?? "");
