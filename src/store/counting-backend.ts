// A twin that counts the commits of another backend: what an idle cluster must not raise.
import { type Backend, writeBytes } from "./backend.ts";

export interface CountingBackend extends Backend {
  /** Commits that succeeded. */
  readonly commits: number;
  /** Operations and bytes of those commits. */
  readonly operations: number;
  readonly bytes: number;
}

export function createCountingBackend(inner: Backend): CountingBackend {
  const count = { commits: 0, operations: 0, bytes: 0 };
  return {
    groupLimits: inner.groupLimits,
    get commits() {
      return count.commits;
    },
    get operations() {
      return count.operations;
    },
    get bytes() {
      return count.bytes;
    },
    load: (table) => inner.load(table),
    async commit(batch) {
      await inner.commit(batch);
      count.commits += 1;
      count.operations += batch.length;
      count.bytes += batch.reduce((sum, write) => sum + writeBytes(write), 0);
    },
    close: () => inner.close(),
  };
}
