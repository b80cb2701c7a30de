// Service discovery on one real instance: tasks of a service find one another by its Cloud Map name through the VPC's DNS server,
// and a task that stops is found no more.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { DescribeImagesCommand, RunInstancesCommand } from "@aws-sdk/client-ec2";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeTasksCommand,
  ListContainerInstancesCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  type Task,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import {
  CreatePrivateDnsNamespaceCommand,
  CreateServiceCommand as CreateDiscoveryServiceCommand,
  DeleteNamespaceCommand,
  DeleteServiceCommand,
  DeregisterInstanceCommand,
  ListNamespacesCommand,
  RegisterInstanceCommand,
  ServiceDiscoveryClient,
} from "@aws-sdk/client-servicediscovery";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildDemoImage, DEMO_IMAGE } from "#cli/demo/image.ts";
import { findPlace, type Place } from "#cli/demo/stack.ts";
import { hostLayout, sharedLayout } from "#compute/netns/layout.ts";
import { stateFolder } from "#server/state-folder.ts";
import { eventually, startEstiba, type Estiba } from "#tests/support/estiba.ts";
import { snapshotMachine, type MachineSnapshot } from "#tests/support/leaks.ts";

const run = promisify(execFile);
const CLUSTER = "discovery";

let before: MachineSnapshot;
let estiba: Estiba;
let place: Place;
let instanceId: string;
let cloudMap: ServiceDiscoveryClient;

beforeAll(async () => {
  before = snapshotMachine();
  estiba = await startEstiba({ vpc: 156 });
  cloudMap = new ServiceDiscoveryClient({ ...estiba.connection, disableHostPrefix: true });
  await buildDemoImage(join(stateFolder(estiba.dataDirectory).images, "demo.tar"));
  const { ecs, ec2 } = estiba.clients;
  place = await findPlace(estiba.clients);
  await ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
  const { Images } = await ec2.send(new DescribeImagesCommand({ Owners: ["amazon"] }));
  const launched = await ec2.send(
    new RunInstancesCommand({
      ImageId: Images?.[0]?.ImageId,
      // Three network interfaces: the primary one, and two for tasks.
      InstanceType: "t3.small",
      MinCount: 1,
      MaxCount: 1,
      SubnetId: place.subnets[0]?.id,
      IamInstanceProfile: { Name: "ecsInstanceRole" },
      UserData: Buffer.from(`#!/bin/sh\necho ECS_CLUSTER=${CLUSTER} >> /etc/ecs/ecs.config\n`).toString(
        "base64",
      ),
    }),
  );
  instanceId = launched.Instances?.[0]?.InstanceId ?? "";
  await eventually("the instance has registered", async () => {
    const { containerInstanceArns } = await ecs.send(new ListContainerInstancesCommand({ cluster: CLUSTER }));
    return containerInstanceArns?.length === 1 || undefined;
  });
}, 180_000);
afterAll(async () => {
  cloudMap?.destroy();
  await estiba?.destroy();
}, 120_000);

async function running(): Promise<readonly Task[]> {
  const { ecs } = estiba.clients;
  const { taskArns = [] } = await ecs.send(new ListTasksCommand({ cluster: CLUSTER }));
  if (taskArns.length === 0) return [];
  const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: taskArns }));
  return tasks.filter((task) => task.lastStatus === "RUNNING");
}
const addressOf = (task: Task) =>
  task.attachments?.[0]?.details?.find((d) => d.name === "privateIPv4Address")?.value ?? "";

async function lookup(task: Task | undefined, ...asked: string[]): Promise<string> {
  const layout = hostLayout(sharedLayout(stateFolder(estiba.dataDirectory).hosts, "any"), instanceId);
  const id = task?.containers?.find((c) => c.name === "web")?.runtimeId ?? "";
  const command = ["exec", id, "busybox", "nslookup", ...asked];
  const { stdout } = await run("docker", ["-H", `unix://${layout.socket}`, ...command]).catch(
    (error: unknown) => ({ stdout: (error as { stdout?: string }).stdout ?? "" }),
  );
  return stdout;
}

/** What a container of the task finds under a name: sorted, empty when there is no such name. */
async function resolvedIn(task: Task | undefined, name: string): Promise<readonly string[]> {
  const [, answer = ""] = (await lookup(task, name)).split(/\n\s*\n/, 2);
  return [...answer.matchAll(/Address(?: \d+)?:\s*(\d+\.\d+\.\d+\.\d+)/g)].map(([, a]) => a ?? "").sort();
}

describe.sequential("tasks of a service with a registry", () => {
  let discoveryService = "";
  let namespace = "";
  const scaled = async (count: number) =>
    eventually(`${count} tasks run`, async () => {
      const all = await running();
      return all.length === count ? all : undefined;
    });
  const finds = (task: Task | undefined, addresses: readonly string[]) =>
    eventually(`${addresses.join(" ")} under the name`, async () => {
      const found = await resolvedIn(task, "api.corp.local");
      return found.join() === [...addresses].sort().join() || undefined;
    });

  it("find one another by the service's name", async () => {
    const { ecs } = estiba.clients;
    await cloudMap.send(new CreatePrivateDnsNamespaceCommand({ Name: "corp.local", Vpc: place.vpcId }));
    const { Namespaces } = await cloudMap.send(new ListNamespacesCommand({}));
    namespace = Namespaces?.[0]?.Id ?? "";
    const made = await cloudMap.send(
      new CreateDiscoveryServiceCommand({
        Name: "api",
        NamespaceId: namespace,
        DnsConfig: { DnsRecords: [{ Type: "A", TTL: 10 }] },
      }),
    );
    discoveryService = made.Service?.Id ?? "";
    await ecs.send(
      new RegisterTaskDefinitionCommand({
        family: "api",
        networkMode: "awsvpc",
        containerDefinitions: [{ name: "web", image: DEMO_IMAGE, memory: 64, stopTimeout: 2 }],
      }),
    );
    await ecs.send(
      new CreateServiceCommand({
        cluster: CLUSTER,
        serviceName: "api",
        taskDefinition: "api",
        desiredCount: 2,
        serviceRegistries: [{ registryArn: made.Service?.Arn }],
        networkConfiguration: {
          awsvpcConfiguration: { subnets: place.subnets.slice(0, 1).map((s) => s.id) },
        },
      }),
    );
    const tasks = await scaled(2);
    const addresses = tasks.map(addressOf);
    for (const task of tasks) await finds(task, addresses);
    // Nobody else is asked for a name of the namespace.
    expect(await resolvedIn(tasks[0], "nobody.corp.local")).toEqual([]);
  }, 120_000);

  it("find the port of an instance with an SRV record, while the other names stay", async () => {
    const [task] = await scaled(2);
    const { Service } = await cloudMap.send(
      new CreateDiscoveryServiceCommand({
        Name: "db",
        NamespaceId: namespace,
        DnsConfig: { DnsRecords: [{ Type: "SRV", TTL: 10 }] },
      }),
    );
    const instance = { ServiceId: Service?.Id, InstanceId: "one" };
    const attributes = { AWS_INSTANCE_IPV4: "10.156.9.9", AWS_INSTANCE_PORT: "5432" };
    await cloudMap.send(new RegisterInstanceCommand({ ...instance, Attributes: attributes }));
    const answer = (shown: RegExp) =>
      eventually(`an answer ${shown.source}`, async () => {
        const found = await lookup(task, "-type=srv", "db.corp.local");
        return shown.test(found) || undefined;
      });
    await answer(/1 1 5432 one\.db\.corp\.local/);
    await finds(task, (await running()).map(addressOf));
    expect(await resolvedIn(task, "one.db.corp.local")).toEqual(["10.156.9.9"]);
    await cloudMap.send(new DeregisterInstanceCommand(instance));
    await answer(/NXDOMAIN|can't find/);
    await cloudMap.send(new DeleteServiceCommand({ Id: Service?.Id }));
  }, 60_000);

  it("find no task that has stopped, and keep finding the others while the control plane is away", async () => {
    await estiba.clients.ecs.send(
      new UpdateServiceCommand({ cluster: CLUSTER, service: "api", desiredCount: 1 }),
    );
    const [left] = await scaled(1);
    await finds(left, left === undefined ? [] : [addressOf(left)]);
    const killed = estiba.pid();
    process.kill(killed, "SIGKILL");
    await finds(left, left === undefined ? [] : [addressOf(left)]);
    await eventually("another control plane answers", async () => {
      const tasks = estiba.pid() === killed ? [] : await running().catch(() => []);
      return tasks.length === 1 || undefined;
    });
    await finds(left, left === undefined ? [] : [addressOf(left)]);
  }, 120_000);

  it("are nobody's to find when the service is gone, and nothing is left", async () => {
    await estiba.clients.ecs.send(
      new UpdateServiceCommand({ cluster: CLUSTER, service: "api", desiredCount: 0 }),
    );
    await scaled(0);
    await cloudMap.send(new DeleteServiceCommand({ Id: discoveryService }));
    await cloudMap.send(new DeleteNamespaceCommand({ Id: namespace }));
    await estiba.destroy();
    expect(snapshotMachine()).toEqual(before);
  }, 120_000);
});
