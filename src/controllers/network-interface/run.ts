// Makes tasks' network interfaces on their hosts and takes them back: follows the interfaces' and tasks' rows, asks decide.ts what
// each needs, and drives the compute provider, whose calls are safe to repeat. What a dead process left half done is in the rows.
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { ComputeProvider } from "#compute/port.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import {
  interfaceAttached,
  interfaceDetached,
  type NetworkInterfaceRow,
} from "#domain/ec2/network-interface.ts";
import type { TaskRow } from "#domain/ecs/task.ts";
import {
  interfaceGone,
  interfaceOffHost,
  interfaceOnHost,
  provisioningTimedOut,
} from "#domain/ecs/task-transitions.ts";
import { isChangeOf, type Store, type Transaction, type Watch } from "#store/store.ts";
import { addresses, instances, networkInterfaces } from "#store/tables/ec2.ts";
import { tasks } from "#store/tables/ecs.ts";
import type { Controller } from "../controller.ts";
import { createWorkQueue } from "../work-queue.ts";
import { decideInterface } from "./decide.ts";

export interface NetworkInterfaceControllerDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly compute: Pick<ComputeProvider, "attachInterface" | "detachInterface">;
}

export function createNetworkInterfaceController({
  store,
  clock,
  random,
  logger,
  compute,
}: NetworkInterfaceControllerDependencies): Controller {
  /** Interfaces that this life has made: one that a former life made is made again, which leaves it if it is there. */
  const inHand = new Set<string>();
  let watch: Watch | undefined;

  /** The rows change together, and only while the interface's row is there. */
  const change = (
    key: string,
    toRow: (row: NetworkInterfaceRow) => NetworkInterfaceRow,
    toTask: (task: TaskRow) => TaskRow,
  ) =>
    store.transact((tx) => {
      const row = tx.get(networkInterfaces, key);
      if (row === undefined) return;
      const next = toRow(row);
      if (next !== row) tx.put(networkInterfaces, key, next);
      changeTask(tx, row, toTask);
    });

  const step = async (key: string): Promise<void> => {
    const row = store.get(networkInterfaces, key);
    if (row === undefined) return;
    const task = store.get(tasks, row.taskKey);
    const host = store.get(instances, ec2Key(row.region, row.instanceId));
    switch (decideInterface(row, task, host, inHand.has(row.id), clock.now())) {
      case "attach":
        await compute.attachInterface({
          vpcId: row.vpcId,
          instanceId: row.instanceId,
          interfaceId: row.id,
          privateIp: row.privateIp,
          macAddress: row.macAddress,
          metadataHopLimit: host?.metadataOptions.httpPutResponseHopLimit ?? 1,
        });
        inHand.add(row.id);
        await change(key, interfaceAttached, interfaceOnHost);
        break;
      case "confirm":
        await change(key, interfaceAttached, (t) => t);
        break;
      case "fail":
        await change(
          key,
          (r) => r,
          (t) => provisioningTimedOut(t, clock.now()),
        );
        return;
      case "detach":
        await compute.detachInterface({
          vpcId: row.vpcId,
          instanceId: row.instanceId,
          interfaceId: row.id,
        });
        inHand.delete(row.id);
        await change(key, interfaceDetached, interfaceOffHost);
        return;
      case "delete":
        await store.transact((tx) => {
          const now = tx.get(networkInterfaces, key);
          if (now === undefined) return;
          tx.delete(networkInterfaces, key);
          tx.delete(addresses, `${now.subnetId}/${now.privateIp}`);
          changeTask(tx, now, (t) => interfaceGone(t, clock.now()));
        });
        return;
      case "wait":
        break;
    }
    queue.addAt(key, task?.lastStatus === "PROVISIONING" ? task.attachment?.attachBy : undefined);
  };
  const queue = createWorkQueue({ clock, random, logger, handle: step });

  const onChange = () => {
    for (const changed of watch?.take() ?? []) {
      if (isChangeOf(changed, networkInterfaces)) {
        if (changed.row !== undefined) queue.add(changed.key);
      } else if (isChangeOf(changed, tasks)) {
        const { row } = changed;
        if (row === undefined)
          for (const [key] of store.find(networkInterfaces, "task", changed.key)) queue.add(key);
        else if (row.attachment !== undefined && row.attachment.status !== "DELETED")
          queue.add(ec2Key(row.region, row.attachment.networkInterfaceId));
      } else if (isChangeOf(changed, instances) && changed.row?.state === "running") {
        for (const [key] of store.find(networkInterfaces, "instance", changed.row.id)) queue.add(key);
      }
    }
  };

  return {
    async start() {
      watch = store.snapshotAndWatch([networkInterfaces, tasks, instances], { notify: onChange });
    },
    async close() {
      watch?.close();
      await queue.close();
    },
  };
}

function changeTask(tx: Transaction, row: NetworkInterfaceRow, to: (task: TaskRow) => TaskRow): void {
  const task = tx.get(tasks, row.taskKey);
  // A task of the same key has another interface only if ids repeat; the check costs nothing.
  if (task?.attachment?.networkInterfaceId !== row.id) return;
  const next = to(task);
  if (next !== task) tx.put(tasks, row.taskKey, next);
}
