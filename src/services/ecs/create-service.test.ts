import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CreateServiceCommandInput } from "@aws-sdk/client-ecs";
import { ACCOUNT } from "#controllers/world.suite.ts";
import { serviceEvent } from "#domain/ecs/service-transitions.ts";
import { serviceEvents, services } from "#store/tables/ecs.ts";
import { refusal } from "./fixture.suite.ts";
import { createPlacingFixture, type PlacingFixture } from "./placing.suite.ts";
import { arn, entry, SERVICE_KEY, serviceCalls, type ServiceCalls } from "./service-calls.suite.ts";

let f: PlacingFixture;
let web: ServiceCalls;
beforeEach(async () => {
  f = await createPlacingFixture();
  web = serviceCalls(f);
  await f.define();
});
afterEach(() => f.close());

describe("CreateService", () => {
  it("answers an ACTIVE service with one PRIMARY deployment and every member that clients index", async () => {
    const service = await web.create({ tags: [{ key: "a", value: "1" }] });
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
    const service = await web.create({
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
    const first = await web.create({ tags: [{ key: "a", value: "1" }] });
    expect(await web.create({ tags: [{ key: "a", value: "1" }] })).toEqual(first);
    const others: Partial<CreateServiceCommandInput>[] = [
      { desiredCount: 3 },
      { deploymentConfiguration: { maximumPercent: 150 } },
      { placementStrategy: [{ type: "random" }] },
      { tags: [] },
    ];
    for (const other of others)
      expect(await refusal(web.create({ tags: [{ key: "a", value: "1" }], ...other }))).toBe(
        "InvalidParameterException: Creation of service was not idempotent.",
      );
    await f.define();
    expect(await refusal(web.create({ tags: [{ key: "a", value: "1" }] }))).toMatch(/not idempotent/);
  });

  it("has the name free again only when the former service is INACTIVE, and nothing of it shows", async () => {
    const first = await web.create();
    await f.world.store.transact((tx) => {
      const row = tx.get(services, SERVICE_KEY);
      if (row === undefined) throw new Error("no service");
      const event = serviceEvent(row, "has reached a steady state.", "1", f.world.clock.now());
      tx.put(serviceEvents, event.key, event.row);
    });
    await web.remove({ force: true });
    expect(await refusal(web.create())).toBe(
      "InvalidParameterException: Unable to Start a service that is still Draining.",
    );
    await web.lastTaskStopped();
    await f.world.clock.advance(1000);
    const second = await web.create();
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
    ["Fargate", { launchType: "FARGATE" }, /does not support launch_type FARGATE\.$/],
    ["CodeDeploy", { deploymentController: { type: "CODE_DEPLOY" } }, /controller 'CODE_DEPLOY' is not impl/],
    ["rebalancing", { availabilityZoneRebalancing: "ENABLED" }, /'availabilityZoneRebalancing' other than/],
    ["ECS Exec", { enableExecuteCommand: true }, /'enableExecuteCommand' is not implemented/],
    [
      "an unknown service registry",
      { serviceRegistries: [{ registryArn: "a" }] },
      /registry a does not exist/,
    ],
    ["a role", { role: "ecsServiceRole" }, /'role' is not implemented/],
    ["a platform version", { platformVersion: "LATEST" }, /platform version must be null/],
    ["Service Connect", { serviceConnectConfiguration: { enabled: true } }, /'serviceConnectConfiguration'/],
    [
      "capacity providers",
      { capacityProviderStrategy: [{ capacityProvider: "a" }] },
      /capacity provider 'a' was not found/,
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
    expect(await refusal(web.create(input))).toMatch(words);
    expect([...f.world.store.scan(services)]).toEqual([]);
  });
});
