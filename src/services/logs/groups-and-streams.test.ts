// Log groups and streams, through the official SDK.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ACCOUNT, createFixture, REGION, type Fixture } from "./fixture.suite.ts";

let f: Fixture;
beforeEach(async () => {
  f = await createFixture();
});
afterEach(() => f.close());

const arnOf = (name: string) => `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${name}`;
const refused = (message: string | RegExp, name = "InvalidParameterException") => ({
  name,
  message: expect.stringMatching(message) as string,
});

describe("a log group", () => {
  it("is shown with its ARNs, its class and its retention", async () => {
    await f.client.createLogGroup({ logGroupName: "/ecs/web", logGroupClass: "STANDARD" });
    await f.client.putRetentionPolicy({ logGroupName: "/ecs/web", retentionInDays: 7 });
    const { logGroups } = await f.client.describeLogGroups({});
    expect(logGroups).toEqual([
      {
        logGroupName: "/ecs/web",
        creationTime: f.clock.now(),
        retentionInDays: 7,
        metricFilterCount: 0,
        arn: `${arnOf("/ecs/web")}:*`,
        logGroupArn: arnOf("/ecs/web"),
        storedBytes: 0,
        logGroupClass: "STANDARD",
        deletionProtectionEnabled: false,
      },
    ]);
    await f.client.deleteRetentionPolicy({ logGroupName: "/ecs/web" });
    expect((await f.client.describeLogGroups({})).logGroups?.[0]?.retentionInDays).toBeUndefined();
  });

  it("is made once, and deleted with its streams and events", async () => {
    await f.group("g", "s");
    await f.put("g", "s", [0, "a"]);
    await expect(f.client.createLogGroup({ logGroupName: "g" })).rejects.toMatchObject(
      refused("The specified log group already exists", "ResourceAlreadyExistsException"),
    );
    await f.client.deleteLogGroup({ logGroupName: "g" });
    await expect(f.client.deleteLogGroup({ logGroupName: "g" })).rejects.toMatchObject(
      refused("The specified log group does not exist.", "ResourceNotFoundException"),
    );
    await f.group("g", "s");
    const { events } = await f.client.getLogEvents({ logGroupName: "g", logStreamName: "s" });
    expect(events).toEqual([]);
  });

  it.each([
    ["kmsKeyId", { kmsKeyId: "arn:aws:kms:us-east-1:123456789012:key/1" }],
    ["INFREQUENT_ACCESS", { logGroupClass: "INFREQUENT_ACCESS" as const }],
    ["deletionProtectionEnabled", { deletionProtectionEnabled: true }],
  ])("with %s is refused by that name", async (name, more) => {
    await expect(f.client.createLogGroup({ logGroupName: "g", ...more })).rejects.toMatchObject(
      refused(`${name}.* is not implemented by Estiba`),
    );
  });

  it("has a name and a retention within AWS's limits", async () => {
    await expect(f.client.createLogGroup({ logGroupName: "a b" })).rejects.toMatchObject(
      refused("Value 'a b' at 'logGroupName' failed to satisfy constraint"),
    );
    await f.group("g");
    await expect(
      f.client.putRetentionPolicy({ logGroupName: "g", retentionInDays: 2 }),
    ).rejects.toMatchObject(refused("Value '2' at 'retentionInDays'"));
    await expect(f.client.createLogGroup({} as never)).rejects.toMatchObject(
      refused("Value null at 'logGroupName' failed to satisfy constraint: Member must not be null"),
    );
  });

  it("is found by prefix, by pattern and by identifier, in pages", async () => {
    for (const name of ["/ecs/api", "/ecs/web", "/lambda/web"]) await f.group(name);
    const names = async (input: object) =>
      (await f.client.describeLogGroups(input)).logGroups?.map((g) => g.logGroupName);
    expect(await names({ logGroupNamePrefix: "/ecs" })).toEqual(["/ecs/api", "/ecs/web"]);
    expect(await names({ logGroupNamePattern: "web" })).toEqual(["/ecs/web", "/lambda/web"]);
    expect(await names({ logGroupIdentifiers: [arnOf("/ecs/web")] })).toEqual(["/ecs/web"]);
    expect(await names({ logGroupClass: "INFREQUENT_ACCESS" })).toEqual([]);
    await expect(
      f.client.describeLogGroups({ logGroupNamePrefix: "a", logGroupNamePattern: "b" }),
    ).rejects.toMatchObject(refused("mutually exclusive"));
    const first = await f.client.describeLogGroups({ limit: 2 });
    const second = await f.client.describeLogGroups({ limit: 2, nextToken: first.nextToken });
    expect([first, second].map((p) => p.logGroups?.length)).toEqual([2, 1]);
    expect(second.nextToken).toBeUndefined();
  });

  it("has tags, given by name or by ARN", async () => {
    await f.client.createLogGroup({ logGroupName: "g", tags: { a: "1" } });
    await f.client.tagLogGroup({ logGroupName: "g", tags: { b: "2" } });
    await f.client.tagResource({ resourceArn: arnOf("g"), tags: { c: "3", d: "4" } });
    await f.client.untagResource({ resourceArn: arnOf("g"), tagKeys: ["a"] });
    await f.client.untagLogGroup({ logGroupName: "g", tags: ["d"] });
    const expected = { b: "2", c: "3" };
    expect((await f.client.listTagsForResource({ resourceArn: `${arnOf("g")}:*` })).tags).toEqual(expected);
    expect((await f.client.listTagsLogGroup({ logGroupName: "g" })).tags).toEqual(expected);
  });
});

describe("a log stream", () => {
  it("is shown with the times of its events, which an empty one lacks", async () => {
    await f.group("g", "empty", "full");
    await f.put("g", "full", [-2000, "a"], [-1000, "b"]);
    const { logStreams } = await f.client.describeLogStreams({ logGroupIdentifier: arnOf("g") });
    expect(logStreams).toMatchObject([
      { logStreamName: "empty", creationTime: f.clock.now(), arn: `${arnOf("g")}:log-stream:empty` },
      {
        logStreamName: "full",
        firstEventTimestamp: f.clock.now() - 2000,
        lastEventTimestamp: f.clock.now() - 1000,
        lastIngestionTime: f.clock.now(),
      },
    ]);
    expect(logStreams?.[0]).not.toHaveProperty("lastEventTimestamp");
  });

  it("is listed by name or by the time of its last event, either way, in pages", async () => {
    await f.group("g", "a", "b", "c");
    await f.put("g", "a", [-1000, "x"]);
    await f.put("g", "c", [-2000, "x"]);
    const names = async (input: object) => {
      const all: (string | undefined)[] = [];
      for (let nextToken: string | undefined, more = true; more; more = nextToken !== undefined) {
        const page = await f.client.describeLogStreams({ logGroupName: "g", limit: 1, ...input, nextToken });
        all.push(...(page.logStreams ?? []).map((s) => s.logStreamName));
        nextToken = page.nextToken;
      }
      return all;
    };
    expect(await names({})).toEqual(["a", "b", "c"]);
    expect(await names({ descending: true })).toEqual(["c", "b", "a"]);
    expect(await names({ orderBy: "LastEventTime" })).toEqual(["b", "c", "a"]);
    expect(await names({ orderBy: "LastEventTime", descending: true })).toEqual(["a", "c", "b"]);
    expect(await names({ logStreamNamePrefix: "b" })).toEqual(["b"]);
    await expect(
      f.client.describeLogStreams({ logGroupName: "g", orderBy: "LastEventTime", logStreamNamePrefix: "a" }),
    ).rejects.toMatchObject(refused("Cannot order by LastEventTime with a logStreamNamePrefix."));
  });

  it("is made once, and deleted with its events", async () => {
    await f.group("g", "s");
    await f.put("g", "s", [0, "a"]);
    const names = { logGroupName: "g", logStreamName: "s" };
    await expect(f.client.createLogStream(names)).rejects.toMatchObject(
      refused("The specified log stream already exists", "ResourceAlreadyExistsException"),
    );
    await f.client.deleteLogStream(names);
    await expect(f.client.getLogEvents(names)).rejects.toMatchObject(
      refused("The specified log stream does not exist.", "ResourceNotFoundException"),
    );
    await f.client.createLogStream(names);
    expect((await f.client.getLogEvents(names)).events).toEqual([]);
  });
});
