// The SDK's waiters, and the look-ups of Terraform's `wait_for_steady_state`, against the real gateway, services and controllers
// over a simulated fleet. A waiter polls in real time while the test moves the clock on.
import {
  waitUntilServicesInactive,
  waitUntilServicesStable,
  waitUntilTasksRunning,
  waitUntilTasksStopped,
} from "@aws-sdk/client-ecs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addInstances } from "#controllers/world.suite.ts";
import { createPlacingFixture, type PlacingFixture } from "#services/ecs/placing.suite.ts";
import { type Cluster, type ClusterOptions, startControllers } from "./cluster.suite.ts";

let f: PlacingFixture;
let cluster: Cluster;
const start = async (options: ClusterOptions = {}) => {
  cluster = await startControllers(f.world, options);
};
beforeEach(async () => {
  f = await createPlacingFixture();
  await addInstances(f.world, ["us-east-1a", "us-east-1b"]);
  await f.define();
});
afterEach(async () => {
  await cluster.close();
  await f.close();
});

const waiter = () => ({ client: f.client, maxWaitTime: 15, minDelay: 0.02, maxDelay: 0.05 });
const service = { cluster: "main", services: ["web"] };

/** Moves the clock on until the waiter has ended; one that fails, or never ends, fails the test. */
async function until(waiting: Promise<{ readonly state: string }>): Promise<string> {
  const ended = waiting.then(({ state }) => state);
  let isOver = false;
  const over = () => void (isOver = true);
  void ended.then(over, over);
  for (let step = 0; step < 400 && !isOver; step += 1) await cluster.advance(500);
  return ended;
}

async function createService(more: object = {}) {
  const input = { cluster: "main", serviceName: "web", taskDefinition: "web", desiredCount: 2, ...more };
  return (await f.client.createService(input)).service;
}
const balancers = async () => ({
  loadBalancers: [{ targetGroupArn: await f.targetGroup("web"), containerName: "app", containerPort: 80 }],
});
const show = async () => (await f.client.describeServices(service)).services?.[0];

describe("waitUntilTasksRunning and waitUntilTasksStopped", () => {
  it("end with the tasks of RunTask running, and with them stopped", async () => {
    await start();
    const { tasks = [] } = await f.client.runTask({ cluster: "main", taskDefinition: "web", count: 3 });
    const named = { cluster: "main", tasks: tasks.map((t) => t.taskArn ?? "") };
    expect(named.tasks).toHaveLength(3);
    expect(await until(waitUntilTasksRunning(waiter(), named))).toBe("SUCCESS");
    for (const task of named.tasks) await f.client.stopTask({ cluster: "main", task, reason: "enough" });
    expect(await until(waitUntilTasksStopped(waiter(), named))).toBe("SUCCESS");
    const after = await f.client.describeTasks(named);
    expect(after.tasks?.map((t) => [t.stopCode, t.stoppedReason])).toEqual(
      named.tasks.map(() => ["UserInitiated", "enough"]),
    );
  });

  it("fails at once when a task stops instead of running", async () => {
    await start({ fleet: { fate: () => "fail-to-start" } });
    const { tasks = [] } = await f.client.runTask({ cluster: "main", taskDefinition: "web" });
    const named = { cluster: "main", tasks: tasks.map((t) => t.taskArn ?? "") };
    await expect(until(waitUntilTasksRunning(waiter(), named))).rejects.toThrow(/FAILURE/);
  });
});

describe("waitUntilServicesStable", () => {
  it("ends with a new service's tasks running, behind a load balancer and without", async () => {
    await start();
    await createService(await balancers());
    expect(await until(waitUntilServicesStable(waiter(), service))).toBe("SUCCESS");
    expect(await show()).toMatchObject({ runningCount: 2, pendingCount: 0 });
    await createService({ serviceName: "plain" });
    const plain = { cluster: "main", services: ["plain"] };
    expect(await until(waitUntilServicesStable(waiter(), plain))).toBe("SUCCESS");
  });

  it("ends after a deployment with the new revision's tasks alone, and after scaling", async () => {
    await start();
    await createService(await balancers());
    expect(await until(waitUntilServicesStable(waiter(), service))).toBe("SUCCESS");
    await f.define();
    await f.client.updateService({ cluster: "main", service: "web", taskDefinition: "web" });
    expect(await until(waitUntilServicesStable(waiter(), service))).toBe("SUCCESS");
    const { taskArns = [] } = await f.client.listTasks({ cluster: "main", serviceName: "web" });
    const { tasks = [] } = await f.client.describeTasks({ cluster: "main", tasks: taskArns });
    expect(tasks.map((t) => t.taskDefinitionArn?.split(":").at(-1))).toEqual(["2", "2"]);
    const id = (await show())?.deployments?.[0]?.id;
    await f.client.updateService({ cluster: "main", service: "web", desiredCount: 3 });
    expect(await until(waitUntilServicesStable(waiter(), service))).toBe("SUCCESS");
    expect(await show()).toMatchObject({ runningCount: 3, deployments: [{ id }] });
  });

  it("brings the caller's events: tasks started, targets registered, the deployment completed, steady", async () => {
    await start();
    await createService(await balancers());
    await until(waitUntilServicesStable(waiter(), service));
    await cluster.advance(20_000);
    const events = (await show())?.events?.map((e) => e.message ?? "") ?? [];
    expect(events[0]).toBe("(service web) has reached a steady state.");
    expect(events[1]).toMatch(/^\(service web\) \(deployment ecs-svc\/\d{19}\) deployment completed\.$/);
    expect(events.at(-1)).toMatch(/^\(service web\) has started 2 tasks: \(task [0-9a-f]{32}\)/);
  });
});

describe("waitUntilServicesInactive", () => {
  it("ends when the last task of a deleted service has stopped, and the name is free again", async () => {
    await start();
    await createService(await balancers());
    await until(waitUntilServicesStable(waiter(), service));
    const removed = await f.client.deleteService({ cluster: "main", service: "web", force: true });
    expect(removed.service).toMatchObject({ status: "DRAINING", desiredCount: 0, runningCount: 2 });
    expect(await until(waitUntilServicesInactive(waiter(), service))).toBe("SUCCESS");
    const { taskArns } = await f.client.listTasks({ cluster: "main" });
    expect(taskArns).toEqual([]);
    expect(await createService()).toMatchObject({ status: "ACTIVE", events: [] });
    expect(await until(waitUntilServicesStable(waiter(), service))).toBe("SUCCESS");
  });

  it("ends at once for a service that had no task", async () => {
    await start();
    await createService({ desiredCount: 0 });
    await f.client.deleteService({ cluster: "main", service: "web" });
    expect(await until(waitUntilServicesInactive(waiter(), service))).toBe("SUCCESS");
    const { serviceDeployments } = await f.client.listServiceDeployments({ cluster: "main", service: "web" });
    expect(serviceDeployments?.map((d) => d.status)).not.toContain("IN_PROGRESS");
  });
});

describe("Terraform's wait_for_steady_state", () => {
  /** The newest deployment of the revision that PRIMARY's id names, as it is now. */
  async function deploymentOf(id: string | undefined, after: Date) {
    const { serviceDeployments = [] } = await f.client.listServiceDeployments({
      cluster: "main",
      service: "web",
      createdAt: { after },
    });
    const number = id?.replace("ecs-svc/", "") ?? "none";
    const found = serviceDeployments.find((d) => d.targetServiceRevisionArn?.includes(number));
    const described = await f.client.describeServiceDeployments({
      serviceDeploymentArns: [found?.serviceDeploymentArn ?? ""],
    });
    return described.serviceDeployments?.[0];
  }

  it("sees the deployment end SUCCESSFUL, and a superseded one STOPPED with its reason", async () => {
    await start();
    const began = new Date(f.world.clock.now());
    const first = (await createService(await balancers()))?.deployments?.[0]?.id;
    await cluster.advance(500);
    expect((await deploymentOf(first, began))?.status).toBe("IN_PROGRESS");
    await f.define();
    const updated = await f.client.updateService({ cluster: "main", service: "web", taskDefinition: "web" });
    const second = updated.service?.deployments?.[0]?.id;
    await cluster.advance(60_000);
    expect(await deploymentOf(first, began)).toMatchObject({
      status: "STOPPED",
      statusReason: `Superseded by deployment ${second}.`,
    });
    const done = await deploymentOf(second, began);
    expect(done).toMatchObject({
      status: "SUCCESSFUL",
      targetServiceRevision: { requestedTaskCount: 2, runningTaskCount: 2, pendingTaskCount: 0 },
    });
    expect(done?.finishedAt?.getTime()).toBeGreaterThan(began.getTime());
  });
});
