// What an instance's end means for the rows around it: before its host goes, its targets leave the load balancers, its tasks are
// found by name no more, and nothing new is placed on it; after, its address is free and its container instance INACTIVE. The
// task controller loses the tasks of an INACTIVE container instance.
import { ec2Key, type InstanceRow, instanceTerminated } from "#domain/ec2/instance.ts";
import { deregisterInstance, setAgentConnected } from "#domain/ecs/container-instance.ts";
import type { TaskRow } from "#domain/ecs/task.ts";
import { drainTarget, removeTarget, type TargetRow } from "#domain/elbv2/target.ts";
import type { Reader, Store } from "#store/store.ts";
import { addresses, instances } from "#store/tables/ec2.ts";
import { containerInstances, tasks } from "#store/tables/ecs.ts";
import { targetGroups, targets } from "#store/tables/elbv2.ts";
import { writeServiceEvent } from "../service-events.ts";
import { deregisterFromDiscovery, isDiscoverable } from "../task-discovery.ts";

/** Each writes its own row and a service event. */
const TARGETS_AT_ONCE = 40;

interface HostTarget {
  readonly key: string;
  readonly row: TargetRow;
  /** The task that it serves; none for a target that somebody registered by the instance's id. */
  readonly task?: TaskRow;
}

function targetsOf(reader: Reader, instanceId: string): readonly HostTarget[] {
  const found = new Map<string, HostTarget>();
  for (const [key, row] of reader.find(targets, "targetId", instanceId)) found.set(key, { key, row });
  for (const [, { arn }] of reader.find(containerInstances, "ec2InstanceId", instanceId)) {
    for (const [, task] of reader.find(tasks, "activeOnInstance", arn)) {
      for (const { targetKey: key } of task.loadBalancers) {
        const row = key === undefined ? undefined : reader.get(targets, key);
        if (key !== undefined && row !== undefined) found.set(key, { key, row, task });
      }
    }
  }
  return [...found.values()];
}

/** Seconds; ELBv2's default is 300. */
function deregistrationDelay(reader: Reader, target: TargetRow): number {
  const group = reader.find(targetGroups, "arn", target.targetGroupArn)[0]?.[1];
  return Number(group?.attributes["deregistration_delay.timeout_seconds"] ?? 300);
}

/**
 * No new request and no new task reaches the host from now on. An agent that is told nothing more counts as away, which is
 * what placement asks. Answers whether a load balancer had the host in use until now.
 */
export async function beginRelease(store: Store, instanceId: string, now: () => number): Promise<boolean> {
  await store.transact((tx) => {
    for (const [key, row] of tx.find(containerInstances, "ec2InstanceId", instanceId)) {
      const after = setAgentConnected(row, false, now());
      if (row.status !== "INACTIVE" && after !== row) tx.put(containerInstances, key, after);
    }
  });
  for (;;) {
    const left = await store.transact((tx) => {
      const found = tx
        .find(containerInstances, "ec2InstanceId", instanceId)
        .flatMap(([, { arn }]) => tx.find(tasks, "activeOnInstance", arn))
        .filter(([, task]) => isDiscoverable(tx, task));
      for (const [, task] of found.slice(0, TARGETS_AT_ONCE)) deregisterFromDiscovery(tx, task);
      return found.length;
    });
    if (left <= TARGETS_AT_ONCE) break;
  }
  let inUse = false;
  for (;;) {
    const left = await store.transact((tx) => {
      const registered = targetsOf(tx, instanceId).filter(({ row }) => row.lifecycle === "registered");
      for (const { key, row, task } of registered.slice(0, TARGETS_AT_ONCE)) {
        tx.put(targets, key, drainTarget(row, deregistrationDelay(tx, row), now()));
        if (task?.serviceName === undefined) continue;
        const service = { region: task.region, clusterName: task.clusterName, name: task.serviceName };
        writeServiceEvent(
          tx,
          service,
          `deregistered 1 targets in (target-group ${row.targetGroupArn})`,
          now(),
        );
      }
      return registered.length;
    });
    if (left > 0) inUse = true;
    if (left <= TARGETS_AT_ONCE) return inUse;
  }
}

/** Nothing of the host is left: everything that rested on it ends, the instance's own state with the last write. */
export async function finishRelease(store: Store, instance: InstanceRow, now: () => number): Promise<void> {
  for (;;) {
    const left = await store.transact((tx) => {
      const there = targetsOf(tx, instance.id).filter(({ row }) => row.lifecycle !== "removed");
      for (const { key, row } of there.slice(0, TARGETS_AT_ONCE))
        tx.put(targets, key, removeTarget(row, deregistrationDelay(tx, row), now()));
      return there.length;
    });
    if (left <= TARGETS_AT_ONCE) break;
  }
  await store.transact((tx) => {
    for (const [key, row] of tx.find(containerInstances, "ec2InstanceId", instance.id))
      if (row.status !== "INACTIVE") tx.put(containerInstances, key, deregisterInstance(row, now()));
    for (const [key] of tx.find(addresses, "owner", instance.id)) tx.delete(addresses, key);
    const key = ec2Key(instance.region, instance.id);
    const row = tx.get(instances, key);
    if (row !== undefined) tx.put(instances, key, instanceTerminated(row, now()));
  });
}
