// A segment as it is read: what it is about stays in memory, its index in a cache, its blocks on disk until they are asked for.
import { open, type FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import { inflateRaw } from "node:zlib";
import type { StoredEvent } from "./event.ts";
import type { Run } from "./read.ts";
import {
  blockEvents,
  DamagedSegment,
  decodeIndex,
  indexLength,
  TRAILER_BYTES,
  unframeBlock,
  type BlockEntry,
  type SegmentIndex,
} from "./segment-format.ts";

const inflate = promisify<Buffer, Buffer>(inflateRaw);

export interface Segment {
  readonly file: string;
  readonly bytes: number;
  readonly minSequence: number;
  readonly maxSequence: number;
  readonly firstTimestamp: number;
  readonly lastTimestamp: number;
}

/** @throws DamagedSegment, or what the file system says */
export async function openSegment(
  file: string,
): Promise<{ readonly segment: Segment; readonly index: SegmentIndex }> {
  return withFile(file, async (handle) => {
    const { size } = await handle.stat();
    const trailer = await readAt(handle, size - TRAILER_BYTES, TRAILER_BYTES);
    const length = indexLength(trailer);
    const index = decodeIndex(await readAt(handle, size - TRAILER_BYTES - length, length), trailer);
    const { minSequence, maxSequence, streams } = index;
    const firstTimestamp = streams.reduce((first, s) => Math.min(first, s.firstTimestamp), Infinity);
    const lastTimestamp = streams.reduce((last, s) => Math.max(last, s.lastTimestamp), 0);
    return { segment: { file, bytes: size, minSequence, maxSequence, firstTimestamp, lastTimestamp }, index };
  });
}

/** Indexes that were read lately, so that following a stream does not read them again and again. */
export function createIndexCache(most: number) {
  const cached = new Map<string, Promise<SegmentIndex>>();
  return {
    of({ file }: Segment): Promise<SegmentIndex> {
      const index = cached.get(file) ?? openSegment(file).then((opened) => opened.index);
      cached.delete(file);
      cached.set(file, index);
      index.catch(() => cached.delete(file));
      for (const oldest of cached.keys()) {
        if (cached.size <= most) break;
        cached.delete(oldest);
      }
      return index;
    },
    drop: ({ file }: Segment) => void cached.delete(file),
  };
}

/** The runs of these streams in the segment. */
export function segmentRuns(file: string, index: SegmentIndex, streams: ReadonlySet<string>): Run[] {
  return index.streams
    .filter(({ id }) => streams.has(id))
    .map(({ id, blocks }) => ({
      stream: id,
      chunks: blocks.map((block) => ({
        first: block.first,
        last: block.last,
        load: () => readBlock(file, block),
      })),
    }));
}

async function readBlock(file: string, { offset, length }: BlockEntry): Promise<StoredEvent[]> {
  const framed = await withFile(file, (handle) => readAt(handle, offset, length));
  return blockEvents(await inflate(unframeBlock(framed)));
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  if (position < 0 || length < 0) throw new DamagedSegment("The file is too short.");
  const bytes = Buffer.allocUnsafe(length);
  const { bytesRead } = await handle.read(bytes, 0, length, position);
  if (bytesRead !== length) throw new DamagedSegment("The file is too short.");
  return bytes;
}

async function withFile<T>(file: string, work: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(file, "r");
  try {
    return await work(handle);
  } finally {
    await handle.close();
  }
}
