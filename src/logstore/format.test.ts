// The bytes of journals and segments: what was written is read again, and what is not what was written is noticed.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chooseMerge } from "./choose-merge.ts";
import type { StoredEvent } from "./event.ts";
import { decodeBatches, encodeBatch, type Batch } from "./record.ts";
import {
  blockEvents,
  blockPayload,
  DamagedSegment,
  decodeIndex,
  encodeIndex,
  frameBlock,
  indexLength,
  TRAILER_BYTES,
  unframeBlock,
  type SegmentIndex,
} from "./segment-format.ts";

const number = fc.oneof(fc.nat(300), fc.nat(), fc.integer({ min: 0, max: 2 ** 45 }));
// Half a character is no text that UTF-8 could hold.
const text = fc.string({ unit: "grapheme" });
const event: fc.Arbitrary<StoredEvent> = fc.record({
  timestamp: number,
  sequence: number,
  ingestionTime: number,
  message: text,
});
const events = fc.array(event, { maxLength: 20 });
const batch: fc.Arbitrary<Batch> = fc.record({ group: text, stream: text, events });
const position = fc.record({ timestamp: number, sequence: number });
const index: fc.Arbitrary<SegmentIndex> = fc.record({
  minSequence: number,
  maxSequence: number,
  streams: fc.array(
    fc.record({
      id: text,
      firstTimestamp: number,
      lastTimestamp: number,
      lastIngestionTime: number,
      blocks: fc.array(fc.record({ offset: number, length: number, first: position, last: position })),
    }),
  ),
});
/** Changes one bit. */
const bitOf = (bytes: Buffer, at: number): Buffer => {
  const changed = Buffer.from(bytes);
  const place = at % (bytes.length * 8);
  changed[place >> 3] = (changed[place >> 3] ?? 0) ^ (1 << (place & 7));
  return changed;
};

describe("a journal", () => {
  it("reads back the batches that were written, all of them", () => {
    fc.assert(
      fc.property(fc.array(batch), (batches) => {
        const bytes = Buffer.concat(batches.map(encodeBatch));
        expect(decodeBatches(bytes)).toEqual({ batches, whole: bytes.length });
      }),
    );
  });

  it("that is torn anywhere reads as the batches that are whole before the tear", () => {
    fc.assert(
      fc.property(fc.array(batch, { minLength: 1 }), fc.nat(), (batches, cut) => {
        const parts = batches.map(encodeBatch);
        const bytes = Buffer.concat(parts);
        const torn = bytes.subarray(0, cut % bytes.length);
        const read = decodeBatches(torn);
        expect(read.batches).toEqual(batches.slice(0, read.batches.length));
        const whole = Buffer.concat(parts.slice(0, read.batches.length)).length;
        expect(read.whole).toBe(whole);
        expect(torn.length - whole).toBeLessThan(parts[read.batches.length]?.length ?? 0);
      }),
    );
  });

  it("with a changed bit reads as what stands before the change", () => {
    fc.assert(
      fc.property(fc.array(batch, { minLength: 1 }), fc.nat(), (batches, at) => {
        const changed = bitOf(Buffer.concat(batches.map(encodeBatch)), at);
        const { batches: read } = decodeBatches(changed);
        expect(read.length).toBeLessThan(batches.length);
        expect(read).toEqual(batches.slice(0, read.length));
      }),
    );
  });
});

describe("a segment", () => {
  it("reads back its blocks and its index", () => {
    fc.assert(
      fc.property(events, index, (list, written) => {
        expect(blockEvents(unframeBlock(frameBlock(blockPayload(list))))).toEqual(list);
        const bytes = encodeIndex(written);
        const trailer = bytes.subarray(-TRAILER_BYTES);
        const body = bytes.subarray(0, -TRAILER_BYTES);
        expect(indexLength(trailer)).toBe(body.length);
        expect(decodeIndex(body, trailer)).toEqual(written);
      }),
    );
  });

  it("notices a changed bit in a block and in the index", () => {
    fc.assert(
      fc.property(events, index, fc.nat(), (list, written, at) => {
        expect(() => unframeBlock(bitOf(frameBlock(blockPayload(list)), at))).toThrow(DamagedSegment);
        const bytes = encodeIndex(written);
        const trailer = bytes.subarray(-TRAILER_BYTES);
        expect(() => decodeIndex(bitOf(bytes.subarray(0, -TRAILER_BYTES), at), trailer)).toThrow(
          DamagedSegment,
        );
      }),
    );
  });
});

describe("chooseMerge", () => {
  it("leads to few segments, whatever their sizes, and rewrites each byte a few times", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1000, max: 1_000_000 }), { maxLength: 300 }), (sizes) => {
        let segments = sizes.map((bytes) => ({ bytes }));
        let rewritten = 0;
        for (let parts = chooseMerge(segments); parts !== undefined; parts = chooseMerge(segments)) {
          const bytes = parts.reduce((sum, s) => sum + s.bytes, 0);
          rewritten += bytes;
          const from = segments.indexOf(parts[0] as { bytes: number });
          segments = [...segments.slice(0, from), { bytes }, ...segments.slice(from + parts.length)];
        }
        const total = sizes.reduce((sum, s) => sum + s, 0);
        expect(segments.reduce((sum, s) => sum + s.bytes, 0)).toBe(total);
        expect(rewritten).toBeLessThanOrEqual(total * 5);
      }),
    );
  });
});
