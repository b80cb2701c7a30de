// First and last times of each stream, kept in memory: what DescribeLogStreams shows without reading an event.
import type { StreamSummary } from "./log-store.ts";

export interface Summaries {
  get(stream: string): StreamSummary | undefined;
  add(stream: string, more: StreamSummary): void;
  drop(keeps: (stream: string) => boolean): void;
}

export function createSummaries(): Summaries {
  const known = new Map<string, StreamSummary>();
  return {
    get: (stream) => known.get(stream),
    add(stream, more) {
      const old = known.get(stream);
      if (old === undefined) return void known.set(stream, more);
      known.set(stream, {
        firstTimestamp: Math.min(old.firstTimestamp, more.firstTimestamp),
        lastTimestamp: Math.max(old.lastTimestamp, more.lastTimestamp),
        lastIngestionTime: Math.max(old.lastIngestionTime, more.lastIngestionTime),
      });
    },
    drop(keeps) {
      for (const stream of known.keys()) if (!keeps(stream)) known.delete(stream);
    },
  };
}

/** The summary of some events, at least one, in any order. */
export function summaryOf(
  events: readonly { readonly timestamp: number; readonly ingestionTime: number }[],
): StreamSummary {
  let firstTimestamp = Infinity;
  let lastTimestamp = -Infinity;
  let lastIngestionTime = -Infinity;
  for (const { timestamp, ingestionTime } of events) {
    if (timestamp < firstTimestamp) firstTimestamp = timestamp;
    if (timestamp > lastTimestamp) lastTimestamp = timestamp;
    if (ingestionTime > lastIngestionTime) lastIngestionTime = ingestionTime;
  }
  return { firstTimestamp, lastTimestamp, lastIngestionTime };
}
