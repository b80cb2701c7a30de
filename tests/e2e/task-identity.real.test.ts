// What a container is told and who it is, on a real host: the official SDK without configuration is its task's role, the metadata
// endpoint answers in bridge and host mode, and a task protects itself and nobody else.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { DescribeImagesCommand, RunInstancesCommand } from "@aws-sdk/client-ec2";
import {
  CreateServiceCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  GetTaskProtectionCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  UpdateServiceCommand,
  type Task,
} from "@aws-sdk/client-ecs";
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as stack from "#cli/demo/stack.ts";
import { hostLayout, sharedLayout } from "#compute/netns/layout.ts";
import { stateFolder } from "#server/state-folder.ts";
import { eventually, startEstiba, type Estiba } from "#tests/support/estiba.ts";
import { PROGRAM, writeNodeImage } from "#tests/support/node-image.ts";

const run = promisify(execFile);
const CLUSTER = stack.NAME;
const IMAGE = "task-program:1";

let estiba: Estiba;
let instanceId: string;
const roles: Record<string, string> = {};

beforeAll(async () => {
  estiba = await startEstiba({ vpc: 104 });
  const { clients, connection, dataDirectory } = estiba;
  await writeNodeImage(
    join(stateFolder(dataDirectory).images, "task-program.tar"),
    IMAGE,
    "tests/e2e/task-program.ts",
  );
  const iam = new IAMClient({ ...connection, credentials: connection.credentials });
  for (const name of ["one", "two"]) {
    const trust = {
      Version: "2012-10-17",
      Statement: [
        { Effect: "Allow", Principal: { Service: "ecs-tasks.amazonaws.com" }, Action: "sts:AssumeRole" },
      ],
    };
    const made = await iam.send(
      new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: JSON.stringify(trust) }),
    );
    roles[name] = made.Role?.Arn ?? "";
  }
  const protecting = {
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Action: ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"], Resource: "*" },
    ],
  };
  await iam.send(
    new PutRolePolicyCommand({
      RoleName: "one",
      PolicyName: "protection",
      PolicyDocument: JSON.stringify(protecting),
    }),
  );
  iam.destroy();
  await stack.createCluster(clients);
  instanceId = await runInstance();
  await eventually(
    "the container instance",
    async () => (await stack.containerInstances(clients)).some((i) => i.agentConnected) || undefined,
  );
}, 180_000);
afterAll(async () => estiba?.destroy(), 120_000);

async function runInstance(): Promise<string> {
  const { ec2 } = estiba.clients;
  const { Images } = await ec2.send(new DescribeImagesCommand({ Owners: ["amazon"] }));
  const script = `#!/bin/bash\necho ECS_CLUSTER=${CLUSTER} >> /etc/ecs/ecs.config\n`;
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

/** A revision whose container sleeps; answers its ARN. */
async function define(family: string, more: object = {}, container: object = {}): Promise<string> {
  const { taskDefinition } = await estiba.clients.ecs.send(
    new RegisterTaskDefinitionCommand({
      family,
      containerDefinitions: [
        {
          name: "app",
          image: IMAGE,
          memory: 128,
          command: ["sleep", "3600"],
          stopTimeout: 2,
          ...container,
        },
      ],
      ...more,
    }),
  );
  return taskDefinition?.taskDefinitionArn ?? "";
}

const describeTask = async (arn: string): Promise<Task | undefined> =>
  (await estiba.clients.ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: [arn] }))).tasks?.[0];

const until = (arn: string, status: string) =>
  eventually(`task ${arn} is ${status}`, async () => {
    const task = await describeTask(arn);
    return task?.lastStatus === status ? task : undefined;
  });

async function start(taskDefinition: string): Promise<string> {
  const { tasks, failures } = await estiba.clients.ecs.send(
    new RunTaskCommand({ cluster: CLUSTER, taskDefinition, tags: [{ key: "app", value: "shop" }] }),
  );
  expect(failures).toEqual([]);
  const arn = tasks?.[0]?.taskArn ?? "";
  await until(arn, "RUNNING");
  return arn;
}
const stop = async (arn: string) => {
  await estiba.clients.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: arn }));
  await until(arn, "STOPPED");
};
const idOf = (arn: string) => arn.split("/").at(-1) ?? "";

/** Runs a command in the task's container; answers what it printed. */
async function inside(arn: string, ...command: string[]): Promise<string> {
  const runtimeId = (await describeTask(arn))?.containers?.[0]?.runtimeId ?? "";
  const layout = hostLayout(sharedLayout(stateFolder(estiba.dataDirectory).hosts, "any"), instanceId);
  const exec = ["-H", `unix://${layout.socket}`, "exec", runtimeId, ...command];
  return run("docker", exec).then(
    ({ stdout }) => stdout,
    (error: { stdout: string; stderr: string }) => {
      if (error.stdout !== "") return error.stdout;
      throw new Error(error.stderr);
    },
  );
}
const program = async (arn: string, ...args: string[]): Promise<unknown> =>
  JSON.parse(await inside(arn, "node", PROGRAM, ...args));
/** `wget` of a URL that may name the container's variables. */
const wget = (arn: string, url: string) => inside(arn, "sh", "-c", `wget -q -O - "${url}"`);
const wgetJson = async (arn: string, url: string): Promise<Record<string, unknown>> =>
  JSON.parse(await wget(arn, url)) as Record<string, unknown>;

describe("the official SDK in a container, without configuration", { timeout: 180_000 }, () => {
  it("is its own task's role until the task has stopped", async () => {
    const one = await start(await define("one", { taskRoleArn: roles["one"] }));
    const two = await start(await define("two", { taskRoleArn: roles["two"] }));
    const role = (name: string, arn: string) =>
      expect.stringMatching(
        new RegExp(`^arn:aws:sts::\\d{12}:assumed-role/${name}/${idOf(arn)}$`),
      ) as unknown;
    expect(await program(one, "identity")).toEqual(role("one", one));
    expect(await program(two, "identity")).toEqual(role("two", two));

    const credentialsOf = async (arn: string) => {
      const given = await wgetJson(arn, "http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
      return {
        accessKeyId: String(given["AccessKeyId"]),
        secretAccessKey: String(given["SecretAccessKey"]),
        sessionToken: String(given["Token"]),
      };
    };
    const [ofOne, ofTwo] = [await credentialsOf(one), await credentialsOf(two)];
    const callerOf = async (credentials: typeof ofOne) => {
      const { endpoint, region } = estiba.connection;
      const sts = new STSClient({ endpoint, region, credentials, maxAttempts: 1 });
      try {
        return (await sts.send(new GetCallerIdentityCommand({}))).Arn;
      } catch (error) {
        return (error as Error).name;
      } finally {
        sts.destroy();
      }
    };
    expect(await callerOf(ofOne)).toEqual(role("one", one));
    await stop(one);
    expect(await callerOf(ofOne)).toMatch(/^ExpiredToken/);
    expect(await callerOf(ofTwo)).toEqual(role("two", two));
    await stop(two);
    expect(await callerOf(ofTwo)).toMatch(/^ExpiredToken/);
  });

  it("is the instance's role in a task that has none", async () => {
    const task = await start(await define("none", { networkMode: "host" }));
    expect(await program(task, "identity")).toMatch(
      new RegExp(`:assumed-role/ecsInstanceRole/${instanceId}$`),
    );
    expect(await program(task, "protect")).toMatchObject({
      status: 403,
      body: { error: { Code: "AccessDeniedException" } },
    });
    await stop(task);
  });

  it("goes where the definition says, and to Estiba when it says nothing, which nothing shows", async () => {
    const given = "http://127.0.0.1:9";
    const environment = [{ name: "AWS_ENDPOINT_URL", value: given }];
    const elsewhere = await start(await define("elsewhere", {}, { environment }));
    expect(await inside(elsewhere, "env")).toContain(`AWS_ENDPOINT_URL=${given}\n`);
    await stop(elsewhere);
    const silent = await define("silent");
    const task = await start(silent);
    expect(await inside(task, "env")).toMatch(/^AWS_ENDPOINT_URL=http:\/\/10\.104\.\d+\.\d+:\d+$/m);
    const { taskDefinition } = await estiba.clients.ecs.send(
      new DescribeTaskDefinitionCommand({ taskDefinition: silent }),
    );
    expect(taskDefinition?.containerDefinitions?.[0]?.environment).toEqual([]);
    expect(JSON.stringify(await describeTask(task))).not.toContain("AWS_ENDPOINT_URL");
    await stop(task);
  });
});

describe("the metadata endpoint", { timeout: 120_000 }, () => {
  it.each(["bridge", "host"] as const)("answers a container in network mode %s", async (networkMode) => {
    const task = await start(
      await define(`metadata-${networkMode}`, { networkMode, cpu: "256", memory: "256" }),
    );
    const described = await describeTask(task);
    const v4 = await wgetJson(task, "$ECS_CONTAINER_METADATA_URI_V4");
    expect(v4).toMatchObject({
      DockerId: described?.containers?.[0]?.runtimeId,
      ContainerARN: described?.containers?.[0]?.containerArn,
      Name: "app",
      KnownStatus: "RUNNING",
      LogDriver: "json-file",
      Limits: { CPU: 0, Memory: 128 },
      Networks: [
        {
          NetworkMode: networkMode,
          IPv4Addresses: networkMode === "host" ? [] : [expect.stringMatching(/^172\.17\.0\.\d+$/) as string],
        },
      ],
    });
    for (const time of ["CreatedAt", "StartedAt"]) expect(v4[time]).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(await wgetJson(task, "$ECS_CONTAINER_METADATA_URI_V4/taskWithTags")).toMatchObject({
      TaskARN: task,
      AvailabilityZone: described?.availabilityZone,
      VPCID: expect.stringMatching(/^vpc-/) as string,
      LaunchType: "EC2",
      Limits: { CPU: 0.25, Memory: 256 },
      TaskTags: { app: "shop" },
      Containers: [{ Name: "app" }],
    });
    const v3 = await wgetJson(task, "$ECS_CONTAINER_METADATA_URI/task");
    expect(v3).toMatchObject({ TaskARN: task, Family: `metadata-${networkMode}` });
    expect(v3).not.toHaveProperty("VPCID");

    const stats = await wgetJson(task, "$ECS_CONTAINER_METADATA_URI_V4/stats");
    expect(stats).toHaveProperty("cpu_stats.cpu_usage.total_usage");
    if (networkMode === "bridge") expect(stats).toHaveProperty("network_rate_stats.rx_bytes_per_sec");
    const all = await wgetJson(task, "$ECS_CONTAINER_METADATA_URI_V4/task/stats");
    expect(Object.keys(all)).toEqual([v4["DockerId"]]);
    await expect(wget(task, "http://169.254.170.2/v2/metadata")).rejects.toThrow(/400/);

    const introspection = "http://localhost:51678/v1/tasks";
    if (networkMode === "host")
      expect(await wgetJson(task, introspection)).toMatchObject({
        Tasks: expect.arrayContaining([expect.objectContaining({ Arn: task })]) as unknown,
      });
    else await expect(wget(task, introspection)).rejects.toThrow();
    await stop(task);
  });
});

describe("task protection", { timeout: 180_000 }, () => {
  const { NAME: cluster } = stack;
  const tasksOfService = async () =>
    (await estiba.clients.ecs.send(new ListTasksCommand({ cluster, serviceName: "worker" }))).taskArns ?? [];
  const events = async () => {
    const { services } = await estiba.clients.ecs.send(
      new DescribeServicesCommand({ cluster, services: ["worker"] }),
    );
    return (services?.[0]?.events ?? []).map((e) => e.message ?? "");
  };
  const scaleTo = (desiredCount: number) =>
    estiba.clients.ecs.send(new UpdateServiceCommand({ cluster, service: "worker", desiredCount }));

  it("is asked for by the task itself, and keeps it from a scale-in until it is taken back", async () => {
    await estiba.clients.ecs.send(
      new CreateServiceCommand({
        cluster,
        serviceName: "worker",
        taskDefinition: await define("worker", { taskRoleArn: roles["one"] }),
        desiredCount: 2,
      }),
    );
    const arns = await eventually("two tasks", async () => {
      const found = await tasksOfService();
      return found.length === 2 ? found : undefined;
    });
    for (const arn of arns) await until(arn, "RUNNING");
    const [kept = "", other = ""] = arns;
    expect(await program(kept, "protect", "true", "60")).toMatchObject({
      status: 200,
      body: { protection: { ProtectionEnabled: true, TaskArn: kept } },
    });
    const { protectedTasks } = await estiba.clients.ecs.send(
      new GetTaskProtectionCommand({ cluster, tasks: [kept, other] }),
    );
    expect(protectedTasks?.map((t) => t.protectionEnabled)).toEqual([true, false]);

    await scaleTo(0);
    await until(other, "STOPPED");
    await eventually("the event", async () =>
      (await events()).some((e) => e.includes("task scale-in protection") && e.includes(idOf(kept)))
        ? true
        : undefined,
    );
    expect((await describeTask(kept))?.desiredStatus).toBe("RUNNING");
    expect(await program(kept, "protect", "false")).toMatchObject({
      status: 200,
      body: { protection: { ProtectionEnabled: false, ExpirationDate: null } },
    });
    await until(kept, "STOPPED");
  });
});
