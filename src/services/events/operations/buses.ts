// Event buses: `default` is always there, others are made.
import { busArn, busKey, DEFAULT_BUS, ruleKey, type EventBusRow } from "#domain/events/rule.ts";
import { eventBuses, rules } from "#store/tables/events.ts";
import { checkDescription, checkName, honourOnly, readTags } from "../constraints.ts";
import type { EventsDependencies, EventsOperations } from "../dependencies.ts";
import { alreadyExists, limitExceeded, notFound, validationError } from "../errors.ts";
import { busNameOf, busOf, findBus, listed } from "../lookup.ts";

/** EventBridge quotas, "Event buses". */
const MOST_BUSES = 100;

export function busOperations({ store, clock }: EventsDependencies) {
  return {
    async CreateEventBus(input, context) {
      honourOnly(input, ["Name", "Description", "Tags"]);
      const { region, account } = context;
      const name = checkName(input.Name, "name", 256);
      const description = checkDescription(input.Description);
      const tags = readTags(input.Tags);
      const arn = busArn(region, account, name);
      await store.transact((tx) => {
        if (name === DEFAULT_BUS || tx.get(eventBuses, busKey(region, name)) !== undefined)
          throw alreadyExists(`Event bus ${name}`);
        if ([...tx.scan(eventBuses, { prefix: busKey(region, "") })].length + 1 >= MOST_BUSES)
          throw limitExceeded("The requested resource exceeds the maximum number allowed.");
        const now = clock.now();
        tx.put(eventBuses, busKey(region, name), {
          arn,
          name,
          region,
          ...description,
          createdAt: now,
          updatedAt: now,
          tags,
        });
      });
      return { EventBusArn: arn, ...shownDescription(description) };
    },

    DescribeEventBus(input, context) {
      const name = busOf(store, context, input.Name);
      const row = findBus(store, context, name);
      if (row === undefined) throw notFound(`Event bus ${name}`);
      return showBus(row);
    },

    ListEventBuses(input, context) {
      const { region } = context;
      const prefix = input.NamePrefix === undefined ? "" : checkName(input.NamePrefix, "namePrefix", 256);
      const own = Array.from(store.scan(eventBuses, { prefix: busKey(region, "") }), ([, row]) => row);
      const usual = findBus(store, context, DEFAULT_BUS);
      const rows = [...(usual === undefined ? [] : [usual]), ...own].filter((row) =>
        row.name.startsWith(prefix),
      );
      const { items, more } = listed(rows, (row) => row.name, ["ListEventBuses", region, prefix], input);
      return { EventBuses: items.map(showBus), ...more };
    },

    /** A bus that is not there is no error. */
    async DeleteEventBus(input, context) {
      const name = busNameOf(context, input.Name ?? "");
      if (name === DEFAULT_BUS) throw validationError("Cannot delete event bus default.");
      await store.transact((tx) => {
        for (const _ of tx.scan(rules, { prefix: ruleKey(context.region, name, "") }))
          throw validationError("Event bus can't be deleted since it has rules.");
        tx.delete(eventBuses, busKey(context.region, name));
      });
      return {};
    },
  } satisfies EventsOperations;
}

const shownDescription = ({ description }: Pick<EventBusRow, "description">) =>
  description === undefined ? {} : { Description: description };

const showBus = (row: EventBusRow) => ({
  Name: row.name,
  Arn: row.arn,
  ...shownDescription(row),
  // The default bus was there before any account knew of time.
  ...(row.createdAt === 0
    ? {}
    : { CreationTime: new Date(row.createdAt), LastModifiedTime: new Date(row.updatedAt) }),
});
