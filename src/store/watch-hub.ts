// Subscriptions. Each holds the set of rows that changed since its last `take`, ordered by last change, so a slow
// subscriber costs memory by the number of rows, never by the number of changes.
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { AnyTable, Change, Watch, WatchOptions } from "./store.ts";
import { type Write, rowId } from "./transaction.ts";

type RowName = Pick<Write, "table" | "key">;

export interface WatchHub {
  /** @param present the rows that are dirty at first. */
  watch(tables: readonly AnyTable[], present: Iterable<RowName>, options: WatchOptions): Watch;
  /** Marks changed rows; called after they can be read. */
  changed(writes: readonly Write[]): void;
  close(): void;
}

/** @param current turns a row's name into its newest state. */
export function createWatchHub(current: (name: RowName) => Change, logger: Logger): WatchHub {
  const subscriptions = new Set<Subscription>();
  return {
    watch(tables, present, { notify }) {
      const subscription = new Subscription(new Set(tables), current, () => {
        try {
          notify();
        } catch (error) {
          logger.error("a subscriber failed on being notified", { reason: messageOf(error), error });
        }
      });
      subscription.mark(present);
      subscriptions.add(subscription);
      return {
        take: () => subscription.take(),
        close() {
          subscription.close();
          subscriptions.delete(subscription);
        },
      };
    },
    changed(writes) {
      for (const subscription of subscriptions) subscription.mark(writes);
    },
    close() {
      for (const subscription of subscriptions) subscription.close();
      subscriptions.clear();
    },
  };
}

class Subscription {
  readonly #tables: ReadonlySet<AnyTable>;
  readonly #current: (name: RowName) => Change;
  readonly #notify: () => void;
  readonly #dirty = new Map<string, RowName>();
  #scheduled = false;
  #closed = false;

  constructor(tables: ReadonlySet<AnyTable>, current: (name: RowName) => Change, notify: () => void) {
    this.#tables = tables;
    this.#current = current;
    this.#notify = notify;
  }

  mark(names: Iterable<RowName>): void {
    const wasEmpty = this.#dirty.size === 0;
    for (const { table, key } of names) {
      if (!this.#tables.has(table)) continue;
      const id = rowId(table, key);
      this.#dirty.delete(id);
      this.#dirty.set(id, { table, key });
    }
    if (wasEmpty && this.#dirty.size > 0) this.#schedule();
  }

  take(): readonly Change[] {
    const changes = Array.from(this.#dirty.values(), this.#current);
    this.#dirty.clear();
    return changes;
  }

  close(): void {
    this.#closed = true;
    this.#dirty.clear();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (!this.#closed && this.#dirty.size > 0) this.#notify();
    });
  }
}
