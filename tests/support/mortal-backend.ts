// A backend that dies after a given number of commits: those succeed and stay, every later one fails. What a process that is
// killed at that point leaves behind is what the inner backend then holds.
import type { Backend } from "#store/backend.ts";

export interface MortalBackend extends Backend {
  readonly commits: number;
  /** Dies after so many further commits. */
  dieAfter(commits: number): void;
  readonly isDead: boolean;
}

export function createMortalBackend(inner: Backend): MortalBackend {
  let commits = 0;
  let last = Infinity;
  return {
    groupLimits: inner.groupLimits,
    get commits() {
      return commits;
    },
    get isDead() {
      return commits >= last;
    },
    dieAfter(count) {
      last = commits + count;
    },
    load: (table) => inner.load(table),
    async commit(batch) {
      if (commits >= last) throw new Error("the process is dead");
      commits += 1;
      await inner.commit(batch);
    },
    async close() {},
  };
}
