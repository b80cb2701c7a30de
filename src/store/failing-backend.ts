// A twin whose commits fail on demand, as a full disk's do, or whose outcome is lost: written, yet reported as failed.
import type { Backend } from "./backend.ts";

export interface FailingBackend extends Backend {
  /** What the next commits do: succeed, fail without writing, or write and then fail. */
  mode: "succeed" | "fail" | "write-then-fail";
  /** Commits that still succeed before `fail` begins; undefined: no such limit. */
  failAfter: number | undefined;
}

export function createFailingBackend(inner: Backend): FailingBackend {
  const twin: FailingBackend = {
    mode: "succeed",
    failAfter: undefined,
    groupLimits: inner.groupLimits,
    load: (table) => inner.load(table),
    async commit(batch) {
      if (twin.failAfter !== undefined && twin.failAfter-- <= 0) {
        twin.failAfter = undefined;
        twin.mode = "fail";
      }
      if (twin.mode === "fail") throw new Error("no space left on device");
      await inner.commit(batch);
      if (twin.mode === "write-then-fail") throw new Error("the answer was lost");
    },
    close: () => inner.close(),
  };
  return twin;
}
