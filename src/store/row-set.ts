// One layer of one table: rows by key, keys in order, and the indexes kept with them. An overlay holds `undefined` for a
// row that it deletes; the committed layer never does.
import { SortedKeys } from "./sorted-keys.ts";
import type { AnyTable, Row } from "./store.ts";

/** The keys under one value of an index; most values have one key, which then needs no set. */
type Bucket = string | SortedKeys;

export class RowSet {
  readonly table: AnyTable;
  readonly #rows = new Map<string, Row | undefined>();
  #keys = new SortedKeys();
  readonly #indexes = new Map<string, Map<string, Bucket>>();

  constructor(table: AnyTable) {
    this.table = table;
    for (const index of Object.keys(table.indexes)) this.#indexes.set(index, new Map());
  }

  get size(): number {
    return this.#rows.size;
  }

  has(key: string): boolean {
    return this.#rows.has(key);
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  /** Keys not below `start`, deleted ones of an overlay included. */
  keys(start: string): Iterable<string> {
    return this.#keys.from(start);
  }

  /** Fills an empty set; cheaper than `set` row by row. */
  fill(rows: readonly (readonly [string, Row])[]): void {
    const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
    this.#keys = SortedKeys.fromSorted(sorted.map(([key]) => key));
    for (const [key, row] of sorted) {
      this.#rows.set(key, row);
      this.#index(key, row, insert);
    }
  }

  /** Sets a row, or marks it deleted in an overlay when `row` is undefined. An index that throws changes nothing. */
  set(key: string, row: Row | undefined): void {
    if (row !== undefined) this.#valuesOf(key, row);
    const old = this.#rows.get(key);
    if (old !== undefined) this.#index(key, old, remove);
    if (!this.#rows.has(key)) this.#keys.add(key);
    this.#rows.set(key, row);
    if (row !== undefined) this.#index(key, row, insert);
  }

  /** Forgets the key altogether. */
  delete(key: string): void {
    const old = this.#rows.get(key);
    if (old !== undefined) this.#index(key, old, remove);
    if (this.#rows.delete(key)) this.#keys.delete(key);
  }

  clear(): void {
    this.#rows.clear();
    this.#keys = new SortedKeys();
    for (const buckets of this.#indexes.values()) buckets.clear();
  }

  /** Keys of this layer's rows under `value`, in order. */
  find(index: string, value: string): Iterable<string> {
    const buckets = this.#indexes.get(index);
    if (buckets === undefined) throw new Error(`Table ${this.table.name} has no index ${index}`);
    const bucket = buckets.get(value);
    if (bucket === undefined) return [];
    return typeof bucket === "string" ? [bucket] : bucket.from("");
  }

  #valuesOf(key: string, row: Row): [index: string, values: readonly string[]][] {
    return Object.entries(this.table.indexes).map(([index, values]) => [index, values(row as never, key)]);
  }

  #index(
    key: string,
    row: Row,
    apply: (buckets: Map<string, Bucket>, value: string, key: string) => void,
  ): void {
    for (const [index, values] of this.#valuesOf(key, row)) {
      const buckets = this.#indexes.get(index);
      if (buckets !== undefined) for (const value of values) apply(buckets, value, key);
    }
  }
}

function insert(buckets: Map<string, Bucket>, value: string, key: string): void {
  const bucket = buckets.get(value);
  if (bucket === undefined) {
    buckets.set(value, key);
  } else if (typeof bucket === "string") {
    if (bucket !== key)
      buckets.set(value, SortedKeys.fromSorted(bucket < key ? [bucket, key] : [key, bucket]));
  } else {
    bucket.add(key);
  }
}

function remove(buckets: Map<string, Bucket>, value: string, key: string): void {
  const bucket = buckets.get(value);
  if (bucket === key) {
    buckets.delete(value);
  } else if (bucket instanceof SortedKeys) {
    bucket.delete(key);
    if (bucket.size === 0) buckets.delete(value);
  }
}
