// The log store of this server: what rows say of groups and streams decides what it keeps, looked at each hour.
import type { Clock, Timer } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import { keptFrom } from "#domain/logs/log-group.ts";
import type { LogStore } from "#logstore/log-store.ts";
import { openLogStore } from "#logstore/open-log-store.ts";
import { removeOrphanStreams } from "#services/logs/orphan-streams.ts";
import type { Store } from "#store/store.ts";
import { logGroups, logStreams } from "#store/tables/logs.ts";

const SWEEP_EVERY_MS = 3_600_000;

export interface OpenedLogs {
  readonly store: LogStore;
  close(): Promise<void>;
}

export async function openLogs(options: {
  readonly folder: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}): Promise<OpenedLogs> {
  const { folder, store, clock, logger } = options;
  await removeOrphanStreams(store);
  const groupOf = (id: string) => store.find(logGroups, "id", id)[0]?.[1];
  const logs = await openLogStore({
    folder,
    clock,
    logger,
    policy: {
      keepsGroup: (id) => groupOf(id) !== undefined,
      keepsStream: ({ group, stream }) =>
        groupOf(group) !== undefined && store.find(logStreams, "id", stream)[0]?.[1].groupId === group,
      keptFrom: (id) => keptFrom(groupOf(id) ?? {}, clock.now()),
    },
  });
  let timer: Timer;
  const sweep = () => {
    timer = clock.after(SWEEP_EVERY_MS, sweep);
    void logs.sweep();
  };
  sweep();
  return {
    store: logs,
    async close() {
      timer.cancel();
      await logs.close();
    },
  };
}
