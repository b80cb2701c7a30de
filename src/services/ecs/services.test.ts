import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CreateServiceCommandInput, UpdateServiceCommandInput } from "@aws-sdk/client-ecs";
import { ACCOUNT, REGION, targetGroup } from "#controllers/world.suite.ts";
import { serviceKey } from "#domain/ecs/service.ts";
import { serviceEvent, serviceGone } from "#domain/ecs/service-transitions.ts";
import { serviceEvents, services, tasks } from "#store/tables/ecs.ts";
import { refusal } from "./fixture.suite.ts";
import { container, createPlacingFixture, type PlacingFixture } from "./placing.suite.ts";

const arn = (resource: string) => `arn:aws:ecs:${REGION}:${ACCOUNT}:${resource}`;
const KEY = serviceKey(REGION, "main", "web");

let f: PlacingFixture;
beforeEach(async () => {
  f = await createPlacingFixture();
  await f.define();
});
afterEach(() => f.close());

const create = async (more: Partial<CreateServiceCommandInput> = {}) =>
  (
    await f.client.createService({
      cluster: "main",
      serviceName: "web",
      taskDefinition: "web",
      desiredCount: 2,
      ...more,
    })
  ).service;
const update = async (more: Partial<UpdateServiceCommandInput> = {}) =>
  (await f.client.updateService({ cluster: "main", service: "web", ...more })).service;
const remove = async (force?: boolean) =>
  (
    await f.client.deleteService({
      cluster: "main",
      service: "web",
      ...(force === undefined ? {} : { force }),
    })
  ).service;
const show = async () =>
  (await f.client.describeServices({ cluster: "main", services: ["web"] })).services?.[0];
const entry = (targetGroupArn: string) => ({ targetGroupArn, containerName: "app", containerPort: 80 });

/** What the controller does once a deleted service's last task has stopped. */
const lastTaskStopped = () =>
  f.world.store.transact((tx) => {
    const row = tx.get(services, KEY);
    if (row !== undefined)
      tx.put(services, KEY, { ...serviceGone(row, f.world.clock.now()), deployments: [] });
  });
/** Puts a task of the service's deployment of that number, the newest first. */
const putTask = (n: number, lastStatus: string, deployment = 0) =>
  f.world.store.transact((tx) => {
    const deploymentId = tx.get(services, KEY)?.deployments[deployment]?.id;
    tx.put(tasks, `${REGION}/main/${n}`, {
      region: REGION,
      clusterName: "main",
      serviceName: "web",
      deploymentId,
      lastStatus,
      desiredStatus: "RUNNING",
    } as never);
  });

describe("CreateService", () => {
  it("answers an ACTIVE service with one PRIMARY deployment and every member that clients index", async () => {
    const service = await create({ tags: [{ key: "a", value: "1" }] });
    const id = service?.deployments?.[0]?.id?.replace("ecs-svc/", "") ?? "";
    expect(id).toMatch(/^\d{19}$/);
    const now = new Date(f.world.clock.now());
    expect(service).toEqual({
      serviceArn: arn("service/main/web"),
      serviceName: "web",
      clusterArn: arn("cluster/main"),
      status: "ACTIVE",
      desiredCount: 2,
      runningCount: 0,
      pendingCount: 0,
      taskDefinition: arn("task-definition/web:1"),
      launchType: "EC2",
      loadBalancers: [],
      serviceRegistries: [],
      deploymentConfiguration: {
        deploymentCircuitBreaker: { enable: false, rollback: false },
        minimumHealthyPercent: 100,
        maximumPercent: 200,
        strategy: "ROLLING",
        bakeTimeInMinutes: 0,
      },
      deploymentController: { type: "ECS" },
      schedulingStrategy: "REPLICA",
      availabilityZoneRebalancing: "DISABLED",
      taskSets: [],
      deployments: [
        {
          id: `ecs-svc/${id}`,
          status: "PRIMARY",
          taskDefinition: arn("task-definition/web:1"),
          launchType: "EC2",
          desiredCount: 2,
          runningCount: 0,
          pendingCount: 0,
          failedTasks: 0,
          createdAt: now,
          updatedAt: now,
          rolloutState: "IN_PROGRESS",
          rolloutStateReason: `ECS deployment ecs-svc/${id} in progress.`,
        },
      ],
      currentServiceDeployment: arn(`service-deployment/main/web/${id}`),
      currentServiceRevisions: [
        {
          arn: arn(`service-revision/main/web/${id}`),
          requestedTaskCount: 2,
          runningTaskCount: 0,
          pendingTaskCount: 0,
        },
      ],
      events: [],
      placementConstraints: [],
      placementStrategy: [],
      createdAt: now,
      createdBy: `arn:aws:iam::${ACCOUNT}:root`,
      enableECSManagedTags: false,
      propagateTags: "NONE",
      enableExecuteCommand: false,
      tags: [{ key: "a", value: "1" }],
    });
  });

  it("accepts by name what is switched off, and keeps what it honours", async () => {
    const targetGroupArn = await f.targetGroup("web");
    const service = await create({
      loadBalancers: [entry(targetGroupArn)],
      healthCheckGracePeriodSeconds: 30,
      schedulingStrategy: "REPLICA",
      deploymentController: { type: "ECS" },
      availabilityZoneRebalancing: "DISABLED",
      enableExecuteCommand: false,
      deploymentConfiguration: {
        minimumHealthyPercent: 50,
        maximumPercent: 150,
        strategy: "ROLLING",
        bakeTimeInMinutes: 0,
        deploymentCircuitBreaker: { enable: false, rollback: false },
        alarms: { alarmNames: [], enable: false, rollback: false },
      },
      placementConstraints: [{ type: "distinctInstance" }],
      placementStrategy: [{ type: "spread", field: "host" }],
      propagateTags: "SERVICE",
      enableECSManagedTags: true,
    });
    expect(service).toMatchObject({
      loadBalancers: [entry(targetGroupArn)],
      healthCheckGracePeriodSeconds: 30,
      deploymentConfiguration: { minimumHealthyPercent: 50, maximumPercent: 150 },
      placementConstraints: [{ type: "distinctInstance" }],
      placementStrategy: [{ type: "spread", field: "instanceId" }],
      propagateTags: "SERVICE",
      enableECSManagedTags: true,
    });
  });

  it("answers the same service when repeated, and refuses other settings under its name", async () => {
    const first = await create({ tags: [{ key: "a", value: "1" }] });
    expect(await create({ tags: [{ key: "a", value: "1" }] })).toEqual(first);
    const others: Partial<CreateServiceCommandInput>[] = [
      { desiredCount: 3 },
      { deploymentConfiguration: { maximumPercent: 150 } },
      { placementStrategy: [{ type: "random" }] },
      { tags: [] },
    ];
    for (const other of others)
      expect(await refusal(create({ tags: [{ key: "a", value: "1" }], ...other }))).toBe(
        "InvalidParameterException: Creation of service was not idempotent.",
      );
    await f.define();
    expect(await refusal(create({ tags: [{ key: "a", value: "1" }] }))).toMatch(/not idempotent/);
  });

  it("has the name free again only when the former service is INACTIVE, and nothing of it shows", async () => {
    const first = await create();
    await f.world.store.transact((tx) => {
      const row = tx.get(services, KEY);
      if (row === undefined) throw new Error("no service");
      const event = serviceEvent(row, "has reached a steady state.", "1", f.world.clock.now());
      tx.put(serviceEvents, event.key, event.row);
    });
    await remove(true);
    expect(await refusal(create())).toBe(
      "InvalidParameterException: Unable to Start a service that is still Draining.",
    );
    await lastTaskStopped();
    await f.world.clock.advance(1000);
    const second = await create();
    expect(second).toMatchObject({ status: "ACTIVE", serviceArn: first?.serviceArn, events: [] });
    expect(second?.deployments?.[0]?.id).not.toBe(first?.deployments?.[0]?.id);
    const { serviceDeployments } = await f.client.listServiceDeployments({ cluster: "main", service: "web" });
    expect(serviceDeployments?.map((d) => d.serviceDeploymentArn)).toEqual([
      second?.currentServiceDeployment,
    ]);
  });

  const refusals: [string, Partial<CreateServiceCommandInput>, RegExp][] = [
    ["an unknown cluster", { cluster: "no" }, /^ClusterNotFoundException: Cluster not found\.$/],
    ["a name with a dot", { serviceName: "a.b" }, /Invalid service name/],
    [
      "no definition",
      { taskDefinition: "" },
      /^InvalidParameterException: TaskDefinition can not be blank\.$/,
    ],
    ["an unknown definition", { taskDefinition: "no" }, /^ClientException: TaskDefinition not found\.$/],
    ["no desiredCount", { desiredCount: undefined }, /desiredCount is required/],
    ["a negative desiredCount", { desiredCount: -1 }, /desiredCount must be/],
    ["more tasks than a service may have", { desiredCount: 5001 }, /greater than 5000/],
    ["DAEMON", { schedulingStrategy: "DAEMON" }, /strategy 'DAEMON' is not implemented/],
    ["Fargate", { launchType: "FARGATE" }, /launchType 'FARGATE' is not implemented/],
    ["CodeDeploy", { deploymentController: { type: "CODE_DEPLOY" } }, /controller 'CODE_DEPLOY' is not impl/],
    ["rebalancing", { availabilityZoneRebalancing: "ENABLED" }, /'availabilityZoneRebalancing' other than/],
    ["ECS Exec", { enableExecuteCommand: true }, /'enableExecuteCommand' is not implemented/],
    ["service registries", { serviceRegistries: [{ registryArn: "a" }] }, /'serviceRegistries' is not impl/],
    ["a role", { role: "ecsServiceRole" }, /'role' is not implemented/],
    ["a platform version", { platformVersion: "LATEST" }, /'platformVersion' is not implemented/],
    ["Service Connect", { serviceConnectConfiguration: { enabled: true } }, /'serviceConnectConfiguration'/],
    [
      "capacity providers",
      { capacityProviderStrategy: [{ capacityProvider: "a" }] },
      /'capacityProviderStrategy' is not implemented/,
    ],
    [
      "a circuit breaker",
      { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } } },
      /'deploymentConfiguration\.deploymentCircuitBreaker' is not implemented/,
    ],
    [
      "alarms",
      { deploymentConfiguration: { alarms: { alarmNames: ["a"], enable: true, rollback: false } } },
      /'deploymentConfiguration\.alarms' is not implemented/,
    ],
    [
      "a blue/green deployment",
      { deploymentConfiguration: { strategy: "BLUE_GREEN" } },
      /strategy 'BLUE_GREEN'/,
    ],
    [
      "lifecycle hooks",
      { deploymentConfiguration: { lifecycleHooks: [{ hookTargetArn: "a" }] } },
      /'deploymentConfiguration\.lifecycleHooks' is not implemented/,
    ],
    [
      "percentages without room",
      { deploymentConfiguration: { minimumHealthyPercent: 100, maximumPercent: 100 } },
      /Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments\.$/,
    ],
    ["a maximum below 100", { deploymentConfiguration: { maximumPercent: 99 } }, /maximumPercent must be/],
    [
      "a minimum above the maximum",
      { deploymentConfiguration: { minimumHealthyPercent: 150, maximumPercent: 120 } },
      /must not be greater than maximumPercent/,
    ],
    [
      "a grace period without load balancers",
      { healthCheckGracePeriodSeconds: 1 },
      /Health check grace period is only valid for services configured to use load balancers$/,
    ],
    [
      "a network configuration in bridge mode",
      { networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"] } } },
      /Network Configuration is not valid for the given networkMode of this task definition\.$/,
    ],
    ["tags of nobody", { propagateTags: "CLUSTER" as never }, /for propagateTags/],
  ];
  it.each(refusals)("refuses %s and keeps nothing", async (_what, input, words) => {
    expect(await refusal(create(input))).toMatch(words);
    expect([...f.world.store.scan(services)]).toEqual([]);
  });
});

describe("CreateService's target groups", () => {
  const { arn: absent } = targetGroup("absent");
  const cases: [string, () => Promise<object> | object, RegExp][] = [
    ["an unknown target group", () => entry(absent), /The target group arn:\S+absent\S+ does not exist\.$/],
    [
      "one without a load balancer",
      async () => entry(await f.targetGroup("lonely", {}, false)),
      /^InvalidParameterException: The target group with targetGroupArn \S+ does not have an associated load balancer\.$/,
    ],
    [
      "one of target type ip",
      async () => entry(await f.targetGroup("ips", { targetType: "ip" })),
      /has target type ip, which is incompatible with the bridge network mode specified in the task definition\.$/,
    ],
    [
      "an unknown container",
      async () => ({ ...entry(await f.targetGroup("web")), containerName: "api" }),
      /The container api does not exist in the task definition\.$/,
    ],
    [
      "a port that is not mapped",
      async () => ({ ...entry(await f.targetGroup("web")), containerPort: 81 }),
      /The container app did not have a container port 81 defined\.$/,
    ],
    [
      "a Classic Load Balancer",
      () => ({ loadBalancerName: "old", containerName: "app", containerPort: 80 }),
      /'loadBalancers\[0\]\.loadBalancerName' \(Classic Load Balancers\) is not implemented/,
    ],
    [
      "blue/green settings",
      async () => ({
        ...entry(await f.targetGroup("web")),
        advancedConfiguration: { alternateTargetGroupArn: absent },
      }),
      /'loadBalancers\[0\]\.advancedConfiguration' is not implemented/,
    ],
    [
      "an entry without a port",
      async () => ({ targetGroupArn: await f.targetGroup("web"), containerName: "app" }),
      /Container port cannot be blank/,
    ],
  ];
  it.each(cases)("refuse %s", async (_what, make, words) => {
    expect(await refusal(create({ loadBalancers: [await make()] }))).toMatch(words);
  });

  it("refuse a port that only speaks UDP, the same entry twice, and more than five", async () => {
    const group = await f.targetGroup("web");
    await f.define("udp", {
      containerDefinitions: [container({ portMappings: [{ containerPort: 80, protocol: "udp" }] })],
    });
    expect(await refusal(create({ taskDefinition: "udp", loadBalancers: [entry(group)] }))).toMatch(
      /did not have a container port 80 defined/,
    );
    expect(await refusal(create({ loadBalancers: [entry(group), entry(group)] }))).toMatch(/more than once/);
    const six = Array.from({ length: 6 }, (_, n) => entry(`${absent}${n}`));
    expect(await refusal(create({ loadBalancers: six }))).toMatch(/at most 5/);
  });

  it("may be several, and none on hosts of one's own", async () => {
    const groups = [await f.targetGroup("a"), await f.targetGroup("b")];
    expect(
      await refusal(create({ launchType: "EXTERNAL", loadBalancers: [entry(groups[0] ?? "")] })),
    ).toMatch(/launch type EXTERNAL/);
    expect((await create({ loadBalancers: groups.map(entry) }))?.loadBalancers).toEqual(groups.map(entry));
  });
});

describe("UpdateService", () => {
  const primaryId = async () => (await show())?.deployments?.[0]?.id;

  it("keeps PRIMARY for a change of desiredCount and of settings that only steer new tasks", async () => {
    await create();
    const id = await primaryId();
    const service = await update({
      desiredCount: 5,
      deploymentConfiguration: { maximumPercent: 150 },
      placementStrategy: [{ type: "random" }],
      propagateTags: "SERVICE",
      enableECSManagedTags: true,
      taskDefinition: "web:1",
    });
    expect(service).toMatchObject({
      desiredCount: 5,
      deploymentConfiguration: { minimumHealthyPercent: 100, maximumPercent: 150 },
      placementStrategy: [{ type: "random" }],
      propagateTags: "SERVICE",
      enableECSManagedTags: true,
      deployments: [{ id, desiredCount: 5 }],
    });
    expect((await update({ placementStrategy: [] }))?.placementStrategy).toEqual([]);
  });

  it("makes a new PRIMARY for another definition, another load balancer, or when forced", async () => {
    await create();
    const ids = new Set([await primaryId()]);
    await f.define();
    const changed = await update({ taskDefinition: "web" });
    expect(changed?.taskDefinition).toBe(arn("task-definition/web:2"));
    expect(changed?.deployments?.map((d) => [d.status, d.taskDefinition])).toEqual([
      ["PRIMARY", arn("task-definition/web:2")],
      ["ACTIVE", arn("task-definition/web:1")],
    ]);
    ids.add(await primaryId());
    const targetGroupArn = await f.targetGroup("web");
    const balanced = await update({
      loadBalancers: [entry(targetGroupArn)],
      healthCheckGracePeriodSeconds: 10,
    });
    expect(balanced).toMatchObject({
      loadBalancers: [entry(targetGroupArn)],
      healthCheckGracePeriodSeconds: 10,
    });
    ids.add(await primaryId());
    await update({ forceNewDeployment: true });
    ids.add(await primaryId());
    expect(ids.size).toBe(4);
    expect((await update({ loadBalancers: [] }))?.loadBalancers).toEqual([]);
  });

  it("goes on with a deregistered definition, but takes none that is", async () => {
    await create();
    await f.client.deregisterTaskDefinition({ taskDefinition: "web:1" });
    expect((await update({ desiredCount: 1 }))?.desiredCount).toBe(1);
    expect((await update({ forceNewDeployment: true }))?.deployments).toHaveLength(2);
    expect(await refusal(update({ taskDefinition: "web:1" }))).toBe(
      "ClientException: TaskDefinition is inactive",
    );
  });

  it("counts each deployment's tasks: RUNNING ones, and those on their way there", async () => {
    await create();
    await putTask(1, "RUNNING");
    await putTask(2, "RUNNING");
    await update({ forceNewDeployment: true });
    await putTask(3, "PENDING");
    await putTask(4, "ACTIVATING");
    await putTask(5, "DEACTIVATING", 1);
    expect(await show()).toMatchObject({
      runningCount: 2,
      pendingCount: 2,
      deployments: [
        { status: "PRIMARY", desiredCount: 2, runningCount: 0, pendingCount: 2 },
        { status: "ACTIVE", runningCount: 2, pendingCount: 0 },
      ],
    });
  });

  const refusals: [string, Partial<UpdateServiceCommandInput>, RegExp][] = [
    ["an unknown service", { service: "no" }, /^ServiceNotFoundException: Service not found\.$/],
    ["an unknown definition", { taskDefinition: "no" }, /^ClientException: TaskDefinition not found\.$/],
    [
      "a definition without the balanced container",
      { taskDefinition: "other" },
      /The container app does not/,
    ],
    ["a negative desiredCount", { desiredCount: -1 }, /desiredCount must be/],
    [
      "percentages without room",
      { deploymentConfiguration: { maximumPercent: 100 } },
      /Both maximumPercent and minimumHealthyPercent cannot be 100/,
    ],
    [
      "a grace period once the load balancers go",
      { loadBalancers: [], healthCheckGracePeriodSeconds: 5 },
      /only/,
    ],
    ["a platform version", { platformVersion: "1" }, /'platformVersion' is not implemented/],
    ["volumes", { volumeConfigurations: [{ name: "a" }] }, /'volumeConfigurations' is not implemented/],
    [
      "a circuit breaker",
      { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } } },
      /deploymentCircuitBreaker/,
    ],
  ];
  it.each(refusals)("refuses %s and changes nothing", async (_what, input, words) => {
    await f.define("other", { containerDefinitions: [container({ name: "api" })] });
    await create({ loadBalancers: [entry(await f.targetGroup("web"))] });
    const before = f.world.store.get(services, KEY);
    expect(await refusal(update(input))).toMatch(words);
    expect(f.world.store.get(services, KEY)).toEqual(before);
  });
});

describe("DeleteService", () => {
  it("wants a service scaled to 0, or force; it is DRAINING until its tasks have stopped, then INACTIVE", async () => {
    await create();
    expect(await refusal(remove())).toBe(
      "InvalidParameterException: The service cannot be stopped while it is scaled above 0.",
    );
    await update({ desiredCount: 0 });
    expect(await remove()).toMatchObject({ status: "DRAINING", desiredCount: 0 });
    expect(await remove()).toMatchObject({ status: "DRAINING" });
    expect(await refusal(update({ desiredCount: 1 }))).toBe(
      "ServiceNotActiveException: Service was not ACTIVE.",
    );
    await lastTaskStopped();
    expect(await refusal(remove())).toBe("ServiceNotFoundException: Service not found.");
    expect(await refusal(update({ desiredCount: 1 }))).toMatch(/^ServiceNotActiveException/);
  });

  it("leaves the service describable as INACTIVE, with what it ran, and out of the list from the start", async () => {
    await create();
    await remove(true);
    expect((await f.client.listServices({ cluster: "main" })).serviceArns).toEqual([]);
    await lastTaskStopped();
    expect(await show()).toMatchObject({
      status: "INACTIVE",
      deployments: [],
      taskDefinition: arn("task-definition/web:1"),
      launchType: "EC2",
    });
  });
});

describe("DescribeServices", () => {
  it("shows the newest hundred events, newest first, and tags only when asked", async () => {
    await create({ tags: [{ key: "a", value: "1" }] });
    for (let n = 0; n < 110; n += 55)
      await f.world.store.transact((tx) => {
        const row = tx.get(services, KEY);
        for (let i = n; row !== undefined && i < n + 55; i += 1) {
          const event = serviceEvent(row, `event ${i}`, String(i), f.world.clock.now() + i);
          tx.put(serviceEvents, event.key, event.row);
        }
      });
    const shown = await show();
    expect(shown?.tags).toEqual([]);
    expect(shown?.events).toHaveLength(100);
    expect(shown?.events?.[0]).toEqual({
      id: "109",
      createdAt: new Date(f.world.clock.now() + 109),
      message: "(service web) event 109",
    });
    expect(shown?.events?.at(-1)?.message).toBe("(service web) event 10");
    const tagged = await f.client.describeServices({
      cluster: "main",
      services: [arn("service/main/web")],
      include: ["TAGS"],
    });
    expect(tagged.services?.[0]?.tags).toEqual([{ key: "a", value: "1" }]);
  });
});

describe("ListServices", () => {
  it("comes in pages of 10 unless asked otherwise, filtered by launch type and strategy", async () => {
    for (let n = 0; n < 12; n += 1) await create({ serviceName: `s${String(n).padStart(2, "0")}` });
    await create({ serviceName: "x", launchType: "EXTERNAL" });
    const first = await f.client.listServices({ cluster: "main" });
    expect(first.serviceArns).toHaveLength(10);
    const rest = await f.client.listServices({ cluster: "main", nextToken: first.nextToken });
    expect(rest.serviceArns).toEqual(["s10", "s11", "x"].map((name) => arn(`service/main/${name}`)));
    expect(rest.nextToken).toBeUndefined();
    const list = async (more: object) =>
      (await f.client.listServices({ cluster: "main", maxResults: 100, ...more })).serviceArns?.length;
    expect(await list({})).toBe(13);
    expect(await list({ launchType: "EXTERNAL" })).toBe(1);
    expect(await list({ schedulingStrategy: "DAEMON" })).toBe(0);
    expect(await refusal(list({ resourceManagementType: "ECS" }))).toMatch(/'resourceManagementType' is not/);
    expect(
      await refusal(
        f.client.listServices({ cluster: "main", launchType: "EC2", nextToken: first.nextToken }),
      ),
    ).toMatch(/Invalid token/);
  });
});

describe("service deployments and revisions", () => {
  it("are found by what Terraform asks: PRIMARY's number within the target revision's ARN", async () => {
    await create();
    const before = new Date(f.world.clock.now());
    await f.world.clock.advance(2000);
    await f.define();
    const service = await update({ taskDefinition: "web" });
    const number = service?.deployments?.[0]?.id?.replace("ecs-svc/", "") ?? "";
    const recent = await f.client.listServiceDeployments({
      cluster: "main",
      service: arn("service/main/web"),
      createdAt: { after: new Date(before.getTime() + 1) },
    });
    expect(recent.serviceDeployments).toHaveLength(1);
    const [brief] = recent.serviceDeployments ?? [];
    expect(brief?.targetServiceRevisionArn).toContain(number);
    expect(brief).toMatchObject({ status: "PENDING", createdAt: new Date(f.world.clock.now()) });
    await putTask(1, "RUNNING");
    const described = await f.client.describeServiceDeployments({
      serviceDeploymentArns: [brief?.serviceDeploymentArn ?? "", arn("service-deployment/main/web/7")],
    });
    expect(described.failures).toEqual([{ arn: arn("service-deployment/main/web/7"), reason: "MISSING" }]);
    expect(described.serviceDeployments?.[0]).toMatchObject({
      status: "PENDING",
      serviceArn: arn("service/main/web"),
      clusterArn: arn("cluster/main"),
      targetServiceRevision: {
        arn: arn(`service-revision/main/web/${number}`),
        requestedTaskCount: 2,
        runningTaskCount: 1,
        pendingTaskCount: 0,
      },
      sourceServiceRevisions: [{ runningTaskCount: 0 }],
      deploymentConfiguration: { minimumHealthyPercent: 100, maximumPercent: 200, strategy: "ROLLING" },
      deploymentCircuitBreaker: { status: "DISABLED" },
    });
  });

  it("come newest first, by status and in pages of 20 unless asked otherwise", async () => {
    await create();
    for (let n = 0; n < 21; n += 1) {
      await f.world.clock.advance(1000);
      await update({ forceNewDeployment: true });
    }
    const list = (more: object = {}) =>
      f.client.listServiceDeployments({ cluster: "main", service: "web", ...more });
    const first = await list();
    const times = first.serviceDeployments?.map((d) => d.createdAt?.getTime() ?? 0) ?? [];
    expect(times).toHaveLength(20);
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect(times[0]).toBe(f.world.clock.now());
    expect((await list({ nextToken: first.nextToken })).serviceDeployments).toHaveLength(2);
    expect((await list({ status: ["SUCCESSFUL"] })).serviceDeployments).toEqual([]);
    expect((await list({ status: ["PENDING"], maxResults: 3 })).serviceDeployments).toHaveLength(3);
    const past = new Date(f.world.clock.now() - 20_000);
    expect((await list({ createdAt: { before: past } })).serviceDeployments).toHaveLength(2);
  });

  it("show what a revision fixes, with its images", async () => {
    const targetGroupArn = await f.targetGroup("web");
    const service = await create({ loadBalancers: [entry(targetGroupArn)] });
    const revision = service?.currentServiceRevisions?.[0]?.arn ?? "";
    const { serviceRevisions, failures } = await f.client.describeServiceRevisions({
      serviceRevisionArns: [revision],
    });
    expect(failures).toEqual([]);
    expect(serviceRevisions).toEqual([
      {
        serviceRevisionArn: revision,
        serviceArn: arn("service/main/web"),
        clusterArn: arn("cluster/main"),
        taskDefinition: arn("task-definition/web:1"),
        launchType: "EC2",
        loadBalancers: [entry(targetGroupArn)],
        serviceRegistries: [],
        containerImages: [{ containerName: "app", image: "web:1" }],
        createdAt: new Date(f.world.clock.now()),
      },
    ]);
  });
});

describe("what is an exception, and what is in failures[]", () => {
  const hex = "0".repeat(32);
  const other = `arn:aws:ecs:eu-west-1:${ACCOUNT}:service-deployment/main/web/1`;
  const missing = (resource: string) => ({ failures: [{ arn: arn(resource), reason: "MISSING" }] });
  const table: [string, (ecs: PlacingFixture["client"]) => Promise<unknown>, string | object][] = [
    [
      "DescribeTasks of an unknown task",
      (ecs) => ecs.describeTasks({ cluster: "main", tasks: [hex] }),
      { tasks: [], ...missing(`task/main/${hex}`) },
    ],
    ["DescribeTasks of none", (ecs) => ecs.describeTasks({ cluster: "main", tasks: [] }), "InvalidParameter"],
    [
      "DescribeTasks of 101",
      (ecs) => ecs.describeTasks({ cluster: "main", tasks: Array.from({ length: 101 }, (_, n) => `${n}`) }),
      "InvalidParameter",
    ],
    [
      "DescribeTasks in an unknown cluster",
      (ecs) => ecs.describeTasks({ cluster: "no", tasks: [hex] }),
      "ClusterNotFound",
    ],
    [
      "DescribeTasks including what it does not know",
      (ecs) => ecs.describeTasks({ cluster: "main", tasks: [hex], include: ["EVENTS" as never] }),
      "InvalidParameter",
    ],
    [
      "DescribeServices of an unknown service",
      (ecs) => ecs.describeServices({ cluster: "main", services: ["no"] }),
      { services: [], ...missing("service/main/no") },
    ],
    [
      "DescribeServices of none",
      (ecs) => ecs.describeServices({ cluster: "main", services: [] }),
      "InvalidP",
    ],
    [
      "DescribeServices of 11",
      (ecs) =>
        ecs.describeServices({ cluster: "main", services: Array.from({ length: 11 }, (_, n) => `${n}`) }),
      "InvalidParameter",
    ],
    [
      "DescribeServices in an unknown cluster",
      (ecs) => ecs.describeServices({ cluster: "no", services: ["a"] }),
      "ClusterNotFound",
    ],
    [
      "StopTask of an unknown task",
      (ecs) => ecs.stopTask({ cluster: "main", task: hex }),
      "InvalidParameter",
    ],
    [
      "UpdateService of an unknown service",
      (ecs) => ecs.updateService({ cluster: "main", service: "no" }),
      "ServiceNotFound",
    ],
    [
      "DeleteService of an unknown service",
      (ecs) => ecs.deleteService({ cluster: "main", service: "no" }),
      "ServiceNotFound",
    ],
    [
      "ListTasks of an unknown service",
      (ecs) => ecs.listTasks({ cluster: "main", serviceName: "no" }),
      "ServiceNotFound",
    ],
    ["ListServices of an unknown cluster", (ecs) => ecs.listServices({ cluster: "no" }), "ClusterNotFound"],
    [
      "ListServiceDeployments of an unknown service",
      (ecs) => ecs.listServiceDeployments({ cluster: "main", service: "no" }),
      "ServiceNotFound",
    ],
    [
      "DescribeServiceDeployments of an unknown one",
      (ecs) =>
        ecs.describeServiceDeployments({ serviceDeploymentArns: [arn("service-deployment/main/a/1")] }),
      { serviceDeployments: [], ...missing("service-deployment/main/a/1") },
    ],
    [
      "DescribeServiceDeployments of another region",
      (ecs) => ecs.describeServiceDeployments({ serviceDeploymentArns: [other] }),
      "InvalidParameter",
    ],
    [
      "DescribeServiceRevisions of an unknown one",
      (ecs) => ecs.describeServiceRevisions({ serviceRevisionArns: [arn("service-revision/main/a/1")] }),
      { serviceRevisions: [], ...missing("service-revision/main/a/1") },
    ],
    [
      "DescribeServiceRevisions of something else",
      (ecs) => ecs.describeServiceRevisions({ serviceRevisionArns: [arn("service/main/a")] }),
      "InvalidParameter",
    ],
    [
      "RunTask in a cluster without instances",
      (ecs) => ecs.runTask({ cluster: "main", taskDefinition: "web" }),
      "InvalidParameter",
    ],
    [
      "StartTask on an unknown instance",
      (ecs) => ecs.startTask({ cluster: "main", taskDefinition: "web", containerInstances: [hex] }),
      { tasks: [], ...missing(`container-instance/main/${hex}`) },
    ],
    [
      "UpdateTaskProtection, which is not built",
      (ecs) => ecs.updateTaskProtection({ cluster: "main", tasks: [hex], protectionEnabled: true }),
      "UnknownOperation",
    ],
  ];
  it.each(table)("%s", async (_what, call, expected) => {
    const answer = await refusal(call(f.client));
    if (typeof expected === "string") expect(answer).toMatch(new RegExp(`^${expected}\\w*: `));
    else expect(answer).toMatchObject(expected);
  });
});
