// What a task's execution role does for it, on a real host: secrets of both services in its environment, its output in CloudWatch
// Logs by the Docker Engine's own driver. Afterwards no file and no log has a secret's value.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  GetLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { DescribeImagesCommand, RunInstancesCommand } from "@aws-sdk/client-ec2";
import {
  DescribeTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  type ContainerDefinition,
  type RegisterTaskDefinitionRequest,
  type Task,
} from "@aws-sdk/client-ecs";
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as stack from "#cli/demo/stack.ts";
import { hostLayout, sharedLayout } from "#compute/netns/layout.ts";
import { stateFolder } from "#server/state-folder.ts";
import { eventually, startEstiba, type Estiba } from "#tests/support/estiba.ts";
import { PROGRAM, writeNodeImage } from "#tests/support/node-image.ts";

const run = promisify(execFile);
const CLUSTER = stack.NAME;
const IMAGE = "task-program:1";
const GROUP = "/ecs/shop";
const LATE_GROUP = "/ecs/shop-later";
/** What must be found nowhere. */
const PARAMETER_VALUE = "par4meter-v4lue-5d1f0c7e92";
const SECRET_VALUE = "s3cret-v4lue-0b7a61c4d8";

let estiba: Estiba;
let instanceId: string;
let logs: CloudWatchLogsClient;
let secretArn = "";
const roles: Record<string, string> = {};

beforeAll(async () => {
  estiba = await startEstiba({ vpc: 153 });
  const { clients, connection, dataDirectory } = estiba;
  const settings = { ...connection, credentials: connection.credentials };
  await writeNodeImage(
    join(stateFolder(dataDirectory).images, "task-program.tar"),
    IMAGE,
    "tests/e2e/task-program.ts",
  );
  logs = new CloudWatchLogsClient(settings);
  await logs.send(new CreateLogGroupCommand({ logGroupName: GROUP }));
  const ssm = new SSMClient(settings);
  const secrets = new SecretsManagerClient(settings);
  await ssm.send(
    new PutParameterCommand({ Name: "/shop/token", Type: "SecureString", Value: PARAMETER_VALUE }),
  );
  const SecretString = JSON.stringify({ user: "shop", password: SECRET_VALUE, port: 5432 });
  secretArn = (await secrets.send(new CreateSecretCommand({ Name: "shop/db", SecretString }))).ARN ?? "";
  ssm.destroy();
  secrets.destroy();
  await makeRole("execution", [
    { Action: "ssm:GetParameters", Resource: "arn:aws:ssm:*:*:parameter/shop/*" },
    { Action: "secretsmanager:GetSecretValue", Resource: secretArn },
    {
      Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
      Resource: `arn:aws:logs:*:*:log-group:${GROUP}*:*`,
    },
  ]);
  await makeRole("reader", [{ Action: "ssm:GetParameters", Resource: "arn:aws:ssm:*:*:parameter/shop/*" }]);
  await makeRole("nobody", []);
  await stack.createCluster(clients);
  instanceId = await runInstance();
  await eventually(
    "the container instance",
    async () => (await stack.containerInstances(clients)).some((i) => i.agentConnected) || undefined,
  );
}, 180_000);
afterAll(async () => {
  logs?.destroy();
  await estiba?.destroy();
}, 120_000);

async function makeRole(name: string, statements: readonly object[]): Promise<void> {
  const iam = new IAMClient({ ...estiba.connection, credentials: estiba.connection.credentials });
  const document = (Statement: readonly object[]) => JSON.stringify({ Version: "2012-10-17", Statement });
  const Principal = { Service: "ecs-tasks.amazonaws.com" };
  const made = await iam.send(
    new CreateRoleCommand({
      RoleName: name,
      AssumeRolePolicyDocument: document([{ Effect: "Allow", Principal, Action: "sts:AssumeRole" }]),
    }),
  );
  roles[name] = made.Role?.Arn ?? "";
  if (statements.length > 0)
    await iam.send(
      new PutRolePolicyCommand({
        RoleName: name,
        PolicyName: "may",
        PolicyDocument: document(statements.map((s) => ({ Effect: "Allow", ...s }))),
      }),
    );
  iam.destroy();
}

async function runInstance(): Promise<string> {
  const { ec2 } = estiba.clients;
  const { Images } = await ec2.send(new DescribeImagesCommand({ Owners: ["amazon"] }));
  const script = `#!/bin/bash
echo ECS_CLUSTER=${CLUSTER} >> /etc/ecs/ecs.config
echo ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=1s >> /etc/ecs/ecs.config
`;
  const { Instances } = await ec2.send(
    new RunInstancesCommand({
      ImageId: Images?.[0]?.ImageId ?? "",
      InstanceType: "t3.small",
      MinCount: 1,
      MaxCount: 1,
      IamInstanceProfile: { Name: "ecsInstanceRole" },
      UserData: Buffer.from(script).toString("base64"),
    }),
  );
  return Instances?.[0]?.InstanceId ?? "";
}

const awslogs = (more: Record<string, string> = {}): Partial<ContainerDefinition> => ({
  logConfiguration: {
    logDriver: "awslogs",
    options: {
      "awslogs-group": GROUP,
      "awslogs-region": estiba.connection.region,
      "awslogs-stream-prefix": "web",
      ...more,
    },
  },
});

/** Registers a revision of one container and runs a task of it; answers its ARN. */
async function start(
  family: string,
  more: Partial<RegisterTaskDefinitionRequest>,
  container: Partial<ContainerDefinition> = {},
): Promise<string> {
  const { ecs } = estiba.clients;
  const app = { name: "app", image: IMAGE, memory: 128, command: ["sleep", "3600"], stopTimeout: 2 };
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({ family, containerDefinitions: [{ ...app, ...container }], ...more }),
  );
  const { tasks, failures } = await ecs.send(
    new RunTaskCommand({ cluster: CLUSTER, taskDefinition: taskDefinition?.taskDefinitionArn }),
  );
  expect(failures).toEqual([]);
  return tasks?.[0]?.taskArn ?? "";
}
const describeTask = async (arn: string): Promise<Task | undefined> =>
  (await estiba.clients.ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: [arn] }))).tasks?.[0];
const until = (arn: string, status: string) =>
  eventually(`task ${arn} is ${status}`, async () => {
    const task = await describeTask(arn);
    if (task?.lastStatus === status) return task;
    if (task?.lastStatus === "STOPPED") throw new Error(`It has stopped: ${task.stoppedReason}`);
    return undefined;
  });
const stop = async (arn: string) => {
  await estiba.clients.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: arn }));
  await until(arn, "STOPPED");
};
const idOf = (arn: string) => arn.split("/").at(-1) ?? "";

const docker = async (...args: string[]): Promise<string> => {
  const layout = hostLayout(sharedLayout(stateFolder(estiba.dataDirectory).hosts, "any"), instanceId);
  return (await run("docker", ["-H", `unix://${layout.socket}`, ...args])).stdout;
};
/** What the program in the task's container answers, also when that is an error. */
async function program(arn: string, ...args: string[]): Promise<unknown> {
  const runtimeId = (await describeTask(arn))?.containers?.[0]?.runtimeId ?? "";
  const answer = await docker("exec", runtimeId, "node", PROGRAM, ...args).catch(
    ({ stdout }: { stdout: string }) => stdout,
  );
  return JSON.parse(answer);
}
const digest = (text: string) => createHash("sha256").update(text).digest("hex");

/** What the stream has, once it has the line. */
const lines = (logStreamName: string, awaited: string, logGroupName = GROUP) =>
  eventually(`"${awaited}" in ${logStreamName}`, async () => {
    const command = new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true });
    const { events = [] } = await logs.send(command).catch(() => ({ events: [] }));
    const messages = events.map((e) => e.message ?? "");
    return messages.some((m) => m.includes(awaited)) ? messages : undefined;
  });

/**
 * Files below the data folder that have the text; without the engine's own records of a container's environment: Docker's, which
 * go with the container, and containerd's database, whose freed pages are not overwritten at once.
 */
async function filesWith(text: string): Promise<readonly string[]> {
  const found = await run(
    "grep",
    ["-rlF", "-D", "skip", "--exclude-dir=netns", "-e", text, estiba.dataDirectory],
    {
      maxBuffer: 1 << 24,
    },
  ).then(
    ({ stdout }) => stdout,
    (error: { code: number; stdout: string; stderr: string }) =>
      error.stdout + (error.code > 1 ? error.stderr : ""),
  );
  return found
    .split("\n")
    .filter(
      (path) =>
        path !== "" && !path.endsWith("/hosts/containerd/root/io.containerd.metadata.v1.bolt/meta.db"),
    );
}

describe("a task's output", { timeout: 180_000 }, () => {
  it("goes to CloudWatch Logs by the execution role, to the last line, and shows nothing of how", async () => {
    const said =
      "i=1; while [ $i -le 3 ]; do echo line $i; i=$((i+1)); done; trap 'echo last words; exit 0' TERM; sleep 3600 & wait";
    const arn = await start(
      "chatty",
      { executionRoleArn: roles["execution"] },
      {
        ...awslogs(),
        command: ["sh", "-c", said],
      },
    );
    await until(arn, "RUNNING");
    const stream = `web/app/${idOf(arn)}`;
    expect(await lines(stream, "line 3")).toEqual(["line 1", "line 2", "line 3"]);
    const metadata = (await program(arn, "metadata")) as Record<string, unknown>;
    expect(metadata).toMatchObject({ LogDriver: "awslogs", LogOptions: { "awslogs-stream": stream } });
    expect(JSON.stringify(metadata)).not.toContain("credentials");
    await stop(arn);
    expect((await lines(stream, "last words")).at(-1)).toBe("last words");
  });

  it("goes there by the instance's credentials when the task has no execution role", async () => {
    const arn = await start(
      "roleless",
      {},
      { ...awslogs(), command: ["sh", "-c", "echo by the instance; sleep 3600"] },
    );
    await until(arn, "RUNNING");
    expect(await lines(`web/app/${idOf(arn)}`, "by the instance")).toEqual(["by the instance"]);
    await stop(arn);
  });

  it("never waits for a control plane that is away, and is sent again when it is back", async () => {
    const burst = "yes 'a line that nobody takes' | head -n 50000";
    const waitFor = (file: string) => `while [ ! -e /tmp/${file} ]; do sleep 1; done`;
    const said = `${waitFor("go")}; ${burst}; touch /tmp/done; ${waitFor("on")}; echo after the outage; sleep 3600`;
    const arn = await start(
      "patient",
      { executionRoleArn: roles["execution"] },
      { ...awslogs(), command: ["sh", "-c", said] },
    );
    const runtimeId = (await until(arn, "RUNNING")).containers?.[0]?.runtimeId ?? "";
    // Stopped, not ended: its supervisor must not bring it back at once.
    const pid = estiba.pid();
    process.kill(pid, "SIGSTOP");
    try {
      await docker("exec", runtimeId, "touch", "/tmp/go");
      await eventually("all lines written", () =>
        docker("exec", runtimeId, "test", "-e", "/tmp/done").then(
          () => true,
          () => undefined,
        ),
      );
    } finally {
      process.kill(pid, "SIGKILL");
    }
    await docker("exec", runtimeId, "touch", "/tmp/on");
    await eventually("the line after the outage", async () => {
      const command = new GetLogEventsCommand({ logGroupName: GROUP, logStreamName: `web/app/${idOf(arn)}` });
      const { events = [] } = await logs.send(command).catch(() => ({ events: [] }));
      return events.at(-1)?.message === "after the outage" || undefined;
    });
    await stop(arn);
  });

  it("waits for a group that is made later, without holding the task up", async () => {
    const arn = await start(
      "early",
      { executionRoleArn: roles["execution"] },
      { ...awslogs({ "awslogs-group": LATE_GROUP }), command: ["sh", "-c", "echo early; sleep 3600"] },
    );
    await until(arn, "RUNNING");
    await logs.send(new CreateLogGroupCommand({ logGroupName: LATE_GROUP }));
    expect(await lines(`web/app/${idOf(arn)}`, "early", LATE_GROUP)).toEqual(["early"]);
    await stop(arn);
  });

  it("ends a task that would wait for a group that is not there", async () => {
    const arn = await start(
      "groupless",
      { executionRoleArn: roles["execution"] },
      {
        ...awslogs({ "awslogs-group": `${GROUP}-nowhere`, mode: "blocking" }),
      },
    );
    const stopped = await eventually("its end", async () => {
      const task = await describeTask(arn);
      return task?.lastStatus === "STOPPED" ? task : undefined;
    });
    expect(stopped.stoppedReason).toMatch(/^CannotStartContainerError: .*ResourceNotFoundException/);
  });
});

describe("a task's own role", { timeout: 120_000 }, () => {
  it("reads what its policies say from inside, by the official SDK alone, and another task's does not", async () => {
    const reader = await start("reader", { taskRoleArn: roles["reader"] });
    const nobody = await start("nobody", { taskRoleArn: roles["nobody"] });
    await until(reader, "RUNNING");
    await until(nobody, "RUNNING");
    expect(await program(reader, "parameter", "/shop/token")).toBe(digest(PARAMETER_VALUE));
    expect(await program(reader, "secret", secretArn)).toEqual({ error: "AccessDeniedException" });
    expect(await program(nobody, "parameter", "/shop/token")).toEqual({ error: "AccessDeniedException" });
    await stop(reader);
    await stop(nobody);
  });
});

describe("a task's secrets", { timeout: 240_000 }, () => {
  const ended = (arn: string) =>
    eventually(`the end of ${arn}`, async () => {
      const task = await describeTask(arn);
      return task?.lastStatus === "STOPPED" ? task : undefined;
    });

  it("are in its containers' environment and nowhere else", async () => {
    const parameterArn = secretArn.replace(/:secretsmanager:(.*):secret:.*/, ":ssm:$1:parameter/shop/token");
    const arn = await start(
      "secretive",
      { executionRoleArn: roles["execution"] },
      {
        ...awslogs(),
        secrets: [
          { name: "TOKEN", valueFrom: "/shop/token" },
          { name: "TOKEN_BY_ARN", valueFrom: parameterArn },
          { name: "PASSWORD", valueFrom: `${secretArn}:password::` },
          { name: "PORT", valueFrom: `${secretArn}:port:AWSCURRENT:` },
          { name: "WHOLE", valueFrom: secretArn },
        ],
      },
    );
    const task = await until(arn, "RUNNING");
    expect(await program(arn, "environment", "TOKEN", "TOKEN_BY_ARN", "PASSWORD", "PORT")).toEqual([
      digest(PARAMETER_VALUE),
      digest(PARAMETER_VALUE),
      digest(SECRET_VALUE),
      digest("5432"),
    ]);
    const shown = JSON.stringify([
      task,
      await program(arn, "metadata"),
      await program(arn, "metadata", "/task"),
    ]);
    for (const value of [PARAMETER_VALUE, SECRET_VALUE]) expect(shown).not.toContain(value);
    // While it runs, only its own container's records have them.
    const runtimeId = task.containers?.[0]?.runtimeId ?? "";
    for (const value of [PARAMETER_VALUE, SECRET_VALUE])
      for (const path of await filesWith(value)) expect(path).toContain(runtimeId);
    await stop(arn);
  });

  it.each([
    [
      "a parameter that is not there",
      [{ name: "A", valueFrom: "/shop/nothing" }],
      /invalid parameters: \/shop\/nothing$/,
    ],
    [
      "one that the role may not read",
      [{ name: "A", valueFrom: "/other/token" }],
      /SSM Parameter Store in .*AccessDeniedException/,
    ],
    ["a secret's member that is not there", "nope::", /did not contain json key nope$/],
    ["a stage that is not there", ":NOSUCH:", /ResourceNotFoundException/],
  ] as const)("that fail end the task: %s", async (_what, given, words) => {
    const secrets =
      typeof given === "string" ? [{ name: "A", valueFrom: `${secretArn}:${given}` }] : [...given];
    const arn = await start("failing", { executionRoleArn: roles["execution"] }, { secrets });
    const task = await ended(arn);
    expect(task.stopCode).toBe("TaskFailedToStart");
    expect(task.stoppedReason).toMatch(/^ResourceInitializationError: /);
    expect(task.stoppedReason).toMatch(words);
  });

  it("leave no trace once its containers are removed", async () => {
    await eventually(
      "the containers' removal",
      async () =>
        (await docker("ps", "-aq", "--filter", "label=com.amazonaws.ecs.task-arn")).trim() === "" ||
        undefined,
    );
    for (const value of [PARAMETER_VALUE, SECRET_VALUE]) expect(await filesWith(value)).toEqual([]);
  });
});
