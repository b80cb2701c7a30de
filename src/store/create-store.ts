// The store: loads the tables, runs transactions over committed rows and an overlay of those still being written, and
// publishes what was synced. The order of commits is the commit queue's, subscriptions are the watch hub's.
import type { Logger } from "#lib/logger.ts";
import type { Backend } from "./backend.ts";
import { CommitQueue, type Waiting } from "./commit-queue.ts";
import { RowSet } from "./row-set.ts";
import { decodeRow, encodeRow } from "./stored-row.ts";
import type { AnyTable, Row, Store, Table, WriteFailed } from "./store.ts";
import { openTransaction } from "./transaction.ts";
import { type Layers, findRows, getRow, scanRows } from "./view.ts";
import { createWatchHub } from "./watch-hub.ts";

export interface StoreParts {
  readonly backend: Backend;
  readonly logger: Logger;
  /** Every table that will be used; only these are loaded. */
  readonly tables: readonly AnyTable[];
}

interface TableState {
  readonly committed: RowSet;
  /** Changes of transactions that wait for their sync. */
  readonly pending: RowSet;
}

/**
 * Opens the store over what the backend holds. The backend belongs to the store from now on and is closed with it.
 * @throws UnreadableRow when a row was written by a newer release or cannot be upgraded
 */
export async function createStore({ backend, logger, tables }: StoreParts): Promise<Store> {
  const states = new Map<AnyTable, TableState>();
  const byName = new Map<string, AnyTable>();
  for (const table of tables) {
    if (!/^[A-Za-z0-9._-]+$/.test(table.name))
      throw new Error(`Not a table name: ${JSON.stringify(table.name)}`);
    if (byName.has(table.name)) throw new Error(`Two tables are named ${table.name}`);
    byName.set(table.name, table);
    states.set(table, { committed: await load(backend, table), pending: new RowSet(table) });
  }
  return assemble(backend, logger, states, byName);
}

async function load(backend: Backend, table: AnyTable): Promise<RowSet> {
  const rows: [string, Row][] = [];
  if (table.durability === "durable")
    for await (const [key, value] of backend.load(table.name)) rows.push([key, decodeRow(table, key, value)]);
  const set = new RowSet(table);
  set.fill(rows);
  return set;
}

function assemble(
  backend: Backend,
  logger: Logger,
  states: ReadonlyMap<AnyTable, TableState>,
  byName: ReadonlyMap<string, AnyTable>,
): Store {
  /** The transaction that last changed a row of the overlay. */
  const writers = new Map<string, Waiting>();
  let inTransaction = false;
  let closing: Promise<void> | undefined;

  const stateOf = (table: AnyTable): TableState => {
    const state = states.get(table);
    if (state === undefined) throw new Error(`The store has no table ${table.name}`);
    return state;
  };
  const committed = (table: AnyTable): Layers => [stateOf(table).committed];
  const newest = (table: AnyTable): Layers => {
    const state = stateOf(table);
    return state.pending.size === 0 ? [state.committed] : [state.pending, state.committed];
  };
  const hub = createWatchHub(
    ({ table, key }) => ({ table, key, row: stateOf(table).committed.get(key) }),
    logger,
  );

  const queue = new CommitQueue({
    backend,
    logger,
    publish(entries) {
      for (const entry of entries) {
        for (const { id, table, key, row } of entry.writes) {
          const state = stateOf(table);
          if (row === undefined) state.committed.delete(key);
          else state.committed.set(key, row);
          if (writers.get(id) === entry) {
            writers.delete(id);
            state.pending.delete(key);
          }
        }
        hub.changed(entry.writes);
      }
    },
    rollback() {
      writers.clear();
      for (const { pending } of states.values()) pending.clear();
    },
    published(name, key) {
      const table = byName.get(name) as AnyTable;
      const row = stateOf(table).committed.get(key);
      return { table: name, key, value: row === undefined ? undefined : encodeRow(table, row).value };
    },
  });

  const run = <T>(change: Parameters<Store["transact"]>[0]) => {
    if (closing !== undefined) throw new Error("The store is closed");
    if (inTransaction) throw new Error("A transaction cannot begin inside another");
    const open = openTransaction(newest);
    inTransaction = true;
    try {
      const result = change(open.transaction) as T;
      if (result instanceof Promise) {
        result.catch(() => {});
        throw new TypeError("The body of a transaction must be synchronous");
      }
      return { result, writes: open.writes() };
    } finally {
      inTransaction = false;
      open.end();
    }
  };

  return {
    get: <R extends Row>(table: Table<R>, key: string) => getRow(committed(table), key) as R | undefined,
    scan: <R extends Row>(table: Table<R>, options = {}) =>
      scanRows(committed(table), options) as Iterable<readonly [string, R]>,
    find: <R extends Row>(table: Table<R>, index: string, value: string) =>
      findRows(committed(table), index, value) as (readonly [string, R])[],

    transact<T>(change: Parameters<Store["transact"]>[0]) {
      return new Promise<T>((resolve, reject) => {
        let finish: () => void;
        let writes: Waiting["writes"] = [];
        try {
          const done = run<T>(change);
          writes = done.writes;
          finish = () => resolve(done.result);
        } catch (error) {
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what the body threw, as it is
          finish = () => reject(error);
        }
        if (writes.length === 0 && queue.idle) return finish();
        const settle = (failure: WriteFailed | undefined) =>
          failure === undefined ? finish() : reject(failure);
        const entry: Waiting = { writes, settle };
        for (const { id, table, key, row } of writes) {
          stateOf(table).pending.set(key, row);
          writers.set(id, entry);
        }
        queue.push(entry);
      });
    },

    snapshotAndWatch(tables, options) {
      const present = tables.flatMap((table) =>
        Array.from(stateOf(table).committed.keys(""), (key) => ({ table, key })),
      );
      return hub.watch(tables, present, options);
    },
    get durableCommits() {
      return queue.commits;
    },
    close() {
      closing ??= queue.drain().then(() => {
        hub.close();
        return backend.close();
      });
      return closing;
    },
  };
}
