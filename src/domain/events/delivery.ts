// Events on their way to targets, as stored: written in the transaction that makes them, gone when every target has them or none
// may be tried again. Key: time-sequence, so that key order is the order in which they were made.
import type { Json } from "./json.ts";

/** The envelope of every event (EventBridge User Guide, "Event structure"). */
export interface EventEnvelope {
  readonly version: "0";
  readonly id: string;
  readonly "detail-type": string;
  readonly source: string;
  readonly account: string;
  /** To the second: `2026-01-02T03:04:05Z`. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: Json;
}

/** An event before it has an id: what a change of a row makes. */
export interface NewEvent {
  readonly source: string;
  readonly detailType: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: Json;
  /** Epoch milliseconds. */
  readonly time: number;
  readonly busName?: string;
  /** Events of one subject reach each target in order. */
  readonly subject?: string;
}

export interface Delivery {
  /** Key of the rule, and the id of its target. Either may be gone by now. */
  readonly ruleKey: string;
  readonly targetId: string;
  /** Attempts that failed. */
  readonly failures: number;
  /** No attempt before (epoch milliseconds). */
  readonly notBefore?: number;
}

interface StoredEvent {
  readonly event: EventEnvelope;
  readonly subject?: string;
  /** Epoch milliseconds: the age of RetryPolicy counts from here. */
  readonly acceptedAt: number;
  readonly deliveries: readonly Delivery[];
}

/** The events of one transaction, as far as rules want them. */
export interface OutboxRow {
  readonly events: readonly StoredEvent[];
}

/** Where one delivery stands in a row. */
export interface DeliveryPlace {
  readonly eventId: string;
  readonly ruleKey: string;
  readonly targetId: string;
}

const isAt = (delivery: Delivery, place: DeliveryPlace): boolean =>
  delivery.ruleKey === place.ruleKey && delivery.targetId === place.targetId;

/** The delivery is done with, one way or the other. Undefined when nothing is left of the row. */
export function deliveryEnded(row: OutboxRow, place: DeliveryPlace): OutboxRow | undefined {
  const events = row.events.flatMap((stored) => {
    if (stored.event.id !== place.eventId) return [stored];
    const deliveries = stored.deliveries.filter((delivery) => !isAt(delivery, place));
    return deliveries.length === 0 ? [] : [{ ...stored, deliveries }];
  });
  return events.length === 0 ? undefined : { events };
}

/** An attempt failed and another is due at `notBefore`. */
export function deliveryFailed(row: OutboxRow, place: DeliveryPlace, notBefore: number): OutboxRow {
  return {
    events: row.events.map((stored) =>
      stored.event.id !== place.eventId
        ? stored
        : {
            ...stored,
            deliveries: stored.deliveries.map((delivery) =>
              isAt(delivery, place) ? { ...delivery, failures: delivery.failures + 1, notBefore } : delivery,
            ),
          },
    ),
  };
}

/** EventBridge tells times to the second. */
export const eventTime = (milliseconds: number): string =>
  new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, "Z");
