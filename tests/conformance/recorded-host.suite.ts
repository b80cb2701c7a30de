// A whole server of a test's own, and the stock agent as it was recorded as an external host of its cluster `default`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateClusterCommand,
  DescribeContainerInstancesCommand,
  DescribeTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  type ContainerDefinition,
  type ContainerInstance,
  type Task,
} from "@aws-sdk/client-ecs";
import { CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { afterEach, beforeEach, expect } from "vitest";
import { clientsFor, connect, type Clients, type Connection } from "#cli/connection.ts";
import { silentLogger } from "#lib/logger.ts";
import { readConfig } from "#server/config.ts";
import { startServer, type RunningServer } from "#server/server.ts";
import { eventually } from "#tests/support/estiba.ts";
import { createRecordedAgent, type Channel, type RecordedAgent } from "./recorded-agent.ts";

export const ROLE = "arn:aws:iam::000000000000:role/app";
/** What every report is answered with. */
export const ACKNOWLEDGED = { status: 200, body: { acknowledgment: "ACK" } };

export const recordedTask = (id: string) =>
  `arn:aws:ecs:us-east-1:000000000000:task/default/${id}000000000000000000000000000000`;

export type Containers = readonly Partial<ContainerDefinition>[];

export interface RecordedHost {
  readonly endpoint: string;
  readonly clients: Clients;
  /** Signs with root's key. */
  readonly agent: RecordedAgent;
  /** An agent of another secret. */
  stranger(): RecordedAgent;
  /** Registered and on both channels. */
  join(): Promise<{ readonly acs: Channel; readonly tcs: Channel }>;
  /** On both channels, with the manifest heard. */
  connect(): Promise<{ readonly acs: Channel; readonly tcs: Channel }>;
  instance(): Promise<ContainerInstance | undefined>;
  task(arn: string): Promise<Task>;
  /** Registers the family `fam`. */
  define(containers: Containers, more?: object): Promise<void>;
  /** Runs a task of it with the launch type EXTERNAL; answers its ARN. */
  run(containers: Containers, more?: object): Promise<string>;
  /** A new server over the same rows, at another port; `between` while there is none. */
  restartServer(between: () => Promise<void>): Promise<void>;
}

export function useRecordedHost(): RecordedHost {
  let dataDirectory: string;
  let server: RunningServer;
  let clients: Clients;
  let agent: RecordedAgent;

  const start = async () => {
    const config = readConfig({ dataDirectory, engine: "sim", port: 0, logLevel: "silent" }, {});
    server = await startServer(config, {}, silentLogger);
    clients = clientsFor(connect(dataDirectory));
    agent = createRecordedAgent(server.endpoint, connect(dataDirectory).credentials);
  };
  beforeEach(async () => {
    dataDirectory = mkdtempSync(join(tmpdir(), "estiba-conformance-"));
    await start();
    await clients.ecs.send(new CreateClusterCommand({ clusterName: "default" }));
    await createTaskRole(connect(dataDirectory));
  });
  afterEach(async () => {
    clients.close();
    await server.close();
    rmSync(dataDirectory, { recursive: true, force: true });
  });

  const instance = async () => {
    const found = await clients.ecs.send(
      new DescribeContainerInstancesCommand({
        containerInstances: [agent.instanceArn()],
        include: ["CONTAINER_INSTANCE_HEALTH", "TAGS"],
      }),
    );
    return found.containerInstances?.[0];
  };
  const define = async (containers: Containers, more: object = {}) => {
    const whole = containers.map((c) => ({ name: "c", image: "local/bb:1", memory: 64, ...c }));
    await clients.ecs.send(
      new RegisterTaskDefinitionCommand({ family: "fam", containerDefinitions: whole, ...more }),
    );
  };
  const connected = async () => {
    const [tcs, acs] = [await agent.open("tcsUpgrade"), await agent.open("acsUpgrade")];
    await acs.next("TaskManifestMessage");
    await eventually(
      "the instance to be connected",
      async () => (await instance())?.agentConnected || undefined,
    );
    return { acs, tcs };
  };

  return {
    get endpoint() {
      return server.endpoint;
    },
    get clients() {
      return clients;
    },
    get agent() {
      return agent;
    },
    stranger() {
      const { accessKeyId } = connect(dataDirectory).credentials;
      return createRecordedAgent(server.endpoint, { accessKeyId, secretAccessKey: "secret" });
    },
    async join() {
      await agent.register("register");
      return connected();
    },
    connect: connected,
    instance,
    async task(arn) {
      const found = await clients.ecs.send(new DescribeTasksCommand({ tasks: [arn] }));
      return found.tasks?.[0] ?? {};
    },
    define,
    async run(containers, more) {
      await define(containers, more);
      const run = await clients.ecs.send(
        new RunTaskCommand({ taskDefinition: "fam", launchType: "EXTERNAL" }),
      );
      expect(run.failures).toEqual([]);
      return run.tasks?.[0]?.taskArn ?? "";
    },
    async restartServer(between) {
      clients.close();
      await server.close();
      await between();
      await start();
    },
  };
}

/** The refusal of a call as `code: words`. */
export const refusal = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "not refused",
    (error: Error) => `${error.name}: ${error.message}`,
  );

/** ROLE, which tasks may have. */
async function createTaskRole({ endpoint, region, credentials }: Connection): Promise<void> {
  const iam = new IAMClient({ endpoint, region, credentials });
  const Statement = {
    Effect: "Allow",
    Principal: { Service: "ecs-tasks.amazonaws.com" },
    Action: "sts:AssumeRole",
  };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement });
  await iam.send(new CreateRoleCommand({ RoleName: "app", AssumeRolePolicyDocument }));
  iam.destroy();
}
