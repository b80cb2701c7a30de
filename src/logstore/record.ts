// The journal's records: a batch of one stream, behind its length and checksum. Reading stops at the first record that is not
// whole: behind it nothing was acknowledged.
import { crc32 } from "node:zlib";
import { ByteReader, ByteWriter } from "./bytes.ts";
import type { StoredEvent } from "./event.ts";
import { readEvents, writeEvents } from "./event-list.ts";

export interface Batch {
  /** Ids, not names: a group made anew under an old name is another. */
  readonly group: string;
  readonly stream: string;
  readonly events: readonly StoredEvent[];
}

/** Length of the payload and its checksum, four bytes each. */
const HEADER = 8;
/** No batch is larger: a length beyond it is damage. */
const MOST_BYTES = 16 * 1024 * 1024;

export function encodeBatch({ group, stream, events }: Batch): Buffer {
  const out = new ByteWriter(events.reduce((sum, e) => sum + e.message.length + 16, 128));
  out.text(group);
  out.text(stream);
  writeEvents(out, events);
  const payload = out.done();
  const header = Buffer.allocUnsafe(HEADER);
  header.writeUInt32LE(payload.length, 0);
  header.writeUInt32LE(crc32(payload), 4);
  return Buffer.concat([header, payload]);
}

/** The whole batches from the start of `bytes`, and how many bytes they take. */
export function decodeBatches(bytes: Buffer): { readonly batches: readonly Batch[]; readonly whole: number } {
  const batches: Batch[] = [];
  let at = 0;
  while (at + HEADER <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    const end = at + HEADER + length;
    if (length === 0 || length > MOST_BYTES || end > bytes.length) break;
    const payload = bytes.subarray(at + HEADER, end);
    if (crc32(payload) !== bytes.readUInt32LE(at + 4)) break;
    const from = new ByteReader(payload);
    batches.push({ group: from.text(), stream: from.text(), events: readEvents(from) });
    at = end;
  }
  return { batches, whole: at };
}
