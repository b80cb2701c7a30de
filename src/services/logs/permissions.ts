// Which permission each operation needs (Service Authorization Reference, "Amazon CloudWatch Logs"). AWS judges calls on a group as
// calls on an unnamed stream of it, so that policies on `…:log-group:name:*` grant them; tags are the group's own.
import type { CloudWatchLogs } from "@aws-sdk/client-cloudwatch-logs";
import { logGroupArn, logGroupKey } from "#domain/logs/log-group.ts";
import type { CallScope, Permission, PermissionTable } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { logGroups } from "#store/tables/logs.ts";
import { groupNameIn } from "./lookup.ts";

type Context = NonNullable<Permission["context"]>;

interface NamesGroup {
  readonly logGroupName?: string | undefined;
  readonly logGroupIdentifier?: string | undefined;
}

export function logsPermissions(reader: Reader) {
  const tagsOf = (name: string, { region }: CallScope): Context =>
    Object.fromEntries(
      Object.entries(reader.get(logGroups, logGroupKey(region, name))?.tags ?? {}).map(([key, value]) => [
        `aws:ResourceTag/${key}`,
        value,
      ]),
    );
  const onStream = (input: NamesGroup, scope: CallScope, stream = "", context: Context = {}): Permission => {
    const name = groupNameIn(input.logGroupIdentifier ?? input.logGroupName ?? "");
    return {
      resource: `${logGroupArn(scope.region, scope.account, name)}:log-stream:${stream}`,
      context: { ...tagsOf(name, scope), ...context },
    };
  };
  const onGroup = (input: NamesGroup, scope: CallScope): Permission[] => [onStream(input, scope)];

  const onTags = (identifier: string | undefined, scope: CallScope, context: Context = {}): Permission => {
    const name = groupNameIn(identifier ?? "");
    return {
      resource: logGroupArn(scope.region, scope.account, name),
      context: { ...tagsOf(name, scope), ...context },
    };
  };

  return {
    CreateLogGroup: (input, scope) => {
      const asked = requestTags(input.tags);
      const group = onStream(input, scope, "", asked);
      return Object.keys(input.tags ?? {}).length === 0
        ? [group]
        : [group, { ...group, action: "logs:TagResource" }];
    },
    DeleteLogGroup: onGroup,
    // AWS names the prefix that is asked for where the group's name would stand.
    DescribeLogGroups: (input, scope) =>
      input.logGroupIdentifiers === undefined
        ? [onStream({ logGroupName: input.logGroupNamePrefix ?? "" }, scope)]
        : input.logGroupIdentifiers.map((id) => onStream({ logGroupIdentifier: id }, scope)),
    PutRetentionPolicy: onGroup,
    DeleteRetentionPolicy: onGroup,
    CreateLogStream: onGroup,
    DescribeLogStreams: onGroup,
    DeleteLogStream: (input, scope) => [onStream(input, scope, input.logStreamName)],
    PutLogEvents: (input, scope) => [onStream(input, scope, input.logStreamName)],
    GetLogEvents: (input, scope) => [onStream(input, scope, input.logStreamName)],
    FilterLogEvents: onGroup,
    TestMetricFilter: () => [{ resource: "*" }],
    StartLiveTail: (input, scope) =>
      (input.logGroupIdentifiers ?? []).map((id) => onStream({ logGroupIdentifier: id }, scope)),

    TagLogGroup: (input, scope) => [onTags(input.logGroupName, scope, requestTags(input.tags))],
    UntagLogGroup: (input, scope) => [onTags(input.logGroupName, scope, { "aws:TagKeys": input.tags })],
    ListTagsLogGroup: (input, scope) => [onTags(input.logGroupName, scope)],
    TagResource: (input, scope) => [onTags(input.resourceArn, scope, requestTags(input.tags))],
    UntagResource: (input, scope) => [onTags(input.resourceArn, scope, { "aws:TagKeys": input.tagKeys })],
    ListTagsForResource: (input, scope) => [onTags(input.resourceArn, scope)],
  } satisfies Partial<PermissionTable<CloudWatchLogs>>;
}

function requestTags(tags: Readonly<Record<string, string>> | undefined): Context {
  if (tags === undefined) return {};
  return {
    ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    "aws:TagKeys": Object.keys(tags),
  };
}
