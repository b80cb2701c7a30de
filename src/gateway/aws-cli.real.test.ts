// Debian's AWS CLI (another signer, another serializer, another parser than the JS SDK's) against the gateway.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { account, accessKeyId, secretAccessKey, startGateway, type TestGateway } from "./gateway.suite.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

async function aws(...args: string[]): Promise<{ output: string; error: string }> {
  const env = {
    ...{
      PATH: "/usr/bin:/bin",
      HOME: "/nonexistent",
      AWS_DEFAULT_REGION: "eu-west-1",
      AWS_MAX_ATTEMPTS: "1",
    },
    ...{
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_EC2_METADATA_DISABLED: "true",
    },
  };
  const argv = ["--endpoint-url", gateway.url, "--output", "json", "--no-cli-pager", ...args];
  return promisify(execFile)("/usr/bin/aws", argv, { env }).then(
    ({ stdout, stderr }) => ({ output: stdout, error: stderr }),
    (failure: { stdout: string; stderr: string }) => ({ output: failure.stdout, error: failure.stderr }),
  );
}

it("says who it is", async () => {
  const { output, error } = await aws("sts", "get-caller-identity");
  expect(error).toBe("");
  expect(JSON.parse(output)).toEqual({
    UserId: account,
    Account: account,
    Arn: `arn:aws:iam::${account}:root`,
  });
});

it("runs an ECS task", async () => {
  const tags = "key=a b,value=é&=+";
  const { output } = await aws(
    "ecs",
    "run-task",
    "--task-definition",
    "web:1",
    "--count",
    "2",
    "--tags",
    tags,
  );
  expect(JSON.parse(output)).toMatchObject({
    tasks: [{ taskArn: `arn:aws:ecs:eu-west-1:${account}:task/web/1` }],
  });
  expect(gateway.calls.at(-1)?.input).toMatchObject({ count: 2, tags: [{ key: "a b", value: "é&=+" }] });
});

it("speaks EC2 Query with filters and tags, and reads a dry run", async () => {
  const filters = ["Name=tag:a,Values=b,c", "Name=vpc-id,Values=vpc-1"];
  const { output } = await aws("ec2", "describe-instances", "--filters", ...filters, "--instance-ids", "i-1");
  expect(JSON.parse(output)).toMatchObject({ Reservations: [{ Instances: [{ InstanceId: "i-1" }] }] });
  expect(gateway.calls.at(-1)?.input).toEqual({
    Filters: [
      { Name: "tag:a", Values: ["b", "c"] },
      { Name: "vpc-id", Values: ["vpc-1"] },
    ],
    InstanceIds: ["i-1"],
  });
  const dry = await aws("ec2", "create-tags", "--resources", "i-1", "--tags", "Key=a,Value=b", "--dry-run");
  expect(dry.error).toContain("(DryRunOperation)");
  const specification = "ResourceType=instance,Tags=[{Key=a,Value=b}]";
  await aws(
    "ec2",
    "run-instances",
    "--image-id",
    "ami-1",
    "--security-group-ids",
    "sg-1",
    "sg-2",
    "--tag-specifications",
    specification,
  );
  expect(gateway.calls.at(-1)?.input).toMatchObject({
    SecurityGroupIds: ["sg-1", "sg-2"],
    TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key: "a", Value: "b" }] }],
    MinCount: 1,
    MaxCount: 1,
  });
});

it("speaks AWS Query with lists of structures", async () => {
  const targets = ["Id=i-1,Port=80", "Id=i-2"];
  await aws("elbv2", "register-targets", "--target-group-arn", "arn", "--targets", ...targets);
  expect(gateway.calls.at(-1)?.input).toEqual({
    TargetGroupArn: "arn",
    Targets: [{ Id: "i-1", Port: 80 }, { Id: "i-2" }],
  });
});

it("reads each protocol's errors", async () => {
  expect((await aws("ecs", "describe-clusters")).error).toContain("(ClusterNotFoundException)");
  expect((await aws("ecs", "list-services")).error).toContain("(UnknownOperationException)");
  expect((await aws("elbv2", "describe-load-balancers")).error).toContain("(LoadBalancerNotFound)");
  expect((await aws("ec2", "describe-vpcs")).error).toContain("(InvalidAction)");
});
