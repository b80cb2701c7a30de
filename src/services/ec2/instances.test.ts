import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  type DescribeInstancesCommandInput,
  DescribeInstanceStatusCommand,
  GetConsoleOutputCommand,
  type InstanceAttributeName,
  ModifyInstanceMetadataOptionsCommand,
  TerminateInstancesCommand,
  waitUntilInstanceRunning,
  waitUntilInstanceStatusOk,
  waitUntilInstanceTerminated,
} from "@aws-sdk/client-ec2";
import { instanceRunning, instanceTerminated, terminateInstance } from "#domain/ec2/instance.ts";
import { instances } from "#store/tables/ec2.ts";
import { createFixture, type Fixture, PROFILE, refusal } from "./fixture.suite.ts";

let f: Fixture;
beforeEach(async () => {
  f = await createFixture();
});
afterEach(() => f.close());

const describeAll = async (input: DescribeInstancesCommandInput = {}) => {
  const { Reservations } = await f.ec2.send(new DescribeInstancesCommand(input));
  return (Reservations ?? []).flatMap((r) => r.Instances ?? []);
};
const userData = Buffer.from("#!/bin/bash\n").toString("base64");
const terminate = (...ids: string[]) => f.ec2.send(new TerminateInstancesCommand({ InstanceIds: ids }));
const end = (id: string) =>
  f.change(id, (row) =>
    instanceTerminated(terminateInstance(row, { code: "c", message: "m" }, f.clock.now()), f.clock.now()),
  );

describe("DescribeInstances", () => {
  it("answers reservations with their instances in the order of their launch", async () => {
    const ids = await f.run({ MinCount: 3, MaxCount: 3 });
    await f.run();
    const { Reservations } = await f.ec2.send(new DescribeInstancesCommand({}));
    expect(Reservations?.map((r) => r.Instances?.length).sort()).toEqual([1, 3]);
    const three = Reservations?.find((r) => r.Instances?.length === 3);
    expect(three?.Instances?.map((i) => i.InstanceId)).toEqual(ids);
  });

  it("finds instances by filters: alternatives inside one, all of several, wildcards, tags", async () => {
    const [web] = await f.run({
      InstanceType: "m5.large",
      IamInstanceProfile: { Name: PROFILE },
      TagSpecifications: [
        {
          ResourceType: "instance",
          Tags: [
            { Key: "Name", Value: "web-1" },
            { Key: "team", Value: "a*b" },
          ],
        },
      ],
    });
    const [api] = await f.run({
      Placement: { AvailabilityZone: "eu-west-1b" },
      TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key: "Name", Value: "api-1" }] }],
    });
    const [gone] = await f.run();
    await f.change(api ?? "", instanceRunning);
    await end(gone ?? "");
    const table: [string, string[], (string | undefined)[]][] = [
      ["instance-state-name", ["running", "pending"], [web, api]],
      ["instance-state-name", ["terminated"], [gone]],
      ["instance-state-code", ["16"], [api]],
      ["instance-type", ["m5.*"], [web]],
      ["instance-type", ["t?.small"], [api, gone]],
      ["availability-zone", ["eu-west-1b"], [api]],
      ["availability-zone-id", ["euw1-az2"], [api]],
      ["private-ip-address", ["10.64.1.*"], [api]],
      ["instance-id", [api ?? ""], [api]],
      ["vpc-id", ["vpc-*"], [web, api]],
      ["tag:Name", ["web-*", "api-*"], [web, api]],
      ["tag:name", ["*"], []],
      ["tag:team", ["a\\*b"], [web]],
      ["tag:team", ["a\\*c"], []],
      ["tag-key", ["tea*"], [web]],
      ["iam-instance-profile.arn", [`*/${PROFILE}`], [web]],
      ["instance.group-name", ["default"], [web, api]],
      ["instance-lifecycle", ["spot"], []],
      ["instance-type", [], []],
    ];
    for (const [Name, Values, expected] of table) {
      const found = (await describeAll({ Filters: [{ Name, Values }] })).map((i) => i.InstanceId);
      expect([Name, Values, found.sort()]).toEqual([Name, Values, [...expected].sort()]);
    }
    const both = await describeAll({
      Filters: [
        { Name: "tag:Name", Values: ["*-1"] },
        { Name: "instance-state-name", Values: ["running"] },
      ],
    });
    expect(both.map((i) => i.InstanceId)).toEqual([api]);
    expect(await refusal(describeAll({ Filters: [{ Name: "nonsense", Values: ["x"] }] }))).toEqual({
      code: "InvalidParameterValue",
      message: "The filter 'nonsense' is invalid",
    });
  });

  it("comes in pages that together are everything once", async () => {
    for (let i = 0; i < 12; i += 1) await f.run();
    const found: (string | undefined)[] = [];
    let NextToken: string | undefined;
    let pages = 0;
    do {
      const answer = await f.ec2.send(
        new DescribeInstancesCommand({ MaxResults: 5, ...(NextToken === undefined ? {} : { NextToken }) }),
      );
      found.push(...(answer.Reservations ?? []).flatMap((r) => r.Instances ?? []).map((i) => i.InstanceId));
      NextToken = answer.NextToken;
      pages += 1;
    } while (NextToken !== undefined);
    expect(pages).toBe(3);
    expect(new Set(found).size).toBe(12);
  });

  it.each([
    [
      "an unknown id",
      { InstanceIds: ["i-0123456789abcdef0"] },
      "InvalidInstanceID.NotFound",
      "The instance ID 'i-0123456789abcdef0' does not exist",
    ],
    [
      "several unknown ids",
      { InstanceIds: ["i-12345678", "i-12345679"] },
      "InvalidInstanceID.NotFound",
      "The instance IDs 'i-12345678, i-12345679' do not exist",
    ],
    ["a malformed id", { InstanceIds: ["web"] }, "InvalidInstanceID.Malformed", 'Invalid id: "web"'],
    [
      "a page of four",
      { MaxResults: 4 },
      "InvalidParameterValue",
      "Value ( 4 ) for parameter maxResults is invalid. Expecting a value greater than or equal to 5.",
    ],
    [
      "a page of named instances",
      { MaxResults: 5, InstanceIds: ["i-12345678"] },
      "InvalidParameterCombination",
      "The parameter instancesSet cannot be used with the parameter maxResults",
    ],
    [
      "a token that is none",
      { NextToken: "nonsense" },
      "InvalidPaginationToken",
      "The token 'nonsense' is invalid",
    ],
  ])("refuses %s", async (_what, input, code, message) => {
    expect(await refusal(describeAll(input))).toEqual({ code, message });
  });
});

describe("TerminateInstances", () => {
  it("shuts instances down, tells their states before and after, and takes a second call", async () => {
    const [a = "", b = ""] = await f.run({ MaxCount: 2 });
    await f.change(a, instanceRunning);
    const { TerminatingInstances } = await terminate(a, b);
    expect(TerminatingInstances?.map((t) => [t.PreviousState?.Name, t.CurrentState?.Name])).toEqual([
      ["running", "shutting-down"],
      ["pending", "shutting-down"],
    ]);
    const again = await terminate(a);
    expect(again.TerminatingInstances?.[0]).toMatchObject({
      PreviousState: { Name: "shutting-down", Code: 32 },
      CurrentState: { Name: "shutting-down", Code: 32 },
    });
    await f.change(a, (row) => instanceTerminated(row, f.clock.now()));
    expect((await terminate(a)).TerminatingInstances?.[0]?.CurrentState).toEqual({
      Code: 48,
      Name: "terminated",
    });
    const [shown] = await describeAll({ InstanceIds: [a] });
    expect(shown).toMatchObject({
      State: { Name: "terminated" },
      StateReason: {
        Code: "Client.UserInitiatedShutdown",
        Message: "Client.UserInitiatedShutdown: User initiated shutdown",
      },
      StateTransitionReason: "User initiated (2026-01-01 00:00:00 GMT)",
    });
    expect(shown?.PrivateIpAddress).toBeUndefined();
    expect(shown?.VpcId).toBeUndefined();
  });

  it("terminates none when one is unknown", async () => {
    const [a = ""] = await f.run();
    expect((await refusal(terminate(a, "i-12345678"))).code).toBe("InvalidInstanceID.NotFound");
    expect((await describeAll())[0]?.State?.Name).toBe("pending");
  });

  it("terminates more than one transaction takes, user data included", async () => {
    const big = Buffer.alloc(16 * 1024, "x").toString("base64");
    const ids = [
      ...(await f.run({ MinCount: 40, MaxCount: 40, UserData: big })),
      ...(await f.run({ MinCount: 40, MaxCount: 40, UserData: big })),
    ];
    await terminate(...ids);
    expect([...f.store.find(instances, "state", "shutting-down")]).toHaveLength(80);
  });
});

describe("an instance's life", () => {
  it("ends the waiters for running, status ok and terminated", async () => {
    const [id = ""] = await f.run();
    const waiting = { client: f.ec2, maxWaitTime: 10, minDelay: 1, maxDelay: 1 };
    const input = { InstanceIds: [id] };
    const isUp = Promise.all([
      waitUntilInstanceRunning(waiting, input),
      waitUntilInstanceStatusOk(waiting, input),
    ]);
    await f.change(id, instanceRunning);
    expect((await isUp).map((r) => r.state)).toEqual(["SUCCESS", "SUCCESS"]);
    await terminate(id);
    const isDown = waitUntilInstanceTerminated(waiting, input);
    await f.change(id, (row) => instanceTerminated(row, f.clock.now()));
    expect((await isDown).state).toBe("SUCCESS");
  });

  it("shows the status of running instances, and of all when asked", async () => {
    const [running = "", pending = ""] = await f.run({ MaxCount: 2 });
    await f.change(running, instanceRunning);
    const status = async (IncludeAllInstances?: boolean) => {
      const input = IncludeAllInstances === undefined ? {} : { IncludeAllInstances };
      const { InstanceStatuses } = await f.ec2.send(new DescribeInstanceStatusCommand(input));
      return new Map(
        (InstanceStatuses ?? []).map((s) => [
          s.InstanceId,
          [s.InstanceStatus?.Status, s.SystemStatus?.Status],
        ]),
      );
    };
    expect([...(await status())]).toEqual([[running, ["ok", "ok"]]]);
    const all = await status(true);
    expect(all.get(running)).toEqual(["ok", "ok"]);
    expect(all.get(pending)).toEqual(["initializing", "initializing"]);
    await end(running);
    expect((await status(true)).get(running)).toEqual(["not-applicable", "not-applicable"]);
  });
});

describe("GetConsoleOutput", () => {
  const output = async (InstanceId: string) => {
    const { Output } = await f.ec2.send(new GetConsoleOutputCommand({ InstanceId }));
    return Output === undefined ? undefined : Buffer.from(Output, "base64").toString();
  };
  it("is what the host printed, and nothing before it printed", async () => {
    const [id = ""] = await f.run();
    expect(await output(id)).toBeUndefined();
    f.consoles.set(id, "engine answers\n");
    expect(await output(id)).toBe("engine answers\n");
  });
  it("keeps the reason of a failed launch when nothing of the host is left", async () => {
    const [id = ""] = await f.run();
    const reason = { code: "Server.InternalError", message: "Server.InternalError: no room" };
    await f.change(id, (row) => terminateInstance(row, reason, 0));
    expect(await output(id)).toBe("Server.InternalError: no room\n");
    f.consoles.set(id, "set-up began");
    expect(await output(id)).toBe("set-up began\nServer.InternalError: no room\n");
  });
  it("refuses an unknown instance", async () => {
    expect((await refusal(output("i-12345678"))).code).toBe("InvalidInstanceID.NotFound");
  });
});

describe("attributes", () => {
  it("are told one at a time", async () => {
    const [id = ""] = await f.run({ UserData: userData });
    const attribute = (Attribute: InstanceAttributeName) =>
      f.ec2.send(new DescribeInstanceAttributeCommand({ InstanceId: id, Attribute }));
    expect((await attribute("userData")).UserData?.Value).toBe(userData);
    expect((await attribute("instanceType")).InstanceType?.Value).toBe("t3.small");
    expect((await attribute("disableApiTermination")).DisableApiTermination?.Value).toBe(false);
    expect((await attribute("groupSet")).Groups).toHaveLength(1);
    expect((await refusal(attribute("kernel"))).code).toBe("InvalidParameterValue");
  });

  it("of the metadata service change while it runs, except the hop limit", async () => {
    const [InstanceId = ""] = await f.run();
    const modify = (input: object) =>
      f.ec2.send(new ModifyInstanceMetadataOptionsCommand({ InstanceId, ...input }));
    const { InstanceMetadataOptions } = await modify({ HttpTokens: "optional", HttpPutResponseHopLimit: 2 });
    expect(InstanceMetadataOptions).toMatchObject({ HttpTokens: "optional", HttpEndpoint: "enabled" });
    await modify({ HttpEndpoint: "disabled" });
    expect((await describeAll())[0]?.MetadataOptions).toMatchObject({
      HttpTokens: "optional",
      HttpEndpoint: "disabled",
    });
    expect(await refusal(modify({ HttpPutResponseHopLimit: 3 }))).toEqual({
      code: "UnsupportedOperation",
      message: "Changing HttpPutResponseHopLimit after the launch is not implemented by Estiba",
    });
    expect((await refusal(modify({ HttpProtocolIpv6: "enabled" }))).code).toBe("UnsupportedOperation");
    await terminate(InstanceId);
    expect((await refusal(modify({ HttpTokens: "required" }))).code).toBe("IncorrectInstanceState");
  });
});
