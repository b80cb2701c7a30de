// Group commit: transactions that arrive while a sync is under way form the next group. Decides what goes into a group
// and what a failed one takes with it; publishing rows and rolling back the overlay are the store's.
import { messageOf } from "#lib/errors.ts";
import type { Logger } from "#lib/logger.ts";
import { type Backend, type BackendWrite, type GroupLimits, writeBytes } from "./backend.ts";
import { WriteFailed } from "./store.ts";
import type { Write } from "./transaction.ts";

/** A transaction that waits for its sync; one without writes waits for what it read. */
export interface Waiting {
  readonly writes: readonly Write[];
  settle(failure: WriteFailed | undefined): void;
}

export interface CommitQueueParts {
  readonly backend: Backend;
  readonly logger: Logger;
  /** Makes synced transactions visible. */
  publish(entries: readonly Waiting[]): void;
  /** Forgets every change that is not published. */
  rollback(): void;
  /** The published state of a row, as the backend should have it. */
  published(table: string, key: string): BackendWrite;
}

export class CommitQueue {
  readonly #parts: CommitQueueParts;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  /** Rows of a failed commit, whose stored state is unknown until they have been written again. */
  #suspects: readonly BackendWrite[] = [];
  #failing = false;
  #commits = 0;

  constructor(parts: CommitQueueParts) {
    this.#parts = parts;
  }

  /** Commits that succeeded. */
  get commits(): number {
    return this.#commits;
  }

  /** True when nothing waits or is being written. */
  get idle(): boolean {
    return this.#running === undefined;
  }

  push(entry: Waiting): void {
    this.#waiting.push(entry);
    this.#running ??= this.#run();
  }

  /** Resolves when everything pushed so far has settled and rows of unknown state were put right, if that is possible. */
  async drain(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    await this.#repair().catch((error: unknown) =>
      this.#parts.logger.warn("rows of a failed write could not be restored", { reason: messageOf(error) }),
    );
  }

  async #run(): Promise<void> {
    // A turn of the promise queue: transactions of one synchronous stretch share a group.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const { entries, batch } = this.#nextGroup();
      try {
        if (batch.length > 0) await this.#commit(batch);
      } catch (error) {
        this.#fail(entries, error);
        continue;
      }
      this.#parts.publish(entries);
      for (const entry of entries) entry.settle(undefined);
    }
    this.#running = undefined;
  }

  /** The oldest transactions: as many as fit one commit, or those ahead of the first that needs a commit at all. */
  #nextGroup(): { entries: readonly Waiting[]; batch: readonly BackendWrite[] } {
    const limits = this.#parts.backend.groupLimits;
    const batch = new Map<string, BackendWrite>();
    let bytes = 0;
    let count = 0;
    for (const { writes } of this.#waiting) {
      const durable = writes.filter(({ table }) => table.durability === "durable");
      if (durable.length > 0) {
        const added = durable.map(
          ({ id, table, key, value }) => [id, { table: table.name, key, value }] as const,
        );
        const operations = batch.size + added.filter(([id]) => !batch.has(id)).length;
        for (const [id, write] of added) bytes += writeBytes(write) - sizeOf(batch.get(id));
        const full = operations > limits.operations || bytes > limits.bytes;
        if (count > 0 && (batch.size === 0 || full)) break;
        for (const [id, write] of added) batch.set(id, write);
      }
      count += 1;
    }
    return { entries: this.#waiting.splice(0, count), batch: [...batch.values()] };
  }

  async #commit(batch: readonly BackendWrite[]): Promise<void> {
    await this.#repair();
    try {
      await this.#parts.backend.commit(batch);
    } catch (error) {
      this.#suspects = batch;
      throw error;
    }
    this.#succeeded();
  }

  /** Writes the published state of suspect rows, so that a failed transaction cannot come back with the next start. */
  async #repair(): Promise<void> {
    if (this.#suspects.length === 0) return;
    const { backend } = this.#parts;
    const rows = this.#suspects.map(({ table, key }) => this.#parts.published(table, key));
    for (const batch of chunks(rows, backend.groupLimits)) {
      await backend.commit(batch);
      this.#succeeded();
    }
    this.#suspects = [];
  }

  #succeeded(): void {
    this.#commits += 1;
    if (this.#failing) this.#parts.logger.info("state is written again");
    this.#failing = false;
  }

  /** What was not published may rest on the failed group, so it fails too. */
  #fail(entries: readonly Waiting[], error: unknown): void {
    const failed = [...entries, ...this.#waiting.splice(0)];
    if (!this.#failing) {
      this.#parts.logger.error("state could not be written; changes are refused until it can be", {
        error,
        transactions: failed.length,
      });
    }
    this.#failing = true;
    this.#parts.rollback();
    const failure = new WriteFailed(`The state could not be written: ${messageOf(error)}`, { cause: error });
    for (const entry of failed) entry.settle(failure);
  }
}

/** Cuts independent writes into batches within `limits`. */
function chunks(writes: readonly BackendWrite[], limits: GroupLimits): BackendWrite[][] {
  const batches: BackendWrite[][] = [];
  let current: BackendWrite[] = [];
  let bytes = 0;
  for (const write of writes) {
    const size = writeBytes(write);
    if (current.length === 0 || current.length >= limits.operations || bytes + size > limits.bytes) {
      batches.push((current = []));
      bytes = 0;
    }
    current.push(write);
    bytes += size;
  }
  return batches;
}

const sizeOf = (write: BackendWrite | undefined): number => (write === undefined ? 0 : writeBytes(write));
