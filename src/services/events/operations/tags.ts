// Tags of rules and event buses.
import { busKey, type EventBusRow, ruleKey, type RuleRow } from "#domain/events/rule.ts";
import type { Tags } from "#domain/tags.ts";
import type { Reader, Transaction } from "#store/store.ts";
import { eventBuses, rules } from "#store/tables/events.ts";
import { checkLength, checkTagCount, readTags, showTags } from "../constraints.ts";
import type { EventsDependencies, EventsOperations } from "../dependencies.ts";
import { notFound } from "../errors.ts";

export function tagOperations({ store }: EventsDependencies) {
  return {
    async TagResource(input, { region }) {
      const added = readTags(input.Tags);
      await store.transact((tx) => {
        const { tags, put } = taggable(tx, region, input.ResourceARN);
        put(tx, checkTagCount({ ...tags, ...added }));
      });
      return {};
    },

    async UntagResource(input, { region }) {
      const removed = new Set(input.TagKeys ?? []);
      await store.transact((tx) => {
        const { tags, put } = taggable(tx, region, input.ResourceARN);
        put(tx, Object.fromEntries(Object.entries(tags).filter(([key]) => !removed.has(key))));
      });
      return {};
    },

    ListTagsForResource: (input, { region }) => ({
      Tags: showTags(taggable(store, region, input.ResourceARN).tags),
    }),
  } satisfies EventsOperations;
}

interface Taggable {
  readonly tags: Tags;
  readonly put: (tx: Transaction, tags: Tags) => void;
}

/** @throws ResourceNotFoundException */
function taggable(reader: Reader, region: string, given: string | undefined): Taggable {
  const arn = checkLength(given ?? "", "resourceARN", 1, 1600);
  const rule = reader.find(rules, "arn", arn).find(([, row]) => row.region === region)?.[1];
  if (rule !== undefined) return ofRule(rule);
  const name = arn.slice(arn.lastIndexOf("event-bus/") + "event-bus/".length);
  const bus = reader.get(eventBuses, busKey(region, name.slice(0, 256)));
  if (bus?.arn === arn) return ofBus(bus);
  throw notFound(`Resource ${arn.slice(0, 256)}`);
}

const ofRule = (row: RuleRow): Taggable => ({
  tags: row.tags,
  put: (tx, tags) => tx.put(rules, ruleKey(row.region, row.busName, row.name), { ...row, tags }),
});
const ofBus = (row: EventBusRow): Taggable => ({
  tags: row.tags,
  put: (tx, tags) => tx.put(eventBuses, busKey(row.region, row.name), { ...row, tags }),
});
