// Events into log groups, as EventBridge writes them: into a stream that is made when it is not there.
import type { Clock } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";
import { sortOut } from "#domain/logs/batch.ts";
import { keptFrom, logGroupKey, logStreamKey, newLogStream } from "#domain/logs/log-group.ts";
import type { LogDelivery } from "#domain/ports/log-delivery.ts";
import type { LogStore } from "#logstore/log-store.ts";
import type { Store } from "#store/store.ts";
import { logGroups, logStreams } from "#store/tables/logs.ts";

export function createLogDelivery(parts: {
  readonly store: Store;
  readonly logs: LogStore;
  readonly clock: Clock;
  readonly random: Random;
}): LogDelivery {
  const { store, logs, clock, random } = parts;
  return {
    async deliver({ region, groupName, streamName, timestamp, message }) {
      const now = clock.now();
      const place = await store.transact((tx) => {
        const group = tx.get(logGroups, logGroupKey(region, groupName));
        if (group === undefined) return undefined;
        const key = logStreamKey(group.id, streamName);
        const stream = tx.get(logStreams, key) ?? newLogStream(group, random.hex(16), streamName, now);
        tx.put(logStreams, key, stream);
        return { group, stream };
      });
      if (place === undefined) return false;
      const { group, stream } = place;
      const from = keptFrom(group, now);
      // A transformer may have made up a time that no group takes: the event is not lost for it.
      const { accepted } = sortOut([{ timestamp, message }], now, from);
      const events =
        accepted.length > 0 ? accepted : sortOut([{ timestamp: now, message }], now, from).accepted;
      await logs.append({ group: group.id, stream: stream.id }, events);
      return true;
    },
  };
}
