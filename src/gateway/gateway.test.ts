// The real SDKs over loopback: each protocol answered, each refusal under the name that its SDK knows.
import {
  CreateTagsCommand,
  DescribeInstancesCommand,
  EC2Client,
  RunInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  CreateClusterCommand,
  DeleteClusterCommand,
  DescribeClustersCommand,
  ECSClient,
  ListClustersCommand,
  ListServicesCommand,
  RunTaskCommand,
} from "@aws-sdk/client-ecs";
import {
  CreateTargetGroupCommand,
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeTargetGroupsCommand,
  ElasticLoadBalancingV2Client,
  RegisterTargetsCommand,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestClock } from "#lib/test-clock.ts";
import {
  account,
  accessKeyId,
  clientOptions,
  secretAccessKey,
  startGateway,
  type TestGateway,
} from "./gateway.suite.ts";
import type { CredentialResolver, Principal } from "./service-definition.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const lastInput = () => gateway.calls.at(-1)?.input;

/** What an SDK's client makes of a refusal. */
async function refusal(sent: Promise<unknown>): Promise<{ code: string; status: number; message: string }> {
  try {
    await sent;
  } catch (error) {
    const e = error as Error & { Code?: string; $metadata?: { httpStatusCode?: number } };
    return { code: e.name, status: e.$metadata?.httpStatusCode ?? 0, message: e.message };
  }
  throw new Error("the call succeeded");
}

describe("awsJson 1.1", () => {
  it("answers a signed request of the official SDK", async () => {
    const client = new ECSClient(clientOptions(gateway));
    const output = await client.send(new RunTaskCommand({ taskDefinition: "web:1", count: 2 }));
    expect(output.tasks?.[0]).toMatchObject({
      taskArn: "arn:aws:ecs:eu-west-1:123456789012:task/web/1",
      createdAt: new Date(1767225600123),
    });
    expect(output.$metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(lastInput()).toMatchObject({ taskDefinition: "web:1", count: 2 });
    expect(gateway.calls.at(-1)?.context).toMatchObject({
      ...{
        region: "eu-west-1",
        account,
        action: "ecs:RunTask",
        sourceIp: "127.0.0.1",
        endpoint: gateway.url,
      },
      requestId: output.$metadata.requestId,
    });
  });

  it("carries a service's error with its members", async () => {
    const client = new ECSClient(clientOptions(gateway));
    const error = await client.send(new DescribeClustersCommand({})).catch((e: unknown) => e);
    expect(error).toMatchObject({
      name: "ClusterNotFoundException",
      message: "Cluster not found.",
      extra: ["a"],
    });
  });

  it("answers an operation that is not built as AWS answers an unknown one", async () => {
    const client = new ECSClient(clientOptions(gateway));
    expect(await refusal(client.send(new ListServicesCommand({})))).toEqual({
      code: "UnknownOperationException",
      status: 400,
      message: "The operation ListServices is not one that Estiba answers.",
    });
  });

  it("shows a request id and nothing else of a fault inside", async () => {
    const client = new ECSClient(clientOptions(gateway));
    const answer = await refusal(client.send(new ListClustersCommand({})));
    expect(answer).toMatchObject({ code: "ServerException", status: 500 });
    expect(answer.message).not.toContain("secret");
    expect(gateway.log.filter((l) => l.message === "operation failed")).toHaveLength(1);
  });

  it("says of a change that could not be stored that it was not made, and where to look", async () => {
    const client = new ECSClient(clientOptions(gateway));
    expect(await refusal(client.send(new DeleteClusterCommand({ cluster: "a" })))).toEqual({
      code: "ServerException",
      status: 500,
      message: "The change could not be stored and was not made: is the disk full? `estiba doctor` tells.",
    });
  });
});

describe("AWS Query", () => {
  it("answers a signed request of the official SDK", async () => {
    const client = new ElasticLoadBalancingV2Client(clientOptions(gateway));
    const input = { TargetGroupArn: "arn", Targets: [{ Id: "i-1", Port: 80 }, { Id: "i-2" }] };
    const output = await client.send(new RegisterTargetsCommand(input));
    expect(output.$metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(lastInput()).toEqual(input);
    const made = await client.send(
      new CreateTargetGroupCommand({ Name: "a & b", Tags: [], HealthCheckEnabled: false }),
    );
    expect(made.TargetGroups).toEqual([{ TargetGroupName: "a & b" }]);
    expect(lastInput()).toEqual({ Name: "a & b", Tags: [], HealthCheckEnabled: false });
  });

  it("puts an error thrown by its shape's name under its code on the wire", async () => {
    const client = new ElasticLoadBalancingV2Client(clientOptions(gateway));
    const error = await client.send(new DescribeLoadBalancersCommand({})).catch((e: unknown) => e);
    expect(error).toMatchObject({
      name: "LoadBalancerNotFoundException",
      Code: "LoadBalancerNotFound",
      Type: "Sender",
    });
  });

  it("answers an operation that is not built, and a fault inside, in its own form", async () => {
    const client = new ElasticLoadBalancingV2Client(clientOptions(gateway));
    expect(await refusal(client.send(new DescribeListenersCommand({})))).toEqual({
      code: "InvalidAction",
      status: 400,
      message: "Could not find operation DescribeListeners for version 2015-12-01",
    });
    expect(await refusal(client.send(new DescribeTargetGroupsCommand({})))).toMatchObject({
      code: "InternalFailure",
      status: 500,
    });
  });

  it("says which required member is missing", async () => {
    const client = new ElasticLoadBalancingV2Client(clientOptions(gateway));
    const input = { TargetGroupArn: "arn", Targets: [{ Port: 80 }] } as never;
    expect(await refusal(client.send(new RegisterTargetsCommand(input)))).toEqual({
      code: "ValidationError",
      status: 400,
      message:
        "1 validation error detected: Value null at 'Targets.1.Id' failed to satisfy constraint: Member must not be null",
    });
  });
});

describe("EC2 Query", () => {
  it("answers a signed request of the official SDK", async () => {
    const client = new EC2Client(clientOptions(gateway));
    const input = { Filters: [{ Name: "tag:a", Values: ["b", "c"] }], InstanceIds: ["i-1"] };
    const output = await client.send(new DescribeInstancesCommand(input));
    expect(output.Reservations?.[0]?.Instances?.[0]).toEqual({
      InstanceId: "i-1",
      LaunchTime: new Date(1767225600000),
      Tags: [{ Key: "a<&>b", Value: "x\ufffd\ny" }],
    });
    expect(lastInput()).toEqual(input);
  });

  it("says that a dry run would have succeeded, without doing it", async () => {
    const client = new EC2Client(clientOptions(gateway));
    const before = gateway.calls.length;
    const input = { Resources: ["i-1"], Tags: [{ Key: "a", Value: "b" }], DryRun: true };
    expect(await refusal(client.send(new CreateTagsCommand(input)))).toEqual({
      code: "DryRunOperation",
      status: 412,
      message: "Request would have succeeded, but DryRun flag is set.",
    });
    expect(gateway.calls).toHaveLength(before);
  });

  it("says which required parameter is missing, by its name on the wire", async () => {
    const client = new EC2Client(clientOptions(gateway));
    expect(await refusal(client.send(new RunInstancesCommand({ MinCount: 1 } as never)))).toEqual({
      code: "MissingParameter",
      status: 400,
      message: "The request must contain the parameter MaxCount",
    });
  });
});

it("answers a global service whatever the region", async () => {
  const client = new STSClient({ ...clientOptions(gateway), region: "aws-global" });
  expect(await client.send(new GetCallerIdentityCommand({}))).toMatchObject({
    Account: account,
    Arn: `arn:aws:iam::${account}:root`,
    UserId: account,
  });
});

it("writes one access line per request, without a secret", async () => {
  await new ECSClient(clientOptions(gateway)).send(new CreateClusterCommand({ clusterName: "logged" }));
  await expect.poll(() => gateway.log.at(-1)?.fields?.["action"]).toBe("ecs:CreateCluster");
  expect(gateway.log.at(-1)).toMatchObject({
    message: "request",
    fields: {
      service: "ecs",
      principal: `arn:aws:iam::${account}:root`,
      status: 200,
      durationMs: expect.any(Number) as number,
    },
  });
  const text = JSON.stringify(gateway.log.map((l) => l.fields));
  expect(text).not.toContain(secretAccessKey);
  expect(text).not.toContain("Signature=");
});

describe("a refusal to an SDK", () => {
  const send = {
    ecs: (g: TestGateway, more = {}) =>
      new ECSClient({ ...clientOptions(g), ...more }).send(new ListClustersCommand({})),
    elbv2: (g: TestGateway, more = {}) =>
      new ElasticLoadBalancingV2Client({ ...clientOptions(g), ...more }).send(
        new DescribeTargetGroupsCommand({}),
      ),
    ec2: (g: TestGateway, more = {}) =>
      new EC2Client({ ...clientOptions(g), ...more }).send(new DescribeInstancesCommand({})),
  };
  type Name = keyof typeof send;

  it.each<[Name, string, number]>([
    ["ecs", "UnrecognizedClientException", 400],
    ["elbv2", "InvalidClientTokenId", 403],
    ["ec2", "AuthFailure", 401],
  ])("of %s for an unknown key is %s", async (name, code, status) => {
    const credentials = { accessKeyId: "AKIANOBODY", secretAccessKey: "x" };
    expect(await refusal(send[name](gateway, { credentials }))).toMatchObject({ code, status });
  });

  it.each<[Name, string, number]>([
    ["ecs", "InvalidSignatureException", 400],
    ["elbv2", "SignatureDoesNotMatch", 403],
    ["ec2", "AuthFailure", 401],
  ])("of %s for a wrong secret is %s", async (name, code, status) => {
    const credentials = { accessKeyId, secretAccessKey: "x" };
    expect(await refusal(send[name](gateway, { credentials }))).toMatchObject({ code, status });
  });

  it.each<[Name, string, number]>([
    ["ecs", "ExpiredTokenException", 400],
    ["elbv2", "ExpiredToken", 403],
    ["ec2", "RequestExpired", 400],
  ])("of %s for an expired token is %s", async (name, code, status) => {
    const expired: CredentialResolver = { resolve: () => "expired" };
    const other = await startGateway({ credentials: expired });
    expect(await refusal(send[name](other))).toMatchObject({ code, status });
    await other.close();
  });

  it.each<[Name, string, number]>([
    ["ecs", "InvalidSignatureException", 400],
    ["elbv2", "SignatureDoesNotMatch", 403],
    ["ec2", "RequestExpired", 400],
  ])("of %s for a clock far off is %s, and its next try is in time", async (name, code, status) => {
    const other = await startGateway({ clock: new TestClock(Date.now() + 3_600_000) });
    expect(await refusal(send[name](other))).toMatchObject({ code, status });
    // The SDK reads our Date header and signs again by it.
    const again = await refusal(
      send[name](other, { maxAttempts: 3 }).then(() => Promise.reject(new Error("answered"))),
    );
    expect(again.code).not.toBe(code);
    await other.close();
  });

  it.each<[Name, string, number, string]>([
    ["ecs", "AccessDeniedException", 400, "ecs:ListClusters"],
    ["elbv2", "AccessDenied", 403, "elasticloadbalancing:DescribeTargetGroups"],
    ["ec2", "UnauthorizedOperation", 403, "ec2:DescribeInstances"],
  ])("of %s for a user without a policy is %s", async (name, code, status, action) => {
    const arn = `arn:aws:iam::${account}:user/ana`;
    const user: Principal = { type: "user", arn, account, id: "AIDA", userName: "ana" };
    const other = await startGateway({
      credentials: { resolve: () => ({ secretAccessKey, principal: user }) },
    });
    const answer = await refusal(send[name](other));
    expect(answer).toMatchObject({ code, status });
    expect(answer.message).toContain(
      `User: ${arn} is not authorized to perform: ${action} on resource: * because no identity-based policy allows the ${action} action`,
    );
    await other.close();
  });
});
