// Reads events in order over many runs (a stream in a segment, a stream in memory), loading a chunk when its turn comes and not
// before: work is proportional to what is returned, plus a chunk for each run that it touches.
import { comparePositions, type Position, type StoredEvent } from "./event.ts";

/** A part of a run. Chunks of a run are sorted and do not overlap. */
export interface Chunk {
  readonly first: Position;
  readonly last: Position;
  load(): readonly StoredEvent[] | Promise<readonly StoredEvent[]>;
}

export interface Run {
  readonly stream: string;
  readonly chunks: readonly Chunk[];
}

export interface ReadQuery {
  readonly direction: "forward" | "backward";
  /** Epoch milliseconds: from `from` on, before `to`. */
  readonly from: number;
  readonly to: number;
  /** Only what lies behind this position, in the direction of reading. */
  readonly beyond?: Position | undefined;
  readonly maxEvents: number;
  /** UTF-8 bytes of messages; the first event comes whatever its size. */
  readonly maxBytes: number;
  /** Events looked at, whether they match or not. */
  readonly maxScanned?: number;
  readonly matches?: ((message: string) => boolean) | undefined;
}

export interface FoundEvent extends StoredEvent {
  readonly stream: string;
}

export interface ReadResult {
  /** In the direction of reading. */
  readonly events: readonly FoundEvent[];
  /** The last event that was looked at: a further read goes on behind it. */
  readonly reached: Position | undefined;
  /** Nothing lies behind what was looked at. */
  readonly complete: boolean;
}

/** Who reads much lets others have their turn. */
const EVENTS_A_BREATH = 5000;

export async function readRuns(runs: readonly Run[], query: ReadQuery): Promise<ReadResult> {
  const sign = query.direction === "forward" ? 1 : -1;
  const order = (a: Position, b: Position) => sign * comparePositions(a, b);
  const { beyond, matches = () => true, maxScanned = Infinity } = query;
  const inside = (p: Position) =>
    p.timestamp >= query.from && p.timestamp < query.to && (beyond === undefined || order(p, beyond) > 0);

  const heap = createHeap<Head>((a, b) => order(a.at, b.at));
  for (const run of runs) {
    const chunks = run.chunks.filter((chunk) => touches(chunk, query, order));
    if (sign < 0) chunks.reverse();
    const head = unloaded(run.stream, chunks, sign);
    if (head !== undefined) heap.push(head);
  }

  const events: FoundEvent[] = [];
  let reached: Position | undefined;
  let bytes = 0;
  let scanned = 0;
  let rested = 0;
  for (let head = heap.pop(); head !== undefined; head = heap.pop()) {
    if (head.events === undefined) {
      if (scanned - rested > EVENTS_A_BREATH) {
        rested = scanned;
        await new Promise((resolve) => setImmediate(resolve));
      }
      const all = await (head.chunks[0] as Chunk).load();
      const kept = all.filter(inside);
      if (sign < 0) kept.reverse();
      const next = loaded(head, kept, 0, sign);
      if (next !== undefined) heap.push(next);
      continue;
    }
    // Events of one run follow one another: the heap is asked again only when another run's turn comes.
    const rival = heap.peek();
    let index = head.index;
    for (; index < head.events.length; index++) {
      const event = head.events[index] as StoredEvent;
      if (rival !== undefined && order(rival.at, event) < 0) break;
      if (events.length >= query.maxEvents || scanned >= maxScanned)
        return { events, reached, complete: false };
      if (matches(event.message)) {
        const size = Buffer.byteLength(event.message);
        if (events.length > 0 && bytes + size > query.maxBytes) return { events, reached, complete: false };
        bytes += size;
        events.push({ ...event, stream: head.stream });
      }
      reached = { timestamp: event.timestamp, sequence: event.sequence };
      scanned++;
    }
    const next = loaded(head, head.events, index, sign);
    if (next !== undefined) heap.push(next);
  }
  return { events, reached, complete: true };
}

/** Where a run stands: at an event, or before a chunk that is not loaded yet. */
interface Head {
  readonly stream: string;
  readonly at: Position;
  /** The first is the one that `events` came from, or that is to be loaded. */
  readonly chunks: readonly Chunk[];
  readonly events?: readonly StoredEvent[];
  readonly index: number;
}

function unloaded(stream: string, chunks: readonly Chunk[], sign: number): Head | undefined {
  const next = chunks[0];
  return next && { stream, at: sign > 0 ? next.first : next.last, chunks, index: 0 };
}

function loaded(head: Head, events: readonly StoredEvent[], index: number, sign: number): Head | undefined {
  const at = events[index];
  if (at === undefined) return unloaded(head.stream, head.chunks.slice(1), sign);
  return { stream: head.stream, at, chunks: head.chunks, events, index };
}

function touches(chunk: Chunk, query: ReadQuery, order: (a: Position, b: Position) => number): boolean {
  if (chunk.last.timestamp < query.from || chunk.first.timestamp >= query.to) return false;
  if (query.beyond === undefined) return true;
  return order(query.direction === "forward" ? chunk.last : chunk.first, query.beyond) > 0;
}

/** A binary heap: the smallest first. */
function createHeap<T>(compare: (a: T, b: T) => number) {
  const items: T[] = [];
  const at = (i: number) => items[i] as T;
  return {
    peek: (): T | undefined => items[0],
    push(item: T) {
      let i = items.push(item) - 1;
      while (i > 0) {
        const parent = (i - 1) >> 1;
        if (compare(at(parent), item) <= 0) break;
        items[i] = at(parent);
        i = parent;
      }
      items[i] = item;
    },
    pop(): T | undefined {
      const top = items[0];
      const last = items.pop();
      if (last === undefined || items.length === 0) return top;
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= items.length) break;
        if (child + 1 < items.length && compare(at(child + 1), at(child)) < 0) child++;
        if (compare(at(child), last) >= 0) break;
        items[i] = at(child);
        i = child;
      }
      items[i] = last;
      return top;
    },
  };
}
