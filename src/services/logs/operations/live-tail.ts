// StartLiveTail: what arrives from now on, once a second, as a stream of events.
import type { LiveTailSessionLogEvent, StartLiveTailResponseStream } from "@aws-sdk/client-cloudwatch-logs";
import { parseArn } from "#lib/arn.ts";
import { sleep } from "#lib/clock.ts";
import { ServiceError } from "#lib/errors.ts";
import type { FoundEvent } from "#logstore/read.ts";
import type { StreamRef } from "#logstore/log-store.ts";
import { logStreams } from "#store/tables/logs.ts";
import { refuse } from "../constraints.ts";
import type { LogsDependencies, LogsOperations } from "../dependencies.ts";
import { invalidParameter } from "../errors.ts";
import { groupByIdentifier } from "../lookup.ts";
import { readPattern } from "../pattern.ts";

/** StartLiveTail: up to 500 events a second, what is more is left out and said by `sampled`; three hours; ten groups. */
const MOST_EVENTS = 500;
const UPDATE_MS = 1000;
const SESSION_MS = 3 * 3_600_000;
const MOST_GROUPS = 10;
/** CloudWatch Logs quotas, "Live Tail": sessions of an account at once. */
const MOST_SESSIONS = 15;

type Frame = Partial<
  Pick<StartLiveTailResponseStream.SessionStartMember, "sessionStart"> &
    Pick<StartLiveTailResponseStream.SessionUpdateMember, "sessionUpdate">
>;

interface Session {
  readonly start: NonNullable<Frame["sessionStart"]>;
  /** What of a batch belongs to it. */
  readonly pick: (events: readonly FoundEvent[], to: StreamRef) => LiveTailSessionLogEvent[];
}

export function liveTailOperations({ store, logs, clock, random }: LogsDependencies) {
  let sessions = 0;

  async function* follow({ start, pick }: Session): AsyncGenerator<Frame> {
    let results: LiveTailSessionLogEvent[] = [];
    let sampled = false;
    const end = logs.subscribe((events, to) => {
      const room = MOST_EVENTS - results.length;
      const picked = pick(events, to);
      if (picked.length > room) sampled = true;
      results.push(...picked.slice(0, room));
    });
    const until = clock.monotonic() + SESSION_MS;
    sessions++;
    try {
      yield { sessionStart: start };
      for (;;) {
        await sleep(clock, UPDATE_MS);
        if (clock.monotonic() >= until)
          throw new ServiceError("SessionTimeoutException", "Live Tail session timed out after 3 hours.");
        const sessionResults = results;
        results = [];
        yield { sessionUpdate: { sessionMetadata: { sampled }, sessionResults } };
        sampled = false;
      }
    } finally {
      sessions--;
      end();
    }
  }

  return {
    StartLiveTail(input, place) {
      const identifiers = input.logGroupIdentifiers ?? [];
      const { logStreamNames, logStreamNamePrefixes, logEventFilterPattern } = input;
      if (identifiers.length === 0 || identifiers.length > MOST_GROUPS)
        throw refuse(
          `[${identifiers.length} groups]`,
          "logGroupIdentifiers",
          `Member must have length from 1 to ${MOST_GROUPS}`,
        );
      if (logStreamNames !== undefined && logStreamNamePrefixes !== undefined)
        throw invalidParameter("Specify either logStreamNames or logStreamNamePrefixes, not both.");
      if ((logStreamNames ?? logStreamNamePrefixes) !== undefined && identifiers.length > 1)
        throw invalidParameter("Streams can be named when one log group is specified.");
      const groups = new Map<string, string>();
      for (const identifier of identifiers) {
        // AWS takes ARNs only here, without `:*`.
        if (parseArn(identifier) === undefined || identifier.endsWith("*"))
          throw invalidParameter(`The specified arn is invalid: ${identifier}`);
        groups.set(groupByIdentifier(store, place, identifier).id, identifier);
      }
      const filter = readPattern(logEventFilterPattern);
      if (sessions >= MOST_SESSIONS)
        throw new ServiceError(
          "LimitExceededException",
          `Only ${MOST_SESSIONS} Live Tail sessions can run at once.`,
        );
      const isWanted = (name: string): boolean =>
        (logStreamNames?.includes(name) ?? true) &&
        (logStreamNamePrefixes?.some((prefix) => name.startsWith(prefix)) ?? true);
      const responseStream = follow({
        start: {
          requestId: place.requestId,
          sessionId: random.uuid(),
          logGroupIdentifiers: [...identifiers],
          logStreamNames: [...(logStreamNames ?? [])],
          logStreamNamePrefixes: [...(logStreamNamePrefixes ?? [])],
          logEventFilterPattern: logEventFilterPattern ?? "",
        },
        pick(events, { group, stream }) {
          const logGroupIdentifier = groups.get(group);
          const logStreamName = store.find(logStreams, "id", stream)[0]?.[1].name;
          if (logGroupIdentifier === undefined || logStreamName === undefined || !isWanted(logStreamName))
            return [];
          return events
            .filter(({ message }) => filter?.matches(message) ?? true)
            .map(({ timestamp, ingestionTime, message }) => ({
              logStreamName,
              logGroupIdentifier,
              message,
              timestamp,
              ingestionTime,
            }));
        },
      });
      return { responseStream: responseStream as AsyncIterable<StartLiveTailResponseStream> };
    },
  } satisfies LogsOperations;
}
