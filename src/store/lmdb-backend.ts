// Durable rows in one LMDB environment (npm `lmdb`): key `table/key` in UTF-8, value the row's text. A commit is one LMDB
// transaction. Only one process may use the folder; keeping others out is the caller's.
import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { open } from "lmdb";
import type { Backend } from "./backend.ts";

/** Opens, or creates, the environment in `folder`; its files are readable by their owner only. */
export function createLmdbBackend(folder: string): Backend {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const data = join(folder, "data.mdb");
  // Made before LMDB does, which would let others read it for a moment.
  closeSync(openSync(data, "a", 0o600));
  const env = open<string, Buffer>({
    path: folder,
    noSubdir: false,
    keyEncoding: "binary",
    encoding: "string",
    // A commit then ends with the sync of its data before its root is written: a failed one leaves nothing behind.
    overlappingSync: false,
    // With it the library opens a batch of its own around ours, whose failure nobody could catch.
    eventTurnBatching: false,
  });
  for (const file of [data, join(folder, "lock.mdb")]) chmodSync(file, 0o600);

  return {
    groupLimits: { operations: 10_000, bytes: 16 * 1024 * 1024 },
    *load(table) {
      const prefix = Buffer.from(`${table}/`);
      // "0" follows "/": the end of the keys that begin with the table's name and a slash.
      for (const { key, value } of env.getRange({ start: prefix, end: Buffer.from(`${table}0`) }))
        yield [key.toString("utf8", prefix.length), value];
    },
    async commit(batch) {
      const done = env.batch(() => {
        for (const { table, key, value } of batch) {
          const name = Buffer.from(`${table}/${key}`);
          // Inside a batch an operation's promise says nothing of its own; the batch's does.
          void (value === undefined ? env.remove(name) : env.put(name, value));
        }
      });
      const outcomes = await Promise.allSettled([done, env.committed, env.flushed]);
      const failed = outcomes.find((outcome) => outcome.status === "rejected");
      if (failed !== undefined) throw await reasonOf(failed.reason);
    },
    close: () => env.close(),
  };
}

/** The library's error points at the real one by a promise that rejects; unheard, it would end the process. */
async function reasonOf(error: unknown): Promise<unknown> {
  if (typeof error !== "object" || error === null || !("commitError" in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (reason) {
    return reason;
  }
}
