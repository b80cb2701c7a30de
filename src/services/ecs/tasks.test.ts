import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ListTasksCommandInput, RunTaskCommandInput, StartTaskCommandInput } from "@aws-sdk/client-ecs";
import {
  ACCOUNT,
  allTasks,
  changeTask,
  containerInstance,
  instanceArn,
  REGION,
  targetGroup,
} from "#controllers/world.suite.ts";
import { type ContainerInstanceRow, setAgentConnected } from "#domain/ecs/container-instance.ts";
import { activateTask, reportTask, type TaskReport } from "#domain/ecs/task-transitions.ts";
import { containerInstances, tasks } from "#store/tables/ecs.ts";
import * as iam from "#store/tables/iam.ts";
import { refusal } from "./fixture.suite.ts";
import { container, createPlacingFixture, type PlacingFixture } from "./placing.suite.ts";

const id = (n: number) => String(n).padStart(32, "0");
const arn = (resource: string) => `arn:aws:ecs:${REGION}:${ACCOUNT}:${resource}`;

let f: PlacingFixture;
beforeEach(async () => {
  f = await createPlacingFixture();
});
afterEach(() => f.close());

const addInstance = (n: number, more: Partial<ContainerInstanceRow> = {}) =>
  f.world.store.transact((tx) =>
    tx.put(containerInstances, `${REGION}/main/${id(n)}`, containerInstance(id(n), more)),
  );

const run = (more: Partial<RunTaskCommandInput> = {}) =>
  f.client.runTask({ cluster: "main", taskDefinition: "web", ...more });

async function runOne(more: Partial<RunTaskCommandInput> = {}) {
  const { tasks: started = [] } = await run(more);
  const row = allTasks(f.world).find((t) => t.arn === started[0]?.taskArn);
  if (row === undefined) throw new Error("no task was placed");
  return row;
}
const report = (task: { readonly id: string }, what: TaskReport) =>
  changeTask(f.world, task, (row) => reportTask(row, what, f.world.clock.now()));

const RUNNING: TaskReport = {
  status: "RUNNING",
  containers: [
    {
      name: "app",
      status: "RUNNING",
      runtimeId: "abc",
      networkBindings: [{ bindIP: "0.0.0.0", containerPort: 80, hostPort: 32768, protocol: "tcp" }],
    },
  ],
};

describe("RunTask", () => {
  beforeEach(async () => {
    await f.define();
  });

  it("answers tasks with every member that clients index without looking", async () => {
    await addInstance(1, { attributes: [{ name: "ecs.cpu-architecture", value: "x86_64" }] });
    const answer = await run({ startedBy: "ci", tags: [{ key: "a", value: "1" }] });
    expect(answer.failures).toEqual([]);
    const [task] = answer.tasks ?? [];
    const taskId = task?.taskArn?.split("/").at(-1) ?? "";
    expect(taskId).toMatch(/^[0-9a-f]{32}$/);
    expect(task).toEqual({
      taskArn: arn(`task/main/${taskId}`),
      clusterArn: arn("cluster/main"),
      taskDefinitionArn: arn("task-definition/web:1"),
      containerInstanceArn: instanceArn(id(1)),
      availabilityZone: "us-east-1a",
      connectivity: "CONNECTED",
      connectivityAt: new Date(f.world.clock.now()),
      attachments: [],
      attributes: [{ name: "ecs.cpu-architecture", value: "x86_64" }],
      containers: [
        {
          containerArn: expect.stringMatching(`^${arn(`container/main/${taskId}/`)}`) as string,
          taskArn: arn(`task/main/${taskId}`),
          name: "app",
          image: "web:1",
          lastStatus: "PENDING",
          networkBindings: [],
          networkInterfaces: [],
          healthStatus: "UNKNOWN",
          cpu: "0",
          memory: "128",
        },
      ],
      overrides: { containerOverrides: [{ name: "app" }], inferenceAcceleratorOverrides: [] },
      cpu: "0",
      memory: "128",
      group: "family:web",
      startedBy: "ci",
      launchType: "EC2",
      lastStatus: "PENDING",
      desiredStatus: "RUNNING",
      healthStatus: "UNKNOWN",
      version: 1,
      enableExecuteCommand: false,
      createdAt: new Date(f.world.clock.now()),
      tags: [{ key: "a", value: "1" }],
    });
  });

  it("refuses a cluster without instances, and names what each instance lacks when there is no room", async () => {
    expect(await refusal(run())).toBe(
      "InvalidParameterException: No Container Instances were found in your cluster.",
    );
    await addInstance(1, { registered: { cpu: 1024, memoryMiB: 300 } });
    await addInstance(2, { agentConnected: false });
    const answer = await run({ count: 4 });
    expect(answer.tasks).toHaveLength(2);
    expect(answer.failures).toEqual([
      { arn: instanceArn(id(1)), reason: "RESOURCE:MEMORY" },
      { arn: instanceArn(id(2)), reason: "AGENT" },
    ]);
  });

  it("keeps the overrides, and shows them for each container", async () => {
    await addInstance(1);
    await f.world.store.transact((tx) =>
      tx.put(iam.roles, "job", { name: "job", arn: `arn:aws:iam::${ACCOUNT}:role/job` } as never),
    );
    const override = { name: "app", command: ["sh", "-c", "true"], environment: [{ name: "A", value: "1" }] };
    const [task] =
      (
        await run({
          overrides: {
            containerOverrides: [{ ...override, memory: 64 }],
            taskRoleArn: "job",
            cpu: ".5 vCPU",
            memory: "1GB",
          },
        })
      ).tasks ?? [];
    expect(task?.overrides).toEqual({
      containerOverrides: [{ ...override, memory: 64 }],
      inferenceAcceleratorOverrides: [],
      taskRoleArn: `arn:aws:iam::${ACCOUNT}:role/job`,
      cpu: "512",
      memory: "1024",
    });
    expect(task).toMatchObject({ cpu: "512", memory: "1024", containers: [{ memory: "64" }] });
  });

  it("gives tasks the definition's tags when asked, the caller's above them, and ECS's own", async () => {
    await addInstance(1);
    await f.define("tagged", {
      tags: [
        { key: "team", value: "a" },
        { key: "tier", value: "b" },
      ],
    });
    const [task] =
      (
        await run({
          taskDefinition: "tagged",
          propagateTags: "TASK_DEFINITION",
          enableECSManagedTags: true,
          tags: [{ key: "tier", value: "mine" }],
        })
      ).tasks ?? [];
    expect(task?.tags).toEqual([
      { key: "team", value: "a" },
      { key: "tier", value: "mine" },
      { key: "aws:ecs:clusterName", value: "main" },
    ]);
  });

  it("places one task an instance under distinctInstance, and only where memberOf holds", async () => {
    await addInstance(1);
    await addInstance(2, { attributes: [{ name: "disk", value: "ssd" }] });
    const distinct = await run({ count: 3, placementConstraints: [{ type: "distinctInstance" }] });
    expect(new Set(distinct.tasks?.map((t) => t.containerInstanceArn)).size).toBe(2);
    const onDisk = await run({
      count: 3,
      placementConstraints: [{ type: "memberOf", expression: "attribute:disk == ssd" }],
      placementStrategy: [{ type: "binpack", field: "memory" }],
    });
    expect(new Set(onDisk.tasks?.map((t) => t.containerInstanceArn))).toEqual(new Set([instanceArn(id(2))]));
  });

  describe("with a client token", () => {
    beforeEach(() => addInstance(1));

    it("answers the same tasks for the same request, as they are now, whatever became of the rest", async () => {
      const first = await run({ count: 2, clientToken: "t", tags: [{ key: "a", value: "1" }] });
      for (const row of allTasks(f.world)) await report(row, RUNNING);
      await f.client.deregisterTaskDefinition({ taskDefinition: "web:1" });
      const again = await run({ clientToken: "t", tags: [{ key: "a", value: "1" }], count: 2 });
      const arns = (answer: typeof first) => answer.tasks?.map((t) => t.taskArn).sort();
      expect(arns(again)).toEqual(arns(first));
      expect(again.tasks?.map((t) => t.lastStatus)).toEqual(["RUNNING", "RUNNING"]);
      expect(allTasks(f.world)).toHaveLength(2);
    });

    it("refuses another request with a ConflictException that names the tasks", async () => {
      const { tasks: first = [] } = await run({ clientToken: "t" });
      const conflict: unknown = await run({ clientToken: "t", count: 2 }).catch((error: unknown) => error);
      expect(conflict).toMatchObject({
        name: "ConflictException",
        resourceIds: first.map((t) => t.taskArn),
      });
      expect(allTasks(f.world)).toHaveLength(1);
    });

    it("starts one set of tasks for two requests at the same time, and refuses the one that differs", async () => {
      const both = await Promise.all([run({ clientToken: "t" }), run({ clientToken: "t" })]);
      expect(new Set(both.flatMap((a) => a.tasks?.map((t) => t.taskArn))).size).toBe(1);
      const mixed = await Promise.all([
        refusal(run({ clientToken: "u" })),
        refusal(run({ clientToken: "u", count: 3 })),
      ]);
      expect(mixed.filter((m) => typeof m === "string" && m.startsWith("ConflictException"))).toHaveLength(1);
    });
  });

  const refusals: [string, Partial<RunTaskCommandInput>, RegExp][] = [
    ["count 0", { count: 0 }, /^InvalidParameterException: count must be between 1 and 10\.$/],
    ["count 11", { count: 11 }, /^InvalidParameterException: count must be between 1 and 10\.$/],
    ["an unknown cluster", { cluster: "no" }, /^ClusterNotFoundException: Cluster not found\.$/],
    ["an unknown definition", { taskDefinition: "no" }, /^ClientException: TaskDefinition not found\.$/],
    [
      "an override of an unknown container",
      { overrides: { containerOverrides: [{ name: "web", command: ["a"] }] } },
      /^InvalidParameterException: Override for container named web is not a container in the TaskDefinition\.$/,
    ],
    [
      "an override without a name",
      { overrides: { containerOverrides: [{ command: ["a"] }] } },
      /must have a name/,
    ],
    [
      "two overrides of a container",
      {
        overrides: {
          containerOverrides: [
            { name: "app", cpu: 1 },
            { name: "app", cpu: 2 },
          ],
        },
      },
      /more than one override/,
    ],
    [
      "an override below Docker's least memory",
      { overrides: { containerOverrides: [{ name: "app", memory: 3 }] } },
      /'memory' override/,
    ],
    [
      "a reservation above the limit",
      { overrides: { containerOverrides: [{ name: "app", memoryReservation: 256 }] } },
      /exceeds 'memory'/,
    ],
    [
      "an override of environment files",
      {
        overrides: { containerOverrides: [{ name: "app", environmentFiles: [{ value: "a", type: "s3" }] }] },
      },
      /'overrides\.containerOverrides\[0\]\.environmentFiles' is not implemented/,
    ],
    [
      "an override of the ephemeral storage",
      { overrides: { ephemeralStorage: { sizeInGiB: 30 } } },
      /'overrides\.ephemeralStorage' is not implemented/,
    ],
    [
      "a role that is not there",
      { overrides: { taskRoleArn: "no" } },
      /^ClientException: Role is not valid$/,
    ],
    [
      "overrides beyond AWS's length",
      { overrides: { containerOverrides: [{ name: "app", command: ["a".repeat(9000)] }] } },
      /Overrides length must be at most 8192/,
    ],
    [
      "a network configuration in bridge mode",
      { networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"] } } },
      /Network Configuration is not valid for the given networkMode of this task definition\.$/,
    ],
    ["Fargate", { launchType: "FARGATE" }, /launchType 'FARGATE' is not implemented/],
    [
      "capacity providers",
      { capacityProviderStrategy: [{ capacityProvider: "a" }] },
      /'capacityProviderStrategy' is not implemented/,
    ],
    ["ECS Exec", { enableExecuteCommand: true }, /'enableExecuteCommand' is not implemented/],
    ["a reference id", { referenceId: "a" }, /'referenceId' is not implemented/],
    ["a service's group", { group: "service:web" }, /Invalid namespace for group/],
    ["tags of a service", { propagateTags: "SERVICE" }, /^InvalidParameterException: Propagating tags/],
    ["a startedBy with a space", { startedBy: "a b" }, /Invalid startedBy/],
    ["a client token that is too long", { clientToken: "a".repeat(65) }, /Invalid client token/],
    [
      "a constraint that cannot be read",
      { placementConstraints: [{ type: "memberOf", expression: "attribute:" }] },
      /^InvalidParameterException: Invalid placement constraint/,
    ],
    [
      "a constraint of another type",
      { placementConstraints: [{ type: "near" as never }] },
      /placement constraint type 'near'/,
    ],
    [
      "an expression of distinctInstance",
      { placementConstraints: [{ type: "distinctInstance", expression: "a" }] },
      /Expression is not valid/,
    ],
    [
      "a strategy of another type",
      { placementStrategy: [{ type: "near" as never }] },
      /strategy type 'near'/,
    ],
    [
      "binpack over something else",
      { placementStrategy: [{ type: "binpack", field: "disk" }] },
      /field 'disk' for placement strategy type binpack/,
    ],
    ["spread without a field", { placementStrategy: [{ type: "spread" }] }, /placement strategy type spread/],
    [
      "six strategies",
      { placementStrategy: Array.from({ length: 6 }, () => ({ type: "random" as const })) },
      /A maximum of 5/,
    ],
    ["a tag twice", { tags: [{ key: "a" }, { key: "a" }] }, /Duplicate tag key/],
  ];
  it.each(refusals)("refuses %s and starts nothing", async (_what, input, words) => {
    await addInstance(1);
    expect(await refusal(run(input))).toMatch(words);
    expect(allTasks(f.world)).toEqual([]);
  });
});

describe("StartTask", () => {
  const start = (more: Partial<StartTaskCommandInput> = {}) =>
    f.client.startTask({ cluster: "main", taskDefinition: "web", containerInstances: [id(1)], ...more });
  beforeEach(async () => {
    await f.define("web", {
      containerDefinitions: [container({ portMappings: [{ containerPort: 80, hostPort: 8080 }] })],
    });
    await addInstance(1);
  });

  it("puts a task on each instance named, and says which could not take one", async () => {
    const both = await start({ containerInstances: [id(1), instanceArn(id(9))] });
    expect(both.tasks?.map((t) => t.containerInstanceArn)).toEqual([instanceArn(id(1))]);
    expect(both.failures).toEqual([{ arn: instanceArn(id(9)), reason: "MISSING" }]);
    expect((await start()).failures).toEqual([{ arn: instanceArn(id(1)), reason: "RESOURCE:PORTS" }]);
  });

  it.each([
    ["no instances", { containerInstances: [] }, /Container instances cannot be empty/],
    ["eleven", { containerInstances: Array.from({ length: 11 }, (_, n) => id(n)) }, /at most 10/],
    ["an id of another length", { containerInstances: ["abc"] }, /containerInstanceId length should be/],
    ["volumes", { volumeConfigurations: [{ name: "a" }] }, /'volumeConfigurations' is not implemented/],
  ])("refuses %s", async (_what, input, words) => {
    expect(await refusal(start(input))).toMatch(words);
  });
});

describe("StopTask", () => {
  const stop = (task: string, reason?: string) =>
    f.client.stopTask({ cluster: "main", task, ...(reason === undefined ? {} : { reason }) });
  beforeEach(async () => {
    await f.define();
    await addInstance(1);
  });

  it("begins the stop with the caller's reason; a second call changes nothing", async () => {
    const { arn: taskArn } = await runOne();
    const { task } = await stop(taskArn, "enough");
    expect(task).toMatchObject({
      desiredStatus: "STOPPED",
      lastStatus: "STOPPING",
      stopCode: "UserInitiated",
      stoppedReason: "enough",
      stoppingAt: new Date(f.world.clock.now()),
    });
    await f.world.clock.advance(1000);
    expect((await stop(taskArn, "again")).task).toEqual(task);
  });

  it("lets a task with registered targets drain first", async () => {
    const row = await runOne();
    const { arn: targetGroupArn } = targetGroup("web");
    await changeTask(f.world, row, (t) => ({
      ...t,
      loadBalancers: [{ targetGroupArn, containerName: "app", containerPort: 80 }],
    }));
    await report(row, RUNNING);
    await changeTask(f.world, row, (t) => activateTask(t, ["web-id/1"], f.world.clock.now()));
    const { task } = await stop(row.id);
    expect(task).toMatchObject({ lastStatus: "DEACTIVATING", stoppedReason: "Task stopped by user" });
  });

  it.each([
    ["an unknown task", id(7), /^InvalidParameterException: The referenced task was not found\.$/],
    ["an id of another length", "abc", /taskId length should be one of/],
    ["a task of another cluster", arn(`task/other/${id(7)}`), /Identifier is for other/],
  ])("refuses %s", async (_what, task, words) => {
    expect(await refusal(stop(task))).toMatch(words);
  });
});

describe("DescribeTasks", () => {
  beforeEach(async () => {
    await f.define();
    await addInstance(1);
  });

  it("shows what the agent reported, also of a task that has stopped", async () => {
    const row = await runOne();
    await report(row, RUNNING);
    const describe_ = async () =>
      (await f.client.describeTasks({ cluster: "main", tasks: [row.arn] })).tasks?.[0];
    expect(await describe_()).toMatchObject({
      lastStatus: "RUNNING",
      version: 2,
      startedAt: new Date(f.world.clock.now()),
      containers: [
        {
          lastStatus: "RUNNING",
          runtimeId: "abc",
          networkBindings: [{ bindIP: "0.0.0.0", containerPort: 80, hostPort: 32768, protocol: "tcp" }],
        },
      ],
    });
    await f.world.clock.advance(1000);
    await report(row, { status: "STOPPED", containers: [{ name: "app", status: "STOPPED", exitCode: 3 }] });
    expect(await describe_()).toMatchObject({
      lastStatus: "STOPPED",
      desiredStatus: "STOPPED",
      stopCode: "EssentialContainerExited",
      stoppedReason: "Essential container in task exited",
      stoppedAt: new Date(f.world.clock.now()),
      containers: [{ exitCode: 3 }],
    });
  });

  it("shows tags only when asked, and a lost agent as DISCONNECTED with the task as it was", async () => {
    const row = await runOne({ tags: [{ key: "a", value: "1" }] });
    await report(row, RUNNING);
    await f.world.store.transact((tx) => {
      for (const [key, instance] of tx.scan(containerInstances))
        tx.put(containerInstances, key, setAgentConnected(instance, false, f.world.clock.now()));
    });
    const plain = await f.client.describeTasks({ cluster: "main", tasks: [row.id] });
    expect(plain.tasks?.[0]).toMatchObject({ tags: [], lastStatus: "RUNNING", connectivity: "DISCONNECTED" });
    const full = await f.client.describeTasks({ cluster: "main", tasks: [row.id], include: ["TAGS"] });
    expect(full.tasks?.[0]?.tags).toEqual([{ key: "a", value: "1" }]);
  });
});

describe("ListTasks", () => {
  const list = async (more: Partial<ListTasksCommandInput> = {}) =>
    (await f.client.listTasks({ cluster: "main", ...more })).taskArns ?? [];
  beforeEach(async () => {
    await f.define();
    await f.define("job");
    await addInstance(1);
    await addInstance(2, { agentConnected: false });
  });

  it("lists what is to run unless asked for what is stopped, by one filter or those that go together", async () => {
    const web = await runOne({ startedBy: "ci" });
    const job = await runOne({ taskDefinition: "job" });
    const gone = await runOne({ taskDefinition: "job", startedBy: "ci" });
    await f.client.stopTask({ cluster: "main", task: gone.id });
    expect(await list()).toEqual([web.arn, job.arn].sort());
    expect(await list({ desiredStatus: "STOPPED" })).toEqual([gone.arn]);
    expect(await list({ desiredStatus: "PENDING" })).toEqual([]);
    expect(await list({ family: "job" })).toEqual([job.arn]);
    expect(await list({ startedBy: "ci" })).toEqual([web.arn]);
    expect(await list({ startedBy: "ci", desiredStatus: "STOPPED" })).toEqual([gone.arn]);
    expect(await list({ containerInstance: id(1), family: "web" })).toEqual([web.arn]);
    expect(await list({ containerInstance: id(2) })).toEqual([]);
    expect(await list({ launchType: "EXTERNAL" })).toEqual([]);
  });

  it("lists a service's tasks by its name", async () => {
    const row = await runOne();
    await f.client.createService({
      cluster: "main",
      serviceName: "web",
      taskDefinition: "web",
      desiredCount: 0,
    });
    await changeTask(f.world, row, (t) => ({ ...t, serviceName: "web" }));
    await runOne();
    expect(await list({ serviceName: "web" })).toEqual([row.arn]);
  });

  it("comes in pages of 100 unless asked otherwise; a token is bound to its question", async () => {
    const row = await runOne();
    await f.world.store.transact((tx) => {
      for (let n = 0; n < 100; n += 1)
        tx.put(tasks, `${REGION}/main/${id(n)}`, { ...row, id: id(n), arn: `t${n}` });
    });
    const first = await f.client.listTasks({ cluster: "main" });
    expect(first.taskArns).toHaveLength(100);
    const rest = await f.client.listTasks({ cluster: "main", nextToken: first.nextToken });
    expect(rest.taskArns).toHaveLength(1);
    expect(rest.nextToken).toBeUndefined();
    expect(await refusal(list({ nextToken: first.nextToken, family: "web" }))).toMatch(/Invalid token/);
    expect(await list({ maxResults: 7 })).toHaveLength(7);
  });

  it.each([
    [
      "startedBy with a family",
      { startedBy: "a", family: "web" },
      /cannot specify startedBy with other arguments/,
    ],
    [
      "startedBy with a launch type",
      { startedBy: "a", launchType: "EC2" as const },
      /cannot specify startedBy/,
    ],
    ["a service with a family", { serviceName: "a", family: "web" }, /cannot specify serviceName with other/],
    [
      "a service with an instance",
      { serviceName: "a", containerInstance: id(1) },
      /cannot specify serviceName/,
    ],
    ["an unknown service", { serviceName: "no" }, /^ServiceNotFoundException: Service not found\.$/],
    [
      "an unknown instance",
      { containerInstance: id(9) },
      /^InvalidParameterException: The referenced container/,
    ],
    ["pages of 101", { maxResults: 101 }, /maxResults/],
    ["a daemon", { daemonName: "a" }, /'daemonName' is not implemented/],
  ])("refuses %s", async (_what, input, words) => {
    expect(await refusal(list(input))).toMatch(words);
  });
});
