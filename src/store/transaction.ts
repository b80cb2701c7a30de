// One transaction: its own changes over what it reads, and at the end the list of rows that it really changes.
import { isDeepStrictEqual } from "node:util";
import { RowSet } from "./row-set.ts";
import { checkKey, encodeRow } from "./stored-row.ts";
import {
  type AnyTable,
  LIMITS,
  type Row,
  type Table,
  type Transaction,
  TransactionTooLarge,
} from "./store.ts";
import { findRows, getRow, type Layers, scanRows } from "./view.ts";

/** A row that a transaction changes; `row` and `value` are undefined when it deletes. */
export interface Write {
  readonly id: string;
  readonly table: AnyTable;
  readonly key: string;
  readonly row: Row | undefined;
  readonly value: string | undefined;
  readonly bytes: number;
}

/** Names a row across tables. */
export const rowId = (table: AnyTable, key: string): string => `${table.name}/${key}`;

export interface OpenTransaction {
  readonly transaction: Transaction;
  /** Ends the transaction; later use of it throws. */
  end(): void;
  /** Rows that differ from `below`, in the order of their last change. @throws TransactionTooLarge */
  writes(): readonly Write[];
}

/** @param below the layers of a table that the transaction reads; throws for a table that the store does not have. */
export function openTransaction(below: (table: AnyTable) => Layers): OpenTransaction {
  const own = new Map<AnyTable, RowSet>();
  const touched = new Map<string, Write>();
  let open = true;

  const layersOf = (table: AnyTable): Layers => {
    if (!open) throw new Error("The transaction has ended: its body must be synchronous");
    const layer = own.get(table);
    return layer === undefined ? below(table) : [layer, ...below(table)];
  };
  const change = (table: AnyTable, key: string, encoded?: { row: Row; value: string; bytes: number }) => {
    let layer = own.get(table);
    if (layer === undefined) own.set(table, (layer = new RowSet(table)));
    layer.set(key, encoded?.row);
    const id = rowId(table, key);
    touched.delete(id);
    const bytes = Buffer.byteLength(key) + (encoded?.bytes ?? 0);
    touched.set(id, { id, table, key, row: encoded?.row, value: encoded?.value, bytes });
  };

  const transaction: Transaction = {
    get: <R extends Row>(table: Table<R>, key: string) => getRow(layersOf(table), key) as R | undefined,
    scan: <R extends Row>(table: Table<R>, options = {}) =>
      scanRows(layersOf(table), options) as Iterable<readonly [string, R]>,
    find: <R extends Row>(table: Table<R>, index: string, value: string) =>
      findRows(layersOf(table), index, value) as (readonly [string, R])[],
    put(table, key, row) {
      layersOf(table);
      checkKey(table, key);
      change(table, key, encodeRow(table, row));
    },
    delete(table, key) {
      if (getRow(layersOf(table), key) !== undefined) change(table, key);
    },
  };

  return {
    transaction,
    end: () => void (open = false),
    writes() {
      const writes = [...touched.values()].filter(
        ({ table, key, row }) => !isDeepStrictEqual(getRow(below(table), key), row),
      );
      if (writes.length > LIMITS.writesPerTransaction)
        throw new TransactionTooLarge("writesPerTransaction", writes.length);
      const bytes = writes.reduce((sum, write) => sum + write.bytes, 0);
      if (bytes > LIMITS.bytesPerTransaction) throw new TransactionTooLarge("bytesPerTransaction", bytes);
      return writes;
    },
  };
}
