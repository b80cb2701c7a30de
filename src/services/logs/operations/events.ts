// Events of one stream: taken in batches, and read from either end.
import { BATCH_EVENTS, faultOfBatch, sortOut, type BatchEvent } from "#domain/logs/batch.ts";
import { keptFrom } from "#domain/logs/log-group.ts";
import { LogsNotStored } from "#logstore/log-store.ts";
import { inRange, refuse } from "../constraints.ts";
import type { LogsDependencies, LogsOperations } from "../dependencies.ts";
import { invalidParameter, invalidToken, missingMember, unavailable } from "../errors.ts";
import { groupByName, namedGroup, streamOf } from "../lookup.ts";
import { cursorToken, readCursor, type StreamCursor } from "../position-token.ts";

/** GetLogEvents: "as many log events as can fit in a response size of 1 MB (up to 10,000 log events)". */
const PAGE_EVENTS = 10_000;
const PAGE_BYTES = 1_048_576;

export function eventOperations({ store, logs, clock, random }: LogsDependencies) {
  return {
    /** Any sequence token is accepted, as AWS does since 2023, and one is returned for those who still pass it on. */
    async PutLogEvents(input, place) {
      const events = readBatch(input.logEvents ?? []);
      const group = groupByName(store, place, input.logGroupName);
      const stream = streamOf(store, group, input.logStreamName);
      const now = clock.now();
      const sorted = sortOut(events, now, keptFrom(group, now));
      try {
        await logs.append({ group: group.id, stream: stream.id }, sorted.accepted);
      } catch (error) {
        throw error instanceof LogsNotStored ? unavailable(error.message) : error;
      }
      const rejected = {
        ...(sorted.tooNewStart === undefined ? {} : { tooNewLogEventStartIndex: sorted.tooNewStart }),
        ...(sorted.tooOldEnd === undefined ? {} : { tooOldLogEventEndIndex: sorted.tooOldEnd }),
        ...(sorted.expiredEnd === undefined ? {} : { expiredLogEventEndIndex: sorted.expiredEnd }),
      };
      return {
        nextSequenceToken: random.digits(56),
        ...(Object.keys(rejected).length === 0 ? {} : { rejectedLogEventsInfo: rejected }),
      };
    },

    async GetLogEvents(input, place) {
      const group = namedGroup(store, place, input);
      const stream = streamOf(store, group, input.logStreamName);
      const cursor = input.nextToken === undefined ? undefined : readCursor(input.nextToken);
      if (input.nextToken !== undefined && cursor === undefined) throw invalidToken();
      const direction = cursor?.direction ?? (input.startFromHead === true ? "forward" : "backward");
      const { events: found } = await logs.read(group.id, [stream.id], {
        direction,
        from: input.startTime ?? 0,
        to: input.endTime ?? Infinity,
        beyond: cursor?.beyond,
        maxEvents: inRange(input.limit ?? PAGE_EVENTS, "limit", 1, PAGE_EVENTS),
        maxBytes: PAGE_BYTES,
      });
      const events = direction === "forward" ? found : [...found].reverse();
      const { before, after } = aroundPage(events, cursor);
      return {
        events: events.map(({ timestamp, message, ingestionTime }) => ({
          timestamp,
          message,
          ingestionTime,
        })),
        nextForwardToken: cursorToken({ direction: "forward", beyond: after }),
        nextBackwardToken: cursorToken({ direction: "backward", beyond: before }),
      };
    },
  } satisfies LogsOperations;
}

function readBatch(given: readonly { timestamp?: number | undefined; message?: string | undefined }[]) {
  if (given.length === 0)
    throw refuse("[]", "logEvents", "Member must have length greater than or equal to 1");
  if (given.length > BATCH_EVENTS)
    throw refuse("[...]", "logEvents", `Member must have length less than or equal to ${BATCH_EVENTS}`);
  const events = given.map(({ timestamp, message }, i): BatchEvent => {
    if (timestamp === undefined) throw missingMember(`logEvents.${i + 1}.member.timestamp`);
    if (message === undefined) throw missingMember(`logEvents.${i + 1}.member.message`);
    if (message === "")
      throw refuse(
        "",
        `logEvents.${i + 1}.member.message`,
        "Member must have length greater than or equal to 1",
      );
    return { timestamp: inRange(timestamp, `logEvents.${i + 1}.member.timestamp`, 0, 2 ** 52), message };
  });
  const fault = faultOfBatch(events, (text) => Buffer.byteLength(text));
  if (fault !== undefined) throw invalidParameter(fault);
  return events;
}

type Positions = readonly StreamCursor["beyond"][];

/**
 * Where a page begins and ends. A page without events stays where its token stood: the token for its direction comes back as it
 * was, by which readers know that they are at the end.
 */
function aroundPage(events: Positions, cursor: StreamCursor | undefined) {
  const [first, last] = [events[0], events.at(-1)];
  if (first !== undefined && last !== undefined) return { before: first, after: last };
  const at = cursor?.beyond ?? { timestamp: 0, sequence: 0 };
  if (cursor?.direction === "backward")
    return { before: at, after: { timestamp: at.timestamp, sequence: Math.max(0, at.sequence - 1) } };
  return { before: { timestamp: at.timestamp, sequence: at.sequence + 1 }, after: at };
}
