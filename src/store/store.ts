// The store: typed tables in memory with indexes, durable rows behind them. Tables are declared with defineTable;
// every change is a transaction over rows; snapshotAndWatch is the only way to subscribe.

/** Stored rows are plain JSON values and never changed in place. */
export type Row = object;

export interface Table<R extends Row> {
  readonly name: string;
  /** Raised when the row's shape changes; `upgrade` turns older rows into the present shape. */
  readonly version: number;
  readonly upgrade?: (row: unknown, fromVersion: number) => R;
  /** `memory` rows are lost with the process and cost no durable write. */
  readonly durability: "durable" | "memory";
  /** Index name → the values under which a row is found. */
  readonly indexes: Readonly<Record<string, (row: R, key: string) => readonly string[]>>;
}

/** A table of whatever rows: every `Table<R>` is one. */
export type AnyTable = Pick<Table<never>, "name" | "version" | "durability" | "indexes"> & {
  readonly upgrade?: (row: unknown, fromVersion: number) => Row;
};

export function defineTable<R extends Row>(
  table: Omit<Table<R>, "indexes" | "version" | "durability"> & Partial<Table<R>>,
): Table<R> {
  return { version: 1, durability: "durable", indexes: {}, ...table };
}

/**
 * Limits of a transaction, the same on every backend and for both durabilities. Bytes are those of the row's JSON in
 * UTF-8; a transaction also counts its keys. Writes are the rows that a transaction changes in the end.
 */
export const LIMITS = {
  writesPerTransaction: 100,
  bytesPerTransaction: 1024 * 1024,
  bytesPerRow: 256 * 1024,
  bytesPerKey: 1024,
} as const;

export class TransactionTooLarge extends Error {
  override readonly name = "TransactionTooLarge";
  readonly limit: keyof typeof LIMITS;

  constructor(limit: keyof typeof LIMITS, actual: number) {
    super(`A transaction exceeds ${limit}: ${actual} > ${LIMITS[limit]}`);
    this.limit = limit;
  }
}

/** The durable write failed (for instance a full disk): nothing of the transaction took effect. */
export class WriteFailed extends Error {
  override readonly name = "WriteFailed";
}

/** What can be asked of rows, in the store (committed rows) and inside a transaction (with its own and earlier pending changes). */
export interface Reader {
  get<R extends Row>(table: Table<R>, key: string): Readonly<R> | undefined;
  /** Rows in key order; with `prefix`, those whose key begins with it; `after` skips keys up to and including it. */
  scan<R extends Row>(
    table: Table<R>,
    options?: { readonly prefix?: string; readonly after?: string },
  ): Iterable<readonly [key: string, row: Readonly<R>]>;
  /** Rows under `value` of an index, in key order. */
  find<R extends Row>(
    table: Table<R>,
    index: string,
    value: string,
  ): readonly (readonly [key: string, row: Readonly<R>])[];
}

export interface Transaction extends Reader {
  put<R extends Row>(table: Table<R>, key: string, row: R): void;
  delete<R extends Row>(table: Table<R>, key: string): void;
}

export interface WatchOptions {
  /** Called, never re-entrantly, when there is something in `take`. */
  readonly notify: () => void;
}

export interface Change<R extends Row = Row> {
  readonly table: AnyTable;
  readonly key: string;
  /** The newest state; undefined when the row is gone. */
  readonly row: Readonly<R> | undefined;
}

/** Narrows a change to the rows of `table`. */
export function isChangeOf<R extends Row>(change: Change, table: Table<R>): change is Change<R> {
  return change.table === (table as AnyTable);
}

/** A subscription: a set of dirty keys, not a queue. */
export interface Watch {
  /** Takes what changed since the last call, in commit order of each row's last change. Intermediate states may be skipped. */
  take(): readonly Change[];
  close(): void;
}

export interface Store extends Reader {
  /**
   * Runs `change` at once over the newest rows (those of transactions still being written included) and resolves with its
   * result after the durable write was synced. `change` is synchronous; what it throws rejects and changes nothing.
   * A transaction that writes nothing, or throws, settles when everything it may have read has been synced.
   * @throws TransactionTooLarge, WriteFailed
   */
  transact<T>(change: (tx: Transaction) => T): Promise<T>;
  /** Every present row of the tables is dirty at first; thereafter every committed change. */
  snapshotAndWatch(tables: readonly AnyTable[], options: WatchOptions): Watch;
  /** Number of durable group commits since the start: what an idle cluster must not raise. */
  readonly durableCommits: number;
  close(): Promise<void>;
}
