// EventBridge over the whole server with simulated hosts: what ECS tells reaches a log group, an HTTP endpoint with the
// connection's secret, and a task that a rule runs with a role of its own.
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  FilterLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { ListTasksCommand, RunTaskCommand, StopTaskCommand } from "@aws-sdk/client-ecs";
import { EventBridge } from "@aws-sdk/client-eventbridge";
import { IAM } from "@aws-sdk/client-iam";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { outbox } from "#store/tables/events.ts";
import { eventually } from "#tests/support/estiba.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";
import { CLUSTER, registerApp, runHosts } from "#tests/support/two-hosts.ts";

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly url: string | undefined;
  readonly body: { readonly id: string; readonly detail: Readonly<Record<string, unknown>> };
}

let server: SimulatedServer;
let events: EventBridge;
let iam: IAM;
let endpoint: Server;
let port: number;
const received: Received[] = [];
/** Answers the next calls, then 200. */
const answers: number[] = [];

const ACCOUNT = "000000000000";
const arn = (service: string, resource: string) => `arn:aws:${service}:us-east-1:${ACCOUNT}:${resource}`;
const SECRET = "key-of-the-endpoint-4711";

beforeAll(async () => {
  server = await startSimulatedServer();
  events = new EventBridge({ ...server.connection, maxAttempts: 1 });
  iam = new IAM({ ...server.connection, maxAttempts: 1 });
  endpoint = createServer((req, res) => {
    let text = "";
    req.on("data", (chunk: Buffer) => (text += chunk.toString()));
    req.on("end", () => {
      const status = answers.shift() ?? 200;
      if (status === 200)
        received.push({ headers: req.headers, url: req.url, body: JSON.parse(text) as Received["body"] });
      res.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
  port = (endpoint.address() as AddressInfo).port;
  await runHosts(server);
  await registerApp(server);
}, 30_000);
afterAll(async () => {
  events.destroy();
  iam.destroy();
  endpoint.close();
  await server.close();
});

async function createRole(
  name: string,
  statements: readonly object[],
  service = "events.amazonaws.com",
): Promise<string> {
  const trust = {
    Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
  };
  const { Role } = await iam.createRole({ RoleName: name, AssumeRolePolicyDocument: JSON.stringify(trust) });
  if (statements.length > 0)
    await iam.putRolePolicy({
      RoleName: name,
      PolicyName: "own",
      PolicyDocument: JSON.stringify({ Statement: statements }),
    });
  return Role?.Arn ?? "";
}

async function createDestination(name: string): Promise<string> {
  const { ConnectionArn } = await events.createConnection({
    Name: name,
    AuthorizationType: "API_KEY",
    AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: "x-api-key", ApiKeyValue: SECRET } },
  });
  const { ApiDestinationArn = "" } = await events.createApiDestination({
    Name: name,
    ConnectionArn,
    InvocationEndpoint: `http://127.0.0.1:${port}/hooks/*`,
    HttpMethod: "POST",
  });
  return ApiDestinationArn;
}

const runTask = async (startedBy: string): Promise<string> => {
  const { tasks = [] } = await server.clients.ecs.send(
    new RunTaskCommand({ cluster: CLUSTER, taskDefinition: "app", startedBy }),
  );
  return tasks[0]?.taskArn ?? "";
};
const stopTask = (task: string) => server.clients.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task }));

describe("a rule for task state changes", () => {
  it("has each change of a task delivered to an HTTP endpoint, in order, and logged", async () => {
    const logs = new CloudWatchLogsClient(server.connection);
    await logs.send(new CreateLogGroupCommand({ logGroupName: "/aws/events/tasks" }));
    const destination = await createDestination("hook");
    const roleArn = await createRole("invoker", [
      { Effect: "Allow", Action: "events:InvokeApiDestination", Resource: destination },
    ]);
    await events.putRule({
      Name: "tasks",
      EventPattern: JSON.stringify({
        source: ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        detail: { startedBy: [{ prefix: "told" }] },
      }),
    });
    await events.putTargets({
      Rule: "tasks",
      Targets: [
        { Id: "log", Arn: arn("logs", "log-group:/aws/events/tasks") },
        { Id: "http", Arn: destination, RoleArn: roleArn, HttpParameters: { PathParameterValues: ["a b"] } },
      ],
    });
    // The first attempt fails, and the rest waits behind it.
    answers.push(503);
    const task = await runTask("told");
    await runTask("not-told");
    await eventually(
      "the task is told to run",
      () => received.some((r) => r.body.detail["lastStatus"] === "RUNNING") || undefined,
    );
    await stopTask(task);
    await eventually(
      "its end is told",
      () => received.some((r) => r.body.detail["lastStatus"] === "STOPPED") || undefined,
    );

    expect(new Set(received.map((r) => r.body.detail["taskArn"]))).toEqual(new Set([task]));
    const versions = received.map((r) => r.body.detail["version"] as number);
    expect(versions).toEqual(versions.map((_, i) => i + 1));
    const [first] = received;
    expect(first).toMatchObject({ url: "/hooks/a%20b", headers: { "x-api-key": SECRET } });
    expect(received.at(-1)?.body).toMatchObject({
      "detail-type": "ECS Task State Change",
      source: "aws.ecs",
      account: ACCOUNT,
      region: "us-east-1",
      resources: [task],
      detail: {
        desiredStatus: "STOPPED",
        stopCode: "UserInitiated",
        containers: [{ name: "app", lastStatus: "STOPPED", taskArn: task }],
      },
    });
    const logged = await eventually("all of it is logged", async () => {
      const { events: found = [] } = await logs.send(
        new FilterLogEventsCommand({ logGroupName: "/aws/events/tasks" }),
      );
      return found.length === received.length ? found : undefined;
    });
    expect(logged.map(({ message = "" }) => (JSON.parse(message) as Received["body"]).id).sort()).toEqual(
      received.map((r) => r.body.id).sort(),
    );
    logs.destroy();
    await eventually("nothing waits", () => [...server.store.scan(outbox)].length === 0 || undefined);
    await events.removeTargets({ Rule: "tasks", Ids: ["log", "http"] });
    await events.deleteRule({ Name: "tasks" });
  }, 30_000);

  it("leaves the connection's secret in no file and shows it to nobody", async () => {
    const shown = await events.describeConnection({ Name: "hook" });
    expect(JSON.stringify(shown)).not.toContain(SECRET);
    for (const file of filesBelow(server.dataDirectory))
      expect(readFileSync(file).includes(SECRET)).toBe(false);
    expect(JSON.stringify(server.log)).not.toContain(SECRET);
  });
});

const filesBelow = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    const found = statSync(path);
    return found.isDirectory() ? filesBelow(path) : found.isFile() ? [path] : [];
  });

describe("a rule with a task as its target", () => {
  const put = async (name: string, roleArn: string) => {
    await events.putRule({ Name: name, EventPattern: JSON.stringify({ source: [name] }) });
    await events.putTargets({
      Rule: name,
      Targets: [
        {
          Id: "task",
          Arn: arn("ecs", `cluster/${CLUSTER}`),
          RoleArn: roleArn,
          EcsParameters: { TaskDefinitionArn: arn("ecs", "task-definition/app"), TaskCount: 1 },
          InputTransformer: {
            InputPathsMap: { order: "$.detail.order" },
            InputTemplate:
              '{"containerOverrides":[{"name":"app","environment":[{"name":"ORDER","value":"<order>"}]}]}',
          },
        },
      ],
    });
  };
  const send = (source: string) =>
    events.putEvents({
      Entries: [{ Source: source, DetailType: "Order", Detail: JSON.stringify({ order: 7 }) }],
    });

  it("runs it with the event's part as its environment, by the role's permission", async () => {
    const role = await createRole("runner", [
      { Effect: "Allow", Action: "ecs:RunTask", Resource: arn("ecs", "task-definition/app:*") },
    ]);
    await put("shop", role);
    expect(await send("shop")).toMatchObject({
      FailedEntryCount: 0,
      Entries: [{ EventId: expect.any(String) as string }],
    });
    const startedBy = "events-rule/shop";
    const [task] = await eventually("the task runs", async () => {
      const { taskArns = [] } = await server.clients.ecs.send(
        new ListTasksCommand({ cluster: CLUSTER, startedBy }),
      );
      return taskArns.length > 0 ? taskArns : undefined;
    });
    expect(task).toContain(`task/${CLUSTER}/`);
  });

  it.each<[string, string, readonly object[], string]>([
    [
      "the role does not trust EventBridge",
      "stranger",
      [{ Effect: "Allow", Action: "*", Resource: "*" }],
      "ecs-tasks.amazonaws.com",
    ],
    ["the role may not run tasks", "powerless", [], "events.amazonaws.com"],
  ])("runs nothing when %s, and says so in the log", async (_, name, statements, service) => {
    await put(name, await createRole(name, statements, service));
    await send(name);
    const line = await eventually("the refusal is logged", () =>
      server.log.find(
        ({ message, fields }) =>
          message === "an event was not delivered" && fields["rule"] === arn("events", `rule/${name}`),
      ),
    );
    expect(line.fields["reason"]).toMatch(/AccessDeniedException: .*not authorized to perform/);
    const { taskArns } = await server.clients.ecs.send(
      new ListTasksCommand({ cluster: CLUSTER, startedBy: `events-rule/${name}` }),
    );
    expect(taskArns).toEqual([]);
  });
});
