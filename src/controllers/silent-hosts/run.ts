// Gives up services' tasks on hosts that have been silent for a chosen time: started only where that was asked for. The tasks' rows
// say that they are to stop, so the host stops its old copies as soon as it is back.
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import { stopTask } from "#domain/ecs/task-transitions.ts";
import { taskKey } from "#domain/ecs/task.ts";
import { isChangeOf, type Store, type Watch } from "#store/store.ts";
import { containerInstances, tasks } from "#store/tables/ecs.ts";
import type { Controller } from "../controller.ts";
import { createWorkQueue } from "../work-queue.ts";
import { decideSilentHost, gaveUp } from "./decide.ts";

export interface SilentHostDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly replaceAfterMs: number;
}

/** Rows that one transaction may write. */
const STOPS_AT_ONCE = 90;

export function createSilentHostController(dependencies: SilentHostDependencies): Controller {
  const { store, clock, random, logger, replaceAfterMs } = dependencies;
  const settings = { replaceAfterMs, since: clock.now() };
  let watch: Watch | undefined;

  const look = async (key: string): Promise<void> => {
    const left = await store.transact((tx) => {
      const host = tx.get(containerInstances, key);
      if (host === undefined) return 0;
      const onIt = tx.find(tasks, "activeOnInstance", host.arn).map(([, row]) => row);
      const { stop, wakeAt } = decideSilentHost(host, onIt, settings, clock.now());
      queue.addAt(key, wakeAt);
      const some = stop.slice(0, STOPS_AT_ONCE);
      for (const task of some)
        tx.put(
          tasks,
          taskKey(task.region, task.clusterName, task.id),
          stopTask(task, gaveUp(host), clock.now()),
        );
      if (some.length > 0)
        logger.warn("a host is silent: its services' tasks are replaced", {
          host: host.arn,
          tasks: some.length,
        });
      return stop.length - some.length;
    });
    if (left > 0) queue.add(key);
  };
  const queue = createWorkQueue({ clock, random, logger, handle: look });

  return {
    async start() {
      watch = store.snapshotAndWatch([containerInstances], {
        notify: () => {
          for (const change of watch?.take() ?? [])
            if (isChangeOf(change, containerInstances) && change.row !== undefined) queue.add(change.key);
        },
      });
    },
    async close() {
      watch?.close();
      await queue.close();
    },
  };
}
