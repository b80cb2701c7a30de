// Secrets of tasks through the whole server: fetched by the agent as the execution role, each failure told in AWS's words, and no
// value in any file or log line.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DescribeImagesCommand, RunInstancesCommand } from "@aws-sdk/client-ec2";
import {
  DescribeTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  type LogConfiguration,
  type Secret,
} from "@aws-sdk/client-ecs";
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as stack from "#cli/demo/stack.ts";
import { eventually } from "#tests/support/estiba.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";

/** What must be found nowhere. */
const VALUES = ["par4meter-v4lue-77aa01", "fr4nkfurt-v4lue-77aa02", "s3cret-v4lue-77aa03"] as const;
const ELSEWHERE = "eu-central-1";

let server: SimulatedServer;
let executionRoleArn = "";
let secretArn = "";

beforeAll(async () => {
  server = await startSimulatedServer({ logLevel: "debug" });
  const { connection } = server;
  const settings = { ...connection, credentials: connection.credentials };
  for (const [region, Value] of [
    [connection.region, VALUES[0]],
    [ELSEWHERE, VALUES[1]],
  ] as const) {
    const ssm = new SSMClient({ ...settings, region });
    for (const Name of ["/shop/token", "token"])
      await ssm.send(new PutParameterCommand({ Name, Type: "SecureString", Value }));
    ssm.destroy();
  }
  const secrets = new SecretsManagerClient(settings);
  const SecretString = JSON.stringify({ user: "shop", password: VALUES[2] });
  secretArn = (await secrets.send(new CreateSecretCommand({ Name: "shop/db", SecretString }))).ARN ?? "";
  secrets.destroy();

  const iam = new IAMClient(settings);
  const document = (...Statement: object[]) => JSON.stringify({ Version: "2012-10-17", Statement });
  const Principal = { Service: "ecs-tasks.amazonaws.com" };
  const made = await iam.send(
    new CreateRoleCommand({
      RoleName: "execution",
      AssumeRolePolicyDocument: document({ Effect: "Allow", Principal, Action: "sts:AssumeRole" }),
    }),
  );
  executionRoleArn = made.Role?.Arn ?? "";
  const Resource = ["shop/*", "token", "nothing"].map((path) => `arn:aws:ssm:*:*:parameter/${path}`);
  await iam.send(
    new PutRolePolicyCommand({
      RoleName: "execution",
      PolicyName: "secrets",
      PolicyDocument: document(
        { Effect: "Allow", Action: "ssm:GetParameters", Resource },
        { Effect: "Allow", Action: "secretsmanager:GetSecretValue", Resource: secretArn },
      ),
    }),
  );
  iam.destroy();

  await stack.createCluster(server.clients);
  const { Images } = await server.clients.ec2.send(new DescribeImagesCommand({ Owners: ["amazon"] }));
  const script = `#!/bin/bash\necho ECS_CLUSTER=${stack.NAME} >> /etc/ecs/ecs.config\n`;
  await server.clients.ec2.send(
    new RunInstancesCommand({
      ImageId: Images?.[0]?.ImageId,
      InstanceType: "t3.small",
      MinCount: 1,
      MaxCount: 1,
      IamInstanceProfile: { Name: "ecsInstanceRole" },
      UserData: Buffer.from(script).toString("base64"),
    }),
  );
  await eventually(
    "the container instance",
    async () => (await stack.containerInstances(server.clients)).some((i) => i.agentConnected) || undefined,
  );
}, 60_000);
afterAll(() => server.close());

/** The task once it runs or has ended, and then stopped. */
async function outcome(given: readonly string[], logConfiguration?: LogConfiguration) {
  const { ecs } = server.clients;
  const secrets: Secret[] = given.map((valueFrom, i) => ({ name: `S${i}`, valueFrom }));
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: "secretive",
      executionRoleArn,
      containerDefinitions: [
        { name: "app", image: "app:1", memory: 16, secrets, ...(logConfiguration && { logConfiguration }) },
      ],
    }),
  );
  const { tasks, failures } = await ecs.send(
    new RunTaskCommand({ cluster: stack.NAME, taskDefinition: taskDefinition?.taskDefinitionArn }),
  );
  expect(failures).toEqual([]);
  const task = tasks?.[0]?.taskArn ?? "";
  const found = await eventually("the task's outcome", async () => {
    const described = await ecs.send(new DescribeTasksCommand({ cluster: stack.NAME, tasks: [task] }));
    const [now] = described.tasks ?? [];
    return now?.lastStatus === "RUNNING" || now?.lastStatus === "STOPPED" ? now : undefined;
  });
  await ecs.send(new StopTaskCommand({ cluster: stack.NAME, task }));
  for (const value of VALUES) expect(JSON.stringify(found)).not.toContain(value);
  return `${found.lastStatus} ${found.stoppedReason ?? ""}`.trim();
}
const parameterArn = (path: string, region = server.connection.region) =>
  `arn:aws:ssm:${region}:${server.connection.account}:parameter/${path}`;

describe("a task whose execution role may read its secrets", { timeout: 60_000 }, () => {
  const forms: readonly (readonly [string, () => readonly string[]])[] = [
    ["a parameter's name without a path", () => ["token"]],
    ["a parameter's name with a path", () => ["/shop/token"]],
    ["a parameter's ARN, with a path and without", () => [parameterArn("shop/token"), parameterArn("token")]],
    [
      "parameters of another region",
      () => [parameterArn("shop/token", ELSEWHERE), parameterArn("token", ELSEWHERE)],
    ],
    ["a secret", () => [secretArn]],
    ["a secret's member", () => [`${secretArn}:password::`]],
    ["a secret's stage", () => [`${secretArn}::AWSCURRENT:`]],
    ["all selectors empty", () => [`${secretArn}:::`]],
    ["several of both", () => ["token", "/shop/token", secretArn, `${secretArn}:user:AWSCURRENT:`]],
  ];
  it.each(forms)("runs with %s", async (_what, given) => {
    expect(await outcome(given())).toBe("RUNNING");
  });

  it("runs with a log driver's", async () => {
    const secretOptions = [{ name: "labels", valueFrom: secretArn }];
    expect(await outcome([], { logDriver: "json-file", secretOptions })).toBe("RUNNING");
  });
});

describe("a task that cannot have its secrets", { timeout: 60_000 }, () => {
  const failures: readonly (readonly [string, () => string, RegExp])[] = [
    [
      "a parameter that is not there",
      () => "nothing",
      /SSM Parameter Store in .*: invalid parameters: nothing$/,
    ],
    [
      "a parameter's ARN that is not there",
      () => parameterArn("shop/nothing"),
      /SSM Parameter Store in .*: invalid parameters: \/shop\/nothing$/,
    ],
    [
      "a parameter that is only in another region",
      () => parameterArn("shop/token", "ap-south-1"),
      /SSM Parameter Store in ap-south-1: invalid parameters: \/shop\/token$/,
    ],
    [
      "a parameter that the role may not read",
      () => "/other/token",
      /AccessDeniedException: User: .*:assumed-role\/execution\/\w+ is not authorized to perform: ssm:GetParameters/,
    ],
    [
      "a secret that the role may not read",
      () => secretArn.replace("shop/db", "shop/other"),
      /AWS Secrets Manager in region .*AccessDeniedException: .*secretsmanager:GetSecretValue/,
    ],
    ["a member that is not there", () => `${secretArn}:nope::`, /did not contain json key nope$/],
    ["a stage that is not there", () => `${secretArn}::NOSUCH:`, /ResourceNotFoundException/],
    ["a version that is not there", () => `${secretArn}:::${"0".repeat(32)}`, /ResourceNotFoundException/],
  ];
  it.each(failures)("ends for %s", async (_what, given, words) => {
    const found = await outcome([given()]);
    expect(found).toMatch(/^STOPPED ResourceInitializationError: fetching secret data from /);
    expect(found).toMatch(words);
  });
});

it("no file and no log line has a secret's value", () => {
  const files = readdirSync(server.dataDirectory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  expect(files.length).toBeGreaterThan(5);
  for (const value of VALUES) {
    expect(files.filter((path) => readFileSync(path, "latin1").includes(value))).toEqual([]);
    expect(server.log.filter((line) => JSON.stringify(line).includes(value))).toEqual([]);
  }
});
