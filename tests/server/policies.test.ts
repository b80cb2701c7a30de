// Roles' policies enforced by the whole server with simulated hosts: an instance joins and a task calls by what its role allows.
import { request } from "node:http";
import { DescribeImagesCommand, GetConsoleOutputCommand, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { DescribeTasksCommand, ECSClient, RunTaskCommand, StopTaskCommand } from "@aws-sdk/client-ecs";
import {
  AddRoleToInstanceProfileCommand,
  AttachRolePolicyCommand,
  CreateInstanceProfileCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  CreateRoleCommand,
  DetachRolePolicyCommand,
  IAMClient,
  PutRolePolicyCommand,
} from "@aws-sdk/client-iam";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as stack from "#cli/demo/stack.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/logger.ts";
import { systemRandom } from "#lib/random.ts";
import { signRequest } from "#lib/sigv4-sign.ts";
import { createIdentities } from "#server/identities.ts";
import { serverKeys, stateFolder } from "#server/state-folder.ts";
import { eventually } from "#tests/support/estiba.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";

let server: SimulatedServer;
let iam: IAMClient;
const as = (credentials = server.connection.credentials) => ({
  endpoint: server.endpoint,
  region: server.connection.region,
  credentials,
  maxAttempts: 1,
});
beforeAll(async () => {
  server = await startSimulatedServer();
  iam = new IAMClient(as());
  await stack.createCluster(server.clients);
}, 60_000);
afterAll(async () => {
  iam.destroy();
  await server.close();
}, 60_000);

const document = (...Statement: object[]) => JSON.stringify({ Version: "2012-10-17", Statement });
const allow = (Action: string | string[], Resource: string | string[] = "*", Condition?: object) => ({
  Effect: "Allow",
  Action,
  Resource,
  ...(Condition === undefined ? {} : { Condition }),
});

async function createRole(RoleName: string, service: string): Promise<string> {
  const AssumeRolePolicyDocument = document({
    Effect: "Allow",
    Principal: { Service: service },
    Action: "sts:AssumeRole",
  });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
  return Role?.Arn ?? "";
}
const putPolicy = (RoleName: string, ...statements: object[]) =>
  iam.send(
    new PutRolePolicyCommand({ RoleName, PolicyName: "inline", PolicyDocument: document(...statements) }),
  );

async function runInstance(profile: string): Promise<string> {
  const { ec2 } = server.clients;
  const { Images } = await ec2.send(new DescribeImagesCommand({ Owners: ["amazon"] }));
  const place = await stack.findPlace(server.clients);
  const { Instances } = await ec2.send(
    new RunInstancesCommand({
      ImageId: Images?.[0]?.ImageId,
      InstanceType: "t3.small",
      MinCount: 1,
      MaxCount: 1,
      SubnetId: place.subnets[0]?.id,
      IamInstanceProfile: { Name: profile },
      UserData: Buffer.from(`#!/bin/bash\necho ECS_CLUSTER=${stack.NAME} >> /etc/ecs/ecs.config\n`).toString(
        "base64",
      ),
    }),
  );
  return Instances?.[0]?.InstanceId ?? "";
}
const consoleOf = async (InstanceId: string) => {
  const { Output = "" } = await server.clients.ec2.send(new GetConsoleOutputCommand({ InstanceId }));
  return Buffer.from(Output, "base64").toString();
};
const member = async (id: string) =>
  (await stack.containerInstances(server.clients)).find((i) => i.ec2InstanceId === id && i.agentConnected);

describe("a container instance", () => {
  it("whose role has no policy cannot register, and its console says why", async () => {
    await createRole("bare", "ec2.amazonaws.com");
    await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: "bare" }));
    await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName: "bare", RoleName: "bare" }));
    const id = await runInstance("bare");
    const { account, region } = server.connection;
    const said = await eventually("the agent gives up", async () => {
      const output = await consoleOf(id);
      return output.includes("not registered") ? output : undefined;
    });
    expect(said).toContain(
      `AccessDeniedException: User: arn:aws:sts::${account}:assumed-role/bare/${id} is not authorized to perform: ` +
        `ecs:RegisterContainerInstance on resource: arn:aws:ecs:${region}:${account}:cluster/${stack.NAME} because no ` +
        "identity-based policy allows the ecs:RegisterContainerInstance action",
    );
    expect(await member(id)).toBeUndefined();
  }, 60_000);

  it("whose role may register, but not poll, is registered and stays disconnected", async () => {
    await createRole("deaf", "ec2.amazonaws.com");
    await putPolicy("deaf", allow(["ecs:RegisterContainerInstance", "ecs:DiscoverPollEndpoint"]));
    await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: "deaf" }));
    await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName: "deaf", RoleName: "deaf" }));
    const id = await runInstance("deaf");
    await eventually(
      "the registration",
      async () => (await consoleOf(id)).includes("registered as") || undefined,
    );
    const found = (await stack.containerInstances(server.clients)).find((i) => i.ec2InstanceId === id);
    expect(found?.agentConnected).toBe(false);
    // The policy that is written now lets the agent's next try in.
    await putPolicy(
      "deaf",
      allow("ecs:DiscoverPollEndpoint"),
      allow(["ecs:Poll", "ecs:StartTelemetrySession"], "*", { ArnEquals: { "ecs:cluster": clusterArn() } }),
    );
    await eventually("the agent's channel", async () => (await member(id)) !== undefined || undefined, 60);
  }, 90_000);
});

it("an instance whose role trusts another service is given no credentials, and its agent says why", async () => {
  await createRole("foreign", "ecs-tasks.amazonaws.com");
  await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: "foreign" }));
  await iam.send(
    new AddRoleToInstanceProfileCommand({ InstanceProfileName: "foreign", RoleName: "foreign" }),
  );
  const id = await runInstance("foreign");
  const why = "AssumeRoleUnauthorizedAccess: EC2 cannot assume the role foreign.";
  const lines = () => server.log.filter(({ fields }) => fields["instanceId"] === id);
  await eventually(
    "the agent says it",
    async () => lines().some((line) => JSON.stringify(line.fields).includes(why)) || undefined,
  );
  expect(await member(id)).toBeUndefined();
}, 60_000);

const clusterArn = () =>
  `arn:aws:ecs:${server.connection.region}:${server.connection.account}:cluster/${stack.NAME}`;

describe("a task", () => {
  let taskArn = "";
  let other = "";
  const sessions: { destroy(): void }[] = [];
  /** Clients that sign with the credentials that a task of this role gets. */
  const taskClients = (roleName: string) => {
    const { connection, store, dataDirectory } = server;
    const { issuer } = createIdentities({
      store,
      clock: systemClock,
      logger: silentLogger,
      random: systemRandom,
      account: connection.account,
      sealingKey: serverKeys(stateFolder(dataDirectory)).session,
      root: connection.credentials,
    });
    const roleArn = `arn:aws:iam::${connection.account}:role/${roleName}`;
    const { accessKeyId, secretAccessKey, sessionToken } = issuer.forTask({
      roleArn,
      taskArn,
      roleType: "TaskApplication",
    });
    const credentials = { accessKeyId, secretAccessKey, sessionToken };
    const options = as(credentials);
    const clients = { ecs: new ECSClient(options), sts: new STSClient(options) };
    sessions.push(...Object.values(clients));
    return { ...clients, credentials };
  };
  const describeTask = (ecs: ECSClient, arn = taskArn) =>
    ecs.send(new DescribeTasksCommand({ cluster: stack.NAME, tasks: [arn] }));
  const denied = (action: string, resource: string) =>
    `is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`;

  beforeAll(async () => {
    const host = await runInstance("ecsInstanceRole");
    await eventually("a container instance", async () => (await member(host)) !== undefined || undefined);
    const definition = await stack.registerRevision(server.clients, "web:1", "1");
    for (const name of ["reader", "nobody"]) await createRole(name, "ecs-tasks.amazonaws.com");
    const run = async () => {
      const { tasks } = await server.clients.ecs.send(
        new RunTaskCommand({ cluster: stack.NAME, taskDefinition: definition }),
      );
      return tasks?.[0]?.taskArn ?? "";
    };
    [taskArn, other] = [await run(), await run()];
    await putPolicy(
      "reader",
      allow("ecs:DescribeTasks", taskArn, { ArnEquals: { "ecs:cluster": clusterArn() } }),
    );
  }, 60_000);
  afterAll(() => sessions.forEach((client) => client.destroy()));

  it("calls what its role allows, on what it allows, and nothing else", async () => {
    const { ecs } = taskClients("reader");
    expect((await describeTask(ecs)).tasks).toHaveLength(1);
    await expect(describeTask(ecs, other)).rejects.toThrow(denied("ecs:DescribeTasks", other));
    // A call that names several is judged for each.
    await expect(
      ecs.send(new DescribeTasksCommand({ cluster: stack.NAME, tasks: [taskArn, other] })),
    ).rejects.toThrow(denied("ecs:DescribeTasks", other));
    await expect(
      ecs.send(new StopTaskCommand({ cluster: stack.NAME, task: taskArn.split("/").at(-1) })),
    ).rejects.toThrow(denied("ecs:StopTask", taskArn));
  });

  it("of another role may do nothing but ask who it is", async () => {
    const { ecs, sts } = taskClients("nobody");
    await expect(describeTask(ecs)).rejects.toMatchObject({ name: "AccessDeniedException" });
    expect((await sts.send(new GetCallerIdentityCommand({}))).Arn).toMatch(/assumed-role\/nobody\//);
  });

  it("is bound by the default version of a managed policy, attached or not, from one call to the next", async () => {
    const { ecs } = taskClients("nobody");
    const { Policy } = await iam.send(
      new CreatePolicyCommand({ PolicyName: "look", PolicyDocument: document(allow("ecs:Describe*")) }),
    );
    const named = { RoleName: "nobody", PolicyArn: Policy?.Arn ?? "" };
    await iam.send(new AttachRolePolicyCommand(named));
    expect((await describeTask(ecs)).tasks).toHaveLength(1);
    await iam.send(
      new CreatePolicyVersionCommand({
        PolicyArn: named.PolicyArn,
        PolicyDocument: document(allow("ecs:Describe*"), { ...allow("ecs:DescribeTasks"), Effect: "Deny" }),
        SetAsDefault: true,
      }),
    );
    await expect(describeTask(ecs)).rejects.toThrow("with an explicit deny in an identity-based policy");
    await iam.send(new DetachRolePolicyCommand(named));
    await expect(describeTask(ecs)).rejects.toThrow(denied("ecs:DescribeTasks", taskArn));
  });

  it("hands over a role only with iam:PassRole", async () => {
    const { ecs } = taskClients("reader");
    await putPolicy("reader", allow("ecs:RunTask"));
    const passed = `arn:aws:iam::${server.connection.account}:role/nobody`;
    const definition = await stack.registerRevision(server.clients, "web:1", "2");
    const run = () =>
      ecs.send(
        new RunTaskCommand({
          cluster: stack.NAME,
          taskDefinition: definition,
          overrides: { taskRoleArn: passed },
        }),
      );
    await expect(run()).rejects.toThrow(denied("iam:PassRole", passed));
    const toTasks = { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } };
    await putPolicy("reader", allow("ecs:RunTask"), allow("iam:PassRole", passed, toTasks));
    expect((await run()).tasks).toHaveLength(1);
  });

  it("with every permission opens no agent's channel: other tasks' credentials come that way", async () => {
    const { credentials } = taskClients("nobody");
    await putPolicy("nobody", allow("*"));
    const [instance] = (await stack.containerInstances(server.clients)).filter((i) => i.agentConnected);
    const query = new URLSearchParams({
      clusterArn: clusterArn(),
      containerInstanceArn: instance?.containerInstanceArn ?? "",
    });
    const url = `${server.endpoint}/acs/ws?${query.toString()}`;
    const signed = signRequest({
      method: "GET",
      url,
      credentials,
      region: server.connection.region,
      service: "ecs",
      time: systemClock.now(),
    });
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = {
        ...signed,
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": Buffer.from("0123456789abcdef").toString("base64"),
      };
      request(url, { headers })
        .on("response", (response) => resolve(response.resume().statusCode))
        .on("upgrade", (response, socket) => {
          socket.destroy();
          resolve(response.statusCode);
        })
        .on("error", reject)
        .end();
    });
    expect(status).toBe(403);
  });
});
