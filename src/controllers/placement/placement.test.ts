import { describe, expect, it } from "vitest";
import { createFailingBackend } from "#store/failing-backend.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { containerInstanceKey, setAgentConnected, setInstanceState } from "#domain/ecs/container-instance.ts";
import { interfaceGone, loseTask, reportTask, stopTask } from "#domain/ecs/task-transitions.ts";
import { addresses, networkInterfaces } from "#store/tables/ec2.ts";
import { containerInstances } from "#store/tables/ecs.ts";
import {
  ACCOUNT,
  addDefinition,
  addInstances,
  addService,
  addSubnets,
  allTasks,
  changeService,
  changeTask,
  CLUSTER,
  containerInstance,
  createWorld,
  eventTexts,
  instanceArn,
  interfaceAttributes,
  REGION,
  runTaskRequest,
  type World,
} from "../world.suite.ts";
import { createPlacement } from "./placement.ts";

async function cluster(zones = ["us-east-1a", "us-east-1b"], definition = {}) {
  const world = await createWorld();
  await addInstances(world, zones);
  await addDefinition(world, 1, definition);
  const placement = createPlacement(world.base);
  await placement.start();
  return { world, placement };
}
const changeInstance = ({ store }: World, id: string, change: Parameters<typeof apply>[1]) =>
  apply(store, change, containerInstanceKey(REGION, CLUSTER, id));
const apply = (
  store: World["store"],
  change: (row: Parameters<typeof setInstanceState>[0]) => Parameters<typeof setInstanceState>[0],
  key: string,
) =>
  store.transact((tx) => {
    const row = tx.get(containerInstances, key);
    if (row !== undefined) tx.put(containerInstances, key, change(row));
  });
const sized = (memory: number) => ({
  containerDefinitions: [{ name: "app", image: "web:1", cpu: 10, memory, healthCheck: { command: ["x"] } }],
});
const serviceRequest = (atMost: number, count: number, deploymentId: string) =>
  runTaskRequest({
    count,
    group: "service:web",
    startedBy: deploymentId,
    service: { name: "web", deploymentId, atMost },
  });

describe("placing tasks", () => {
  it("makes PENDING tasks with containers, resources and a place", async () => {
    const { world, placement } = await cluster(["us-east-1a"], sized(256));
    const { tasks, failures } = await placement.place(
      runTaskRequest({
        startedBy: "me",
        tags: { a: "b" },
        overrides: { containerOverrides: [{ name: "app", cpu: 20 }] },
      }),
    );
    expect(failures).toEqual([]);
    expect(allTasks(world)).toEqual(tasks);
    expect(tasks[0]).toMatchObject({
      lastStatus: "PENDING",
      desiredStatus: "RUNNING",
      containerInstanceArn: instanceArn("c0"),
      availabilityZone: "us-east-1a",
      resources: { cpu: 20, memoryMiB: 256, tcpPorts: [], udpPorts: [] },
      containers: [
        { name: "app", image: "web:1", essential: true, hasHealthCheck: true, cpu: 20, memory: 256 },
      ],
      startedBy: "me",
      tags: { a: "b" },
    });
    expect(tasks[0]?.arn).toMatch(new RegExp(`^arn:aws:ecs:${REGION}:${ACCOUNT}:task/main/[0-9a-f]{32}$`));
  });

  it("never over-commits however many callers ask at once", async () => {
    const { world, placement } = await cluster(["a", "b"], sized(500));
    const results = await Promise.all(
      Array.from({ length: 10 }, () => placement.place(runTaskRequest({ count: 3 }))),
    );
    expect(results.flatMap((r) => r.tasks)).toHaveLength(14);
    const used = new Map<string, number>();
    for (const t of allTasks(world))
      used.set(
        t.containerInstanceArn ?? "",
        (used.get(t.containerInstanceArn ?? "") ?? 0) + t.resources.memoryMiB,
      );
    expect([...used.values()]).toEqual([3500, 3500]);
    expect(results.at(-1)?.failures.map((f) => f.reason)).toEqual(["RESOURCE:MEMORY", "RESOURCE:MEMORY"]);
  });

  it("frees the room only when the agent says STOPPED", async () => {
    const { world, placement } = await cluster(["a"], sized(3000));
    const [task] = (await placement.place(runTaskRequest())).tasks;
    if (task === undefined) throw new Error("not placed");
    await changeTask(world, task, (t) => stopTask(t, { code: "UserInitiated", reason: "x" }, 1));
    expect((await placement.place(runTaskRequest())).tasks).toEqual([]);
    await changeTask(world, task, (t) => reportTask(t, { status: "STOPPED", containers: [] }, 2));
    expect((await placement.place(runTaskRequest())).tasks).toHaveLength(1);
  });

  it("looks again in the transaction: an instance that drains at that moment gets nothing", async () => {
    const { world, placement } = await cluster(["a", "b"]);
    const draining = changeInstance(world, "c0", (row) => setInstanceState(row, "DRAINING"));
    const { tasks } = await placement.place(runTaskRequest({ count: 10 }));
    await draining;
    expect(new Set(tasks.map((t) => t.containerInstanceArn))).toEqual(new Set([instanceArn("c1")]));
    expect(tasks).toHaveLength(10);
  });

  it("follows agents that come and go", async () => {
    const { world, placement } = await cluster(["a"]);
    await changeInstance(world, "c0", (row) => setAgentConnected(row, false, 1));
    expect((await placement.place(runTaskRequest())).failures).toEqual([
      { arn: instanceArn("c0"), reason: "AGENT" },
    ]);
    await changeInstance(world, "c0", (row) => setAgentConnected(row, true, 2));
    expect((await placement.place(runTaskRequest())).tasks).toHaveLength(1);
  });

  it("places more than one transaction holds", async () => {
    const { world, placement } = await cluster(["a", "b"], sized(10));
    const { tasks } = await placement.place(runTaskRequest({ count: 250 }));
    expect(tasks).toHaveLength(250);
    expect(allTasks(world)).toHaveLength(250);
  }, 20_000);

  it("answers a known client token with the same tasks", async () => {
    const { world, placement } = await cluster();
    const request = runTaskRequest({ count: 2, clientToken: "t" });
    const [first, second] = await Promise.all([placement.place(request), placement.place(request)]);
    expect(second?.tasks.map((t) => t.id).sort()).toEqual(first?.tasks.map((t) => t.id).sort());
    expect(allTasks(world)).toHaveLength(2);
  });

  it("gives the room back when the write fails", async () => {
    const backend = createFailingBackend(createMemoryBackend());
    const world = await createWorld(1, backend);
    await addInstances(world, ["a"]);
    await addDefinition(world, 1, sized(3000));
    const placement = createPlacement(world.base);
    await placement.start();
    backend.mode = "fail";
    await expect(placement.place(runTaskRequest())).rejects.toThrow();
    backend.mode = "succeed";
    expect((await placement.place(runTaskRequest())).tasks).toHaveLength(1);
  });

  it("refuses a constraint that cannot be read and an unknown definition", async () => {
    const { placement } = await cluster();
    await expect(
      placement.place(runTaskRequest({ constraints: [{ type: "memberOf", expression: "nonsense" }] })),
    ).rejects.toMatchObject({ code: "InvalidParameterException" });
    await expect(placement.place(runTaskRequest({ taskDefinitionArn: "arn:x" }))).rejects.toMatchObject({
      code: "ClientException",
    });
  });
});

describe("StartTask", () => {
  it("starts one task on each instance named and says why not on the others", async () => {
    const { world, placement } = await cluster(["a", "b", "c"]);
    await changeInstance(world, "c1", (row) => setInstanceState(row, "DRAINING"));
    const arns = [instanceArn("c0"), instanceArn("c1"), instanceArn("nope"), instanceArn("c2")];
    const { tasks, failures } = await placement.place(runTaskRequest({ containerInstanceArns: arns }));
    expect(tasks.map((t) => t.containerInstanceArn)).toEqual([instanceArn("c0"), instanceArn("c2")]);
    expect(failures).toEqual([
      { arn: instanceArn("c1"), reason: "INACTIVE" },
      { arn: instanceArn("nope"), reason: "MISSING" },
    ]);
  });
});

describe("a service's tasks", () => {
  it("belong to its deployment, are told of in an event, and never exceed what is wanted", async () => {
    const { world, placement } = await cluster();
    const service = await addService(world, {
      specification: {
        taskDefinitionArn: runTaskRequest().taskDefinitionArn,
        launchType: "EC2",
        loadBalancers: [{ targetGroupArn: "tg", containerName: "app", containerPort: 80 }],
      },
    });
    const id = service.deployments[0]?.id ?? "";
    const results = await Promise.all([
      placement.place(serviceRequest(2, 2, id)),
      placement.place(serviceRequest(2, 2, id)),
    ]);
    expect(results.map((r) => r.tasks.length)).toEqual([2, 0]);
    const [a, b] = allTasks(world);
    expect(a).toMatchObject({
      serviceName: "web",
      deploymentId: id,
      loadBalancers: [{ targetGroupArn: "tg" }],
    });
    expect(a?.availabilityZone).not.toBe(b?.availabilityZone);
    const ids = results[0]?.tasks.map((t) => `(task ${t.id})`).join(" ") ?? "";
    expect(eventTexts(world)).toEqual([`has started 2 tasks: ${ids}.`]);
  });

  it("are not started for a superseded deployment", async () => {
    const { world, placement } = await cluster();
    const service = await addService(world);
    await changeService(world, { forceNewDeployment: true }, 2);
    const { tasks } = await placement.place(serviceRequest(2, 2, service.deployments[0]?.id ?? ""));
    expect(tasks).toEqual([]);
  });

  it("explain what they lack", async () => {
    const { world, placement } = await cluster(["a"], sized(5000));
    const service = await addService(world);
    const { explanation } = await placement.place(serviceRequest(2, 2, service.deployments[0]?.id ?? ""));
    expect(explanation).toBe(
      "was unable to place a task because no container instance met all of its requirements. The closest matching (container-instance c0) has insufficient memory available.",
    );
  });
});

describe("placing tasks with network interfaces", () => {
  const zones = ["us-east-1a", "us-east-1b"];
  async function awsvpc(subnetZones = zones, instanceZones = zones) {
    const world = await createWorld();
    const network = await addSubnets(world, subnetZones);
    for (const [n, zone] of instanceZones.entries())
      await world.store.transact((tx) =>
        tx.put(
          containerInstances,
          containerInstanceKey(REGION, CLUSTER, `c${n}`),
          containerInstance(`c${n}`, { availabilityZone: zone, attributes: interfaceAttributes(zone) }),
        ),
      );
    await addDefinition(world, 1, {
      networkMode: "awsvpc",
      requiresAttributes: [{ name: "ecs.capability.task-eni" }],
    });
    const placement = createPlacement(world.base);
    await placement.start();
    const place = (count: number) => placement.place(runTaskRequest({ count, network }));
    return { world, place };
  }

  it("gives each an address of a subnet in its instance's zone, a device index and the service's groups", async () => {
    const { world, place } = await awsvpc();
    const { tasks } = await place(4);
    const rows = [...world.store.scan(networkInterfaces)].map(([, row]) => row);
    for (const task of tasks) {
      const row = rows.find((r) => r.id === task.attachment?.networkInterfaceId);
      expect(row).toMatchObject({
        availabilityZone: task.availabilityZone,
        subnetId: task.attachment?.subnetId,
        privateIp: task.attachment?.privateIp,
        securityGroupIds: ["sg-1"],
        status: "attaching",
        instanceId: `i-${task.containerInstanceArn?.split("/").at(-1)}`,
      });
    }
    expect(new Set(rows.map((r) => r.macAddress)).size).toBe(4);
    expect(rows.map((r) => `${r.instanceId} ${r.deviceIndex}`).sort()).toEqual([
      "i-c0 1",
      "i-c0 2",
      "i-c1 1",
      "i-c1 2",
    ]);
    expect([...world.store.scan(addresses)].map(([key]) => key)).toEqual([
      "subnet-0/10.64.0.4",
      "subnet-0/10.64.0.5",
      "subnet-1/10.64.1.4",
      "subnet-1/10.64.1.5",
    ]);
  });

  it("counts interfaces until they are gone", async () => {
    const { world, place } = await awsvpc(["us-east-1a"], ["us-east-1a"]);
    const { tasks } = await place(2);
    const [first] = tasks;
    if (first === undefined) throw new Error("nothing was placed");
    const full = { tasks: [], failures: [{ arn: instanceArn("c0"), reason: "RESOURCE:ENI" }] };
    expect(await place(1)).toMatchObject(full);
    await changeTask(world, first, (t) => loseTask(t, { code: "UserInitiated", reason: "" }, 1));
    expect(await place(1)).toMatchObject(full);
    await changeTask(world, first, (t) => interfaceGone(t, 2));
    expect((await place(1)).tasks).toHaveLength(1);
  });

  it("tells instances that are not where the subnets are, or cannot have interfaces", async () => {
    const { world, place } = await awsvpc(["us-east-1b"], ["us-east-1a", "us-east-1b"]);
    await changeInstance(world, "c1", (row) => ({
      ...row,
      attributes: row.attributes.filter((a) => a.name !== "ecs.capability.task-eni"),
    }));
    expect((await place(1)).failures).toEqual([
      { arn: instanceArn("c0"), reason: "LOCATION" },
      { arn: instanceArn("c1"), reason: "ATTRIBUTE" },
    ]);
  });

  it("places as many as there are addresses, and says what is missing", async () => {
    const { world, place } = await awsvpc(["us-east-1a"], ["us-east-1a"]);
    await world.store.transact((tx) => {
      for (let n = 5; n < 15; n += 1)
        tx.put(addresses, `subnet-0/10.64.0.${n}`, {
          subnetId: "subnet-0",
          address: `10.64.0.${n}`,
          owner: "i-other",
        });
    });
    const { tasks, failures, explanation } = await place(2);
    expect(tasks.map((t) => t.attachment?.privateIp)).toEqual(["10.64.0.4"]);
    expect(failures).toEqual([
      {
        arn: instanceArn("c0"),
        reason: "RESOURCE:ENI",
        detail: "There are not enough free addresses in subnet 'subnet-0'.",
      },
    ]);
    expect(explanation).toContain("There are not enough free addresses");
  });
});
