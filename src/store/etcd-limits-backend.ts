// A twin with etcd's limits on a transaction (etcd documentation, "System limits" and --max-txn-ops): more than 128
// operations, a key twice, or a request above 1.5 MiB are refused. It proves that the store splits its groups.
import { type Backend, writeBytes } from "./backend.ts";

const OPERATIONS = 128;
const BYTES = 1.5 * 1024 * 1024;
/** Kept free for the framing of each operation and for the guard on the leader's key. */
const FRAMING = 64 * 1024;

export function createEtcdLimitsBackend(inner: Backend): Backend {
  return {
    groupLimits: { operations: OPERATIONS, bytes: BYTES - FRAMING },
    load: (table) => inner.load(table),
    async commit(batch) {
      if (batch.length > OPERATIONS) throw new Error("etcdserver: too many operations in txn request");
      if (new Set(batch.map(({ table, key }) => `${table}/${key}`)).size < batch.length)
        throw new Error("etcdserver: duplicate key given in txn request");
      if (batch.reduce((sum, write) => sum + writeBytes(write), 0) > BYTES)
        throw new Error("etcdserver: request is too large");
      await inner.commit(batch);
    },
    close: () => inner.close(),
  };
}
