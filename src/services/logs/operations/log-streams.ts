// Log streams: made, shown, deleted.
import { logStreamKey, newLogStream } from "#domain/logs/log-group.ts";
import { logStreams } from "#store/tables/logs.ts";
import { checkStreamName } from "../constraints.ts";
import type { LogsDependencies, LogsOperations } from "../dependencies.ts";
import { streamExists } from "../errors.ts";
import { groupByName, streamOf } from "../lookup.ts";

export function logStreamOperations({ store, clock, random }: LogsDependencies) {
  return {
    async CreateLogStream(input, place) {
      const name = checkStreamName(input.logStreamName ?? "");
      const id = random.hex(16);
      await store.transact((tx) => {
        const group = groupByName(tx, place, input.logGroupName);
        const key = logStreamKey(group.id, name);
        if (tx.get(logStreams, key) !== undefined) throw streamExists();
        tx.put(logStreams, key, newLogStream(group, id, name, clock.now()));
      });
      return {};
    },

    async DeleteLogStream(input, place) {
      await store.transact((tx) => {
        const group = groupByName(tx, place, input.logGroupName);
        const stream = streamOf(tx, group, input.logStreamName);
        tx.delete(logStreams, logStreamKey(group.id, stream.name));
      });
      return {};
    },
  } satisfies LogsOperations;
}
