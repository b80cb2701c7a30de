// Events that stand in a journal and in no segment yet, by group and stream, in the order of their positions.
import { comparePositions, EVENT_OVERHEAD, type StoredEvent } from "./event.ts";
import type { Batch } from "./record.ts";

export interface MemoryTable {
  insert(batch: Batch): void;
  /** What the events take, by the account of EVENT_OVERHEAD. */
  readonly bytes: number;
  bytesOf(group: string): number;
  groups(): Iterable<string>;
  /** Sorted; what stands at an index of the answered array never changes. */
  events(group: string, stream: string): readonly StoredEvent[];
  streams(group: string): Iterable<string>;
}

interface Group {
  bytes: number;
  readonly streams: Map<string, Stream>;
}

interface Stream {
  events: StoredEvent[];
  sorted: boolean;
}

export function createMemoryTable(): MemoryTable {
  const groups = new Map<string, Group>();
  let bytes = 0;

  return {
    get bytes() {
      return bytes;
    },
    insert({ group: groupId, stream: streamId, events }) {
      const group: Group = groups.get(groupId) ?? { bytes: 0, streams: new Map() };
      groups.set(groupId, group);
      const stream: Stream = group.streams.get(streamId) ?? { events: [], sorted: true };
      group.streams.set(streamId, stream);
      const last = stream.events.at(-1);
      const first = events[0];
      if (last !== undefined && first !== undefined && comparePositions(last, first) > 0) {
        // Readers hold the old array: it may not be sorted under them.
        if (stream.sorted) stream.events = stream.events.slice();
        stream.sorted = false;
      }
      let size = 0;
      for (const event of events) {
        stream.events.push(event);
        size += event.message.length + EVENT_OVERHEAD;
      }
      group.bytes += size;
      bytes += size;
    },
    bytesOf: (group) => groups.get(group)?.bytes ?? 0,
    groups: () => groups.keys(),
    streams: (group) => groups.get(group)?.streams.keys() ?? [],
    events(group, streamId) {
      const stream = groups.get(group)?.streams.get(streamId);
      if (stream === undefined) return [];
      if (!stream.sorted) {
        stream.events = stream.events.slice().sort(comparePositions);
        stream.sorted = true;
      }
      return stream.events;
    },
  };
}
