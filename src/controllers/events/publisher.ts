// Turns events into rows of the outbox: one for each handful of events that some rule wants, none for the others. Delivery is
// another controller's.
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import type { Random } from "#lib/random.ts";
import {
  eventTime,
  type Delivery,
  type EventEnvelope,
  type NewEvent,
  type OutboxRow,
} from "#domain/events/delivery.ts";
import { DEFAULT_BUS } from "#domain/events/rule.ts";
import type { EventPublisher } from "#domain/ports/event-publisher.ts";
import type { Reader, Store, Transaction } from "#store/store.ts";
import { outbox } from "#store/tables/events.ts";
import { createRuleMatch, type RuleMatch } from "./rule-match.ts";

export interface PublisherParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly account: string;
}

/** A row to be stored, and its size. */
export interface Prepared {
  readonly key: string;
  readonly row: OutboxRow;
  readonly bytes: number;
}

export interface Publisher extends EventPublisher {
  readonly match: RuleMatch;
  /** Rows for the events that rules want, in key order; to be stored with `put` in a transaction. */
  prepare(reader: Reader, events: readonly NewEvent[]): readonly Prepared[];
  /** The row of an event that one rule's own schedule makes. */
  prepareFor(event: NewEvent, deliveries: readonly Delivery[]): Prepared;
  /** How many rows wait: new events are not taken while it is too many. */
  setBacklog(rows: number): void;
}

/** Below the store's limit of a row, with room for the retries' times. */
const BYTES_PER_ROW = 200 * 1024;
/** Rows that wait for their targets. Each holds at least one event. */
export const MOST_WAITING = 20_000;

export function createPublisher({ store, clock, random, logger, account }: PublisherParts): Publisher {
  const match = createRuleMatch();
  let last: { readonly time: number; readonly sequence: number } | undefined;
  let backlog = 0;
  let isTold = false;

  /** Keys rise, also over a clock that steps back and a restart. */
  const nextKey = (): string => {
    last ??= lastKeyOf(store);
    const time = Math.max(clock.now(), last.time);
    last = { time, sequence: time === last.time ? last.sequence + 1 : 0 };
    return `${String(time).padStart(14, "0")}-${String(last.sequence).padStart(8, "0")}`;
  };
  const envelope = (event: NewEvent): EventEnvelope => ({
    version: "0",
    id: random.uuid(),
    "detail-type": event.detailType,
    source: event.source,
    account,
    time: eventTime(event.time),
    region: event.region,
    resources: event.resources,
    detail: event.detail,
  });
  const stored = (event: NewEvent, made: EventEnvelope, deliveries: readonly Delivery[]) => ({
    event: made,
    ...(event.subject === undefined ? {} : { subject: event.subject }),
    acceptedAt: clock.now(),
    deliveries,
  });
  const rowOf = (events: OutboxRow["events"]): Prepared => {
    const row = { events };
    return { key: nextKey(), row, bytes: Buffer.byteLength(JSON.stringify(row)) };
  };
  const isFull = (): boolean => {
    const full = backlog >= MOST_WAITING;
    if (full && !isTold)
      logger.error("too many events wait for their targets; new ones are dropped", { backlog });
    isTold = full;
    return full;
  };
  const pack = (events: OutboxRow["events"]): readonly Prepared[] => {
    const rows: Prepared[] = [];
    let part: OutboxRow["events"][number][] = [];
    let bytes = 0;
    for (const event of events) {
      const size = Buffer.byteLength(JSON.stringify(event));
      if (size > BYTES_PER_ROW) {
        logger.warn("an event is too large to be delivered", { type: event.event["detail-type"], size });
        continue;
      }
      if (part.length > 0 && bytes + size > BYTES_PER_ROW) {
        rows.push(rowOf(part));
        part = [];
        bytes = 0;
      }
      part.push(event);
      bytes += size;
    }
    return part.length === 0 ? rows : [...rows, rowOf(part)];
  };

  return {
    match,
    prepare(reader, events) {
      const wanted = events.flatMap((event) => {
        const made = envelope(event);
        const deliveries = match.deliveriesOf(reader, made, event.busName ?? DEFAULT_BUS);
        return deliveries.length === 0 ? [] : [stored(event, made, deliveries)];
      });
      return wanted.length === 0 || isFull() ? [] : pack(wanted);
    },
    prepareFor: (event, deliveries) => rowOf([stored(event, envelope(event), deliveries)]),
    async publish(events) {
      const made = events.map((event) => ({ event, envelope: envelope(event) }));
      return store.transact((tx) => {
        const wanted = made.flatMap(({ event, envelope: one }) => {
          const deliveries = match.deliveriesOf(tx, one, event.busName ?? DEFAULT_BUS);
          return deliveries.length === 0 ? [] : [stored(event, one, deliveries)];
        });
        if (wanted.length > 0 && isFull()) {
          const refused = new Set(wanted.map(({ event }) => event.id));
          return made.map(({ envelope: { id } }) => (refused.has(id) ? undefined : id));
        }
        for (const row of pack(wanted)) put(tx, row);
        return made.map(({ envelope: { id } }) => id);
      });
    },
    setBacklog(rows) {
      backlog = rows;
    },
  };
}

export const put = (tx: Transaction, { key, row }: Prepared): void => tx.put(outbox, key, row);

function lastKeyOf(reader: Reader): { readonly time: number; readonly sequence: number } {
  let newest = "";
  for (const [key] of reader.scan(outbox)) newest = key;
  const [time = "0", sequence = "0"] = newest.split("-");
  return { time: Number(time), sequence: Number(sequence) };
}
