// Events of the caller's own, and patterns tried on one.
import type { PutEventsRequestEntry } from "@aws-sdk/client-eventbridge";
import type { NewEvent } from "#domain/events/delivery.ts";
import { isObject, type Json } from "#domain/events/json.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { honourOnly } from "../constraints.ts";
import type { EventsDependencies, EventsOperations } from "../dependencies.ts";
import { checkPattern, validationError } from "../errors.ts";
import { busNameOf, findBus } from "../lookup.ts";

const MOST_ENTRIES = 10;
/** All entries together (EventBridge User Guide, "Calculating event entry size"), less the room that an envelope takes here. */
const MOST_BYTES = 190 * 1024;

export function eventOperations({ store, clock, publisher }: EventsDependencies) {
  return {
    async PutEvents(input, context) {
      honourOnly(input, ["Entries"]);
      const entries = input.Entries ?? [];
      if (entries.length === 0 || entries.length > MOST_ENTRIES)
        throw validationError(
          `1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have between 1 and ${MOST_ENTRIES} entries`,
        );
      const size = entries.reduce((sum, entry) => sum + Buffer.byteLength(JSON.stringify(entry)), 0);
      if (size > MOST_BYTES)
        throw validationError("Total size of the entries in the request is over the limit.");
      const read = entries.map((entry) => readEntry(store, context, entry, clock.now()));
      const ids = await publisher.publish(read.flatMap((one) => ("event" in one ? [one.event] : [])));
      const taken = [...ids];
      const answers = read.map((one) => {
        if (!("event" in one)) return one.refusal;
        const id = taken.shift();
        return id === undefined
          ? { ErrorCode: "ThrottlingException", ErrorMessage: "Too many events wait for their targets." }
          : { EventId: id };
      });
      return { FailedEntryCount: answers.filter((one) => "ErrorCode" in one).length, Entries: answers };
    },

    TestEventPattern(input) {
      const matches = checkPattern(input.EventPattern ?? "");
      const event = parse(input.Event ?? "");
      const missing = ["id", "account", "source", "time", "region", "resources", "detail-type"].find(
        (name) => !isObject(event) || event[name] === undefined,
      );
      if (missing !== undefined || event === undefined)
        throw validationError(
          "Parameter Event is not valid. Reason: the event must be JSON with the members of an event.",
        );
      return { Result: matches(event) };
    },
  } satisfies EventsOperations;
}

type Entry =
  | { readonly event: NewEvent }
  | { readonly refusal: { readonly ErrorCode: string; readonly ErrorMessage: string } };

/** What is wrong with one entry fails that entry alone. */
function readEntry(
  reader: Reader,
  context: RequestContext,
  entry: PutEventsRequestEntry,
  now: number,
): Entry {
  const refuse = (ErrorCode: string, ErrorMessage: string): Entry => ({
    refusal: { ErrorCode, ErrorMessage },
  });
  honourOnly(entry, ["Time", "Source", "Resources", "DetailType", "Detail", "EventBusName"], "Entries.");
  const { Source: source = "", DetailType: detailType = "", Detail: text = "" } = entry;
  if (source === "")
    return refuse("InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument.");
  if (source.startsWith("aws."))
    return refuse(
      "NotAuthorizedForSourceException",
      `Not authorized for the source ${source.slice(0, 256)}.`,
    );
  if (detailType === "")
    return refuse(
      "InvalidArgument",
      "Parameter DetailType is not valid. Reason: DetailType is a required argument.",
    );
  if (detailType.length > 128) return refuse("InvalidArgument", "Parameter DetailType is not valid.");
  const detail = parse(text);
  if (!isObject(detail)) return refuse("MalformedDetail", "Detail is malformed.");
  const busName = busNameOf(context, entry.EventBusName);
  // As EventBridge: an event for a bus that is not there is taken, and nobody gets it.
  const time = entry.Time?.getTime();
  return {
    event: {
      source,
      detailType,
      region: context.region,
      resources: entry.Resources ?? [],
      detail,
      time: time === undefined || Number.isNaN(time) ? now : time,
      busName: findBus(reader, context, busName)?.name ?? busName,
    },
  };
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
