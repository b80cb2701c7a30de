// The port behind the store: durable rows as text under a table's name and a key. Tables, indexes, limits and versions
// are the store's affair; a backend only loads, and commits groups atomically.

export interface BackendWrite {
  readonly table: string;
  readonly key: string;
  /** The row as stored; undefined deletes it. */
  readonly value: string | undefined;
}

/** What one commit may hold. The store packs whole transactions into groups below it. */
export interface GroupLimits {
  readonly operations: number;
  /** Keys (with the table's name) and values, in UTF-8. */
  readonly bytes: number;
}

type StoredEntry = readonly [key: string, value: string];

export interface Backend {
  readonly groupLimits: GroupLimits;
  /** Every row of a table, in any order. Called before the first commit only. */
  load(table: string): Iterable<StoredEntry> | AsyncIterable<StoredEntry>;
  /**
   * Writes all or nothing and resolves after the sync. Each (table, key) occurs once; never called while another commit
   * is under way. After a rejection the outcome may be unknown: the store writes those rows again before anything else.
   */
  commit(batch: readonly BackendWrite[]): Promise<void>;
  close(): Promise<void>;
}

/** The size of one operation as counted against `GroupLimits.bytes`. */
export function writeBytes(write: BackendWrite): number {
  return (
    Buffer.byteLength(write.table) + 1 + Buffer.byteLength(write.key) + Buffer.byteLength(write.value ?? "")
  );
}
