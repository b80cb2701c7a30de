// Log groups: made, shown, deleted, and how long they keep their events.
import { logGroupKey, newLogGroup, withRetention } from "#domain/logs/log-group.ts";
import { logGroups } from "#store/tables/logs.ts";
import { checkGroupName, checkRetention, checkTags } from "../constraints.ts";
import type { LogsDependencies, LogsOperations } from "../dependencies.ts";
import { groupExists, notImplemented } from "../errors.ts";
import { groupByName } from "../lookup.ts";
import { removeOrphanStreams } from "../orphan-streams.ts";

export function logGroupOperations({ store, logs, clock, random, account }: LogsDependencies) {
  return {
    async CreateLogGroup(input, { region }) {
      const name = checkGroupName(input.logGroupName ?? "");
      if (input.kmsKeyId !== undefined) throw notImplemented("kmsKeyId of a log group");
      if (input.deletionProtectionEnabled === true) throw notImplemented("deletionProtectionEnabled");
      if (input.logGroupClass !== undefined && input.logGroupClass !== "STANDARD")
        throw notImplemented(`The log group class ${input.logGroupClass}`);
      const row = newLogGroup(
        { id: random.hex(16), name, region, account, tags: checkTags(input.tags) },
        clock.now(),
      );
      await store.transact((tx) => {
        const key = logGroupKey(region, name);
        if (tx.get(logGroups, key) !== undefined) throw groupExists();
        tx.put(logGroups, key, row);
      });
      return {};
    },

    async DeleteLogGroup({ logGroupName }, place) {
      const { id } = await store.transact((tx) => {
        const group = groupByName(tx, place, logGroupName);
        tx.delete(logGroups, logGroupKey(place.region, group.name));
        return group;
      });
      // The group is gone with its row; what belonged to it goes in steps, and at the next start if this one is cut short.
      await removeOrphanStreams(store, id);
      void logs.sweep();
      return {};
    },

    async PutRetentionPolicy({ logGroupName, retentionInDays }, place) {
      const days = checkRetention(retentionInDays ?? 0);
      await store.transact((tx) => {
        const group = groupByName(tx, place, logGroupName);
        tx.put(logGroups, logGroupKey(place.region, group.name), withRetention(group, days));
      });
      void logs.sweep();
      return {};
    },

    async DeleteRetentionPolicy({ logGroupName }, place) {
      await store.transact((tx) => {
        const group = groupByName(tx, place, logGroupName);
        tx.put(logGroups, logGroupKey(place.region, group.name), withRetention(group, undefined));
      });
      return {};
    },
  } satisfies LogsOperations;
}
