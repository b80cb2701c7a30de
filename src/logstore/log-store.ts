// The log store as its callers see it: events of streams, appended in batches, read in the order of their positions. What groups
// and streams are called, and which there are, is not its concern: it knows their ids.
import type { FoundEvent, ReadQuery, ReadResult } from "./read.ts";
import type { NewEvent } from "./event.ts";

export interface StreamRef {
  readonly group: string;
  readonly stream: string;
}

export interface StreamSummary {
  /** Epoch milliseconds. */
  readonly firstTimestamp: number;
  readonly lastTimestamp: number;
  readonly lastIngestionTime: number;
}

/** What the store asks when it cleans up. */
export interface LogPolicy {
  /** False: the group, or the stream, was deleted, and so may its events be. */
  readonly keepsGroup: (group: string) => boolean;
  readonly keepsStream: (to: StreamRef) => boolean;
  /** Events before this time have expired; epoch milliseconds. */
  readonly keptFrom: (group: string) => number;
}

/** Nothing was stored: a full disk, or a store that cannot keep up. */
export class LogsNotStored extends Error {
  override readonly name = "LogsNotStored";
}

export interface LogStore {
  /** Resolves when the batch is synced to disk, whole. @throws LogsNotStored */
  append(to: StreamRef, events: readonly NewEvent[]): Promise<void>;
  /** Events of these streams of a group. What has expired is not among them. */
  read(group: string, streams: readonly string[], query: ReadQuery): Promise<ReadResult>;
  summary(stream: StreamRef): StreamSummary | undefined;
  /** Bytes that the group takes on disk, or will. */
  storedBytes(group: string): number;
  /** Hears of every appended batch, after its sync and in that order. The answer ends it. */
  subscribe(listener: (events: readonly FoundEvent[], to: StreamRef) => void): () => void;
  /** Removes what `LogPolicy` no longer keeps. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}
