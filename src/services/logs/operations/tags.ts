// Tags of log groups, by the older operations (by name) and by the newer ones (by ARN).
import { logGroupKey, type LogGroupRow } from "#domain/logs/log-group.ts";
import { withTags, type Tags } from "#domain/tags.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import { parseArn } from "#lib/arn.ts";
import type { Reader } from "#store/store.ts";
import { logGroups } from "#store/tables/logs.ts";
import { checkTagCount, checkTags } from "../constraints.ts";
import type { LogsDependencies, LogsOperations } from "../dependencies.ts";
import { invalidParameter } from "../errors.ts";
import { groupByIdentifier, groupByName } from "../lookup.ts";

export function tagOperations({ store }: LogsDependencies) {
  const change = async (
    { region }: RequestContext,
    find: (reader: Reader) => LogGroupRow,
    tagsOf: (tags: Tags) => Tags,
  ) => {
    await store.transact((tx) => {
      const group = find(tx);
      tx.put(logGroups, logGroupKey(region, group.name), withTags(group, checkTagCount(tagsOf(group.tags))));
    });
    return {};
  };
  const byArn = (reader: Reader, place: RequestContext, arn = ""): LogGroupRow => {
    if (parseArn(arn) === undefined) throw invalidParameter(`The ARN ${arn} is not that of a log group.`);
    return groupByIdentifier(reader, place, arn, "resourceArn");
  };
  const added =
    (more: Readonly<Record<string, string>> = {}) =>
    (tags: Tags) => ({ ...tags, ...checkTags(more) });
  const without =
    (keys: readonly string[] = []) =>
    (tags: Tags) =>
      Object.fromEntries(Object.entries(tags).filter(([key]) => !keys.includes(key)));

  return {
    TagLogGroup: (input, place) =>
      change(place, (reader) => groupByName(reader, place, input.logGroupName), added(input.tags)),
    UntagLogGroup: (input, place) =>
      change(place, (reader) => groupByName(reader, place, input.logGroupName), without(input.tags)),
    ListTagsLogGroup: (input, place) => ({ tags: groupByName(store, place, input.logGroupName).tags }),
    TagResource: (input, place) =>
      change(place, (reader) => byArn(reader, place, input.resourceArn), added(input.tags)),
    UntagResource: (input, place) =>
      change(place, (reader) => byArn(reader, place, input.resourceArn), without(input.tagKeys)),
    ListTagsForResource: (input, place) => ({ tags: byArn(store, place, input.resourceArn).tags }),
  } satisfies LogsOperations;
}
