// `estiba logs` and the log groups of a whole server with simulated hosts.
import { CloudWatchLogs, ResourceNotFoundException } from "@aws-sdk/client-cloudwatch-logs";
import { CreateServiceCommand, ListTasksCommand, RegisterTaskDefinitionCommand } from "@aws-sdk/client-ecs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { logs, readSince, type LogsOptions } from "#cli/commands/logs.ts";
import { reset } from "#cli/commands/reset.ts";
import { eventually } from "#tests/support/estiba.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";
import { startTwoHosts } from "#tests/support/two-hosts.ts";

let server: SimulatedServer;
let client: CloudWatchLogs;
beforeEach(async () => {
  server = await startSimulatedServer({ allowReset: true });
  client = new CloudWatchLogs({ ...server.connection, maxAttempts: 1 });
});
afterEach(async () => {
  client.destroy();
  await server.close();
});

const GROUP = "/ecs/talker";

/** Two tasks of a service whose container writes to the group; answers the tasks' ids. */
async function talker(logConfiguration?: { logDriver: "awslogs"; options: Record<string, string> }) {
  await startTwoHosts(server);
  await server.clients.ecs.send(
    new RegisterTaskDefinitionCommand({
      family: "talker",
      containerDefinitions: [{ name: "main", image: "app:1", cpu: 16, memory: 16, logConfiguration }],
    }),
  );
  const service = { cluster: "web", serviceName: "talker", taskDefinition: "talker", desiredCount: 2 };
  await server.clients.ecs.send(new CreateServiceCommand(service));
  return eventually("two tasks", async () => {
    const { taskArns = [] } = await server.clients.ecs.send(
      new ListTasksCommand({ cluster: "web", serviceName: "talker" }),
    );
    return taskArns.length === 2 ? taskArns.map((arn) => arn.slice(arn.lastIndexOf("/") + 1)) : undefined;
  });
}

const awslogs = {
  logDriver: "awslogs" as const,
  options: { "awslogs-group": GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "t" },
};
async function put(stream: string, ...messages: readonly string[]) {
  const names = { logGroupName: GROUP, logStreamName: stream };
  await client.createLogStream(names).catch(() => undefined);
  const logEvents = messages.map((message) => ({ timestamp: Date.now(), message }));
  await client.putLogEvents({ ...names, logEvents });
}
async function printedBy(
  options: LogsOptions,
  signal?: AbortSignal,
  onLine: (line: string) => void = () => {},
) {
  const lines: string[] = [];
  const warnings: string[] = [];
  const output = {
    print: (line: string) => (lines.push(line), onLine(line)),
    warn: (line: string) => void warnings.push(line),
    colours: false,
  };
  await logs(server.connection, "talker", { cluster: "web", ...options }, output, signal);
  return { lines, warnings };
}

describe("estiba logs", () => {
  it("prints what the service's tasks wrote, and nobody else, and follows them", async () => {
    const [one = "", two = ""] = await talker(awslogs);
    expect(await printedBy({})).toEqual({
      lines: [],
      warnings: [`The log group ${GROUP} does not exist yet.`],
    });
    await client.createLogGroup({ logGroupName: GROUP });
    await put(`t/main/${one}`, "hello from one", "fine");
    await put(`t/main/${two}`, "hello from two\n");
    await put("t/main/another-services-task", "hello from nobody");
    const { lines } = await printedBy({});
    const time = "\\d\\d:\\d\\d:\\d\\d";
    expect(lines).toEqual([
      expect.stringMatching(new RegExp(`^${time} main/${one.slice(0, 8)} hello from one$`)),
      expect.stringMatching(/ fine$/),
      expect.stringMatching(new RegExp(`^${time} main/${two.slice(0, 8)} hello from two$`)),
    ]);
    expect((await printedBy({ filter: "hello" })).lines).toHaveLength(2);

    const stop = new AbortController();
    const followed = printedBy({ follow: true, since: "1h" }, stop.signal, (line) => {
      if (line.endsWith(" fine")) void put(`t/main/${two}`, "and later");
      if (line.endsWith("and later")) stop.abort();
    });
    expect((await followed).lines.map((l) => l.split(" ").slice(2).join(" "))).toEqual([
      "hello from one",
      "fine",
      "hello from two",
      "and later",
    ]);
  });

  it("says what to write into a task definition that sends no logs", async () => {
    await talker();
    await expect(printedBy({})).rejects.toThrow(
      /No container of talker:1 writes to CloudWatch Logs.*\n.*"awslogs"/,
    );
    await expect(
      logs(server.connection, "none", { cluster: "web" }, { print() {}, warn() {}, colours: false }),
    ).rejects.toThrow("There is no service none in the cluster web.");
  });

  it("reads since when from durations and times", () => {
    expect(readSince("10m", 1_000_000)).toBe(400_000);
    expect(readSince("2026-01-01T00:00:00Z", 0)).toBe(Date.UTC(2026, 0, 1));
    expect(() => readSince("yesterday", 0)).toThrow("--since yesterday is neither");
  });
});

describe("log groups of a server", () => {
  it("keep their events over a restart, and lose them by a reset", async () => {
    await client.createLogGroup({ logGroupName: GROUP });
    await put("s", "before the restart");
    await server.close({ keep: true });
    server = await startSimulatedServer({ allowReset: true, dataDirectory: server.dataDirectory });
    client.destroy();
    client = new CloudWatchLogs({ ...server.connection, maxAttempts: 1 });
    const names = { logGroupName: GROUP, logStreamName: "s" };
    expect((await client.getLogEvents(names)).events).toMatchObject([{ message: "before the restart" }]);
    await reset(server.connection, () => undefined);
    await expect(client.getLogEvents(names)).rejects.toBeInstanceOf(ResourceNotFoundException);
    await client.createLogGroup({ logGroupName: GROUP });
    await put("s", "after the reset");
    expect((await client.getLogEvents(names)).events).toMatchObject([{ message: "after the reset" }]);
  });
});
