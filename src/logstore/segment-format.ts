// A segment's bytes: blocks of one stream's events each, compressed; behind them an index of what stands where; at the very end
// where the index begins. Every part carries a checksum. A segment is written once and never changed.
//
//   magic · block · block · … · index · length of index · checksum of index · magic
import { crc32, deflateRawSync, inflateRawSync } from "node:zlib";
import { ByteReader, ByteWriter } from "./bytes.ts";
import type { Position, StoredEvent } from "./event.ts";
import { readEvents, writeEvents } from "./event-list.ts";
import type { StreamSummary } from "./log-store.ts";

export const MAGIC = Buffer.from("ESTLOG1\n");
export const TRAILER_BYTES = 8 + MAGIC.length;
/** How much of a stream goes into one block before it is compressed. */
export const BLOCK_BYTES = 32 * 1024;

export interface BlockEntry {
  readonly offset: number;
  readonly length: number;
  readonly first: Position;
  readonly last: Position;
}

export interface StreamEntry extends StreamSummary {
  readonly id: string;
  readonly blocks: readonly BlockEntry[];
}

export interface SegmentIndex {
  /** Of every event that came into it, also of those that were left out as expired. */
  readonly minSequence: number;
  readonly maxSequence: number;
  readonly streams: readonly StreamEntry[];
}

/** The file is not what was written. */
export class DamagedSegment extends Error {
  override readonly name = "DamagedSegment";
}

export function blockPayload(events: readonly StoredEvent[]): Buffer {
  const out = new ByteWriter(BLOCK_BYTES * 2);
  writeEvents(out, events);
  return out.done();
}

export const frameBlock = (compressed: Buffer): Buffer => withChecksum(compressed);

/** What is to be inflated. @throws DamagedSegment */
export const unframeBlock = (framed: Buffer): Buffer => checked(framed, "A block");

/** @throws DamagedSegment */
export function blockEvents(payload: Buffer): StoredEvent[] {
  try {
    return readEvents(new ByteReader(payload));
  } catch (cause) {
    throw new DamagedSegment("A block cannot be read.", { cause });
  }
}

/** The index and all that follows it. */
export function encodeIndex({ minSequence, maxSequence, streams }: SegmentIndex): Buffer {
  const out = new ByteWriter();
  out.number(minSequence);
  out.number(maxSequence);
  out.number(streams.length);
  for (const { id, firstTimestamp, lastTimestamp, lastIngestionTime, blocks } of streams) {
    out.text(id);
    [firstTimestamp, lastTimestamp, lastIngestionTime].forEach((n) => out.number(n));
    out.number(blocks.length);
    for (const { offset, length, first, last } of blocks)
      [offset, length, first.timestamp, first.sequence, last.timestamp, last.sequence].forEach((n) =>
        out.number(n),
      );
  }
  const framed = withChecksum(deflateRawSync(out.done(), { level: 1 }));
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32LE(framed.length);
  return Buffer.concat([framed.subarray(4), length, framed.subarray(0, 4), MAGIC]);
}

/** How long the index is, from the file's last TRAILER_BYTES. @throws DamagedSegment */
export function indexLength(trailer: Buffer): number {
  if (trailer.length !== TRAILER_BYTES || !trailer.subarray(8).equals(MAGIC))
    throw new DamagedSegment("The file does not end as a segment.");
  return trailer.readUInt32LE(0) - 4;
}

/** `bytes` is the index without the trailer. @throws DamagedSegment */
export function decodeIndex(bytes: Buffer, trailer: Buffer): SegmentIndex {
  const payload = checked(Buffer.concat([trailer.subarray(4, 8), bytes]), "The index");
  try {
    const from = new ByteReader(inflateRawSync(payload));
    const [minSequence, maxSequence, count] = [from.number(), from.number(), from.number()];
    return { minSequence, maxSequence, streams: Array.from({ length: count }, () => streamEntry(from)) };
  } catch (cause) {
    throw new DamagedSegment("The index cannot be read.", { cause });
  }
}

function streamEntry(from: ByteReader): StreamEntry {
  const id = from.text();
  const [firstTimestamp, lastTimestamp, lastIngestionTime] = [from.number(), from.number(), from.number()];
  const blocks = Array.from({ length: from.number() }, (): BlockEntry => {
    const [offset, length] = [from.number(), from.number()];
    const first = { timestamp: from.number(), sequence: from.number() };
    return { offset, length, first, last: { timestamp: from.number(), sequence: from.number() } };
  });
  return { id, firstTimestamp, lastTimestamp, lastIngestionTime, blocks };
}

function withChecksum(bytes: Buffer): Buffer {
  const checksum = Buffer.allocUnsafe(4);
  checksum.writeUInt32LE(crc32(bytes));
  return Buffer.concat([checksum, bytes]);
}

function checked(framed: Buffer, what: string): Buffer {
  const bytes = framed.subarray(4);
  if (framed.length < 4 || crc32(bytes) !== framed.readUInt32LE(0))
    throw new DamagedSegment(`${what} has a wrong checksum.`);
  return bytes;
}
