// CloudWatch Logs: groups and streams as rows, events in the log store. What is not here answers as an unknown operation: metric
// filters (there are no metrics to write to), Logs Insights, subscription filters, exports, deliveries, anomaly detection.
import type { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import type { PermissionTable, ServiceDefinition } from "#gateway/service-definition.ts";
import type { LogsDependencies, LogsOperations } from "./dependencies.ts";
import { missingMember } from "./errors.ts";
import { describeOperations } from "./operations/describe.ts";
import { eventOperations } from "./operations/events.ts";
import { filterOperations } from "./operations/filter-events.ts";
import { liveTailOperations } from "./operations/live-tail.ts";
import { logGroupOperations } from "./operations/log-groups.ts";
import { logStreamOperations } from "./operations/log-streams.ts";
import { tagOperations } from "./operations/tags.ts";
import { logsPermissions } from "./permissions.ts";

/** A batch of 1 MiB as JSON, should each of its characters be written as `\u0000`, and what surrounds 10,000 events. */
const MOST_BODY_BYTES = 8 * 1024 * 1024;

export function logsOperations(deps: LogsDependencies) {
  return {
    ...logGroupOperations(deps),
    ...logStreamOperations(deps),
    ...describeOperations(deps),
    ...eventOperations(deps),
    ...filterOperations(deps),
    ...liveTailOperations(deps),
    ...tagOperations(deps),
  } satisfies LogsOperations;
}

export function createLogsService(deps: LogsDependencies): ServiceDefinition {
  return {
    name: "logs",
    signingName: "logs",
    protocol: "awsJson1_1",
    wireName: "Logs_20140328",
    bodyBytes: MOST_BODY_BYTES,
    missingMember,
    loadSchemas: () => import("@aws-sdk/client-cloudwatch-logs"),
    operations: logsOperations(deps),
    permissions: logsPermissions(deps.store) satisfies PermissionTable<
      CloudWatchLogs,
      keyof ReturnType<typeof logsOperations>
    >,
  };
}
