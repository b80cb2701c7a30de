import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { UpdateServiceCommandInput } from "@aws-sdk/client-ecs";
import { serviceEvent } from "#domain/ecs/service-transitions.ts";
import { serviceEvents, services } from "#store/tables/ecs.ts";
import { refusal } from "./fixture.suite.ts";
import { createPlacingFixture, type PlacingFixture, container } from "./placing.suite.ts";
import { arn, entry, SERVICE_KEY, serviceCalls, type ServiceCalls } from "./service-calls.suite.ts";

let f: PlacingFixture;
let web: ServiceCalls;
beforeEach(async () => {
  f = await createPlacingFixture();
  web = serviceCalls(f);
  await f.define();
});
afterEach(() => f.close());

describe("UpdateService", () => {
  const primaryId = async () => (await web.show())?.deployments?.[0]?.id;

  it("keeps PRIMARY for a change of desiredCount and of settings that only steer new tasks", async () => {
    await web.create();
    const id = await primaryId();
    const service = await web.update({
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
    expect((await web.update({ placementStrategy: [] }))?.placementStrategy).toEqual([]);
  });

  it("makes a new PRIMARY for another definition, another load balancer, or when forced", async () => {
    await web.create();
    const ids = new Set([await primaryId()]);
    await f.define();
    const changed = await web.update({ taskDefinition: "web" });
    expect(changed?.taskDefinition).toBe(arn("task-definition/web:2"));
    expect(changed?.deployments?.map((d) => [d.status, d.taskDefinition])).toEqual([
      ["PRIMARY", arn("task-definition/web:2")],
      ["ACTIVE", arn("task-definition/web:1")],
    ]);
    ids.add(await primaryId());
    const targetGroupArn = await f.targetGroup("web");
    const balanced = await web.update({
      loadBalancers: [entry(targetGroupArn)],
      healthCheckGracePeriodSeconds: 10,
    });
    expect(balanced).toMatchObject({
      loadBalancers: [entry(targetGroupArn)],
      healthCheckGracePeriodSeconds: 10,
    });
    ids.add(await primaryId());
    await web.update({ forceNewDeployment: true });
    ids.add(await primaryId());
    expect(ids.size).toBe(4);
    expect((await web.update({ loadBalancers: [] }))?.loadBalancers).toEqual([]);
  });

  it("goes on with a deregistered definition, but takes none that is", async () => {
    await web.create();
    await f.client.deregisterTaskDefinition({ taskDefinition: "web:1" });
    expect((await web.update({ desiredCount: 1 }))?.desiredCount).toBe(1);
    expect((await web.update({ forceNewDeployment: true }))?.deployments).toHaveLength(2);
    expect(await refusal(web.update({ taskDefinition: "web:1" }))).toBe(
      "ClientException: TaskDefinition is inactive",
    );
  });

  it("counts each deployment's tasks: RUNNING ones, and those on their way there", async () => {
    await web.create();
    await web.putTask(1, "RUNNING");
    await web.putTask(2, "RUNNING");
    await web.update({ forceNewDeployment: true });
    await web.putTask(3, "PENDING");
    await web.putTask(4, "ACTIVATING");
    await web.putTask(5, "DEACTIVATING", 1);
    expect(await web.show()).toMatchObject({
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
    ["a platform version", { platformVersion: "1" }, /platform version must be null/],
    ["volumes", { volumeConfigurations: [{ name: "a" }] }, /'volumeConfigurations' is not implemented/],
    [
      "a circuit breaker",
      { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } } },
      /deploymentCircuitBreaker/,
    ],
  ];
  it.each(refusals)("refuses %s and changes nothing", async (_what, input, words) => {
    await f.define("other", { containerDefinitions: [container({ name: "api" })] });
    await web.create({ loadBalancers: [entry(await f.targetGroup("web"))] });
    const before = f.world.store.get(services, SERVICE_KEY);
    expect(await refusal(web.update(input))).toMatch(words);
    expect(f.world.store.get(services, SERVICE_KEY)).toEqual(before);
  });
});

describe("DeleteService", () => {
  it("wants a service scaled to 0, or force; it is DRAINING until its tasks have stopped, then INACTIVE", async () => {
    await web.create();
    expect(await refusal(web.remove())).toBe(
      "InvalidParameterException: The service cannot be stopped while it is scaled above 0.",
    );
    await web.update({ desiredCount: 0 });
    expect(await web.remove()).toMatchObject({ status: "DRAINING", desiredCount: 0 });
    expect(await web.remove()).toMatchObject({ status: "DRAINING" });
    expect(await refusal(web.update({ desiredCount: 1 }))).toBe(
      "ServiceNotActiveException: Service was not ACTIVE.",
    );
    await web.lastTaskStopped();
    expect(await refusal(web.remove())).toBe("ServiceNotFoundException: Service not found.");
    expect(await refusal(web.update({ desiredCount: 1 }))).toMatch(/^ServiceNotActiveException/);
  });

  it("leaves the service describable as INACTIVE, with what it ran, and out of the list from the start", async () => {
    await web.create();
    await web.remove({ force: true });
    expect((await f.client.listServices({ cluster: "main" })).serviceArns).toEqual([]);
    await web.lastTaskStopped();
    expect(await web.show()).toMatchObject({
      status: "INACTIVE",
      deployments: [],
      taskDefinition: arn("task-definition/web:1"),
      launchType: "EC2",
    });
  });
});

describe("DescribeServices", () => {
  it("shows the newest hundred events, newest first, and tags only when asked", async () => {
    await web.create({ tags: [{ key: "a", value: "1" }] });
    for (let n = 0; n < 110; n += 55)
      await f.world.store.transact((tx) => {
        const row = tx.get(services, SERVICE_KEY);
        for (let i = n; row !== undefined && i < n + 55; i += 1) {
          const event = serviceEvent(row, `event ${i}`, String(i), f.world.clock.now() + i);
          tx.put(serviceEvents, event.key, event.row);
        }
      });
    const shown = await web.show();
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
    for (let n = 0; n < 12; n += 1) await web.create({ serviceName: `s${String(n).padStart(2, "0")}` });
    await web.create({ serviceName: "x", launchType: "EXTERNAL" });
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
