// A batch of PutLogEvents: what makes it a bad one as a whole, and which of its events are too old or too new to be taken.

/** PutLogEvents, "The batch of events must satisfy the following constraints". */
export const BATCH_BYTES = 1_048_576;
export const BATCH_EVENTS = 10_000;
const EVENT_OVERHEAD = 26;
const SPAN_MS = 24 * 3_600_000;
const OLDEST_MS = 14 * 24 * 3_600_000;
const NEWEST_MS = 2 * 3_600_000;

export interface BatchEvent {
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly message: string;
}

/** What is wrong with the batch as a whole, in AWS's words; undefined: nothing. `bytesOf`: a text's length in UTF-8. */
export function faultOfBatch(
  events: readonly BatchEvent[],
  bytesOf: (text: string) => number,
): string | undefined {
  let bytes = 0;
  let before = -Infinity;
  for (const { timestamp, message } of events) {
    bytes += bytesOf(message) + EVENT_OVERHEAD;
    if (timestamp < before)
      return "Log events in a single PutLogEvents request must be in chronological order.";
    before = timestamp;
  }
  if (bytes > BATCH_BYTES) return `Upload too large: ${bytes} bytes exceeds limit of ${BATCH_BYTES}`;
  if (before - (events[0]?.timestamp ?? 0) > SPAN_MS)
    return "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.";
  return undefined;
}

export interface Sorted {
  readonly accepted: readonly BatchEvent[];
  /** Exclusive ends, and an inclusive start, of the rejected: absent when there are none. */
  readonly tooOldEnd?: number;
  readonly expiredEnd?: number;
  readonly tooNewStart?: number;
}

/** `events` in chronological order; `keptFrom` is the group's retention. */
export function sortOut(events: readonly BatchEvent[], now: number, keptFrom: number): Sorted {
  const firstFrom = (time: number) => {
    const index = events.findIndex((e) => e.timestamp >= time);
    return index < 0 ? events.length : index;
  };
  const expiredEnd = firstFrom(keptFrom);
  const tooOldEnd = firstFrom(now - OLDEST_MS);
  const tooNewStart = firstFrom(now + NEWEST_MS + 1);
  return {
    accepted: events.slice(Math.max(expiredEnd, tooOldEnd), tooNewStart),
    ...(tooOldEnd > 0 ? { tooOldEnd } : {}),
    ...(expiredEnd > 0 ? { expiredEnd } : {}),
    ...(tooNewStart < events.length ? { tooNewStart } : {}),
  };
}
