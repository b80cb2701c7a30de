// Two callers at once, and one who changes his mind: the same request in parallel gives one result, and whatever was interrupted
// comes to rest with exactly one PRIMARY and nothing left over.
import { DescribeInstancesCommand, TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteClusterCommand,
  DeleteServiceCommand,
  DeregisterContainerInstanceCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import { CreateTargetGroupCommand } from "@aws-sdk/client-elastic-load-balancing-v2";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { reset } from "#cli/commands/reset.ts";
import { clientsFor } from "#cli/connection.ts";
import * as stack from "#cli/demo/stack.ts";
import type { ContainerInstanceRow } from "#domain/ecs/container-instance.ts";
import { holdsResources } from "#domain/ecs/task.ts";
import { addresses, instances } from "#store/tables/ec2.ts";
import { containerInstances, services, taskDefinitions, tasks } from "#store/tables/ecs.ts";
import { eventually } from "#tests/support/estiba.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";
import { CLUSTER, runHosts } from "#tests/support/two-hosts.ts";
import { all, atOnce, names, shortCalls, type ShortCalls } from "./short-calls.ts";

let server: SimulatedServer;
let at: ShortCalls;
let hosts: readonly ContainerInstanceRow[];
let place: stack.Place;
let checked = 0;
beforeAll(async () => {
  server = await startSimulatedServer({ allowReset: true });
  at = shortCalls(server);
  hosts = await runHosts(server);
  place = await stack.findPlace(server.clients);
  for (const revision of ["1", "2", "3"]) await at.registerRevision(revision);
}, 30_000);
afterAll(() => server.close());
afterEach(() => {
  const lines = server.log.slice(checked);
  checked = server.log.length;
  expect(lines.filter((line) => line.level === "error")).toEqual([]);
});
const ecs = () => server.clients.ecs;
const ec2 = () => server.clients.ec2;

describe("the same request many times at once", () => {
  it("makes one cluster", async () => {
    const made = await all(8, () => ecs().send(new CreateClusterCommand({ clusterName: "once" })));
    expect(new Set(made.map((m) => m.cluster?.clusterArn)).size).toBe(1);
    expect(new Set(made.map((m) => m.cluster?.status))).toEqual(new Set(["ACTIVE"]));
  });

  it("makes one service with one deployment and its tasks once", async () => {
    const made = await all(8, () => at.create("once", 3, { clientToken: "t" }));
    expect(new Set(made.map((m) => m.service?.deployments?.[0]?.id)).size).toBe(1);
    await at.steady("once", 3);
    expect(at.rowsOf("once")).toHaveLength(3);
    await at.remove("once");
  });

  it("runs the tasks of one client token once", async () => {
    const run = () =>
      ecs().send(
        new RunTaskCommand({ cluster: CLUSTER, taskDefinition: "app:1", count: 3, clientToken: "run-once" }),
      );
    const answers = await all(8, run);
    const arns = answers.map((a) =>
      (a.tasks ?? [])
        .map((t) => t.taskArn)
        .sort()
        .join(),
    );
    expect(new Set(arns).size).toBe(1);
    expect(arns[0]?.split(",")).toHaveLength(3);
    expect(
      Array.from(server.store.scan(tasks), ([, row]) => row).filter((row) => row.clientToken === "run-once"),
    ).toHaveLength(3);
  });

  it("gives one of two different requests with one client token the token", async () => {
    const results = await atOnce(6, (i) =>
      ecs().send(
        new RunTaskCommand({
          cluster: CLUSTER,
          taskDefinition: "app:1",
          count: 1 + (i % 2),
          clientToken: "two",
        }),
      ),
    );
    expect(names(results)).toEqual([
      "ConflictException",
      "ConflictException",
      "ConflictException",
      "ok",
      "ok",
      "ok",
    ]);
  });

  it("launches the instances of one client token once", async () => {
    const answers = await all(6, () => at.launch({ ClientToken: "launch-once" }));
    const ids = new Set(answers.flatMap((a) => (a.Instances ?? []).map((i) => i.InstanceId)));
    expect(ids.size).toBe(1);
    await ec2().send(new TerminateInstancesCommand({ InstanceIds: [...ids].map(String) }));
  });

  it("makes one target group, and refuses another of its name", async () => {
    const group = (port: number) =>
      server.clients.elbv2.send(
        new CreateTargetGroupCommand({ Name: "once", Protocol: "HTTP", Port: port, VpcId: place.vpcId }),
      );
    const same = await all(6, () => group(80));
    expect(new Set(same.map((m) => m.TargetGroups?.[0]?.TargetGroupArn)).size).toBe(1);
    expect(names(await atOnce(2, () => group(81)))).toEqual([
      "DuplicateTargetGroupNameException",
      "DuplicateTargetGroupNameException",
    ]);
  });

  it("never gives two definitions one revision", async () => {
    const before = Array.from(server.store.scan(taskDefinitions)).length;
    const made = await all(10, (i) =>
      ecs().send(
        new RegisterTaskDefinitionCommand({
          family: "raced",
          containerDefinitions: [{ name: "app", image: `app:${i}`, memory: 16 }],
        }),
      ),
    );
    expect(made.map((m) => m.taskDefinition?.revision).sort((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 10 }, (_, i) => i + 1),
    );
    expect(Array.from(server.store.scan(taskDefinitions))).toHaveLength(before + 10);
  });

  it("never places more than there is room for", async () => {
    await ecs().send(
      new RegisterTaskDefinitionCommand({
        family: "large",
        containerDefinitions: [{ name: "app", image: "app:1", memory: 600 }],
      }),
    );
    const answers = await all(10, () =>
      ecs().send(new RunTaskCommand({ cluster: CLUSTER, taskDefinition: "large", count: 2 })),
    );
    const placed = answers.flatMap((a) => a.tasks ?? []);
    expect(placed.length).toBeGreaterThan(0);
    expect(placed.length + answers.flatMap((a) => a.failures ?? []).length).toBe(20);
    for (const host of hosts) {
      const held = server.store.find(tasks, "activeOnInstance", host.arn).map(([, row]) => row);
      const used = held.filter(holdsResources).reduce((sum, row) => sum + row.resources.memoryMiB, 0);
      expect(used).toBeLessThanOrEqual(host.registered.memoryMiB);
    }
    await all(placed.length, (i) =>
      ecs().send(new StopTaskCommand({ cluster: CLUSTER, task: placed[i]?.taskArn ?? "" })),
    );
  });
});

describe("a service that is changed while it changes", () => {
  it("twice quickly ends on the last definition with one PRIMARY", async () => {
    await at.create("twice", 2);
    const update = (taskDefinition: string) =>
      ecs().send(new UpdateServiceCommand({ cluster: CLUSTER, service: "twice", taskDefinition }));
    await update("app:2");
    await update("app:3");
    const after = await at.steady("twice", 2);
    expect(after.taskDefinition).toMatch(/app:3$/);
    const alive = at.rowsOf("twice").filter((row) => row.lastStatus !== "STOPPED");
    expect(alive.map((row) => row.taskDefinitionArn.split("/").at(-1))).toEqual(["app:3", "app:3"]);
    await at.remove("twice");
  });

  it("by many at once ends on one of their wishes, with a deployment for each", async () => {
    await at.create("many", 1);
    await at.steady("many", 1);
    const updates = await all(6, (i) =>
      ecs().send(
        new UpdateServiceCommand({
          cluster: CLUSTER,
          service: "many",
          desiredCount: 1 + (i % 3),
          taskDefinition: `app:${1 + (i % 3)}`,
          forceNewDeployment: true,
        }),
      ),
    );
    const ids = updates.map((u) => u.service?.deployments?.find((d) => d.status === "PRIMARY")?.id);
    expect(new Set(ids).size).toBe(6);
    const row = await eventually("the service", () =>
      Array.from(server.store.scan(services), ([, r]) => r).find((r) => r.name === "many"),
    );
    const after = await at.steady("many", row.desiredCount);
    expect(ids).toContain(after.deployments?.[0]?.id);
    expect(after.taskDefinition).toMatch(new RegExp(`app:${row.desiredCount}$`));
    await at.remove("many");
  });

  it("that is scaled up and down while it starts ends with what was asked last", async () => {
    await at.create("scaled", 1);
    for (const desiredCount of [5, 0, 4, 1, 3])
      await ecs().send(new UpdateServiceCommand({ cluster: CLUSTER, service: "scaled", desiredCount }));
    await at.steady("scaled", 3);
    expect(at.rowsOf("scaled").filter((row) => row.desiredStatus === "RUNNING")).toHaveLength(3);
    await at.remove("scaled");
  });

  it("that is deleted in the middle of a deployment leaves no task, and its name is free again", async () => {
    await at.create("leaving", 3);
    await at.steady("leaving", 3);
    await ecs().send(
      new UpdateServiceCommand({ cluster: CLUSTER, service: "leaving", taskDefinition: "app:2" }),
    );
    const results = await atOnce(3, () =>
      ecs().send(new DeleteServiceCommand({ cluster: CLUSTER, service: "leaving", force: true })),
    );
    expect(names(results)).toContain("ok");
    expect(new Set(names(results))).not.toContain("ServerException");
    expect(
      names(
        await atOnce(2, () =>
          ecs().send(new UpdateServiceCommand({ cluster: CLUSTER, service: "leaving", desiredCount: 9 })),
        ),
      ),
    ).toEqual(["ServiceNotActiveException", "ServiceNotActiveException"]);
    await at.remove("leaving").catch((error: Error) => expect(error.name).toBe("ServiceNotFoundException"));
    await eventually(
      "no task of it is left",
      () => at.rowsOf("leaving").every((row) => row.lastStatus === "STOPPED") || undefined,
      20,
    );
    await at.create("leaving", 1);
    await at.steady("leaving", 1);
    await at.remove("leaving");
  });
});

describe("an instance", () => {
  const ended = (ids: readonly string[]) =>
    eventually(
      "terminated",
      async () => {
        const { Reservations } = await ec2().send(new DescribeInstancesCommand({ InstanceIds: [...ids] }));
        const found = (Reservations ?? []).flatMap((r) => r.Instances ?? []);
        return found.every((i) => i.State?.Name === "terminated") || undefined;
      },
      20,
    );

  it("that is terminated while it is launched leaves neither host, address nor container instance", async () => {
    const launched = await all(6, () => at.launch());
    const ids = launched.flatMap((l) => (l.Instances ?? []).map((i) => i.InstanceId ?? ""));
    const states = await all(3, () => ec2().send(new TerminateInstancesCommand({ InstanceIds: ids })));
    for (const state of states) expect(state.TerminatingInstances).toHaveLength(6);
    await ended(ids);
    expect(ids.flatMap((id) => server.store.find(addresses, "owner", id))).toEqual([]);
    for (const id of ids)
      for (const [, row] of server.store.find(containerInstances, "ec2InstanceId", id))
        expect(row).toMatchObject({ status: "INACTIVE", agentConnected: false });
    // A host that came up after its end would register now.
    const registered = () => ids.flatMap((id) => server.store.find(containerInstances, "ec2InstanceId", id));
    const before = registered().length;
    await at
      .launch()
      .then(({ Instances }) =>
        eventually(
          "a later host is registered",
          () => server.store.find(containerInstances, "ec2InstanceId", Instances?.[0]?.InstanceId ?? "")[0],
          20,
        ),
      );
    expect(registered()).toHaveLength(before);
  });

  it("that is terminated while tasks are placed on it keeps none of them, and the service recovers", async () => {
    const { Instances } = await at.launch();
    const id = Instances?.[0]?.InstanceId ?? "";
    await eventually(
      "connected",
      () => server.store.find(containerInstances, "ec2InstanceId", id)[0]?.[1].agentConnected || undefined,
      20,
    );
    await at.create("uprooted", 9);
    await Promise.all([
      ec2().send(new TerminateInstancesCommand({ InstanceIds: [id] })),
      ...Array.from({ length: 5 }, () =>
        ecs().send(new RunTaskCommand({ cluster: CLUSTER, taskDefinition: "app:1", count: 2 })),
      ),
    ]);
    await ended([id]);
    await at.steady("uprooted", 9);
    const arn = server.store.find(containerInstances, "ec2InstanceId", id)[0]?.[1].arn ?? "";
    await eventually(
      "nothing is left on it",
      () => server.store.find(tasks, "activeOnInstance", arn).length === 0 || undefined,
      10,
    );
    expect(server.store.find(instances, "id", id)[0]?.[1].state).toBe("terminated");
    await at.remove("uprooted");
  });

  it("that is deregistered by many at once is deregistered", async () => {
    const [host] = hosts;
    const results = await atOnce(4, () =>
      ecs().send(
        new DeregisterContainerInstanceCommand({
          cluster: CLUSTER,
          containerInstance: host?.arn ?? "",
          force: true,
        }),
      ),
    );
    expect(names(results)).toEqual(["ok", "ok", "ok", "ok"]);
    expect(server.store.find(tasks, "activeOnInstance", host?.arn ?? "")).toEqual([]);
  });
});

describe("a cluster", () => {
  it("that is deleted while a service is made in it is one or the other, never a service in no cluster", async () => {
    for (let i = 0; i < 10; i++) {
      const clusterName = `contested-${i}`;
      await ecs().send(new CreateClusterCommand({ clusterName }));
      const [deleted, created] = await Promise.allSettled([
        ecs().send(new DeleteClusterCommand({ cluster: clusterName })),
        ecs().send(
          new CreateServiceCommand({
            cluster: clusterName,
            serviceName: "s",
            taskDefinition: "app:1",
            desiredCount: 0,
          }),
        ),
      ]);
      expect([deleted.status, created.status].sort()).toEqual(["fulfilled", "rejected"]);
    }
  });
});

describe("the reset endpoint", () => {
  it("asked by many at once empties once, and the calls around it are answered or told to come again", async () => {
    const outcome = (ask: Promise<unknown>) =>
      ask.then(
        () => "done",
        (error: Error) => error.message.replace(/^The server refused: (\d+).*$/, "$1"),
      );
    const calls = Array.from({ length: 20 }, async (_, i) => {
      const clients = clientsFor({ ...server.connection });
      const answer = await outcome(
        clients.ecs.send(new CreateClusterCommand({ clusterName: `around-${i}` })),
      );
      clients.close();
      return answer;
    });
    const resets = await all(4, () => outcome(reset(server.connection, () => {})));
    expect([...resets].sort()).toEqual(["503", "503", "503", "done"]);
    const answers = await Promise.all(calls);
    expect(answers.filter((a) => a !== "done" && a !== "The server is not ready yet.")).toEqual([]);
    expect(Array.from(server.store.scan(services))).toEqual([]);
    expect(Array.from(server.store.scan(tasks))).toEqual([]);
    expect(Array.from(server.store.scan(instances))).toEqual([]);
    hosts = await runHosts(server);
    await at.registerRevision("1");
    await at.create("after", 2);
    await at.steady("after", 2);
  });
});
