// EventBridge wired: the store that tells of changes, the service, and the controllers that deliver and keep schedules.
import { createHttpCaller } from "#controllers/events/http-call.ts";
import { createDeliveryController } from "#controllers/events/deliver.ts";
import { createPublisher } from "#controllers/events/publisher.ts";
import { createScheduleController } from "#controllers/events/schedule.ts";
import { createDeliverer } from "#controllers/events/target.ts";
import { createTellingStore } from "#controllers/events/telling-store.ts";
import type { Controller } from "#controllers/controller.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import type { LogDelivery } from "#domain/ports/log-delivery.ts";
import type { RoleCalls } from "#domain/ports/role-calls.ts";
import { createSealer } from "#gateway/credentials/sealer.ts";
import type { ServiceDefinition } from "#gateway/service-definition.ts";
import { createEventsService } from "#services/events/service.ts";
import type { Store } from "#store/store.ts";

export interface EventBridgeParts {
  /** The store itself. */
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly account: string;
  readonly sealingKey: Uint8Array;
}

export interface EventBridge {
  /** What every other part writes through, so that its changes are told. */
  readonly store: Store;
  readonly service: ServiceDefinition;
  controllers(parts: { readonly roleCalls: RoleCalls; readonly logs: LogDelivery }): readonly Controller[];
}

export function openEventBridge({ store, sealingKey, ...base }: EventBridgeParts): EventBridge {
  const { clock, random } = base;
  const publisher = createPublisher({ ...base, store });
  const sealer = createSealer({ key: sealingKey, purpose: "event connections", random });
  return {
    store: createTellingStore({ store, publisher, clock }),
    service: createEventsService({ ...base, store, publisher, sealer }),
    controllers: ({ roleCalls, logs }) => [
      createDeliveryController({
        ...base,
        store,
        deliver: createDeliverer({
          store,
          clock,
          roleCalls,
          logs,
          sealer,
          callHttp: createHttpCaller(clock),
        }),
        onBacklog: (rows) => publisher.setBacklog(rows),
      }),
      createScheduleController({ ...base, store, publisher }),
    ],
  };
}
