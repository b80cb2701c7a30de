// A twin whose commits wait until they are let through: shows what the store does while a sync is under way.
import type { Backend, BackendWrite } from "./backend.ts";

export interface GatedBackend extends Backend {
  /** Commits wait while it is closed. */
  readonly closed: boolean;
  shut(): void;
  /** Lets what waits, and everything after it, through. */
  open(): void;
  /** The batch of each commit, in order of their start. */
  readonly batches: readonly (readonly BackendWrite[])[];
}

export function createGatedBackend(inner: Backend): GatedBackend {
  const batches: (readonly BackendWrite[])[] = [];
  let waiting: (() => void)[] = [];
  let closed = false;
  return {
    groupLimits: inner.groupLimits,
    batches,
    get closed() {
      return closed;
    },
    shut: () => void (closed = true),
    open() {
      closed = false;
      for (const go of waiting.splice(0)) go();
      waiting = [];
    },
    load: (table) => inner.load(table),
    async commit(batch) {
      batches.push(batch);
      if (closed) await new Promise<void>((go) => waiting.push(go));
      await inner.commit(batch);
    },
    close: () => inner.close(),
  };
}
