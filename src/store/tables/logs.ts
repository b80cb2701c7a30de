// The tables of log groups and streams. Their events are in the log store.
import { defineTable } from "#store/store.ts";
import type { LogGroupRow, LogStreamRow } from "#domain/logs/log-group.ts";

/** region/name */
export const logGroups = defineTable<LogGroupRow>({
  name: "logs-groups",
  indexes: { id: (row) => [row.id] },
});
/** group id/name */
export const logStreams = defineTable<LogStreamRow>({
  name: "logs-streams",
  indexes: { id: (row) => [row.id] },
});
