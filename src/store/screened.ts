// A store through a screen: rows that its users must not know of are not there, to read, to find or to change. Watches are not
// screened: whoever watches is no user.
import type { Reader, Row, Store, Table, Transaction } from "./store.ts";

export type Hides = (table: Table<never>, row: Row) => boolean;

export function screened(store: Store, hides: Hides): Store {
  return {
    ...reader(store, hides),
    transact: (change) =>
      store.transact((tx) => {
        const screenedTx: Transaction = {
          ...reader(tx, hides),
          put: (table, key, row) => tx.put(table, key, row),
          delete: (table, key) => tx.delete(table, key),
        };
        return change(screenedTx);
      }),
    snapshotAndWatch: (tables, options) => store.snapshotAndWatch(tables, options),
    get durableCommits() {
      return store.durableCommits;
    },
    close: () => store.close(),
  };
}

function reader(rows: Reader, hides: Hides): Reader {
  const isHidden = <R extends Row>(table: Table<R>, row: R) => hides(table as unknown as Table<never>, row);
  return {
    get(table, key) {
      const row = rows.get(table, key);
      return row === undefined || isHidden(table, row) ? undefined : row;
    },
    *scan(table, options) {
      for (const entry of rows.scan(table, options)) if (!isHidden(table, entry[1])) yield entry;
    },
    find: (table, index, value) => rows.find(table, index, value).filter(([, row]) => !isHidden(table, row)),
  };
}
