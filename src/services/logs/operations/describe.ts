// What there is: groups and streams, in pages.
import type { LogGroup, LogStream } from "@aws-sdk/client-cloudwatch-logs";
import { logGroupKey, type LogGroupRow, type LogStreamRow } from "#domain/logs/log-group.ts";
import { logGroups } from "#store/tables/logs.ts";
import { pageOf } from "../../page.ts";
import { inRange } from "../constraints.ts";
import type { LogsDependencies, LogsOperations } from "../dependencies.ts";
import { invalidParameter, invalidToken, notImplemented } from "../errors.ts";
import { groupByIdentifier, namedGroup, streamsOf } from "../lookup.ts";

/** DescribeLogGroups and DescribeLogStreams, "limit". */
const PAGE = 50;

export function describeOperations({ store, logs }: LogsDependencies) {
  const showGroup = (group: LogGroupRow): LogGroup => ({
    logGroupName: group.name,
    creationTime: group.createdAt,
    ...(group.retentionInDays === undefined ? {} : { retentionInDays: group.retentionInDays }),
    metricFilterCount: 0,
    arn: `${group.arn}:*`,
    storedBytes: logs.storedBytes(group.id),
    logGroupClass: "STANDARD",
    logGroupArn: group.arn,
    deletionProtectionEnabled: false,
  });
  const summaryOf = ({ groupId, id }: LogStreamRow) => logs.summary({ group: groupId, stream: id });
  const showStream = (stream: LogStreamRow): LogStream => {
    const summary = summaryOf(stream);
    return {
      logStreamName: stream.name,
      creationTime: stream.createdAt,
      ...(summary && {
        firstEventTimestamp: summary.firstTimestamp,
        lastEventTimestamp: summary.lastTimestamp,
        lastIngestionTime: summary.lastIngestionTime,
      }),
      // Of no use since 2023, and still read by older drivers.
      uploadSequenceToken: "1".padStart(56, "0"),
      arn: stream.arn,
      // AWS has shown zero since 2019.
      storedBytes: 0,
    };
  };

  return {
    DescribeLogGroups(input, place) {
      const { nextToken, limit = PAGE, ...question } = input;
      const { logGroupNamePrefix, logGroupNamePattern, logGroupIdentifiers, logGroupClass } = input;
      if (input.includeLinkedAccounts === true) throw notImplemented("includeLinkedAccounts");
      if (logGroupNamePrefix !== undefined && logGroupNamePattern !== undefined)
        throw invalidParameter(
          "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        );
      const foreign = (input.accountIdentifiers ?? []).find((id) => id !== place.account);
      if (foreign !== undefined) throw notImplemented("A log group of another account");
      const found =
        logGroupIdentifiers === undefined
          ? [...store.scan(logGroups, { prefix: logGroupKey(place.region, logGroupNamePrefix ?? "") })]
              .map(([, row]) => row)
              .filter((row) => row.name.includes(logGroupNamePattern ?? ""))
          : logGroupIdentifiers.map((id) => groupByIdentifier(store, place, id, "logGroupIdentifiers"));
      const page = pageOf(
        logGroupClass === undefined || logGroupClass === "STANDARD" ? found : [],
        (row) => row.name,
        { question: [place.action, question], token: nextToken, size: inRange(limit, "limit", 1, PAGE) },
      );
      if (page === undefined) throw invalidToken();
      return {
        logGroups: page.items.map(showGroup),
        ...(page.next === undefined ? {} : { nextToken: page.next }),
      };
    },

    DescribeLogStreams(input, place) {
      const { nextToken, limit = PAGE, ...question } = input;
      const group = namedGroup(store, place, input);
      const byTime = input.orderBy === "LastEventTime";
      if (input.orderBy !== undefined && !byTime && input.orderBy !== "LogStreamName")
        throw invalidParameter(
          `1 validation error detected: Value '${String(input.orderBy)}' at 'orderBy' failed to satisfy constraint: Member must satisfy enum value set: [LogStreamName, LastEventTime]`,
        );
      if (byTime && input.logStreamNamePrefix !== undefined)
        throw invalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.");
      const timeKey = (stream: LogStreamRow) =>
        `${String(summaryOf(stream)?.lastTimestamp ?? 0).padStart(16, "0")}/${stream.name}`;
      const page = pageOf(
        streamsOf(store, group, input.logStreamNamePrefix),
        byTime ? timeKey : (stream) => stream.name,
        {
          question: [place.action, question],
          token: nextToken,
          size: inRange(limit, "limit", 1, PAGE),
          descending: input.descending === true,
        },
      );
      if (page === undefined) throw invalidToken();
      return {
        logStreams: page.items.map(showStream),
        ...(page.next === undefined ? {} : { nextToken: page.next }),
      };
    },
  } satisfies LogsOperations;
}
