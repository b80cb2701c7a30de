// A whole server under the stock agent as it was recorded: an external host with static credentials, from its registration to
// the end of its instance.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeregisterContainerInstanceCommand,
  DescribeContainerInstancesCommand,
  DescribeTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StartTaskCommand,
  StopTaskCommand,
  UpdateContainerAgentCommand,
  type Attribute,
  type ContainerDefinition,
  type Task,
} from "@aws-sdk/client-ecs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConnectionRefused } from "#acs/websocket-duplex.ts";
import { clientsFor, connect, type Clients } from "#cli/connection.ts";
import { silentLogger } from "#lib/logger.ts";
import { readConfig } from "#server/config.ts";
import { startServer, type RunningServer } from "#server/server.ts";
import { eventually } from "#tests/support/estiba.ts";
import { createRecordedAgent, type Channel, type RecordedAgent } from "./recorded-agent.ts";
import { recordedCall } from "./recording.ts";

const ROLE = "arn:aws:iam::000000000000:role/ecsInstanceRole";
const recordedTask = (id: string) =>
  `arn:aws:ecs:us-east-1:000000000000:task/default/${id}000000000000000000000000000000`;

let dataDirectory: string;
let server: RunningServer;
let clients: Clients;
let agent: RecordedAgent;

const start = async () => {
  const config = readConfig({ dataDirectory, engine: "sim", port: 0, logLevel: "silent" }, {});
  server = await startServer(config, {}, silentLogger);
  clients = clientsFor(connect(dataDirectory));
};
beforeEach(async () => {
  dataDirectory = mkdtempSync(join(tmpdir(), "estiba-conformance-"));
  await start();
  await clients.ecs.send(new CreateClusterCommand({ clusterName: "default" }));
  agent = createRecordedAgent(server.endpoint, connect(dataDirectory).credentials);
});
afterEach(async () => {
  clients.close();
  await server.close();
  rmSync(dataDirectory, { recursive: true, force: true });
});

/** Registered and on both channels. */
async function joined(): Promise<{ readonly acs: Channel; readonly tcs: Channel }> {
  await agent.register("register");
  return connected();
}
async function connected() {
  const [tcs, acs] = [await agent.open("tcsUpgrade"), await agent.open("acsUpgrade")];
  await acs.next("TaskManifestMessage");
  await eventually(
    "the instance to be connected",
    async () => (await instance())?.agentConnected || undefined,
  );
  return { acs, tcs };
}
async function instance() {
  const found = await clients.ecs.send(
    new DescribeContainerInstancesCommand({
      containerInstances: [agent.instanceArn()],
      include: ["CONTAINER_INSTANCE_HEALTH", "TAGS"],
    }),
  );
  return found.containerInstances?.[0];
}
async function task(arn: string): Promise<Task> {
  const found = await clients.ecs.send(new DescribeTasksCommand({ tasks: [arn] }));
  return found.tasks?.[0] ?? {};
}
const definition = (containers: readonly Partial<ContainerDefinition>[], more = {}) =>
  clients.ecs.send(
    new RegisterTaskDefinitionCommand({
      family: "fam",
      containerDefinitions: containers.map((c) => ({ name: "c", image: "local/bb:1", memory: 64, ...c })),
      ...more,
    }),
  );
async function runTask(containers: readonly Partial<ContainerDefinition>[], more = {}): Promise<string> {
  await definition(containers, more);
  const run = await clients.ecs.send(new RunTaskCommand({ taskDefinition: "fam", launchType: "EXTERNAL" }));
  expect(run.failures).toEqual([]);
  return run.tasks?.[0]?.taskArn ?? "";
}
const refusal = (call: Promise<unknown>) =>
  call.then(
    () => "not refused",
    (error: Error) => `${error.name}: ${error.message}`,
  );
const OK = { status: 200, body: { acknowledgment: "ACK" } };

describe("registration", () => {
  it("echoes every attribute with its value, the first time and again, and keeps what the agent names only once", async () => {
    const arns = [];
    for (const label of ["register", "registerAgain"]) {
      const { status, body } = await agent.register(label);
      expect(status).toBe(200);
      const made = body["containerInstance"] as { containerInstanceArn: string; attributes: Attribute[] };
      arns.push(made.containerInstanceArn);
      const sent = (JSON.parse(recordedCall(label).body) as { attributes: Attribute[] }).attributes;
      expect(sent.length).toBeGreaterThan(50);
      expect(made.attributes).toEqual(expect.arrayContaining(sent));
      expect(made.attributes).toContainEqual({ name: "rack", value: "r1" });
    }
    expect(arns[1]).toBe(arns[0]);
    expect(arns[0]).toMatch(/^arn:aws:ecs:us-east-1:000000000000:container-instance\/default\/[0-9a-f]{32}$/);
  });

  it("creates the cluster default for an agent that found none", async () => {
    const register = (cluster: string) => agent.register("register", (body) => ({ ...body, cluster }));
    const missing = await register("other");
    expect(missing).toMatchObject({ status: 400, body: { __type: "ClusterNotFoundException" } });
    const made = await agent.call("CreateCluster", { clusterName: "default" });
    expect(made.body).toMatchObject({ cluster: { clusterName: "default", status: "ACTIVE" } });
    expect((await register("default")).status).toBe(200);
  });

  it("names two distinct http endpoints, whatever zone the agent is in", async () => {
    await agent.register("register");
    expect(await agent.replay("discover")).toEqual({
      status: 200,
      body: { endpoint: `${server.endpoint}/acs`, telemetryEndpoint: `${server.endpoint}/tcs` },
    });
  });

  it("shows the versions of the channel's query, for they are told nowhere else", async () => {
    await joined();
    expect((await instance())?.versionInfo).toEqual({
      agentVersion: "1.105.1",
      agentHash: "a8b3e7d3",
      dockerVersion: "DockerVersion: 20.10.24+dfsg1",
    });
  });

  it("refuses a channel that is signed by somebody else", async () => {
    await agent.register("register");
    const stranger = createRecordedAgent(server.endpoint, {
      accessKeyId: connect(dataDirectory).credentials.accessKeyId,
      secretAccessKey: "secret",
    });
    await expect(stranger.replay("discover")).resolves.toMatchObject({ status: 400 });
    const query = "clusterArn=default&containerInstanceArn=x";
    const answer = await fetch(`${server.endpoint}/acs/ws?${query}`);
    expect(answer.status).toBeGreaterThanOrEqual(400);
  });
});

describe("telemetry", () => {
  it("is acknowledged message by message, and the runtime's health is shown", async () => {
    const { tcs } = await joined();
    const acks = {
      metricsIdle: "AckPublishMetric",
      statusInitializing: "AckPublishInstanceStatus",
      metrics: "AckPublishMetric",
      health: "AckPublishHealth",
      statusOk: "AckPublishInstanceStatus",
    };
    for (const [label, type] of Object.entries(acks)) {
      const before = tcs.heard.length;
      tcs.send(agent.telemetry(label));
      await tcs.next(type, before);
      expect(tcs.heard.length).toBe(before + 1);
    }
    const health = await eventually("the health to be OK", async () => {
      const status = (await instance())?.healthStatus;
      return status?.overallStatus === "OK" ? status : undefined;
    });
    expect(health.details).toMatchObject([{ type: "CONTAINER_RUNTIME", status: "OK" }]);
  });
});

describe("a task", () => {
  it("is ordered with the ids that a payload must have, and its reports make its life", async () => {
    const { acs } = await joined();
    const arn = await runTask([{ name: "p" }, { name: "q", essential: false }], {
      cpu: "256",
      memory: "256",
    });
    const { message } = await acs.next("PayloadMessage");
    expect(message).toMatchObject({
      messageId: expect.stringMatching(/./) as string,
      clusterArn: "arn:aws:ecs:us-east-1:000000000000:cluster/default",
      containerInstanceArn: agent.instanceArn(),
    });
    const manifest = await acs.next("TaskManifestMessage");
    expect(message["seqNum"]).toBeGreaterThan(manifest.message["timeline"] as number);
    expect(message["tasks"]).toMatchObject([
      {
        arn,
        family: "fam",
        version: "1",
        desiredStatus: "RUNNING",
        launchType: "EXTERNAL",
        networkMode: "bridge",
        cpu: 0.25,
        memory: 256,
        volumes: [],
        containers: [
          {
            name: "p",
            image: "local/bb:1",
            essential: true,
            environment: { AWS_EXECUTION_ENV: "AWS_ECS_EC2" },
          },
          { name: "q", essential: false, portMappings: [], mountPoints: [], volumesFrom: [] },
        ],
      },
    ]);
    acs.send(agent.frame("ack", { "ca132995-9191-4bbe-a37f-b72a572ac6a9": message["messageId"] as string }));

    const by = { [recordedTask("b1")]: arn };
    expect(await agent.replay("pending", by)).toEqual(OK);
    expect(await task(arn)).toMatchObject({ lastStatus: "PENDING" });
    expect((await task(arn)).containers?.map((c) => c.imageDigest?.slice(0, 11))).toEqual([
      "sha256:4bfc",
      "sha256:4bfc",
    ]);
    for (let twice = 0; twice < 2; twice++) expect(await agent.replay("running", by)).toEqual(OK);
    expect(await task(arn)).toMatchObject({
      lastStatus: "RUNNING",
      launchType: "EXTERNAL",
      connectivity: "CONNECTED",
    });
    expect((await task(arn)).pullStoppedAt?.getTime()).toBe(1_795_435_209_693);
    // Late news of an earlier state changes nothing.
    expect(await agent.replay("pending", by)).toEqual(OK);
    expect(await task(arn)).toMatchObject({ lastStatus: "RUNNING" });

    const heard = acs.heard.length;
    await clients.ecs.send(new StopTaskCommand({ task: arn, reason: "enough" }));
    const stop = await acs.next("PayloadMessage", heard);
    expect(stop.message["tasks"]).toMatchObject([
      { arn, desiredStatus: "STOPPED", containers: [], volumes: [] },
    ]);
    expect(
      await agent.call("SubmitTaskStateChange", {
        cluster: "default",
        task: arn,
        status: "STOPPED",
        reason: "",
        executionStoppedAt: 1795435212.757,
        containers: [
          { containerName: "q", exitCode: 0, status: "STOPPED" },
          { containerName: "p", exitCode: 137, status: "STOPPED" },
        ],
      }),
    ).toEqual(OK);
    expect(await task(arn)).toMatchObject({
      lastStatus: "STOPPED",
      stopCode: "UserInitiated",
      stoppedReason: "enough",
      containers: [{ exitCode: 137 }, { exitCode: 0 }],
    });
  });

  it("shows the ports that the agent chose, and the health that telemetry tells", async () => {
    const { acs, tcs } = await joined();
    const healthCheck = { command: ["CMD", "/bin/busybox", "true"] };
    const ports = [{ containerPort: 80 }, { containerPort: 53, protocol: "udp" as const }];
    const arn = await runTask([
      { name: "web", healthCheck, portMappings: ports },
      { name: "probe", essential: false },
    ]);
    const order = await acs.next("PayloadMessage");
    expect(order.message["tasks"]).toMatchObject([
      {
        containers: [
          {
            name: "web",
            healthCheckType: "docker",
            portMappings: [
              { containerPort: 80, hostPort: 0, protocol: "tcp" },
              { containerPort: 53, hostPort: 0, protocol: "udp" },
            ],
            dockerConfig: { config: expect.stringContaining('"Healthcheck":{"Test":["CMD"') as string },
          },
          { name: "probe" },
        ],
      },
    ]);
    const by = { [recordedTask("aa")]: arn };
    expect(await agent.replay("runningWithPorts", by)).toEqual(OK);
    const shown = await task(arn);
    expect(shown.containers?.find((c) => c.name === "web")?.networkBindings).toEqual([
      { bindIP: "0.0.0.0", containerPort: 80, hostPort: 32768, protocol: "tcp" },
      { bindIP: "0.0.0.0", containerPort: 53, hostPort: 32769, protocol: "udp" },
    ]);
    expect(shown.healthStatus).toBe("UNKNOWN");
    tcs.send(agent.telemetry("health", by));
    await eventually(
      "the task to be healthy",
      async () => (await task(arn)).healthStatus === "HEALTHY" || undefined,
    );
  });

  it("that the agent rejects has failed to start; a container told twice in one report has gone both ways", async () => {
    await joined();
    const rejected = await runTask([{}]);
    expect(await agent.replay("rejected", { [recordedTask("dd")]: rejected })).toEqual(OK);
    expect(await task(rejected)).toMatchObject({
      lastStatus: "STOPPED",
      stopCode: "TaskFailedToStart",
      stoppedReason: "UnrecogniedTaskError: Error loading task - invalid Volume; must include a name",
    });
    const twice = await runTask([
      { name: "dep", essential: false },
      { name: "app", dependsOn: [{ containerName: "dep", condition: "SUCCESS" }] },
    ]);
    expect(await agent.replay("twice", { [recordedTask("bb")]: twice })).toEqual(OK);
    expect((await task(twice)).containers).toMatchObject([
      { name: "dep", lastStatus: "STOPPED", exitCode: 3 },
      { name: "app", exitCode: 143, reason: expect.stringMatching(/^CannotStartContainerError: /) as string },
    ]);
  });

  it("that nobody knows is reported without a refusal, over and over", async () => {
    await joined();
    for (const label of [
      "pending",
      "running",
      "runningWithPorts",
      "stoppedByExit",
      "twice",
      "rejected",
      "unknownStop",
    ])
      for (let again = 0; again < 2; again++) expect(await agent.replay(label)).toEqual(OK);
    expect(
      await agent.call("SubmitContainerStateChange", {
        task: recordedTask("aa"),
        containerName: "web",
        status: "STOPPED",
      }),
    ).toEqual(OK);
    expect(
      await agent.call("SubmitAttachmentStateChanges", {
        attachments: [{ attachmentArn: "arn:a", status: "ATTACHED" }],
      }),
    ).toEqual(OK);
  });
});

describe("a restart of the agent", () => {
  it("gets the role's credentials again under the same id, and open orders once more", async () => {
    const { acs } = await joined();
    const arn = await runTask([{ name: "web" }, { name: "probe", essential: false }], { taskRoleArn: ROLE });
    const [first] = (await acs.next("PayloadMessage")).message["tasks"] as {
      roleCredentials: Record<string, string>;
    }[];
    expect(Object.keys(first?.roleCredentials ?? {}).sort()).toEqual([
      "accessKeyId",
      "credentialsId",
      "expiration",
      "roleArn",
      "secretAccessKey",
      "sessionToken",
    ]);
    // Nothing was acknowledged or reported: the order is open.
    acs.close();
    await agent.register("registerAgain");
    const again = (await connected()).acs;
    expect((await again.next("PayloadMessage")).message["tasks"]).toMatchObject([
      { arn, desiredStatus: "RUNNING" },
    ]);

    await agent.replay("runningWithPorts", { [recordedTask("aa")]: arn });
    again.close();
    await agent.register("registerAgain");
    const third = (await connected()).acs;
    const pushed = (await third.next("IAMRoleCredentialsMessage")).message;
    expect(pushed).toMatchObject({
      taskArn: arn,
      roleType: "TaskApplication",
      roleCredentials: { credentialsId: first?.roleCredentials["credentialsId"], roleArn: ROLE },
    });
    const expiration = Date.parse((pushed["roleCredentials"] as { expiration: string }).expiration);
    expect(expiration).toBeGreaterThan(Date.now() + 35 * 60_000);
    expect(third.heard.filter((m) => m.type === "PayloadMessage")).toEqual([]);
  });

  it(
    "of the server is seen by neither: the agent comes back under its ARN to its tasks",
    { timeout: 30_000 },
    async () => {
      const { acs } = await joined();
      const arn = await runTask([{ name: "web" }, { name: "probe", essential: false }]);
      await agent.replay("runningWithPorts", { [recordedTask("aa")]: arn });
      const before = await acs.next("TaskManifestMessage");
      const known = agent.instanceArn();
      clients.close();
      await server.close();
      expect(await eventually("the channel to close", () => acs.closed())).toBe(1001);
      await start();
      agent = createRecordedAgent(server.endpoint, connect(dataDirectory).credentials);
      await agent.register("registerAgain", (body) => ({ ...body, containerInstanceArn: known }));
      expect(agent.instanceArn()).toBe(known);
      const after = await (await connected()).acs.next("TaskManifestMessage");
      expect(after.message["timeline"]).toBeGreaterThan(before.message["timeline"] as number);
      expect(after.message["tasks"]).toEqual([
        {
          taskArn: arn,
          taskClusterArn: "arn:aws:ecs:us-east-1:000000000000:cluster/default",
          desiredStatus: "RUNNING",
        },
      ]);
    },
  );
});

it("a manifest's verification is answered under its id, once, with what the agent shall stop", async () => {
  const { acs } = await joined();
  const arn = await runTask([{ name: "web" }, { name: "probe", essential: false }]);
  await agent.replay("runningWithPorts", { [recordedTask("aa")]: arn });
  acs.close();
  const again = (await connected()).acs;
  const { message } = await again.next("TaskManifestMessage");
  const verification = (candidate: string) =>
    agent.frame("stopVerification", {
      "mf-f70e6529-2efc-4898-a098-771d7740d1cd": message["messageId"] as string,
      [recordedTask("aa")]: candidate,
    });
  again.send(verification(recordedTask("aa")));
  const ack = await again.next("TaskStopVerificationAck");
  expect(ack.message).toMatchObject({
    messageId: message["messageId"],
    stopTasks: [{ taskArn: recordedTask("aa"), desiredStatus: "STOPPED" }],
  });
  again.send(verification(recordedTask("aa")));
  again.send(agent.frame("heartbeatAck"));
  // A later connection's answer is behind everything that this one was sent.
  again.close();
  const third = (await connected()).acs;
  const manifest = await third.next("TaskManifestMessage");
  third.send(
    agent.frame("stopVerification", {
      "mf-f70e6529-2efc-4898-a098-771d7740d1cd": manifest.message["messageId"] as string,
      [recordedTask("aa")]: arn,
    }),
  );
  expect((await third.next("TaskStopVerificationAck")).message["stopTasks"]).toEqual([]);
  expect(again.heard.filter((m) => m.type === "TaskStopVerificationAck")).toHaveLength(1);
});

describe("an external host", () => {
  it("takes tasks of its launch type only, by RunTask and by StartTask", async () => {
    await joined();
    const arn = await runTask([{}]);
    expect(await task(arn)).toMatchObject({
      launchType: "EXTERNAL",
      containerInstanceArn: agent.instanceArn(),
    });
    expect((await task(arn)).availabilityZone).toBeUndefined();
    expect(await refusal(clients.ecs.send(new RunTaskCommand({ taskDefinition: "fam" })))).toBe(
      "InvalidParameterException: No Container Instances were found in your cluster.",
    );
    const started = await clients.ecs.send(
      new StartTaskCommand({ taskDefinition: "fam", containerInstances: [agent.instanceArn()] }),
    );
    expect(started).toMatchObject({ failures: [], tasks: [{ launchType: "EXTERNAL" }] });
  });

  it("has neither load balancers nor tasks of a definition that is for EC2", async () => {
    await joined();
    await definition([{}], { requiresCompatibilities: ["EC2"] });
    await definition([{ portMappings: [{ containerPort: 80 }] }]);
    const loadBalancers = [
      {
        targetGroupArn: "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/t/0123456789abcdef",
        containerName: "c",
        containerPort: 80,
      },
    ];
    expect(
      await refusal(
        clients.ecs.send(
          new CreateServiceCommand({
            ...{ serviceName: "s", taskDefinition: "fam", launchType: "EXTERNAL", desiredCount: 1 },
            loadBalancers,
          }),
        ),
      ),
    ).toMatch(/^InvalidParameterException: .*EXTERNAL/);
  });

  it("is no EC2 instance, drains when its agent says so, and is offered no update", async () => {
    await joined();
    expect((await instance())?.ec2InstanceId).toBeUndefined();
    const drained = await agent.call("UpdateContainerInstancesState", {
      cluster: "default",
      containerInstances: [agent.instanceArn()],
      status: "DRAINING",
    });
    expect(drained).toMatchObject({
      status: 200,
      body: { containerInstances: [{ status: "DRAINING" }], failures: [] },
    });
    expect(
      await refusal(
        clients.ecs.send(new UpdateContainerAgentCommand({ containerInstance: agent.instanceArn() })),
      ),
    ).toMatch(/^NoUpdateAvailableException/);
    expect(await agent.replay("listTags")).toEqual({ status: 200, body: { tags: [] } });
  });
});

it("a deregistered instance loses its channels, is refused both by name, and is revived by its registration", async () => {
  const { acs, tcs } = await joined();
  await clients.ecs.send(new DeregisterContainerInstanceCommand({ containerInstance: agent.instanceArn() }));
  await eventually("both channels to close", () => (acs.closed() && tcs.closed()) || undefined);
  for (const label of ["acsUpgrade", "tcsUpgrade"] as const) {
    const refused = await agent.open(label).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ConnectionRefused);
    expect(refused).toMatchObject({ statusCode: 400 });
    const { type, message } = JSON.parse((refused as ConnectionRefused).body) as Record<string, unknown>;
    expect(type).toBe("InactiveInstanceException");
    expect(message).toMatchObject({ message: expect.stringMatching(/./) as string });
  }
  const known = agent.instanceArn();
  await agent.register("registerAgain");
  expect(agent.instanceArn()).toBe(known);
  await connected();
});
