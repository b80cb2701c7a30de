import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ec2Key, type InstanceRow, instanceTerminated, terminateInstance } from "#domain/ec2/instance.ts";
import { containerInstanceKey } from "#domain/ecs/container-instance.ts";
import { taskKey, type TaskRow } from "#domain/ecs/task.ts";
import { targetRowKey, type TargetRow } from "#domain/elbv2/target.ts";
import { createFailingBackend } from "#store/failing-backend.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { addresses, instances } from "#store/tables/ec2.ts";
import { containerInstances, serviceEvents, tasks } from "#store/tables/ecs.ts";
import { targets } from "#store/tables/elbv2.ts";
import type { Controller } from "../controller.ts";
import { createTaskController } from "../task/run.ts";
import {
  addService,
  addTargetGroup,
  CLUSTER,
  containerInstance,
  createWorld,
  host,
  instanceArn,
  quiet,
  REGION,
  targetGroup,
  type World,
} from "../world.suite.ts";
import { createFakeCompute, type FakeCompute } from "./fake-compute.suite.ts";
import { createInstanceController } from "./run.ts";

let world: World;
let backend: ReturnType<typeof createFailingBackend>;
let compute: FakeCompute;
let controllers: Controller[];

beforeEach(async () => {
  backend = createFailingBackend(createMemoryBackend());
  world = await createWorld(1, backend);
  compute = createFakeCompute();
  controllers = [];
});
afterEach(async () => {
  compute.letGo();
  for (const controller of controllers) await controller.close();
});

async function start(): Promise<Controller> {
  const endpointFor = (vpcId: string) => `http://${vpcId}.test:4566`;
  const controller = createInstanceController({ ...world.base, compute, endpointFor });
  controllers.push(controller);
  await controller.start();
  await quiet();
  return controller;
}
const key = (id: string) => ec2Key(REGION, id);
const put = async (id: string, more: Partial<InstanceRow> = {}) => {
  const row = { ...host(id, 4), state: "pending" as const, ...more };
  await world.store.transact((tx) => {
    tx.put(instances, key(row.id), row);
    const { subnetId, privateIp: address } = row;
    tx.put(addresses, `${subnetId}/${address}/${id}`, { subnetId, address, owner: row.id });
  });
  await quiet();
};
const change = async (id: string, to: (row: InstanceRow) => InstanceRow) => {
  await world.store.transact((tx) =>
    tx.put(instances, key(id), to(tx.get(instances, key(id)) as InstanceRow)),
  );
  await quiet();
};
const terminate = (id: string) =>
  change(id, (row) =>
    terminateInstance(row, { code: "Client.UserInitiatedShutdown", message: "m" }, world.clock.now()),
  );
const row = (id: string) => world.store.get(instances, key(id));
const state = (id: string) => row(id)?.state;

describe("a pending instance", () => {
  it("becomes a host of its type's size and then runs", async () => {
    await start();
    await put("a", {
      userData: Buffer.from("#!/bin/bash\n").toString("base64"),
      metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1, httpEndpoint: "enabled" },
    });
    expect(compute.specs).toEqual([
      {
        instanceId: "i-a",
        region: REGION,
        availabilityZone: "us-east-1a",
        instanceType: "t3.medium",
        vcpus: 2,
        memoryMiB: 4096,
        vpcId: "vpc-1",
        privateIp: "10.64.0.4",
        macAddress: "02:00:00:00:00:01",
        metadataHopLimit: 1,
        userData: "#!/bin/bash\n",
        endpoint: "http://vpc-1.test:4566",
      },
    ]);
    expect(state("i-a")).toBe("running");
  });

  it("runs only once its host is up", async () => {
    await start();
    compute.hold = "launch";
    await put("a");
    expect(state("i-a")).toBe("pending");
    compute.letGo();
    await quiet();
    expect(state("i-a")).toBe("running");
    expect(compute.calls).toEqual(["launch i-a", "launched i-a"]);
  });

  it("waits while others are launched: four at a time", async () => {
    await start();
    compute.hold = "launch";
    for (let n = 0; n < 10; n += 1) await put(`n${n}`);
    expect(compute.launching.now).toBe(4);
    compute.letGo();
    await quiet();
    expect(compute.launching.most).toBe(4);
    expect([...world.store.find(instances, "state", "running")]).toHaveLength(10);
  });

  it("whose launch fails is terminated with the reason, and nothing of it is left", async () => {
    await start();
    compute.refuse.launch = "the engine did not answer";
    await put("a");
    expect(row("i-a")).toMatchObject({
      state: "terminated",
      terminatedAt: world.clock.now(),
      stateReason: {
        code: "Server.InternalError",
        message: "Server.InternalError: the engine did not answer",
      },
    });
    expect(compute.hosts.size).toBe(0);
    expect([...world.store.scan(addresses)]).toEqual([]);
    expect(compute.calls).toEqual(["launch i-a", "terminate i-a"]);
  });

  it("keeps a bounded reason, however much the launch had to say", async () => {
    await start();
    compute.refuse.launch = "x".repeat(100_000);
    await put("a");
    expect(row("i-a")?.stateReason?.message.length).toBeLessThan(1100);
  });

  it("of a type that is no longer known is terminated, not retried", async () => {
    await start();
    await put("a", { instanceType: "z1.gone" });
    expect(state("i-a")).toBe("terminated");
    expect(row("i-a")?.stateReason?.message).toContain("z1.gone");
  });

  it("that is terminated while its host is made is removed when the launch is over, and never runs", async () => {
    await start();
    compute.hold = "launch";
    await put("a");
    await terminate("i-a");
    await world.clock.advance(10_000);
    expect(compute.calls).toEqual(["launch i-a"]);
    expect(state("i-a")).toBe("shutting-down");
    compute.letGo();
    await quiet();
    expect(compute.calls).toEqual(["launch i-a", "launched i-a", "terminate i-a"]);
    expect(state("i-a")).toBe("terminated");
  });

  it("that is terminated while it waits for its launch is never launched", async () => {
    await start();
    compute.hold = "launch";
    for (let n = 0; n < 5; n += 1) await put(`n${n}`);
    await terminate("i-n4");
    expect(state("i-n4")).toBe("terminated");
    compute.letGo();
    await quiet();
    expect(compute.calls).not.toContain("launch i-n4");
  });
});

describe("an instance on its way out", () => {
  it("is terminated when its host is gone, and its address is free", async () => {
    await start();
    await put("a");
    compute.hold = "terminate";
    await terminate("i-a");
    expect(state("i-a")).toBe("shutting-down");
    expect([...world.store.scan(addresses)]).toHaveLength(1);
    compute.letGo();
    await quiet();
    expect(row("i-a")).toMatchObject({
      state: "terminated",
      stateReason: { code: "Client.UserInitiatedShutdown" },
    });
    expect([...world.store.scan(addresses)]).toHaveLength(0);
  });

  it("is tried again when its host could not be removed", async () => {
    await start();
    await put("a");
    compute.refuse.terminate = "device busy";
    await terminate("i-a");
    expect(state("i-a")).toBe("shutting-down");
    delete compute.refuse.terminate;
    await world.clock.advance(1000);
    await quiet();
    expect(state("i-a")).toBe("terminated");
  });

  it("is terminated though the store refused the first write", async () => {
    await start();
    await put("a");
    compute.hold = "terminate";
    await terminate("i-a");
    backend.mode = "fail";
    compute.letGo();
    await quiet();
    expect(state("i-a")).toBe("shutting-down");
    backend.mode = "succeed";
    await world.clock.advance(60_000);
    await quiet();
    expect(state("i-a")).toBe("terminated");
  });
});

describe("an instance with tasks behind a load balancer", () => {
  const targetKey = targetRowKey("web-id", "k1");
  const target = () => world.store.get(targets, targetKey);
  const task = () => world.store.get(tasks, taskKey(REGION, CLUSTER, "t1"));
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
    await addTargetGroup(world, targetGroup("web"));
    await addService(world);
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
    await world.store.transact((tx) => {
      tx.put(containerInstances, containerInstanceKey(REGION, CLUSTER, "c0"), containerInstance("c0"));
      tx.put(tasks, taskKey(REGION, CLUSTER, "t1"), running);
      tx.put(targets, targetKey, registered());
    });
    const taskController = createTaskController({ ...world.base, nodes: () => ["node-1"] });
    controllers.push(taskController);
    await taskController.start();
    await start();
    await put("c0");
  });
  const ecsInstance = () => world.store.get(containerInstances, containerInstanceKey(REGION, CLUSTER, "c0"));

  it("leaves the load balancers before its host is touched; then its tasks are lost", async () => {
    await terminate("i-c0");
    expect(target()).toMatchObject({ lifecycle: "draining", drainingUntil: world.clock.now() + 300_000 });
    expect(task()?.lastStatus).toBe("RUNNING");
    expect(compute.calls).not.toContain("terminate i-c0");
    await world.clock.advance(2000);
    await quiet();
    expect(compute.calls).toContain("terminate i-c0");
    expect(state("i-c0")).toBe("terminated");
    expect(ecsInstance()).toMatchObject({ status: "INACTIVE", agentConnected: false });
    expect(target()?.lifecycle).toBe("removed");
    expect(task()).toMatchObject({
      lastStatus: "STOPPED",
      stopCode: "TerminationNotice",
      stoppedReason: "Host EC2 (instance i-c0) terminated.",
    });
    expect(Array.from(world.store.scan(serviceEvents), ([, e]) => e.message)).toEqual([
      `(service web) deregistered 1 targets in (target-group ${targetGroup("web").arn})`,
    ]);
  });

  it("takes no new task from the first moment on", async () => {
    await terminate("i-c0");
    expect(ecsInstance()).toMatchObject({ status: "ACTIVE", agentConnected: false });
  });

  it("leaves target groups in which somebody registered it by its id", async () => {
    const byHand = targetRowKey("web-id", "k2");
    await world.store.transact((tx) => tx.put(targets, byHand, registered({ key: "k2", port: 80 })));
    await terminate("i-c0");
    expect(world.store.get(targets, byHand)?.lifecycle).toBe("draining");
    await world.clock.advance(2000);
    await quiet();
    expect(world.store.get(targets, byHand)?.lifecycle).toBe("removed");
  });

  it.each([0, 1, 2, 3, 4, 5, 6])(
    "is finished by the next life of the control plane when the last one died after %i writes",
    async (writes) => {
      backend.failAfter = writes;
      await terminate("i-c0").catch(() => undefined);
      await world.clock.advance(2000);
      await quiet();
      for (const controller of controllers.splice(0)) await controller.close();
      const hosts = [...compute.hosts];
      backend.failAfter = undefined;
      backend.mode = "succeed";
      world = await createWorld(2, backend, world.clock);
      compute = createFakeCompute(hosts);
      const taskController = createTaskController({ ...world.base, nodes: () => ["node-1"] });
      controllers.push(taskController);
      await taskController.start();
      await start();
      if (writes === 0) {
        // Not even the call was stored: nothing happened.
        expect(state("i-c0")).toBe("running");
        await terminate("i-c0");
      }
      await world.clock.advance(2000);
      await quiet();
      expect(state("i-c0")).toBe("terminated");
      expect(compute.hosts.size).toBe(0);
      expect([...world.store.scan(addresses)]).toEqual([]);
      expect(ecsInstance()?.status).toBe("INACTIVE");
      expect(target()?.lifecycle).toBe("removed");
      expect(task()?.stoppedReason).toBe("Host EC2 (instance i-c0) terminated.");
    },
  );
});

describe("after a start of the control plane", () => {
  it("running instances are launched again, which adopts them, and nobody sees a change", async () => {
    await put("a", { state: "running" });
    compute.hosts.add("i-a");
    const before = row("i-a");
    const commits = world.store.durableCommits;
    await start();
    expect(compute.calls).toEqual(["launch i-a", "launched i-a"]);
    expect(row("i-a")).toEqual(before);
    expect(world.store.durableCommits).toBe(commits);
  });

  it("a running instance whose host cannot be adopted keeps its state and is tried again", async () => {
    await put("a", { state: "running" });
    compute.refuse.launch = "the machine is busy";
    await start();
    expect(state("i-a")).toBe("running");
    expect(compute.calls).not.toContain("terminate i-a");
    delete compute.refuse.launch;
    await world.clock.advance(1000);
    await quiet();
    expect(compute.calls.at(-1)).toBe("launched i-a");
  });

  it("a launch that was cut short is finished", async () => {
    await put("a");
    compute.hosts.add("i-a");
    await start();
    expect(state("i-a")).toBe("running");
  });

  it("hosts without a row, or with a terminated one, are removed; others stay", async () => {
    await put("a", { state: "running" });
    await put("b");
    await change("i-b", (r) => instanceTerminated(r, 1));
    for (const id of ["i-a", "i-b", "i-nobody"]) compute.hosts.add(id);
    await start();
    expect([...compute.hosts]).toEqual(["i-a"]);
  });

  it("hosts are looked for again when they could not be listed", async () => {
    compute.hosts.add("i-nobody");
    compute.refuse.list = "permission denied";
    await start();
    expect(compute.hosts.size).toBe(1);
    delete compute.refuse.list;
    await world.clock.advance(1000);
    await quiet();
    expect(compute.hosts.size).toBe(0);
  });
});

describe("its end", () => {
  it("waits for the launch under way and begins no other", async () => {
    const controller = await start();
    compute.hold = "launch";
    for (let n = 0; n < 5; n += 1) await put(`n${n}`);
    let closed = false;
    const closing = controller.close().then(() => (closed = true));
    await quiet();
    expect(closed).toBe(false);
    compute.letGo();
    await closing;
    expect(compute.calls.filter((c) => c.startsWith("launch "))).toHaveLength(4);
    expect(state("i-n0")).toBe("running");
    expect(state("i-n4")).toBe("pending");
  });
});

it("writes nothing for an instance that only runs", async () => {
  await start();
  await put("a");
  const before = world.store.durableCommits;
  await world.clock.advance(3_600_000);
  await quiet();
  expect(world.store.durableCommits).toBe(before);
});
