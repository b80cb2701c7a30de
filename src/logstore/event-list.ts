// Events as bytes: each number as the difference from the event before. What a journal's record and a segment's block hold.
import type { ByteReader, ByteWriter } from "./bytes.ts";
import type { StoredEvent } from "./event.ts";

export function writeEvents(out: ByteWriter, events: readonly StoredEvent[]): void {
  out.number(events.length);
  let timestamp = 0;
  let sequence = 0;
  let ingestionTime = 0;
  for (const event of events) {
    out.signed(event.timestamp - timestamp);
    out.signed(event.sequence - sequence);
    out.signed(event.ingestionTime - ingestionTime);
    out.text(event.message);
    ({ timestamp, sequence, ingestionTime } = event);
  }
}

/** @throws BadBytes */
export function readEvents(from: ByteReader): StoredEvent[] {
  const count = from.number();
  const events: StoredEvent[] = [];
  let timestamp = 0;
  let sequence = 0;
  let ingestionTime = 0;
  for (let i = 0; i < count; i++) {
    timestamp += from.signed();
    sequence += from.signed();
    ingestionTime += from.signed();
    events.push({ timestamp, sequence, ingestionTime, message: from.text() });
  }
  return events;
}
