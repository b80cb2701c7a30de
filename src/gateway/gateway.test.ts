// The real SDKs over loopback: each protocol answered, each refusal under the name that its SDK knows.
import { DescribeInstancesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { ECSClient, RunTaskCommand } from "@aws-sdk/client-ecs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { clientOptions, startGateway, type TestGateway } from "./gateway.suite.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

it("answers a signed awsJson request of the official SDK", async () => {
  const client = new ECSClient(clientOptions(gateway));
  const output = await client.send(new RunTaskCommand({ taskDefinition: "web:1", count: 2 }));
  expect(output.tasks?.[0]?.taskArn).toBe("arn:aws:ecs:eu-west-1:123456789012:task/web/1");
  expect(output.tasks?.[0]?.createdAt).toEqual(new Date(1767225600123));
  expect(output.$metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
  expect(gateway.calls.at(-1)?.input).toMatchObject({ taskDefinition: "web:1", count: 2 });
});

it("answers a signed EC2 request of the official SDK", async () => {
  const client = new EC2Client(clientOptions(gateway));
  const output = await client.send(
    new DescribeInstancesCommand({ Filters: [{ Name: "tag:a", Values: ["b", "c"] }], InstanceIds: ["i-1"] }),
  );
  expect(output.Reservations?.[0]?.Instances?.[0]).toEqual({
    InstanceId: "i-1",
    LaunchTime: new Date(1767225600000),
    Tags: [{ Key: "a<&>b", Value: "x\ufffd\ny" }],
  });
  expect(gateway.calls.at(-1)?.input).toEqual({
    Filters: [{ Name: "tag:a", Values: ["b", "c"] }],
    InstanceIds: ["i-1"],
  });
});
