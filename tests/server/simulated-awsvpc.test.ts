// awsvpc on simulated hosts, through the official SDK: the same walk as on real ones, over interfaces that carry nothing.
import { DescribeNetworkInterfacesCommand } from "@aws-sdk/client-ec2";
import {
  DescribeTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
} from "@aws-sdk/client-ecs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { clientsFor, connect } from "#cli/connection.ts";
import * as stack from "#cli/demo/stack.ts";
import { silentLogger } from "#lib/logger.ts";
import { readConfig } from "#server/config.ts";
import { startServer } from "#server/server.ts";
import { eventually } from "#tests/support/estiba.ts";

it("runs awsvpc tasks on simulated hosts, and gives their interfaces back", { timeout: 60_000 }, async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), "estiba-sim-"));
  const config = readConfig({ dataDirectory, engine: "sim", port: 0, logLevel: "silent" }, {});
  const server = await startServer(config, {}, silentLogger);
  const clients = clientsFor(connect(dataDirectory));
  const { ecs, ec2 } = clients;
  try {
    const place = await stack.findPlace(clients);
    await stack.createCluster(clients);
    await stack.runInstances(clients, place);
    await eventually(
      "two container instances that can be given tasks",
      async () =>
        (await stack.containerInstances(clients)).filter((i) => i.agentConnected === true).length === 2 ||
        undefined,
      20,
    );
    const taskDefinition = "web";
    await ecs.send(
      new RegisterTaskDefinitionCommand({
        family: taskDefinition,
        networkMode: "awsvpc",
        containerDefinitions: [
          { name: "web", image: "web:1", memory: 64, portMappings: [{ containerPort: 80 }] },
        ],
      }),
    );
    const awsvpcConfiguration = { subnets: place.subnets.slice(0, 2).map((s) => s.id) };
    const { tasks: started = [] } = await ecs.send(
      new RunTaskCommand({
        cluster: stack.NAME,
        taskDefinition,
        count: 4,
        networkConfiguration: { awsvpcConfiguration },
      }),
    );
    const arns = started.map((t) => t.taskArn ?? "");
    expect(arns).toHaveLength(4);
    const reached = (status: string) =>
      eventually(
        `four tasks are ${status}`,
        async () => {
          const { tasks = [] } = await ecs.send(
            new DescribeTasksCommand({ cluster: stack.NAME, tasks: arns }),
          );
          return tasks.every((t) => t.lastStatus === status) ? tasks : undefined;
        },
        20,
      );
    const attachments = (await reached("RUNNING")).map((t) => t.attachments?.[0]?.status);
    expect(attachments).toEqual(["ATTACHED", "ATTACHED", "ATTACHED", "ATTACHED"]);
    for (const task of arns) await ecs.send(new StopTaskCommand({ cluster: stack.NAME, task }));
    await reached("STOPPED");
    const { NetworkInterfaces } = await ec2.send(
      new DescribeNetworkInterfacesCommand({ Filters: [{ Name: "requester-managed", Values: ["true"] }] }),
    );
    expect(NetworkInterfaces).toEqual([]);
  } finally {
    clients.close();
    await server.close();
    rmSync(dataDirectory, { recursive: true, force: true });
  }
});
