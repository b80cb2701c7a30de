// A service's task in Cloud Map, over the task controller: registered before it is RUNNING, gone as soon as its stop begins.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { containerInstanceKey, deregisterInstance } from "#domain/ecs/container-instance.ts";
import type { TaskContainer, TaskRow } from "#domain/ecs/task.ts";
import { taskKey } from "#domain/ecs/task.ts";
import { reportTask, reportTaskHealth, stopTask } from "#domain/ecs/task-transitions.ts";
import { discoveryKey, newDiscoveryService } from "#domain/servicediscovery/records.ts";
import { containerInstances, tasks } from "#store/tables/ecs.ts";
import { instances, services } from "#store/tables/servicediscovery.ts";
import type { Controller } from "../controller.ts";
import { taskRow } from "../service/model.suite.ts";
import {
  addInstances,
  changeTask,
  CLUSTER,
  createWorld,
  eventTexts,
  instanceArn,
  quiet,
  REGION,
  type World,
} from "../world.suite.ts";
import { beginRelease } from "../instance/release.ts";
import { createTaskController } from "./run.ts";

const ARN = "arn:aws:servicediscovery:us-east-1:000000000000:service/srv-1";
let world: World;
let controller: Controller;
beforeEach(async () => {
  world = await createWorld();
  await addInstances(world, ["us-east-1a"]);
  await world.store.transact((tx) =>
    tx.put(
      services,
      discoveryKey(REGION, "srv-1"),
      newDiscoveryService(
        {
          id: "srv-1",
          arn: ARN,
          region: REGION,
          account: "000000000000",
          tags: {},
          name: "api",
          namespaceId: "ns-1",
          dnsRecords: [{ type: "SRV", ttlSeconds: 10 }],
          routingPolicy: "MULTIVALUE",
          customHealth: true,
        },
        0,
      ),
    ),
  );
  controller = createTaskController({ ...world.base, nodes: () => [] });
  await controller.start();
});
afterEach(() => controller.close());

const running = {
  status: "RUNNING" as const,
  containers: [
    {
      name: "app",
      status: "RUNNING" as const,
      networkBindings: [{ bindIP: "0.0.0.0", containerPort: 80, hostPort: 32770, protocol: "tcp" as const }],
    },
  ],
};
const task = () => world.store.get(tasks, taskKey(REGION, CLUSTER, "t1"));
const registered = () => Array.from(world.store.scan(instances), ([, row]) => row);
const change = async (to: (row: TaskRow) => TaskRow) => {
  await changeTask(world, { id: "t1" }, to);
  await quiet();
};
async function started(more: Partial<TaskRow> = {}) {
  const row = taskRow("t1", {
    containerInstanceArn: instanceArn("c0"),
    availabilityZone: "us-east-1a",
    serviceRegistries: [{ registryArn: ARN, containerName: "app", containerPort: 80 }],
    ...more,
  });
  await world.store.transact((tx) => tx.put(tasks, taskKey(REGION, CLUSTER, "t1"), row));
  await change((t) => reportTask(t, running, world.clock.now()));
}
const stop = (row: TaskRow) => stopTask(row, { code: "UserInitiated", reason: "x" }, world.clock.now());

describe("a task of a service with a registry", () => {
  it("is an instance under its id, with its host's address and port, before it is RUNNING", async () => {
    await started();
    expect(task()?.lastStatus).toBe("RUNNING");
    expect(registered()).toMatchObject([{ serviceId: "srv-1", id: "t1", health: "HEALTHY" }]);
    expect(registered()[0]?.attributes).toEqual({
      AWS_INSTANCE_IPV4: "10.64.0.4",
      AWS_INSTANCE_PORT: "32770",
      AVAILABILITY_ZONE: "us-east-1a",
      REGION,
      ECS_CLUSTER_NAME: CLUSTER,
      ECS_SERVICE_NAME: task()?.serviceName,
      ECS_TASK_DEFINITION_FAMILY: task()?.family,
      EC2_INSTANCE_ID: "i-c0",
    });
    expect(world.store.get(services, discoveryKey(REGION, "srv-1"))?.revision).toBe(2);
  });

  it("with an address of its own has that, and a port only where one is named", async () => {
    const attachment = {
      id: "a1",
      interfaceId: "eni-1",
      subnetId: "subnet-1",
      privateIp: "10.64.0.77",
      macAddress: "02:00:00:00:00:02",
      status: "ATTACHED",
    } as unknown as NonNullable<TaskRow["attachment"]>;
    await started({ networkMode: "awsvpc", attachment, serviceRegistries: [{ registryArn: ARN }] });
    const { AWS_INSTANCE_IPV4, AWS_INSTANCE_PORT } = registered()[0]?.attributes ?? {};
    expect([AWS_INSTANCE_IPV4, AWS_INSTANCE_PORT]).toEqual(["10.64.0.77", undefined]);
  });

  it("is found no more once its stop begins, and then its agent hears of it", async () => {
    await started();
    const row = task();
    if (row === undefined) throw new Error("no task");
    expect(stop(row).lastStatus).toBe("DEACTIVATING");
    await change(stop);
    expect(registered()).toEqual([]);
    expect(task()?.lastStatus).toBe("STOPPING");
    expect(world.store.get(services, discoveryKey(REGION, "srv-1"))?.revision).toBe(3);
  });

  it("is found no more when its container ends by itself, or its host is gone", async () => {
    await started();
    await change((t) =>
      reportTask(t, { containers: [{ name: "app", status: "STOPPED", exitCode: 1 }] }, world.clock.now()),
    );
    expect(registered()).toEqual([]);
    await started();
    expect(registered()).toHaveLength(1);
    await world.store.transact((tx) => {
      const key = containerInstanceKey(REGION, CLUSTER, "c0");
      const row = tx.get(containerInstances, key);
      if (row !== undefined) tx.put(containerInstances, key, deregisterInstance(row, 0));
    });
    await quiet();
    expect(registered()).toEqual([]);
    expect(task()?.stopCode).toBe("TerminationNotice");
  });

  it("is found no more as soon as its host begins to end", async () => {
    await started();
    await beginRelease(world.store, "i-c0", () => world.clock.now());
    expect(registered()).toEqual([]);
    expect(task()?.lastStatus).toBe("RUNNING");
  });

  it("runs without it when the Cloud Map service is gone, and an event says so", async () => {
    await world.store.transact((tx) => tx.delete(services, discoveryKey(REGION, "srv-1")));
    await started();
    expect(task()?.lastStatus).toBe("RUNNING");
    expect(eventTexts(world)).toEqual([`was unable to register an instance in (service-registry ${ARN}).`]);
    await change(stop);
    expect(task()?.lastStatus).toBe("STOPPING");
  });

  it("is as healthy as its containers' checks say", async () => {
    const [app] = taskRow("t1", {}).containers;
    const checked: TaskContainer[] = app === undefined ? [] : [{ ...app, hasHealthCheck: true }];
    await started({ containers: checked });
    expect(registered()[0]?.health).toBe("UNHEALTHY");
    await change((t) => reportTaskHealth(t, { app: "HEALTHY" }));
    expect(registered()[0]?.health).toBe("HEALTHY");
    const revision = world.store.get(services, discoveryKey(REGION, "srv-1"))?.revision;
    await change((t) => ({ ...t, version: t.version + 1 }));
    expect(world.store.get(services, discoveryKey(REGION, "srv-1"))?.revision).toBe(revision);
  });
});
