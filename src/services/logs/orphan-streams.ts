// Streams of a group that is no more, removed in transactions within the store's limits.
import { LIMITS, type Store } from "#store/store.ts";
import { logGroups, logStreams } from "#store/tables/logs.ts";

/** Without an id: of every group that is no more, as a life that was cut short may have left them. */
export async function removeOrphanStreams(store: Store, groupId?: string): Promise<void> {
  const groups = new Set([...store.scan(logGroups)].map(([, row]) => row.id));
  const orphans = [...store.scan(logStreams, groupId === undefined ? {} : { prefix: `${groupId}/` })]
    .filter(([, row]) => !groups.has(row.groupId))
    .map(([key]) => key);
  for (let i = 0; i < orphans.length; i += LIMITS.writesPerTransaction) {
    const some = orphans.slice(i, i + LIMITS.writesPerTransaction);
    await store.transact((tx) => some.forEach((key) => tx.delete(logStreams, key)));
  }
}
