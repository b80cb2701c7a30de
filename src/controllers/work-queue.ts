// Keys that need a look, each handled by one call at a time and again when it became dirty meanwhile; keys that need a look at a
// later time; keys whose handling failed, tried again with growing delays.
import { type BackoffPolicy, backoffDelay } from "#lib/backoff.ts";
import type { Clock, Timer } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import { messageOf } from "#lib/errors.ts";
import type { Random } from "#lib/random.ts";

export interface WorkQueueParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly handle: (key: string) => Promise<void>;
  /** Handled at the same time; 16 unless said otherwise. */
  readonly concurrency?: number;
}

export interface WorkQueue {
  add(key: string): void;
  /** Adds the key at `time` (epoch milliseconds); replaces an earlier time of the key, undefined takes it back. */
  addAt(key: string, time: number | undefined): void;
  /** Nothing is handled after this; resolves when what is under way is done. */
  close(): Promise<void>;
}

const RETRY: BackoffPolicy = { initialMs: 200, maximumMs: 30_000, factor: 2, jitter: 0.2 };

export function createWorkQueue({
  clock,
  random,
  logger,
  handle,
  concurrency = 16,
}: WorkQueueParts): WorkQueue {
  const dirty = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const timers = new Map<string, { readonly time: number; readonly timer: Timer }>();
  const failures = new Map<string, number>();
  let closed = false;

  const run = async (key: string) => {
    try {
      await handle(key);
      failures.delete(key);
    } catch (error) {
      const attempt = failures.get(key) ?? 0;
      failures.set(key, attempt + 1);
      if (closed) return;
      logger.warn("a controller's step failed and will be tried again", {
        key,
        reason: messageOf(error),
        error,
      });
      queue.addAt(key, clock.now() + backoffDelay(RETRY, attempt, random));
    }
  };
  const pump = () => {
    for (const key of dirty) {
      if (closed || running.size >= concurrency) return;
      if (running.has(key)) continue;
      dirty.delete(key);
      running.set(
        key,
        run(key).then(() => {
          running.delete(key);
          pump();
        }),
      );
    }
  };
  const queue: WorkQueue = {
    add(key) {
      if (closed) return;
      dirty.add(key);
      pump();
    },
    addAt(key, time) {
      const before = timers.get(key);
      if (closed || before?.time === time) return;
      before?.timer.cancel();
      timers.delete(key);
      if (time === undefined) return;
      const delay = Math.max(0, time - clock.now());
      const timer = clock.after(Math.min(delay, LONGEST_TIMER_MS), () => {
        timers.delete(key);
        if (delay > LONGEST_TIMER_MS) queue.addAt(key, time);
        else queue.add(key);
      });
      timers.set(key, { time, timer });
    },
    async close() {
      closed = true;
      dirty.clear();
      for (const { timer } of timers.values()) timer.cancel();
      timers.clear();
      await Promise.all(running.values());
    },
  };
  return queue;
}

/** Timers of the platform overflow beyond 2^31 milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
