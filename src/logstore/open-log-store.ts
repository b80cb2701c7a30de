// Opens the log store of a folder. Appends are committed in groups behind one sync each, into a journal; what is acknowledged
// stands in the memory table, too. A full table is frozen and written to segments while the next one fills.
import { join } from "node:path";
import type { Clock } from "#lib/clock.ts";
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import type { NewEvent, StoredEvent } from "./event.ts";
import { createJournal, type Journal } from "./journal.ts";
import { LogsNotStored, type LogPolicy, type LogStore, type StreamRef } from "./log-store.ts";
import { createMemoryTable, type MemoryTable } from "./memory-table.ts";
import { readRuns, type FoundEvent, type Run } from "./read.ts";
import { encodeBatch, type Batch } from "./record.ts";
import { recoverJournals, removeJournals } from "./recovery.ts";
import { openSegments } from "./segments.ts";
import { createSummaries, summaryOf } from "./summaries.ts";
import { memoryRuns } from "./memory-runs.ts";

export interface LogStoreOptions {
  readonly folder: string;
  readonly policy: LogPolicy;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How much the memory table takes before it is written to segments; bytes by the account of EVENT_OVERHEAD. */
  readonly tableBytes?: number;
}

const TABLE_BYTES = 16 * 1024 * 1024;
/** What one sync may carry. */
const COMMIT_BYTES = 4 * 1024 * 1024;
/** What may wait for its turn; what comes beyond it is refused. */
const MOST_WAITING = 64 * 1024 * 1024;

interface Waiting {
  readonly batch: Batch;
  readonly bytes: Buffer;
  readonly done: () => void;
  readonly failed: (error: Error) => void;
}

/** A memory table and the journals that hold the same. */
interface Generation {
  readonly table: MemoryTable;
  readonly journals: string[];
  /** Its events have higher sequences. */
  readonly after: number;
}

export async function openLogStore(options: LogStoreOptions): Promise<LogStore> {
  const { folder, policy, clock, logger, tableBytes = TABLE_BYTES } = options;
  const summaries = createSummaries();
  const listeners = new Set<(events: readonly FoundEvent[], to: StreamRef) => void>();
  const table = createMemoryTable();
  const recovered = await recoverJournals(folder, logger);
  const segments = await openSegments({ folder, policy, summaries, logger });
  for (const batch of recovered.batches) {
    // A table that was written to segments before its journal could be removed.
    const flushed = segments.flushedTo(batch.group);
    const events = batch.events.filter((e) => e.sequence > flushed);
    if (events.length > 0 && policy.keepsStream(batch)) keep(table, { ...batch, events });
  }
  let sequence = Math.max(segments.highestSequence(), recovered.highestSequence);
  let journalNumber = recovered.highestJournal;
  /** The last sequence that was written. */
  let written = sequence;
  let active: Generation = { table, journals: [...recovered.files], after: 0 };
  let frozen: Generation | undefined;
  let flushing: Promise<void> | undefined;
  let journal: Journal | undefined;
  const waiting: Waiting[] = [];
  let waitingBytes = 0;
  let committing: Promise<void> | undefined;
  let tidying: Promise<void> = Promise.resolve();
  let closed = false;

  function keep(into: MemoryTable, batch: Batch): void {
    into.insert(batch);
    summaries.add(batch.stream, summaryOf(batch.events));
  }

  /** Writes all that waits, group by group. */
  async function commit(): Promise<void> {
    while (waiting.length > 0) {
      const group = takeGroup();
      try {
        if (active.table.bytes >= tableBytes) await freeze();
        journal ??= await nextJournal();
        await journal.append(Buffer.concat(group.map((w) => w.bytes)));
      } catch (error) {
        const refusal = new LogsNotStored(`The events could not be stored: ${messageOf(error)}`);
        for (const { failed } of group) failed(refusal);
        continue;
      }
      for (const { batch, done } of group) {
        keep(active.table, batch);
        written = batch.events.at(-1)?.sequence ?? written;
        done();
        const { stream } = batch;
        if (listeners.size === 0) continue;
        const found = batch.events.map((event) => ({ ...event, stream }));
        for (const listener of listeners) listener(found, batch);
      }
    }
    // In the same breath as the look at what waits: who appends next must begin anew.
    committing = undefined;
  }

  function takeGroup(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const next of waiting) {
      if (count > 0 && bytes + next.bytes.length > COMMIT_BYTES) break;
      bytes += next.bytes.length;
      count++;
    }
    waitingBytes -= bytes;
    return waiting.splice(0, count);
  }

  async function nextJournal(): Promise<Journal> {
    const made = await createJournal(join(folder, `journal-${String(++journalNumber).padStart(16, "0")}`));
    active.journals.push(made.file);
    return made;
  }

  /** The next table begins when the one before the last is on disk: two tables at most are in memory. */
  async function freeze(): Promise<void> {
    if (frozen !== undefined) await flush();
    const old = journal;
    journal = undefined;
    await old?.close();
    frozen = active;
    active = { table: createMemoryTable(), journals: [], after: written };
    flush().catch((error: unknown) =>
      logger.error("Logs could not be written to segments; they stay in the journal", {
        reason: messageOf(error),
      }),
    );
  }

  function flush(): Promise<void> {
    flushing ??= (async () => {
      if (frozen === undefined) return;
      await segments.flush(frozen.table);
      await removeJournals(frozen.journals);
      frozen = undefined;
      void tidy();
    })().finally(() => (flushing = undefined));
    return flushing;
  }

  function tidy(): Promise<void> {
    tidying = tidying
      .then(() => segments.tidy(() => closed))
      .catch((error: unknown) =>
        logger.warn("Segments of logs could not be tidied", { reason: messageOf(error) }),
      );
    return tidying;
  }

  return {
    append({ group, stream }, events: readonly NewEvent[]) {
      const ingestionTime = clock.now();
      const stored = events.map(({ timestamp, message }): StoredEvent => ({
        timestamp,
        sequence: ++sequence,
        ingestionTime,
        message,
      }));
      const batch = { group, stream, events: stored };
      const bytes = encodeBatch(batch);
      return new Promise<void>((done, failed) => {
        if (closed) return failed(new LogsNotStored("The log store is closing."));
        if (stored.length === 0) return done();
        if (waitingBytes + bytes.length > MOST_WAITING)
          return failed(new LogsNotStored("More events arrive than can be written."));
        waitingBytes += bytes.length;
        waiting.push({ batch, bytes, done, failed });
        committing ??= commit();
      });
    },

    async read(group, streams, query) {
      const asked = { ...query, from: Math.max(query.from, policy.keptFrom(group)) };
      // Taken in one breath with the segments' list: what is flushed meanwhile is read from here, what was flushed already is not.
      const unflushed = frozen !== undefined && segments.flushedTo(group) <= frozen.after;
      const tables = unflushed ? [(frozen as Generation).table, active.table] : [active.table];
      const inMemory = tables.flatMap((t): Run[] => memoryRuns(t, group, streams));
      const { runs, release } = await segments.runs(group, new Set(streams), asked);
      try {
        return await readRuns([...runs, ...inMemory], asked);
      } finally {
        release();
      }
    },

    summary: ({ stream }) => summaries.get(stream),
    storedBytes: (group) =>
      segments.bytesOf(group) + (frozen?.table.bytesOf(group) ?? 0) + active.table.bytesOf(group),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    sweep: () => tidy(),

    async close() {
      closed = true;
      await committing;
      await flushing?.catch(() => undefined);
      await tidying;
      await journal?.close();
    },
  };
}
