// A memory table's streams as runs, in chunks, so that a reader takes of a long stream only what it needs.
import type { StoredEvent } from "./event.ts";
import type { MemoryTable } from "./memory-table.ts";
import type { Chunk, Run } from "./read.ts";

const CHUNK = 512;

export const memoryRuns = (table: MemoryTable, group: string, streams: readonly string[]): Run[] =>
  streams.flatMap((stream) => {
    const chunks = chunksOf(table.events(group, stream));
    return chunks.length === 0 ? [] : [{ stream, chunks }];
  });

function chunksOf(events: readonly StoredEvent[]): Chunk[] {
  const chunks: Chunk[] = [];
  // What is appended after this moment is the next reading's.
  const { length } = events;
  for (let from = 0; from < length; from += CHUNK) {
    const to = Math.min(from + CHUNK, length);
    const [first, last] = [events[from], events[to - 1]];
    if (first !== undefined && last !== undefined)
      chunks.push({ first, last, load: () => events.slice(from, to) });
  }
  return chunks;
}
