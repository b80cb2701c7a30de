// Spot Instances and their requests, as the official client sees them.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  CancelSpotInstanceRequestsCommand,
  DescribeInstancesCommand,
  DescribeSpotInstanceRequestsCommand,
  RequestSpotInstancesCommand,
  type RequestSpotInstancesCommandInput,
  type SpotMarketOptions,
  TerminateInstancesCommand,
  waitUntilSpotInstanceRequestFulfilled,
} from "@aws-sdk/client-ec2";
import { ec2Key, instanceRunning, instanceTerminated, terminateInstance } from "#domain/ec2/instance.ts";
import { interruptSpot, reclaimSpot } from "#domain/ec2/spot.ts";
import { instances } from "#store/tables/ec2.ts";
import { createFixture, type Fixture, PROFILE, profileArn, refusal, REGION } from "./fixture.suite.ts";
import { PUBLIC_IMAGE_ID } from "./image.ts";

let f: Fixture;
beforeEach(async () => {
  f = await createFixture();
});
afterEach(() => f.close());

const runSpot = async (SpotOptions?: SpotMarketOptions, more = {}) => {
  const [id = ""] = await f.run({
    InstanceMarketOptions: { MarketType: "spot", ...(SpotOptions === undefined ? {} : { SpotOptions }) },
    ...more,
  });
  await f.change(id, instanceRunning);
  return id;
};
const describeInstance = async (id: string) =>
  (await f.ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }))).Reservations?.[0]?.Instances?.[0];
const requestIdOf = (id: string) => f.store.get(instances, ec2Key(REGION, id))?.spot?.requestId ?? "";
const describeRequests = async (input = {}) =>
  (await f.ec2.send(new DescribeSpotInstanceRequestsCommand(input))).SpotInstanceRequests ?? [];
const statusOf = async (id: string) => {
  const [request] = await describeRequests({ SpotInstanceRequestIds: [requestIdOf(id)] });
  return [request?.State, request?.Status?.Code];
};
const launch: RequestSpotInstancesCommandInput = {
  LaunchSpecification: { ImageId: PUBLIC_IMAGE_ID, InstanceType: "t3.small" },
};

describe("RunInstances with InstanceMarketOptions", () => {
  it("launches Spot Instances, each with a request of its own, that are otherwise as any", async () => {
    const options = { SpotInstanceType: "one-time", InstanceInterruptionBehavior: "terminate" } as const;
    const id = await runSpot(options, { MaxCount: 2, IamInstanceProfile: { Name: PROFILE } });
    const requestId = requestIdOf(id);
    expect(requestId).toMatch(/^sir-[0-9a-f]{17}$/);
    expect(await describeInstance(id)).toMatchObject({
      InstanceLifecycle: "spot",
      SpotInstanceRequestId: requestId,
      IamInstanceProfile: { Arn: profileArn(PROFILE) },
    });
    const requests = await describeRequests();
    expect(new Set(requests.map((r) => r.SpotInstanceRequestId)).size).toBe(2);
    expect(requests.find((r) => r.InstanceId === id)).toMatchObject({
      SpotInstanceRequestId: requestId,
      State: "active",
      Type: "one-time",
      Status: { Code: "fulfilled" },
      InstanceInterruptionBehavior: "terminate",
      LaunchedAvailabilityZone: "eu-west-1a",
      LaunchSpecification: { ImageId: PUBLIC_IMAGE_ID, InstanceType: "t3.small" },
    });
  });

  it("leaves instances without it on demand, and filters by lifecycle", async () => {
    const spot = await runSpot();
    const [plain = ""] = await f.run();
    expect((await describeInstance(plain))?.InstanceLifecycle).toBeUndefined();
    const { Reservations } = await f.ec2.send(
      new DescribeInstancesCommand({ Filters: [{ Name: "instance-lifecycle", Values: ["spot"] }] }),
    );
    expect(Reservations?.flatMap((r) => r.Instances?.map((i) => i.InstanceId))).toEqual([spot]);
    expect(await describeRequests()).toHaveLength(1);
  });

  it.each<[string, SpotMarketOptions]>([
    ["SpotInstanceType", { SpotInstanceType: "persistent" }],
    ["InstanceInterruptionBehavior", { InstanceInterruptionBehavior: "stop" }],
    ["InstanceInterruptionBehavior", { InstanceInterruptionBehavior: "hibernate" }],
    ["MaxPrice", { MaxPrice: "0.01" }],
    ["BlockDurationMinutes", { BlockDurationMinutes: 60 }],
    ["ValidUntil", { ValidUntil: new Date(0) }],
  ])("refuses %s by name", async (member, options) => {
    const refused = await refusal(runSpot(options));
    expect(refused.code).toBe("UnsupportedOperation");
    expect(refused.message).toContain(`InstanceMarketOptions.SpotOptions.${member}`);
    expect([...f.store.scan(instances)]).toEqual([]);
  });

  it("wants to know which market", async () => {
    const SpotOptions = { SpotInstanceType: "one-time" } as const;
    expect(await refusal(f.run({ InstanceMarketOptions: { SpotOptions } }))).toEqual({
      code: "MissingParameter",
      message: "The request must contain the parameter MarketType",
    });
  });
});

describe("RequestSpotInstances", () => {
  it("is fulfilled by instances at once, as its waiter finds", async () => {
    const input = { ...launch, InstanceCount: 2, ClientToken: "once" };
    const { SpotInstanceRequests: made = [] } = await f.ec2.send(new RequestSpotInstancesCommand(input));
    expect(made.map((r) => r.State)).toEqual(["active", "active"]);
    const again = await f.ec2.send(new RequestSpotInstancesCommand(input));
    expect(again.SpotInstanceRequests?.map((r) => r.InstanceId).sort()).toEqual(
      made.map((r) => r.InstanceId).sort(),
    );
    await waitUntilSpotInstanceRequestFulfilled(
      { client: f.ec2, maxWaitTime: 30 },
      { SpotInstanceRequestIds: made.map((r) => r.SpotInstanceRequestId ?? "") },
    );
    expect(await describeInstance(made[0]?.InstanceId ?? "")).toMatchObject({ InstanceLifecycle: "spot" });
  });

  it.each<[string, Partial<RequestSpotInstancesCommandInput>]>([
    ["Type", { Type: "persistent" }],
    ["SpotPrice", { SpotPrice: "0.05" }],
    ["InstanceInterruptionBehavior", { InstanceInterruptionBehavior: "stop" }],
    ["AvailabilityZoneGroup", { AvailabilityZoneGroup: "together" }],
    ["TagSpecifications", { TagSpecifications: [{ ResourceType: "spot-instances-request" }] }],
    [
      "LaunchSpecification.AddressingType",
      { LaunchSpecification: { ...launch.LaunchSpecification, AddressingType: "public" } },
    ],
    ["EbsOptimized", { LaunchSpecification: { ...launch.LaunchSpecification, EbsOptimized: true } }],
  ])("refuses %s by name", async (member, more) => {
    const refused = await refusal(f.ec2.send(new RequestSpotInstancesCommand({ ...launch, ...more })));
    expect(refused.code).toBe("UnsupportedOperation");
    expect(refused.message).toContain(member);
  });
});

describe("a Spot request", () => {
  const interrupt = async (id: string) => {
    await f.change(id, (row) => interruptSpot(row, 1000, f.clock.now()));
  };

  it("shows the interruption's notice, then the end that it brought", async () => {
    const id = await runSpot();
    await interrupt(id);
    expect(await statusOf(id)).toEqual(["active", "marked-for-termination"]);
    await f.change(id, (row) => instanceTerminated(reclaimSpot(row, f.clock.now() + 1000), 5));
    expect(await statusOf(id)).toEqual(["closed", "instance-terminated-by-experiment"]);
    expect(await describeInstance(id)).toMatchObject({
      StateReason: { Code: "Server.SpotInstanceTermination" },
      InstanceLifecycle: "spot",
    });
  });

  it("is closed by the user who terminates its instance", async () => {
    const id = await runSpot();
    await f.ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    await f.change(id, (row) => instanceTerminated(row, 5));
    expect(await statusOf(id)).toEqual(["closed", "instance-terminated-by-user"]);
  });

  it("whose instance could not be launched says so", async () => {
    const id = await runSpot();
    const reason = { code: "Server.InternalError", message: "Server.InternalError: no" };
    await f.change(id, (row) => instanceTerminated(terminateInstance(row, reason, 1), 5));
    expect(await statusOf(id)).toEqual(["closed", "system-error"]);
  });

  it("that is cancelled leaves its instance running, and stays cancelled at its end", async () => {
    const id = await runSpot();
    const cancel = async () =>
      (await f.ec2.send(new CancelSpotInstanceRequestsCommand({ SpotInstanceRequestIds: [requestIdOf(id)] })))
        .CancelledSpotInstanceRequests;
    const cancelled = [{ SpotInstanceRequestId: requestIdOf(id), State: "cancelled" }];
    expect(await cancel()).toEqual(cancelled);
    expect(await cancel()).toEqual(cancelled);
    expect(await statusOf(id)).toEqual(["cancelled", "request-canceled-and-instance-running"]);
    expect((await describeInstance(id))?.State?.Name).toBe("running");
    await f.ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    await f.change(id, (row) => instanceTerminated(row, 5));
    expect(await statusOf(id)).toEqual(["cancelled", "instance-terminated-by-user"]);
  });

  it("is found by state, status and instance, and by nothing that it is not", async () => {
    const [first, second] = [await runSpot(), await runSpot()];
    await interrupt(first);
    const find = async (Name: string, value: string) =>
      (await describeRequests({ Filters: [{ Name, Values: [value] }] })).map((r) => r.InstanceId);
    expect(await find("status-code", "fulfilled")).toEqual([second]);
    expect(await find("instance-id", first)).toEqual([first]);
    expect(await find("state", "closed")).toEqual([]);
    expect((await refusal(find("colour", "red"))).code).toBe("InvalidParameterValue");
  });

  it("that nobody made is not found", async () => {
    const ask = (id: string) => refusal(describeRequests({ SpotInstanceRequestIds: [id] }));
    expect(await ask("sir-12345678")).toEqual({
      code: "InvalidSpotInstanceRequestID.NotFound",
      message: "The spot instance request ID 'sir-12345678' does not exist",
    });
    expect((await ask("i-12345678")).code).toBe("InvalidSpotInstanceRequestID.Malformed");
  });
});
