// What the service's operations are given.
import type { EventBridge } from "@aws-sdk/client-eventbridge";
import type { Clock } from "#lib/clock.ts";
import type { Random } from "#lib/random.ts";
import type { EventPublisher } from "#domain/ports/event-publisher.ts";
import type { Sealer } from "#domain/ports/sealer.ts";
import type { OperationTable } from "#gateway/service-definition.ts";
import type { Store } from "#store/store.ts";

export interface EventsDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly account: string;
  readonly publisher: EventPublisher;
  readonly sealer: Sealer;
}

export type EventsOperations = OperationTable<EventBridge>;
