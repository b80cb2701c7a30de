// The end of an instance whose tasks are behind a load balancer: what the instance's and the tasks' controllers make of it
// together, also when the control plane dies in between.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { containerInstanceKey } from "#domain/ecs/container-instance.ts";
import { taskKey, type TaskRow } from "#domain/ecs/task.ts";
import { targetRowKey, type TargetRow } from "#domain/elbv2/target.ts";
import { createInstanceFixture, type InstanceFixture } from "#controllers/instance/fixture.suite.ts";
import { createTaskController } from "#controllers/task/run.ts";
import {
  addService,
  addTargetGroup,
  CLUSTER,
  containerInstance,
  instanceArn,
  quiet,
  REGION,
  targetGroup,
} from "#controllers/world.suite.ts";
import { addresses } from "#store/tables/ec2.ts";
import { containerInstances, serviceEvents, tasks } from "#store/tables/ecs.ts";
import { targets } from "#store/tables/elbv2.ts";

let f: InstanceFixture;
beforeEach(async () => {
  f = await createInstanceFixture();
});
afterEach(() => f.close());

describe("an instance with tasks behind a load balancer", () => {
  const targetKey = targetRowKey("web-id", "k1");
  const target = () => f.world.store.get(targets, targetKey);
  const task = () => f.world.store.get(tasks, taskKey(REGION, CLUSTER, "t1"));
  const registered = (more: Partial<TargetRow> = {}): TargetRow => ({
    targetGroupArn: targetGroup("web").arn,
    targetGroupId: "web-id",
    key: "k1",
    targetId: "i-c0",
    port: 32_768,
    address: "10.64.0.4",
    lifecycle: "registered",
    registeredAt: 0,
    idleOn: [],
    health: {},
    ...more,
  });

  beforeEach(async () => {
    await addTargetGroup(f.world, targetGroup("web"));
    await addService(f.world);
    const running: TaskRow = {
      arn: `arn:aws:ecs:${REGION}:000000000000:task/${CLUSTER}/t1`,
      id: "t1",
      region: REGION,
      clusterName: CLUSTER,
      clusterArn: "",
      taskDefinitionArn: "",
      family: "web",
      revision: 1,
      networkMode: "bridge",
      launchType: "EC2",
      containerInstanceArn: instanceArn("c0"),
      serviceName: "web",
      group: "service:web",
      lastStatus: "RUNNING",
      desiredStatus: "RUNNING",
      version: 1,
      resources: { cpu: 0, memoryMiB: 128, tcpPorts: [], udpPorts: [] },
      containers: [],
      overrides: {},
      healthStatus: "UNKNOWN",
      loadBalancers: [
        { targetGroupArn: targetGroup("web").arn, containerName: "app", containerPort: 80, targetKey },
      ],
      createdAt: 0,
      enableExecuteCommand: false,
      tags: {},
    };
    await f.world.store.transact((tx) => {
      tx.put(containerInstances, containerInstanceKey(REGION, CLUSTER, "c0"), containerInstance("c0"));
      tx.put(tasks, taskKey(REGION, CLUSTER, "t1"), running);
      tx.put(targets, targetKey, registered());
    });
    await startControllers();
    await f.put("c0");
  });
  const startControllers = async () => {
    await f.alongside(createTaskController({ ...f.world.base, nodes: () => ["node-1"] }));
    await f.start();
  };
  const ecsInstance = () =>
    f.world.store.get(containerInstances, containerInstanceKey(REGION, CLUSTER, "c0"));

  it("leaves the load balancers before its host is touched; then its tasks are lost", async () => {
    await f.terminate("i-c0");
    expect(target()).toMatchObject({ lifecycle: "draining", drainingUntil: f.world.clock.now() + 300_000 });
    expect(task()?.lastStatus).toBe("RUNNING");
    expect(f.compute.calls).not.toContain("terminate i-c0");
    await f.world.clock.advance(2000);
    await quiet();
    expect(f.compute.calls).toContain("terminate i-c0");
    expect(f.state("i-c0")).toBe("terminated");
    expect(ecsInstance()).toMatchObject({ status: "INACTIVE", agentConnected: false });
    expect(target()?.lifecycle).toBe("removed");
    expect(task()).toMatchObject({
      lastStatus: "STOPPED",
      stopCode: "TerminationNotice",
      stoppedReason: "Host EC2 (instance i-c0) terminated.",
    });
    expect(Array.from(f.world.store.scan(serviceEvents), ([, e]) => e.message)).toEqual([
      `(service web) deregistered 1 targets in (target-group ${targetGroup("web").arn})`,
    ]);
  });

  it("takes no new task from the first moment on", async () => {
    await f.terminate("i-c0");
    expect(ecsInstance()).toMatchObject({ status: "ACTIVE", agentConnected: false });
  });

  it("leaves target groups in which somebody registered it by its id", async () => {
    const byHand = targetRowKey("web-id", "k2");
    await f.world.store.transact((tx) => tx.put(targets, byHand, registered({ key: "k2", port: 80 })));
    await f.terminate("i-c0");
    expect(f.world.store.get(targets, byHand)?.lifecycle).toBe("draining");
    await f.world.clock.advance(2000);
    await quiet();
    expect(f.world.store.get(targets, byHand)?.lifecycle).toBe("removed");
  });

  it.each([0, 1, 2, 3, 4, 5, 6])(
    "is finished by the next life of the control plane when the last one died after %i writes",
    async (writes) => {
      f.backend.failAfter = writes;
      await f.terminate("i-c0").catch(() => undefined);
      await f.world.clock.advance(2000);
      await quiet();
      await f.nextLife();
      await startControllers();
      if (writes === 0) {
        // Not even the call was stored: nothing happened.
        expect(f.state("i-c0")).toBe("running");
        await f.terminate("i-c0");
      }
      await f.world.clock.advance(2000);
      await quiet();
      expect(f.state("i-c0")).toBe("terminated");
      expect(f.compute.hosts.size).toBe(0);
      expect([...f.world.store.scan(addresses)]).toEqual([]);
      expect(ecsInstance()?.status).toBe("INACTIVE");
      expect(target()?.lifecycle).toBe("removed");
      expect(task()?.stoppedReason).toBe("Host EC2 (instance i-c0) terminated.");
    },
  );
});
