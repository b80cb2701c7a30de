// What EventBridge refuses and how it shows what it took, through its operations; tests/server/events.test.ts goes over the wire.
import type { Target } from "@aws-sdk/client-eventbridge";
import { beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import type { NewEvent } from "#domain/events/delivery.ts";
import type { RequestContext } from "#gateway/service-definition.ts";
import { createStore } from "#store/create-store.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import * as tables from "#store/tables/events.ts";
import { eventsOperations } from "./service.ts";

const context = {
  region: "eu-west-1",
  account: "123456789012",
  principal: { type: "root", account: "123456789012" },
} as RequestContext;
const arn = (service: string, resource: string) => `arn:aws:${service}:eu-west-1:123456789012:${resource}`;
const role = "arn:aws:iam::123456789012:role/r";
const PATTERN = '{"source":["shop"]}';

let events: ReturnType<typeof eventsOperations>;
let published: NewEvent[];
beforeEach(async () => {
  const store = await createStore({
    backend: createMemoryBackend(),
    logger: silentLogger,
    tables: Object.values(tables),
  });
  published = [];
  events = eventsOperations({
    store,
    clock: new TestClock(),
    random: seededRandom(3),
    account: context.account,
    sealer: { seal: (text) => `sealed ${text.length}`, open: (text) => text },
    publisher: {
      publish(given) {
        published.push(...given);
        return Promise.resolve(given.map((_, i) => `id-${i}`));
      },
    },
  });
});
const refusal = async (run: () => unknown): Promise<{ name: string; message: string }> => {
  try {
    await run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("It was not refused.");
};
const putRule = (more: object = {}) => events.PutRule({ Name: "r", EventPattern: PATTERN, ...more }, context);

describe("a rule", () => {
  it("is shown as it was put; put again it keeps its targets", async () => {
    await putRule({ Description: "d", Tags: [{ Key: "a", Value: "b" }] });
    await events.PutTargets({ Rule: "r", Targets: [{ Id: "1", Arn: arn("logs", "log-group:g") }] }, context);
    await putRule({ EventPattern: undefined, ScheduleExpression: "rate(5 minutes)", State: "DISABLED" });
    expect(events.DescribeRule({ Name: "r" }, context)).toEqual({
      Name: "r",
      Arn: arn("events", "rule/r"),
      ScheduleExpression: "rate(5 minutes)",
      State: "DISABLED",
      EventBusName: "default",
      CreatedBy: "123456789012",
    });
    expect(events.ListTargetsByRule({ Rule: "r" }, context)).toMatchObject({ Targets: [{ Id: "1" }] });
    expect(events.ListRuleNamesByTarget({ TargetArn: arn("logs", "log-group:g") }, context)).toEqual({
      RuleNames: ["r"],
    });
    expect(events.ListTagsForResource({ ResourceARN: arn("events", "rule/r") }, context)).toEqual({
      Tags: [{ Key: "a", Value: "b" }],
    });
  });

  it.each<[string, object, string, RegExp]>([
    [
      "neither pattern nor schedule",
      { EventPattern: undefined },
      "ValidationException",
      /EventPattern or ScheduleExpression/,
    ],
    [
      "a pattern that is none",
      { EventPattern: '{"a":1}' },
      "InvalidEventPatternException",
      /^Event pattern is not valid. Reason: /,
    ],
    [
      "a schedule that is none",
      { ScheduleExpression: "rate(1 minutes)" },
      "ValidationException",
      /^Parameter ScheduleExpression is not valid\.$/,
    ],
    [
      "a bus that is not there",
      { EventBusName: "other" },
      "ResourceNotFoundException",
      /Event bus other does not exist/,
    ],
    ["a role", { RoleArn: role }, "ValidationException", /'RoleArn' is not implemented/],
    ["a bad name", { Name: "a b" }, "ValidationException", /regular expression/],
  ])("with %s is refused", async (_, more, name, message) => {
    const found = await refusal(() => putRule(more));
    expect(found.name).toBe(name);
    expect(found.message).toMatch(message);
  });

  it("goes only without targets, and its bus only without rules", async () => {
    await events.CreateEventBus({ Name: "own" }, context);
    await putRule({ EventBusName: "own" });
    await events.PutTargets(
      { Rule: "r", EventBusName: "own", Targets: [{ Id: "1", Arn: arn("logs", "log-group:g") }] },
      context,
    );
    const key = { Name: "r", EventBusName: "own" };
    expect((await refusal(() => events.DeleteRule(key, context))).message).toBe(
      "Rule can't be deleted since it has targets.",
    );
    expect((await refusal(() => events.DeleteEventBus({ Name: "own" }, context))).name).toBe(
      "ValidationException",
    );
    await events.RemoveTargets({ Rule: "r", EventBusName: "own", Ids: ["1"] }, context);
    await events.DeleteRule(key, context);
    await events.DeleteEventBus({ Name: "own" }, context);
    expect(events.ListEventBuses({}, context).EventBuses.map(({ Name }) => Name)).toEqual(["default"]);
    expect((await refusal(() => events.ListRules({ EventBusName: "own" }, context))).name).toBe(
      "ResourceNotFoundException",
    );
  });
});

describe("a target", () => {
  const ecs: Target = {
    Id: "t",
    Arn: arn("ecs", "cluster/web"),
    RoleArn: role,
    EcsParameters: {
      TaskDefinitionArn: arn("ecs", "task-definition/app:1"),
      TaskCount: 2,
      LaunchType: "EC2",
    },
    RetryPolicy: { MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: 60 },
  };
  const put = (target: Target) => events.PutTargets({ Rule: "r", Targets: [target] }, context);

  it("is shown as it was put", async () => {
    await putRule();
    await put(ecs);
    expect(events.ListTargetsByRule({ Rule: "r" }, context).Targets).toMatchObject([ecs]);
  });

  it.each<[string, Partial<Target>, RegExp]>([
    [
      "of another service",
      { Arn: arn("lambda", "function:f") },
      /A target of the service lambda is not implemented/,
    ],
    [
      "that is another bus",
      { Arn: arn("events", "event-bus/other") },
      /An event bus as a target is not implemented/,
    ],
    [
      "in another region",
      { Arn: "arn:aws:ecs:us-east-1:123456789012:cluster/web" },
      /another account or region/,
    ],
    [
      "with a dead-letter queue",
      { DeadLetterConfig: { Arn: arn("sqs", "q") } },
      /'Targets.DeadLetterConfig' is not implemented/,
    ],
    ["without a role", { RoleArn: undefined }, /RoleArn is required/],
    ["without EcsParameters", { EcsParameters: undefined }, /EcsParameters must be provided/],
    [
      "with a platform version",
      {
        EcsParameters: {
          ...ecs.EcsParameters,
          TaskDefinitionArn: arn("ecs", "task-definition/a"),
          PlatformVersion: "1.4.0",
        },
      },
      /'Targets.EcsParameters.PlatformVersion' is not implemented/,
    ],
    [
      "with two inputs",
      { Input: "{}", InputPath: "$.a" },
      /Only one of Input, InputPath, or InputTransformer/,
    ],
    ["with input that is no JSON", { Input: "{" }, /JSON syntax error/],
    ["with a bad path", { InputPath: "$.a[*]" }, /InputPath is not valid/],
    ["with too many attempts", { RetryPolicy: { MaximumRetryAttempts: 186 } }, /less than or equal to 185/],
  ])("%s is refused", async (_, more, message) => {
    await putRule();
    const found = await refusal(() => put({ ...ecs, ...more }));
    expect(found.name).toBe("ValidationException");
    expect(found.message).toMatch(message);
  });

  it("is one of at most five", async () => {
    await putRule();
    const targets = (count: number) => Array.from({ length: count }, (_, i) => ({ ...ecs, Id: String(i) }));
    await events.PutTargets({ Rule: "r", Targets: targets(5) }, context);
    expect((await refusal(() => events.PutTargets({ Rule: "r", Targets: targets(6) }, context))).name).toBe(
      "LimitExceededException",
    );
  });
});

describe("events of one's own", () => {
  it("are taken one by one: what is wrong with one is that one's error", async () => {
    const good = { Source: "shop", DetailType: "Order", Detail: '{"a":1}' };
    const answer = await events.PutEvents(
      {
        Entries: [
          good,
          { ...good, Source: "aws.ecs" },
          { ...good, Detail: "[" },
          { ...good, DetailType: undefined },
        ],
      },
      context,
    );
    expect(answer).toMatchObject({
      FailedEntryCount: 3,
      Entries: [
        { EventId: "id-0" },
        { ErrorCode: "NotAuthorizedForSourceException" },
        { ErrorCode: "MalformedDetail" },
        { ErrorCode: "InvalidArgument" },
      ],
    });
    expect(published).toMatchObject([
      { source: "shop", detailType: "Order", detail: { a: 1 }, busName: "default" },
    ]);
  });

  it("are tried on a pattern", async () => {
    const event = {
      id: "1",
      account: "1",
      source: "shop",
      time: "t",
      region: "r",
      resources: [],
      "detail-type": "d",
    };
    expect(events.TestEventPattern({ EventPattern: PATTERN, Event: JSON.stringify(event) })).toEqual({
      Result: true,
    });
    const found = await refusal(() => events.TestEventPattern({ EventPattern: PATTERN, Event: "{}" }));
    expect(found.name).toBe("ValidationException");
  });
});

describe("an API destination", () => {
  const connect = (more: object = {}) =>
    events.CreateConnection(
      {
        Name: "c",
        AuthorizationType: "BASIC",
        AuthParameters: {
          BasicAuthParameters: { Username: "u", Password: "very secret" },
          InvocationHttpParameters: {
            HeaderParameters: [
              { Key: "x-a", Value: "hidden", IsValueSecret: true },
              { Key: "x-b", Value: "open" },
            ],
          },
        },
        ...more,
      } as never,
      context,
    );

  it("calls an endpoint by a connection that shows no secret", async () => {
    const { ConnectionArn } = await connect();
    expect(events.DescribeConnection({ Name: "c" }, context)).toMatchObject({
      ConnectionState: "AUTHORIZED",
      AuthParameters: {
        BasicAuthParameters: { Username: "u" },
        InvocationHttpParameters: {
          HeaderParameters: [
            { Key: "x-a", IsValueSecret: true },
            { Key: "x-b", Value: "open", IsValueSecret: false },
          ],
        },
      },
    });
    expect(JSON.stringify(events.DescribeConnection({ Name: "c" }, context))).not.toMatch(/secret"|hidden/);
    const made = {
      Name: "d",
      ConnectionArn,
      InvocationEndpoint: "https://host/a/*",
      HttpMethod: "POST" as const,
    };
    await events.CreateApiDestination(made, context);
    expect(events.DescribeApiDestination({ Name: "d" }, context)).toMatchObject({
      ...made,
      InvocationRateLimitPerSecond: 300,
    });
    expect((await refusal(() => events.CreateApiDestination(made, context))).name).toBe(
      "ResourceAlreadyExistsException",
    );
  });

  it.each(["ftp://host/", "https://*/a", "https://u:p@host/", "https://host/#a", "host"])(
    "%s is no endpoint",
    async (endpoint) => {
      const { ConnectionArn } = await connect();
      const given = { Name: "d", ConnectionArn, InvocationEndpoint: endpoint, HttpMethod: "POST" as const };
      expect((await refusal(() => events.CreateApiDestination(given, context))).message).toBe(
        "Parameter InvocationEndpoint is not valid.",
      );
    },
  );

  it.each<[string, object, RegExp]>([
    [
      "OAuth",
      { AuthorizationType: "OAUTH_CLIENT_CREDENTIALS" },
      /OAUTH_CLIENT_CREDENTIALS is not implemented/,
    ],
    [
      "a header of the connection's own",
      {
        AuthorizationType: "API_KEY",
        AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: "Host", ApiKeyValue: "x" } },
      },
      /cannot be set/,
    ],
    [
      "a header with a line's end",
      {
        AuthorizationType: "API_KEY",
        AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: "x-key", ApiKeyValue: "a\r\nb: c" } },
      },
      /is not valid/,
    ],
  ])("a connection with %s is refused", async (_, more, message) => {
    expect((await refusal(() => connect(more))).message).toMatch(message);
  });
});
