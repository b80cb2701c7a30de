// The whole server with simulated hosts, through the official SDK: what `estiba up --engine sim` serves.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DescribeImagesCommand, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { afterEach, beforeEach, expect, it } from "vitest";
import { clientsFor, connect, type Clients } from "#cli/connection.ts";
import { reset } from "#cli/commands/reset.ts";
import { printStatus } from "#cli/commands/status.ts";
import * as stack from "#cli/demo/stack.ts";
import { silentLogger } from "#lib/logger.ts";
import { readConfig } from "#server/config.ts";
import { startServer, type RunningServer } from "#server/server.ts";
import { eventually } from "#tests/support/estiba.ts";

let dataDirectory: string;
let server: RunningServer;
let clients: Clients;

const start = async () => {
  const config = readConfig(
    { dataDirectory, engine: "sim", port: 0, allowReset: true, steadyAfterMs: 200, logLevel: "silent" },
    {},
  );
  server = await startServer(config, {}, silentLogger);
  clients = clientsFor(connect(dataDirectory));
};
const stop = async () => {
  clients.close();
  await server.close();
};
beforeEach(async () => {
  dataDirectory = mkdtempSync(join(tmpdir(), "estiba-sim-"));
  await start();
});
afterEach(async () => {
  await stop();
  rmSync(dataDirectory, { recursive: true, force: true });
});

async function serviceOfFour(): Promise<stack.LoadBalancer> {
  const place = await stack.findPlace(clients);
  await stack.createCluster(clients);
  await stack.runInstances(clients, place);
  const balancer = await stack.createLoadBalancer(clients, place);
  await eventually(
    "two container instances whose agents are connected",
    async () =>
      (await stack.containerInstances(clients)).filter((i) => i.agentConnected).length === 2 || undefined,
    20,
  );
  await stack.createService(clients, await stack.registerRevision(clients, "web:1", "1"), balancer, 4);
  await settled(balancer);
  return balancer;
}
const settled = (balancer: stack.LoadBalancer) =>
  eventually(
    "one deployment, four tasks running, four targets healthy",
    async () => {
      const service = await stack.describeService(clients);
      const whole = service?.deployments?.length === 1 && service.runningCount === 4;
      return (whole && (await stack.healthyTargets(clients, balancer)) === 4) || undefined;
    },
    20,
  );

it(
  "runs a service on two simulated instances, rolls it, finds all of it again after a restart, and resets",
  { timeout: 90_000 },
  async () => {
    const balancer = await serviceOfFour();
    const bindings = (await stack.runningTasks(clients)).map((t) => [
      t.containerInstanceArn,
      t.containers?.[0]?.networkBindings?.[0]?.hostPort,
    ]);
    expect(new Set(bindings.map((b) => b.join())).size).toBe(4);
    expect(new Set(bindings.map(([instance]) => instance)).size).toBe(2);

    const second = await stack.registerRevision(clients, "web:1", "2");
    await stack.updateService(clients, second);
    await settled(balancer);
    expect((await stack.runningTasks(clients)).map((t) => t.taskDefinitionArn)).toEqual([
      second,
      second,
      second,
      second,
    ]);

    const before = (await stack.runningTasks(clients)).map((t) => t.taskArn);
    const instances = (await stack.containerInstances(clients)).map((i) => i.containerInstanceArn).sort();
    await stop();
    await start();
    // Simulated containers end with the server's process; the service replaces them on the same container instances.
    await eventually("other tasks", async () =>
      (await stack.runningTasks(clients)).some((t) => before.includes(t.taskArn)) ? undefined : true,
    );
    await settled(balancer);
    expect((await stack.containerInstances(clients)).map((i) => i.containerInstanceArn).sort()).toEqual(
      instances,
    );
    expect((await stack.containerInstances(clients)).filter((i) => i.agentConnected)).toHaveLength(2);

    await reset(connect(dataDirectory), () => {});
    expect(await stack.describeService(clients).catch((error: Error) => error.name)).toBe(
      "ClusterNotFoundException",
    );
    await serviceOfFour();
  },
);

it("shows what runs, and the instances that no cluster has", async () => {
  await serviceOfFour();
  const { ImageId } = (await clients.ec2.send(new DescribeImagesCommand({}))).Images?.[0] ?? {};
  const { Instances } = await clients.ec2.send(
    new RunInstancesCommand({ ImageId, InstanceType: "t3.micro", MinCount: 1, MaxCount: 1 }),
  );
  const lines: string[] = [];
  await printStatus(dataDirectory, (line) => lines.push(line));
  expect(lines.filter((l) => / {4}task \w{12} {2}\S+ {2}RUNNING {2}:\d+→8080$/.test(l))).toHaveLength(4);
  const from = lines.findIndex((l) => l.startsWith("in no cluster"));
  expect(lines.slice(0, from).filter((l) => / {2}instance i-\w+ {2}ACTIVE/.test(l))).toHaveLength(2);
  expect(lines.slice(from + 1)).toEqual([
    expect.stringMatching(`^  instance ${Instances?.[0]?.InstanceId}  t3.micro  (pending|running)$`),
  ]);
});
