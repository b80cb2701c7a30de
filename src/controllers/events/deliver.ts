// Carries events from the outbox to their targets: in order for one subject, tried again with growing delays as the target's
// RetryPolicy says, at least once. What a target is and how it is reached is target.ts's.
import type { BackoffPolicy } from "#lib/backoff.ts";
import { backoffDelay } from "#lib/backoff.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import { messageOf } from "#lib/errors.ts";
import type { Random } from "#lib/random.ts";
import {
  deliveryEnded,
  deliveryFailed,
  type Delivery,
  type DeliveryPlace,
  type OutboxRow,
} from "#domain/events/delivery.ts";
import type { RuleRow, TargetRow } from "#domain/events/rule.ts";
import type { Store, Watch } from "#store/store.ts";
import { outbox, rules } from "#store/tables/events.ts";
import type { Controller } from "../controller.ts";
import { createWorkQueue } from "../work-queue.ts";
import { createLanes } from "./lanes.ts";

/** Why an attempt did not succeed. */
export class DeliveryFailed extends Error {
  override readonly name = "DeliveryFailed";
  /** False: another attempt would fail the same way. */
  readonly mayRetry: boolean;
  /** The target asks for at least this pause. */
  readonly afterMs: number;

  constructor(message: string, { mayRetry = true, afterMs = 0 } = {}) {
    super(message);
    this.mayRetry = mayRetry;
    this.afterMs = afterMs;
  }
}

export interface Attempt {
  readonly rule: RuleRow;
  readonly target: TargetRow;
  readonly stored: OutboxRow["events"][number];
}

/** Brings one event to one target. @throws DeliveryFailed; anything else counts as one that may be tried again */
export type Deliverer = (attempt: Attempt) => Promise<void>;

export interface DeliveryControllerParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly deliver: Deliverer;
  /** Told how many rows wait. */
  readonly onBacklog: (rows: number) => void;
}

interface Item {
  readonly rowKey: string;
  readonly place: DeliveryPlace;
}

const RETRY: BackoffPolicy = { initialMs: 1000, maximumMs: 600_000, factor: 2, jitter: 0.2 };
const AT_ONCE = 64;
const AT_ONCE_OF_A_TARGET = 8;

export function createDeliveryController(parts: DeliveryControllerParts): Controller {
  const { store, clock, random, logger, deliver } = parts;
  const lanes = createLanes<Item>(AT_ONCE_OF_A_TARGET);
  const known = new Set<string>();
  let watch: Watch | undefined;

  const onChange = () => {
    for (const { key, row } of watch?.take() ?? []) {
      if (row === undefined) known.delete(key);
      else if (!known.has(key)) {
        known.add(key);
        for (const stored of (row as OutboxRow).events)
          for (const { ruleKey, targetId } of stored.deliveries) {
            const place = { eventId: stored.event.id, ruleKey, targetId };
            const subject = stored.subject ?? stored.event.id;
            queue.add(lanes.add(`${ruleKey}/${targetId}`, subject, { rowKey: key, place }));
          }
      }
    }
    parts.onBacklog(known.size);
  };

  const end = ({ rowKey, place }: Item) =>
    store.transact((tx) => {
      const row = tx.get(outbox, rowKey);
      if (row === undefined) return;
      const left = deliveryEnded(row, place);
      if (left === undefined) tx.delete(outbox, rowKey);
      else tx.put(outbox, rowKey, left);
    });
  const retryAt = ({ rowKey, place }: Item, time: number) =>
    store.transact((tx) => {
      const row = tx.get(outbox, rowKey);
      if (row !== undefined) tx.put(outbox, rowKey, deliveryFailed(row, place, time));
    });

  /** When the item is to be tried next; undefined when it is done with. */
  const attempt = async (item: Item): Promise<number | undefined> => {
    const found = lookUp(store, item);
    if (found === undefined) return undefined;
    const { delivery, stored, rule } = found;
    const target = rule?.targets.find(({ id }) => id === delivery.targetId);
    // A rule or target that was taken away meanwhile gets nothing more.
    if (rule === undefined || target === undefined) return void (await end(item));
    if (delivery.notBefore !== undefined && delivery.notBefore > clock.now()) return delivery.notBefore;
    try {
      await deliver({ rule, target, stored });
    } catch (error) {
      const { mayRetry, afterMs } = error instanceof DeliveryFailed ? error : new DeliveryFailed("");
      const { attempts, maximumAgeSeconds } = target.retry;
      const delay = Math.max(afterMs, backoffDelay(RETRY, delivery.failures, random));
      const next = clock.now() + delay;
      const isOver =
        !mayRetry || delivery.failures >= attempts || next > stored.acceptedAt + maximumAgeSeconds * 1000;
      logger.warn(isOver ? "an event was not delivered" : "an event could not be delivered yet", {
        rule: rule.arn,
        target: target.arn,
        event: stored.event.id,
        failures: delivery.failures + 1,
        reason: messageOf(error),
      });
      if (isOver) return void (await end(item));
      await retryAt(item, next);
      return next;
    }
    await end(item);
    return undefined;
  };

  const queue = createWorkQueue({
    clock,
    random,
    logger,
    concurrency: AT_ONCE,
    async handle(lane) {
      const item = lanes.head(lane);
      if (item === undefined || !lanes.enter(lane)) return;
      try {
        const next = await attempt(item);
        if (next !== undefined) queue.addAt(lane, next);
        else if (lanes.shift(lane)) queue.add(lane);
      } finally {
        const waiting = lanes.leave(lane);
        if (waiting !== undefined) queue.add(waiting);
      }
    },
  });

  return {
    async start() {
      watch = store.snapshotAndWatch([outbox], { notify: onChange });
    },
    async close() {
      watch?.close();
      await queue.close();
    },
  };
}

function lookUp(
  store: Store,
  { rowKey, place }: Item,
): { stored: Attempt["stored"]; delivery: Delivery; rule: RuleRow | undefined } | undefined {
  const stored = store.get(outbox, rowKey)?.events.find(({ event }) => event.id === place.eventId);
  const delivery = stored?.deliveries.find(
    ({ ruleKey, targetId }) => ruleKey === place.ruleKey && targetId === place.targetId,
  );
  if (stored === undefined || delivery === undefined) return undefined;
  return { stored, delivery, rule: store.get(rules, place.ruleKey) };
}
