// Fargate through the API: what a definition may say, how tasks and services are launched, and the capacity providers of clusters.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import { addSubnets, allTasks, REGION } from "#controllers/world.suite.ts";
import { instances, vpcs } from "#store/tables/ec2.ts";
import { refusal } from "./fixture.suite.ts";
import { container, createPlacingFixture, type PlacingFixture } from "./placing.suite.ts";
import { serviceCalls, type ServiceCalls } from "./service-calls.suite.ts";
import { taskCalls, type TaskCalls } from "./task-calls.suite.ts";

let f: PlacingFixture;
let tasks: TaskCalls;
let web: ServiceCalls;
beforeEach(async () => {
  f = await createPlacingFixture();
  tasks = taskCalls(f);
  web = serviceCalls(f);
  await addSubnets(f.world, ["us-east-1a", "us-east-1b"]);
});
afterEach(() => f.close());

const FARGATE = { requiresCompatibilities: ["FARGATE"], networkMode: "awsvpc", cpu: "256", memory: "512" };
const network = (assignPublicIp?: "ENABLED") => ({
  networkConfiguration: {
    awsvpcConfiguration: {
      subnets: ["subnet-0", "subnet-1"],
      ...(assignPublicIp === undefined ? {} : { assignPublicIp }),
    },
  },
});
const withProviders = (capacityProviders: string[], defaultCapacityProviderStrategy: object[] = []) =>
  f.client.putClusterCapacityProviders({
    cluster: "main",
    capacityProviders,
    defaultCapacityProviderStrategy: defaultCapacityProviderStrategy as never,
  });

describe("a definition that requires Fargate", () => {
  it("is compatible with EC2, too, and shows what it asks for", async () => {
    await f.define("web", {
      ...FARGATE,
      cpu: ".25 vCPU",
      memory: "0.5GB",
      ephemeralStorage: { sizeInGiB: 200 },
      runtimePlatform: { cpuArchitecture: "X86_64", operatingSystemFamily: "LINUX" },
    });
    const { taskDefinition } = await f.client.describeTaskDefinition({ taskDefinition: "web" });
    expect(taskDefinition).toMatchObject({
      compatibilities: ["EC2", "FARGATE"],
      requiresCompatibilities: ["FARGATE"],
      cpu: "256",
      memory: "512",
      ephemeralStorage: { sizeInGiB: 200 },
      runtimePlatform: { cpuArchitecture: "X86_64", operatingSystemFamily: "LINUX" },
    });
  });

  const no = (what: string) => `ClientException: Fargate compatible task definitions do not support ${what}`;
  it.each<[string, object, Partial<ContainerDefinition>, string | RegExp]>([
    [
      "bridge mode",
      { networkMode: "bridge" },
      {},
      "ClientException: Fargate only supports network mode ‘awsvpc’.",
    ],
    [
      "no CPU",
      { cpu: undefined },
      {},
      "ClientException: Fargate requires that 'cpu' be defined at the task level.",
    ],
    [
      "no memory",
      { memory: undefined },
      {},
      "ClientException: Fargate requires that 'memory' be defined at the task level.",
    ],
    [
      "a pair that is no size",
      { memory: "4096" },
      {},
      /^ClientException: No Fargate configuration exists for given values: 256 CPU, 4096 memory\./,
    ],
    ["CPU that is none at all", { cpu: "a lot" }, {}, /^ClientException: Invalid 'cpu' setting for task\./],
    [
      "placement constraints",
      { placementConstraints: [{ type: "memberOf", expression: "attribute:a == b" }] },
      {},
      no("constraints"),
    ],
    ["an IPC mode", { ipcMode: "host" }, {}, /Tasks using the Fargate launch type do not support ipcMode\.$/],
    [
      "a Docker volume",
      { volumes: [{ name: "v", dockerVolumeConfiguration: { scope: "task" } }] },
      {},
      no("dockerVolumeConfiguration"),
    ],
    ["a path of the host", { volumes: [{ name: "v", host: { sourcePath: "/srv" } }] }, {}, no("sourcePath")],
    ["privileged containers", {}, { privileged: true }, no("privileged")],
    ["links", {}, { links: ["other"] }, no("links")],
    ["security options", {}, { dockerSecurityOptions: ["label:type:a"] }, no("dockerSecurityOptions")],
    ["devices", {}, { linuxParameters: { devices: [{ hostPath: "/dev/a" }] } }, no("devices")],
    ["shared memory", {}, { linuxParameters: { sharedMemorySize: 64 } }, no("sharedMemorySize")],
    ["swap", {}, { linuxParameters: { maxSwap: 64 } }, no("maxSwap")],
    [
      "a capability beyond SYS_PTRACE",
      {},
      { linuxParameters: { capabilities: { add: ["SYS_PTRACE", "NET_ADMIN"] } } },
      no("adding the capability NET_ADMIN"),
    ],
    ["a stop timeout beyond two minutes", {}, { stopTimeout: 121 }, /Invalid 'stopTimeout' setting/],
    [
      "an ECR image without execution role",
      {},
      { image: "000000000000.dkr.ecr.us-east-1.amazonaws.com/a:1" },
      /execution role ARN to support ECR images\.$/,
    ],
    [
      "a host port",
      {},
      { portMappings: [{ containerPort: 80, hostPort: 8080 }] },
      /the host ports and container ports in port mappings must match\.$/,
    ],
    ["too little storage", { ephemeralStorage: { sizeInGiB: 20 } }, {}, /between 21 and 200 GiB\.$/],
    ["too much storage", { ephemeralStorage: { sizeInGiB: 201 } }, {}, /between 21 and 200 GiB\.$/],
  ])("refuses %s", async (_what, changes, inContainer, words) => {
    const containerDefinitions = [container(inContainer)];
    const said = await refusal(f.define("web", { ...FARGATE, containerDefinitions, ...changes }));
    if (typeof words === "string") expect(said).toBe(words);
    else expect(said).toMatch(words);
    expect((await f.client.listTaskDefinitions({})).taskDefinitionArns).toEqual([]);
  });

  it("refuses nothing of this to those that do not require it, and tells that Fargate would", async () => {
    await f.define("web", { ...FARGATE, requiresCompatibilities: ["EC2"], memory: "600" });
    const { taskDefinition } = await f.client.describeTaskDefinition({ taskDefinition: "web" });
    expect(taskDefinition?.compatibilities).toEqual(["EC2"]);
    expect(await refusal(f.define("web", { ephemeralStorage: { sizeInGiB: 30 } }))).toMatch(
      /^ClientException: Ephemeral storage is supported by Fargate/,
    );
  });
});

describe("RunTask on Fargate", () => {
  beforeEach(async () => {
    await f.define("web", FARGATE);
    await f.define("bridged");
  });
  const run = (more: object = {}) => tasks.run({ launchType: "FARGATE", ...network(), ...more });

  it("makes a task, its interface and its host at once, the host in a network of its own", async () => {
    const { tasks: started } = await run({ count: 3, ...network("ENABLED") });
    expect(started).toHaveLength(3);
    expect(
      started?.every((t) => t.lastStatus === "PROVISIONING" && t.containerInstanceArn === undefined),
    ).toBe(true);
    const zones = started?.map((t) => t.availabilityZone).sort();
    expect(new Set(zones)).toEqual(new Set(["us-east-1a", "us-east-1b"]));
    const hosts = [...f.world.store.scan(instances)].map(([, row]) => row);
    expect(hosts).toHaveLength(3);
    expect(hosts.every((h) => h.state === "pending" && h.fargate?.cpu === 256)).toBe(true);
    expect(new Set(hosts.map((h) => h.privateIp)).size).toBe(3);
    const pool = [...f.world.store.scan(vpcs)].flatMap(([, v]) => (v.isPool ? [v] : []));
    expect(pool).toHaveLength(1);
    expect(hosts.every((h) => h.vpcId === pool[0]?.id)).toBe(true);
    expect(pool[0]?.cidrBlock).toMatch(/^198\.(18|19)\.\d+\.0\/22$/);
  });

  it("answers the tasks of its client token again", async () => {
    const first = await run({ clientToken: "a", count: 2 });
    const again = await run({ clientToken: "a", count: 2 });
    expect(again.tasks?.map((t) => t.taskArn)).toEqual(first.tasks?.map((t) => t.taskArn));
    expect(allTasks(f.world)).toHaveLength(2);
  });

  it("places what its subnets have addresses for, and says why there is no more", async () => {
    const one = { networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-0"] } } };
    await run({ count: 10, ...one });
    const { tasks: started, failures } = await run({ count: 2, ...one });
    expect(started).toHaveLength(1);
    expect(failures).toMatchObject(
      [{ reason: "RESOURCE:ENI", detail: /subnet-0/ }].map(({ reason }) => ({ reason })),
    );
    expect(failures?.[0]?.detail).toMatch(/not enough free addresses in subnet 'subnet-0'/);
  });

  it("takes another size and more storage for one task", async () => {
    const overrides = { cpu: "512", memory: "1024", ephemeralStorage: { sizeInGiB: 30 } };
    const { tasks: started } = await run({ overrides });
    expect(started).toMatchObject([
      { cpu: "512", memory: "1024", ephemeralStorage: { sizeInGiB: 30 }, overrides },
    ]);
  });

  it.each<[string, object, RegExp]>([
    [
      "a definition in bridge mode",
      { taskDefinition: "bridged", networkConfiguration: undefined },
      /does not support launch_type FARGATE\.$/,
    ],
    ["no network", { networkConfiguration: undefined }, /Network Configuration must be provided/],
    [
      "a launch type beside a strategy",
      { capacityProviderStrategy: [{ capacityProvider: "FARGATE" }] },
      /Specifying both a launch type and capacity provider strategy is not supported\. Remove one and try again\.$/,
    ],
    [
      "a provider that the cluster has not",
      { launchType: undefined, capacityProviderStrategy: [{ capacityProvider: "FARGATE" }] },
      /cannot contain a capacity provider that is not associated with the cluster/,
    ],
    [
      "a provider that there is not",
      { launchType: undefined, capacityProviderStrategy: [{ capacityProvider: "mine" }] },
      /The specified capacity provider 'mine' was not found/,
    ],
    [
      "an old platform",
      { platformVersion: "1.3.0" },
      /^PlatformUnknownException: The specified platform version does not exist\.$/,
    ],
    [
      "constraints",
      { placementConstraints: [{ type: "distinctInstance" }] },
      /Placement constraints are not supported with FARGATE/,
    ],
    [
      "placement strategies",
      { placementStrategy: [{ type: "random" }] },
      /Placement strategies are not supported with FARGATE/,
    ],
    [
      "a size that is none",
      { overrides: { cpu: "512" } },
      /No Fargate configuration exists for given values: 512 CPU, 512 memory/,
    ],
    ["storage that is none", { overrides: { ephemeralStorage: { sizeInGiB: 5 } } }, /between 21 and 200 GiB/],
  ])("refuses %s and starts nothing", async (_what, more, words) => {
    expect(await refusal(run(more))).toMatch(words);
    expect(allTasks(f.world)).toEqual([]);
    expect([...f.world.store.scan(instances)]).toEqual([]);
  });

  it("refuses a platform version and a public address for tasks on EC2", async () => {
    const onEc2 = { launchType: "EC2" } as const;
    expect(await refusal(run({ ...onEc2, platformVersion: "LATEST" }))).toMatch(
      /platform version must be null when specifying an EC2 launch type\.$/,
    );
    expect(await refusal(run({ ...onEc2, ...network("ENABLED") }))).toMatch(
      /Assign public IP is not supported for this launch type\.$/,
    );
  });

  it("goes by the cluster's default strategy when nothing is named", async () => {
    await withProviders(
      ["FARGATE", "FARGATE_SPOT"],
      [
        { capacityProvider: "FARGATE", base: 1 },
        { capacityProvider: "FARGATE_SPOT", weight: 1 },
      ],
    );
    const { tasks: started } = await tasks.run({ ...network(), count: 3 });
    expect(started?.map((t) => [t.launchType, t.capacityProviderName])).toEqual([
      ["FARGATE", "FARGATE"],
      ["FARGATE", "FARGATE_SPOT"],
      ["FARGATE", "FARGATE_SPOT"],
    ]);
  });
});

describe("a service on Fargate", () => {
  beforeEach(() => f.define("web", FARGATE));

  it("changes from a launch type to a strategy by a new deployment, and keeps it with later ones", async () => {
    await withProviders(["FARGATE", "FARGATE_SPOT"]);
    const created = await web.create({ launchType: "FARGATE", ...network() });
    expect(created).toMatchObject({
      launchType: "FARGATE",
      platformVersion: "LATEST",
      platformFamily: "Linux",
    });
    const strategy = [{ capacityProvider: "FARGATE_SPOT", weight: 1 }];
    const changed = await web.update({ capacityProviderStrategy: strategy });
    expect(changed?.launchType).toBeUndefined();
    expect(changed).toMatchObject({ capacityProviderStrategy: [{ ...strategy[0], base: 0 }] });
    expect(changed?.deployments).toHaveLength(2);
    const later = await web.update({ forceNewDeployment: true, platformVersion: "1.4.0" });
    expect(later).toMatchObject({
      capacityProviderStrategy: [{ ...strategy[0], base: 0 }],
      platformVersion: "1.4.0",
    });
    const { serviceRevisions } = await f.client.describeServiceRevisions({
      serviceRevisionArns: later?.currentServiceRevisions?.slice(0, 1).map((r) => r.arn ?? "") ?? [],
    });
    expect(serviceRevisions).toMatchObject([
      { capacityProviderStrategy: [{ capacityProvider: "FARGATE_SPOT" }], platformVersion: "1.4.0" },
    ]);
  });

  it("is created again with equal input only", async () => {
    const input = { launchType: "FARGATE", ...network() } as const;
    await web.create(input);
    await web.create(input);
    expect(await refusal(web.create({ ...input, platformVersion: "1.4.0" }))).toMatch(/not idempotent/);
  });
});

describe("capacity providers", () => {
  it("are FARGATE and FARGATE_SPOT, by name and by ARN", async () => {
    const all = await f.client.describeCapacityProviders({});
    expect(all.capacityProviders?.map((p) => [p.name, p.status])).toEqual([
      ["FARGATE", "ACTIVE"],
      ["FARGATE_SPOT", "ACTIVE"],
    ]);
    const arn = all.capacityProviders?.[1]?.capacityProviderArn ?? "";
    expect(arn).toBe(`arn:aws:ecs:${REGION}:000000000000:capacity-provider/FARGATE_SPOT`);
    const some = await f.client.describeCapacityProviders({
      capacityProviders: [arn, "mine"],
      include: ["TAGS"],
    });
    expect(some.capacityProviders?.map((p) => p.name)).toEqual(["FARGATE_SPOT"]);
    expect(some.failures).toMatchObject([{ reason: "MISSING" }]);
  });

  it("are a cluster's when they are put, and leave it only unused", async () => {
    await f.define("web", FARGATE);
    const strategy = [{ capacityProvider: "FARGATE", base: 2, weight: 3 }];
    const { cluster } = await withProviders(["FARGATE", "FARGATE_SPOT"], strategy);
    expect(cluster).toMatchObject({
      capacityProviders: ["FARGATE", "FARGATE_SPOT"],
      defaultCapacityProviderStrategy: strategy,
    });
    const { clusters } = await f.client.describeClusters({ clusters: ["main"] });
    expect(clusters).toMatchObject([{ defaultCapacityProviderStrategy: strategy }]);
    await tasks.run(network());
    expect(await refusal(withProviders(["FARGATE_SPOT"]))).toMatch(
      /^ResourceInUseException: The specified capacity provider is in use and cannot be removed\.$/,
    );
    expect((await withProviders(["FARGATE"])).cluster?.capacityProviders).toEqual(["FARGATE"]);
  });

  it.each<[string, string[], object[], RegExp]>([
    ["another provider", ["mine"], [], /'mine' was not found/],
    [
      "a strategy beyond the cluster's",
      ["FARGATE"],
      [{ capacityProvider: "FARGATE_SPOT" }],
      /is not associated with the cluster/,
    ],
    [
      "two bases",
      ["FARGATE", "FARGATE_SPOT"],
      [
        { capacityProvider: "FARGATE", base: 1 },
        { capacityProvider: "FARGATE_SPOT", base: 1 },
      ],
      /multiple capacity providers in the specified capacity provider strategy with a base value/,
    ],
    [
      "a provider twice",
      ["FARGATE"],
      [{ capacityProvider: "FARGATE" }, { capacityProvider: "FARGATE" }],
      /twice/,
    ],
    ["a weight beyond 1000", ["FARGATE"], [{ capacityProvider: "FARGATE", weight: 1001 }], /weight/],
    ["a negative base", ["FARGATE"], [{ capacityProvider: "FARGATE", base: -1 }], /base/],
  ])("of a cluster refuse %s", async (_what, providers, strategy, words) => {
    expect(await refusal(withProviders(providers, strategy))).toMatch(words);
  });

  it("of Auto Scaling groups are refused by name, and AWS's own stay", async () => {
    const group = { autoScalingGroupArn: "arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:a" };
    expect(
      await refusal(f.client.createCapacityProvider({ name: "mine", autoScalingGroupProvider: group })),
    ).toMatch(/Auto Scaling group .* is not implemented/);
    expect(await refusal(f.client.deleteCapacityProvider({ capacityProvider: "FARGATE" }))).toMatch(
      /is reserved/,
    );
    expect(await refusal(f.client.deleteCapacityProvider({ capacityProvider: "mine" }))).toMatch(
      /was not found/,
    );
  });

  it("come with a new cluster", async () => {
    const { cluster } = await f.client.createCluster({
      clusterName: "new",
      capacityProviders: ["FARGATE"],
      defaultCapacityProviderStrategy: [{ capacityProvider: "FARGATE", weight: 1 }],
    });
    expect(cluster).toMatchObject({
      capacityProviders: ["FARGATE"],
      defaultCapacityProviderStrategy: [{ capacityProvider: "FARGATE", base: 0, weight: 1 }],
    });
  });
});
