// Events of several streams in one order, as far as a pattern matches them; and patterns tried out on messages.
import { createHash } from "node:crypto";
import type { LogGroupRow, LogStreamRow } from "#domain/logs/log-group.ts";
import type { Position } from "#logstore/event.ts";
import { inRange, refuse } from "../constraints.ts";
import type { LogsDependencies, LogsOperations } from "../dependencies.ts";
import { invalidParameter, invalidToken } from "../errors.ts";
import { namedGroup, streamOf, streamsOf } from "../lookup.ts";
import { readPattern } from "../pattern.ts";
import { eventId, positionOf } from "../position-token.ts";

/** FilterLogEvents: up to 1 MB or 10,000 events. */
const PAGE_EVENTS = 10_000;
const PAGE_BYTES = 1_048_576;
/** Events that one call looks at: a page may be empty and have a token all the same, as on AWS. */
const PAGE_SCANNED = 100_000;
const MOST_STREAMS = 100;
const MOST_SAMPLES = 50;

interface Asked {
  readonly logStreamNames?: readonly string[] | undefined;
  readonly logStreamNamePrefix?: string | undefined;
}

export function filterOperations({ store, logs }: LogsDependencies) {
  const chosen = (group: LogGroupRow, { logStreamNames, logStreamNamePrefix }: Asked): LogStreamRow[] => {
    if (logStreamNames === undefined) return streamsOf(store, group, logStreamNamePrefix);
    if (logStreamNamePrefix !== undefined)
      throw invalidParameter(
        "logStreamNames and logStreamNamePrefix are mutually exclusive: specify one of them.",
      );
    if (logStreamNames.length === 0 || logStreamNames.length > MOST_STREAMS)
      throw refuse(
        `[${logStreamNames.length} names]`,
        "logStreamNames",
        `Member must have length from 1 to ${MOST_STREAMS}`,
      );
    return [...new Set(logStreamNames)].map((name) => streamOf(store, group, name));
  };

  return {
    /** `interleaved` is the only way since 2019, and nothing here is masked. */
    async FilterLogEvents(input, place) {
      const { nextToken, limit = PAGE_EVENTS, interleaved: _, ...question } = input;
      const group = namedGroup(store, place, input);
      const streams = chosen(group, input);
      const filter = readPattern(input.filterPattern);
      const bound = boundTo([group.id, question]);
      const { events, reached, complete } = await logs.read(
        group.id,
        streams.map((s) => s.id),
        {
          direction: input.startFromHead === false ? "backward" : "forward",
          from: input.startTime ?? 0,
          // Here the end is part of it, other than in GetLogEvents.
          to: input.endTime === undefined ? Infinity : input.endTime + 1,
          beyond: nextToken === undefined ? undefined : readToken(nextToken, bound),
          maxEvents: inRange(limit, "limit", 1, PAGE_EVENTS),
          maxBytes: PAGE_BYTES,
          maxScanned: PAGE_SCANNED,
          matches: filter?.matches,
        },
      );
      const names = new Map(streams.map((s) => [s.id, s.name] as const));
      return {
        events: events.map((event) => ({
          logStreamName: names.get(event.stream),
          timestamp: event.timestamp,
          message: event.message,
          ingestionTime: event.ingestionTime,
          eventId: eventId(event),
        })),
        searchedLogStreams: [],
        ...(complete || reached === undefined
          ? {}
          : { nextToken: Buffer.from(`${bound}.${eventId(reached)}`).toString("base64url") }),
      };
    },

    TestMetricFilter(input) {
      const messages = input.logEventMessages ?? [];
      if (messages.length === 0 || messages.length > MOST_SAMPLES)
        throw refuse(
          `[${messages.length} messages]`,
          "logEventMessages",
          `Member must have length from 1 to ${MOST_SAMPLES}`,
        );
      const filter = readPattern(input.filterPattern);
      return {
        matches: messages.flatMap((eventMessage, i) =>
          filter === undefined || filter.matches(eventMessage)
            ? [{ eventNumber: i + 1, eventMessage, extractedValues: filter?.extract(eventMessage) ?? {} }]
            : [],
        ),
      };
    },
  } satisfies LogsOperations;
}

const boundTo = (question: unknown): string =>
  createHash("sha256").update(JSON.stringify(question)).digest("base64url").slice(0, 10);

function readToken(token: string, bound: string): Position {
  const [of, id = ""] = Buffer.from(token, "base64url").toString().split(".");
  const position = of === bound ? positionOf(id) : undefined;
  if (position === undefined) throw invalidToken();
  return position;
}
