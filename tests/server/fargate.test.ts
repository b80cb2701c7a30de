// Fargate over the whole server with simulated hosts, through the official SDK: a task comes up on a host that nobody sees, and
// the host goes when nobody needs it.
import {
  CreateTagsCommand,
  DescribeInstancesCommand,
  DescribeInstanceStatusCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteServiceCommand,
  DescribeClustersCommand,
  DescribeContainerInstancesCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ListClustersCommand,
  ListContainerInstancesCommand,
  ListTasksCommand,
  RegisterContainerInstanceCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  type Task,
} from "@aws-sdk/client-ecs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { interruptSpot } from "#cli/commands/spot.ts";
import { findPlace, type Place } from "#cli/demo/stack.ts";
import type { ConfigFlags } from "#server/config.ts";
import { instances } from "#store/tables/ec2.ts";
import { containerInstances } from "#store/tables/ecs.ts";
import { eventually } from "#tests/support/estiba.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";

const CLUSTER = "serverless";
let server: SimulatedServer;
let place: Place;

const start = async (flags: ConfigFlags = {}) => {
  server = await startSimulatedServer({ fargateKeepMs: 300, ...flags });
  place = await findPlace(server.clients);
};
const ecs = () => server.clients.ecs;
const ec2 = () => server.clients.ec2;
const hosts = () => [...server.store.scan(instances)].flatMap(([, row]) => (row.fargate ? [row] : []));

beforeEach(async () => {
  await start();
  await ecs().send(
    new CreateClusterCommand({ clusterName: CLUSTER, capacityProviders: ["FARGATE", "FARGATE_SPOT"] }),
  );
  await ecs().send(
    new RegisterTaskDefinitionCommand({
      family: "web",
      networkMode: "awsvpc",
      requiresCompatibilities: ["FARGATE"],
      cpu: "256",
      memory: "512",
      containerDefinitions: [{ name: "web", image: "web:1", portMappings: [{ containerPort: 80 }] }],
    }),
  );
});
afterEach(() => server.close());

const networkConfiguration = () => ({
  awsvpcConfiguration: { subnets: place.subnets.map((s) => s.id), assignPublicIp: "ENABLED" as const },
});
const run = (more: Partial<ConstructorParameters<typeof RunTaskCommand>[0]> = {}) =>
  ecs().send(
    new RunTaskCommand({
      cluster: CLUSTER,
      taskDefinition: "web",
      networkConfiguration: networkConfiguration(),
      ...(more.capacityProviderStrategy === undefined ? { launchType: "FARGATE" } : {}),
      ...more,
    }),
  );
const describeTasks = async (arns: readonly string[]): Promise<readonly Task[]> =>
  (await ecs().send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: [...arns] }))).tasks ?? [];
const reached = (arns: readonly string[], status: string) =>
  eventually(
    `the tasks are ${status}`,
    async () => {
      const all = await describeTasks(arns);
      return all.every((t) => t.lastStatus === status) ? all : undefined;
    },
    20,
  );
const arnsOf = (tasks: readonly Task[] | undefined) => (tasks ?? []).map((t) => t.taskArn ?? "");
const poolIsGone = () =>
  eventually(
    "no host is left",
    () => (hosts().length === 0 && [...server.store.scan(containerInstances)].length === 0) || undefined,
    20,
  );

describe("a task of launch type FARGATE", { timeout: 60_000 }, () => {
  it("waits for its host, runs, and shows a platform and an interface but no instance", async () => {
    const { tasks = [], failures } = await run();
    expect(failures).toEqual([]);
    expect(tasks).toMatchObject([{ lastStatus: "PROVISIONING", launchType: "FARGATE" }]);
    const [task] = await reached(arnsOf(tasks), "RUNNING");
    expect(task).toMatchObject({
      launchType: "FARGATE",
      platformVersion: "1.4.0",
      platformFamily: "Linux",
      ephemeralStorage: { sizeInGiB: 20 },
      connectivity: "CONNECTED",
      cpu: "256",
      memory: "512",
      attachments: [{ type: "ElasticNetworkInterface", status: "ATTACHED" }],
      attributes: expect.arrayContaining([{ name: "ecs.cpu-architecture", value: "x86_64" }]) as unknown,
    });
    expect(task?.containerInstanceArn).toBeUndefined();
    expect(task?.capacityProviderName).toBeUndefined();
  });

  it("runs on a host that no call shows or touches", async () => {
    const before = (await ec2().send(new DescribeVpcsCommand({}))).Vpcs?.length;
    const { tasks = [] } = await run();
    const [task] = await reached(arnsOf(tasks), "RUNNING");
    const [host] = hosts();
    const hostId = host?.id ?? "";
    expect(hostId).toMatch(/^i-/);
    expect((await ec2().send(new DescribeInstancesCommand({}))).Reservations).toEqual([]);
    expect(
      (await ec2().send(new DescribeInstanceStatusCommand({ IncludeAllInstances: true }))).InstanceStatuses,
    ).toEqual([]);
    expect((await ec2().send(new DescribeVpcsCommand({}))).Vpcs).toHaveLength(before ?? 0);
    for (const InstanceIds of [[hostId]]) {
      await expect(ec2().send(new DescribeInstancesCommand({ InstanceIds }))).rejects.toThrow(
        "does not exist",
      );
      await expect(ec2().send(new TerminateInstancesCommand({ InstanceIds }))).rejects.toThrow(
        "does not exist",
      );
    }
    await expect(
      ec2().send(new CreateTagsCommand({ Resources: [hostId], Tags: [{ Key: "a", Value: "b" }] })),
    ).rejects.toThrow("does not exist");
    const { NetworkInterfaces = [] } = await ec2().send(new DescribeNetworkInterfacesCommand({}));
    expect(NetworkInterfaces).toMatchObject([{ RequesterManaged: true, Status: "in-use" }]);
    expect(NetworkInterfaces[0]?.Attachment?.InstanceId).toBeUndefined();
    expect((await ecs().send(new ListClustersCommand({}))).clusterArns).toHaveLength(1);
    const { containerInstanceArns } = await ecs().send(
      new ListContainerInstancesCommand({ cluster: CLUSTER }),
    );
    expect(containerInstanceArns).toEqual([]);
    const { clusters } = await ecs().send(
      new DescribeClustersCommand({ clusters: [CLUSTER], include: ["STATISTICS"] }),
    );
    expect(clusters).toMatchObject([{ registeredContainerInstancesCount: 0, runningTasksCount: 1 }]);
    expect(clusters?.[0]?.statistics).toContainEqual({ name: "runningFargateTasksCount", value: "1" });
    await expect(
      ecs().send(new ListContainerInstancesCommand({ cluster: ".fargate" })),
    ).rejects.toMatchObject({ name: "ClusterNotFoundException" });
    const hidden = [...server.store.scan(containerInstances)].map(([, row]) => row.arn);
    const described = await ecs()
      .send(new DescribeContainerInstancesCommand({ cluster: CLUSTER, containerInstances: hidden }))
      .catch((error: unknown) => error);
    expect(JSON.stringify(described)).not.toContain("registeredResources");
    expect(JSON.stringify(task)).not.toContain(hostId);
    await expect(
      ecs().send(new RegisterContainerInstanceCommand({ cluster: ".fargate", totalResources: [] })),
    ).rejects.toMatchObject({ name: "ClusterNotFoundException" });
    await expect(interruptSpot(server.connection, hostId, () => {})).rejects.toThrow("does not exist");
  });

  it("takes one address of its subnet, and gives it back with its interface", async () => {
    const subnet = place.subnets[0]?.id ?? "";
    const free = async () =>
      (await ec2().send(new DescribeSubnetsCommand({ SubnetIds: [subnet] }))).Subnets?.[0]
        ?.AvailableIpAddressCount;
    const before = (await free()) ?? 0;
    const { tasks = [] } = await run({
      networkConfiguration: { awsvpcConfiguration: { subnets: [subnet] } },
    });
    await reached(arnsOf(tasks), "RUNNING");
    expect(await free()).toBe(before - 1);
    await ecs().send(new StopTaskCommand({ cluster: CLUSTER, task: arnsOf(tasks)[0] }));
    await reached(arnsOf(tasks), "STOPPED");
    expect(await free()).toBe(before);
  });

  it("leaves its host to the next one of its size, and the pool shrinks to nothing", async () => {
    await server.close();
    await start({ fargateKeepMs: 3000 });
    await ecs().send(new CreateClusterCommand({ clusterName: CLUSTER }));
    await ecs().send(
      new RegisterTaskDefinitionCommand({
        family: "web",
        networkMode: "awsvpc",
        requiresCompatibilities: ["FARGATE"],
        cpu: "256",
        memory: "512",
        containerDefinitions: [{ name: "web", image: "web:1" }],
      }),
    );
    const oneZone = {
      networkConfiguration: { awsvpcConfiguration: { subnets: place.subnets.slice(0, 1).map((s) => s.id) } },
    };
    const first = arnsOf((await run(oneZone)).tasks);
    await reached(first, "RUNNING");
    const [host] = hosts();
    await ecs().send(new StopTaskCommand({ cluster: CLUSTER, task: first[0] }));
    await reached(first, "STOPPED");
    const second = arnsOf((await run(oneZone)).tasks);
    await reached(second, "RUNNING");
    expect(hosts().map((row) => row.id)).toEqual([host?.id]);
    await ecs().send(new StopTaskCommand({ cluster: CLUSTER, task: second[0] }));
    await reached(second, "STOPPED");
    await poolIsGone();
  });

  it("finds no capacity when there may be no further host", async () => {
    await server.close();
    await start({ fargateHosts: 0 });
    await ecs().send(new CreateClusterCommand({ clusterName: CLUSTER }));
    await ecs().send(
      new RegisterTaskDefinitionCommand({
        family: "web",
        networkMode: "awsvpc",
        requiresCompatibilities: ["FARGATE"],
        cpu: "256",
        memory: "512",
        containerDefinitions: [{ name: "web", image: "web:1" }],
      }),
    );
    const { tasks, failures } = await run();
    expect(tasks).toEqual([]);
    expect(failures?.[0]?.reason).toMatch(/^Capacity is unavailable at this time/);
  });
});

describe("a service by capacity provider strategy", { timeout: 60_000 }, () => {
  const strategy = [
    { capacityProvider: "FARGATE", base: 1, weight: 0 },
    { capacityProvider: "FARGATE_SPOT", weight: 1 },
  ];

  it("splits its tasks, and replaces one that was interrupted", async () => {
    const { service } = await ecs().send(
      new CreateServiceCommand({
        cluster: CLUSTER,
        serviceName: "web",
        taskDefinition: "web",
        desiredCount: 3,
        capacityProviderStrategy: strategy,
        networkConfiguration: networkConfiguration(),
      }),
    );
    expect(service?.launchType).toBeUndefined();
    expect(service).toMatchObject({
      capacityProviderStrategy: [
        { capacityProvider: "FARGATE", base: 1, weight: 0 },
        { capacityProvider: "FARGATE_SPOT", base: 0, weight: 1 },
      ],
      platformVersion: "LATEST",
      platformFamily: "Linux",
      deployments: [{ platformVersion: "1.4.0" }],
    });
    const running = () =>
      eventually(
        "three tasks run",
        async () => {
          const { taskArns = [] } = await ecs().send(new ListTasksCommand({ cluster: CLUSTER }));
          const all = taskArns.length === 0 ? [] : await describeTasks(taskArns);
          return all.length === 3 && all.every((t) => t.lastStatus === "RUNNING") ? all : undefined;
        },
        20,
      );
    const first = await running();
    expect(first.map((t) => t.capacityProviderName).sort()).toEqual([
      "FARGATE",
      "FARGATE_SPOT",
      "FARGATE_SPOT",
    ]);
    expect(new Set(first.map((t) => t.availabilityZone)).size).toBe(3);
    const spot = first.find((t) => t.capacityProviderName === "FARGATE_SPOT")?.taskArn ?? "";
    const onDemand = first.find((t) => t.capacityProviderName === "FARGATE")?.taskArn ?? "";
    const said: string[] = [];
    await expect(interruptSpot(server.connection, onDemand, () => {})).rejects.toThrow(
      "is not on FARGATE_SPOT",
    );
    await interruptSpot(server.connection, spot.split("/").at(-1) ?? "", (line) => said.push(line));
    expect(said).toEqual([`${spot} is interrupted and stops.`]);
    const [ended] = await reached([spot], "STOPPED");
    expect(ended).toMatchObject({
      stopCode: "SpotInterruption",
      stoppedReason: "Your Spot Task was interrupted.",
    });
    const second = await running();
    expect(arnsOf(second)).not.toContain(spot);
    expect(second.filter((t) => t.capacityProviderName === "FARGATE_SPOT")).toHaveLength(2);
    await ecs().send(new DeleteServiceCommand({ cluster: CLUSTER, service: "web", force: true }));
    await eventually("the service is gone", async () => {
      const { services } = await ecs().send(
        new DescribeServicesCommand({ cluster: CLUSTER, services: ["web"] }),
      );
      return services?.[0]?.status === "INACTIVE" || undefined;
    });
    await poolIsGone();
  });
});
