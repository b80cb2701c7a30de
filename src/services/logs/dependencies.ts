// What the service's operations are given.
import type { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { OperationTable } from "#gateway/service-definition.ts";
import type { LogStore } from "#logstore/log-store.ts";
import type { Store } from "#store/store.ts";

export interface LogsDependencies {
  readonly store: Store;
  readonly logs: LogStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly account: string;
}

export type LogsOperations = OperationTable<CloudWatchLogs>;
