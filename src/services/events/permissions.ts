// Which permission each operation of EventBridge needs (Service Authorization Reference, "Amazon EventBridge"), and which roles
// its rules are handed.
import type { EventBridge, Tag } from "@aws-sdk/client-eventbridge";
import { formatArn, parseArn } from "#lib/arn.ts";
import { busArn, busKey, DEFAULT_BUS, ruleArn, ruleKey } from "#domain/events/rule.ts";
import type { Tags } from "#domain/tags.ts";
import type { CallScope, Permission, PermissionTable } from "#gateway/service-definition.ts";
import type { Reader } from "#store/store.ts";
import { apiDestinations, connections, eventBuses, rules } from "#store/tables/events.ts";

type Context = NonNullable<Permission["context"]>;

export function eventsPermissions(reader: Reader) {
  const anything = (): Permission[] => [{ resource: "*" }];
  const onRule = (
    scope: CallScope,
    bus: string | undefined,
    name: string | undefined,
    context: Context = {},
  ): Permission[] => {
    const { region, account } = scope;
    const busName = busNameIn(bus);
    const tags = reader.get(rules, ruleKey(region, busName, name ?? ""))?.tags ?? {};
    return [
      {
        resource: ruleArn(region, account, busName, name ?? ""),
        context: { ...resourceTags(tags), ...context },
      },
    ];
  };
  const onBus = (scope: CallScope, bus: string | undefined, context: Context = {}): Permission[] => {
    const { region, account } = scope;
    const name = busNameIn(bus);
    const tags = reader.get(eventBuses, busKey(region, name))?.tags ?? {};
    return [{ resource: busArn(region, account, name), context: { ...resourceTags(tags), ...context } }];
  };
  /** What is there goes by its ARN; what is not has no id yet. */
  const onNamed = (
    { region, account }: CallScope,
    table: typeof connections | typeof apiDestinations,
    kind: string,
    name = "",
  ): Permission[] => {
    const made = formatArn({ service: "events", region, account, resource: `${kind}/${name}/*` });
    return [
      { resource: reader.get<{ readonly arn: string }>(table as never, `${region}/${name}`)?.arn ?? made },
    ];
  };
  const onConnection = (input: { readonly Name?: string | undefined }, scope: CallScope) =>
    onNamed(scope, connections, "connection", input.Name);
  const onDestination = (input: { readonly Name?: string | undefined }, scope: CallScope) =>
    onNamed(scope, apiDestinations, "api-destination", input.Name);
  const onTagged = (arn: string | undefined, context: Context): Permission[] => [
    { resource: parseArn(arn ?? "") === undefined ? "*" : (arn ?? "*"), context },
  ];
  const rule = (
    input: { readonly Name?: string | undefined; readonly EventBusName?: string | undefined },
    scope: CallScope,
  ) => onRule(scope, input.EventBusName, input.Name);

  return {
    PutRule: (input, scope) => onRule(scope, input.EventBusName, input.Name, requestTags(input.Tags)),
    DescribeRule: rule,
    EnableRule: rule,
    DisableRule: rule,
    DeleteRule: rule,
    ListRules: anything,
    ListRuleNamesByTarget: anything,

    PutTargets: (input, scope) => {
      const targets = input.Targets ?? [];
      const passed = targets.flatMap(({ RoleArn: role }) =>
        role === undefined || role === ""
          ? []
          : [
              {
                action: "iam:PassRole",
                resource: role,
                context: { "iam:PassedToService": "events.amazonaws.com" },
              },
            ],
      );
      const arns = targets.flatMap(({ Arn: arn }) => arn ?? []);
      return [...onRule(scope, input.EventBusName, input.Rule, { "events:TargetArn": arns }), ...passed];
    },
    RemoveTargets: (input, scope) => onRule(scope, input.EventBusName, input.Rule),
    ListTargetsByRule: (input, scope) => onRule(scope, input.EventBusName, input.Rule),

    PutEvents: (input, scope) =>
      (input.Entries ?? []).flatMap((entry) =>
        onBus(scope, entry.EventBusName, {
          "events:source": entry.Source,
          "events:detail-type": entry.DetailType,
        }),
      ),
    TestEventPattern: anything,

    CreateEventBus: (input, scope) => onBus(scope, input.Name, requestTags(input.Tags)),
    DescribeEventBus: (input, scope) => onBus(scope, input.Name),
    DeleteEventBus: (input, scope) => onBus(scope, input.Name),
    ListEventBuses: anything,

    CreateConnection: onConnection,
    UpdateConnection: onConnection,
    DescribeConnection: onConnection,
    DeleteConnection: onConnection,
    ListConnections: anything,

    CreateApiDestination: (input, scope) => [
      ...onDestination(input, scope),
      ...onTagged(input.ConnectionArn, {}),
    ],
    UpdateApiDestination: onDestination,
    DescribeApiDestination: onDestination,
    DeleteApiDestination: onDestination,
    ListApiDestinations: anything,

    TagResource: (input) =>
      onTagged(input.ResourceARN, { ...tagsOf(reader, input.ResourceARN), ...requestTags(input.Tags) }),
    UntagResource: (input) =>
      onTagged(input.ResourceARN, { ...tagsOf(reader, input.ResourceARN), "aws:TagKeys": input.TagKeys }),
    ListTagsForResource: (input) => onTagged(input.ResourceARN, tagsOf(reader, input.ResourceARN)),
  } satisfies Partial<PermissionTable<EventBridge>>;
}

/** A bus's ARN or name; what is neither is refused by the operation. */
const busNameIn = (given: string | undefined): string =>
  given === undefined ? DEFAULT_BUS : (/^arn:.*:event-bus\/(.*)$/.exec(given)?.[1] ?? given);

function requestTags(tags: readonly Tag[] | undefined): Context {
  const given = (tags ?? []).map(({ Key: key = "", Value: value = "" }) => [key, value] as const);
  return {
    ...Object.fromEntries(given.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    ...(given.length === 0 ? {} : { "aws:TagKeys": given.map(([key]) => key) }),
  };
}

const resourceTags = (tags: Tags): Context =>
  Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:ResourceTag/${key}`, value]));

function tagsOf(reader: Reader, arn = ""): Context {
  const parsed = parseArn(arn);
  const bus = parsed?.resource.replace(/^event-bus\//, "") ?? "";
  const row =
    reader.find(rules, "arn", arn)[0]?.[1] ?? reader.get(eventBuses, busKey(parsed?.region ?? "", bus));
  return resourceTags(row?.tags ?? {});
}
