// EventBridge's tables. Keys are built by the functions beside the row types.
import { defineTable } from "#store/store.ts";
import type { ApiDestinationRow, ConnectionRow } from "#domain/events/connection.ts";
import type { OutboxRow } from "#domain/events/delivery.ts";
import type { EventBusRow, RuleRow, ScheduleRunRow } from "#domain/events/rule.ts";

/** region/name. Custom buses only. */
export const eventBuses = defineTable<EventBusRow>({ name: "events-buses" });

/** region/bus/name */
export const rules = defineTable<RuleRow>({
  name: "events-rules",
  indexes: {
    arn: (row) => [row.arn],
    /** Rules that are asked of each event of a bus: region/bus. */
    matching: (row) =>
      row.state === "ENABLED" && row.pattern !== undefined && row.targets.length > 0
        ? [`${row.region}/${row.busName}`]
        : [],
    target: (row) => [...new Set(row.targets.map(({ arn }) => arn))],
  },
});

/** The rule's key. */
export const scheduleRuns = defineTable<ScheduleRunRow>({ name: "events-schedule-runs" });

/** region/name */
export const connections = defineTable<ConnectionRow>({
  name: "events-connections",
  indexes: { arn: (row) => [row.arn] },
});

/** region/name */
export const apiDestinations = defineTable<ApiDestinationRow>({
  name: "events-api-destinations",
  indexes: { arn: (row) => [row.arn], connection: (row) => [row.connectionArn] },
});

/** time-sequence */
export const outbox = defineTable<OutboxRow>({ name: "events-outbox" });
