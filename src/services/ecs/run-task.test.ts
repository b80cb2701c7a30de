import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RunTaskCommandInput } from "@aws-sdk/client-ecs";
import { ACCOUNT, allTasks, instanceArn } from "#controllers/world.suite.ts";
import * as iam from "#store/tables/iam.ts";
import { refusal } from "./fixture.suite.ts";
import { createPlacingFixture, type PlacingFixture } from "./placing.suite.ts";
import { arn, id, RUNNING, taskCalls, type TaskCalls } from "./task-calls.suite.ts";

let f: PlacingFixture;
let calls: TaskCalls;
beforeEach(async () => {
  f = await createPlacingFixture();
  calls = taskCalls(f);
});
afterEach(() => f.close());

describe("RunTask", () => {
  beforeEach(async () => {
    await f.define();
  });

  it("answers tasks with every member that clients index without looking", async () => {
    await calls.addInstance(1, { attributes: [{ name: "ecs.cpu-architecture", value: "x86_64" }] });
    const answer = await calls.run({ startedBy: "ci", tags: [{ key: "a", value: "1" }] });
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
    expect(await refusal(calls.run())).toBe(
      "InvalidParameterException: No Container Instances were found in your cluster.",
    );
    await calls.addInstance(1, { registered: { cpu: 1024, memoryMiB: 300 } });
    await calls.addInstance(2, { agentConnected: false });
    const answer = await calls.run({ count: 4 });
    expect(answer.tasks).toHaveLength(2);
    expect(answer.failures).toEqual([
      { arn: instanceArn(id(1)), reason: "RESOURCE:MEMORY" },
      { arn: instanceArn(id(2)), reason: "AGENT" },
    ]);
  });

  it("keeps the overrides, and shows them for each container", async () => {
    await calls.addInstance(1);
    await f.world.store.transact((tx) =>
      tx.put(iam.roles, "job", {
        name: "job",
        arn: `arn:aws:iam::${ACCOUNT}:role/job`,
        attachedPolicies: [],
        assumeRolePolicyDocument: JSON.stringify({
          Statement: {
            Effect: "Allow",
            Principal: { Service: "ecs-tasks.amazonaws.com" },
            Action: "sts:AssumeRole",
          },
        }),
      } as never),
    );
    const override = { name: "app", command: ["sh", "-c", "true"], environment: [{ name: "A", value: "1" }] };
    const [task] =
      (
        await calls.run({
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
    await calls.addInstance(1);
    await f.define("tagged", {
      tags: [
        { key: "team", value: "a" },
        { key: "tier", value: "b" },
      ],
    });
    const [task] =
      (
        await calls.run({
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
    await calls.addInstance(1);
    await calls.addInstance(2, { attributes: [{ name: "disk", value: "ssd" }] });
    const distinct = await calls.run({ count: 3, placementConstraints: [{ type: "distinctInstance" }] });
    expect(new Set(distinct.tasks?.map((t) => t.containerInstanceArn)).size).toBe(2);
    const onDisk = await calls.run({
      count: 3,
      placementConstraints: [{ type: "memberOf", expression: "attribute:disk == ssd" }],
      placementStrategy: [{ type: "binpack", field: "memory" }],
    });
    expect(new Set(onDisk.tasks?.map((t) => t.containerInstanceArn))).toEqual(new Set([instanceArn(id(2))]));
  });

  describe("with a client token", () => {
    beforeEach(() => calls.addInstance(1));

    it("answers the same tasks for the same request, as they are now, whatever became of the rest", async () => {
      const first = await calls.run({ count: 2, clientToken: "t", tags: [{ key: "a", value: "1" }] });
      for (const row of allTasks(f.world)) await calls.report(row, RUNNING);
      await f.client.deregisterTaskDefinition({ taskDefinition: "web:1" });
      const again = await calls.run({ clientToken: "t", tags: [{ key: "a", value: "1" }], count: 2 });
      const arns = (answer: typeof first) => answer.tasks?.map((t) => t.taskArn).sort();
      expect(arns(again)).toEqual(arns(first));
      expect(again.tasks?.map((t) => t.lastStatus)).toEqual(["RUNNING", "RUNNING"]);
      expect(allTasks(f.world)).toHaveLength(2);
    });

    it("refuses another request with a ConflictException that names the tasks", async () => {
      const { tasks: first = [] } = await calls.run({ clientToken: "t" });
      const conflict: unknown = await calls
        .run({ clientToken: "t", count: 2 })
        .catch((error: unknown) => error);
      expect(conflict).toMatchObject({
        name: "ConflictException",
        resourceIds: first.map((t) => t.taskArn),
      });
      expect(allTasks(f.world)).toHaveLength(1);
    });

    it("starts one set of tasks for two requests at the same time, and refuses the one that differs", async () => {
      const both = await Promise.all([calls.run({ clientToken: "t" }), calls.run({ clientToken: "t" })]);
      expect(new Set(both.flatMap((a) => a.tasks?.map((t) => t.taskArn))).size).toBe(1);
      const mixed = await Promise.all([
        refusal(calls.run({ clientToken: "u" })),
        refusal(calls.run({ clientToken: "u", count: 3 })),
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
      /^InvalidParameterException: Ephemeral storage is supported by tasks on Fargate only\.$/,
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
    ["Fargate", { launchType: "FARGATE" }, /does not support launch_type FARGATE\.$/],
    [
      "capacity providers",
      { capacityProviderStrategy: [{ capacityProvider: "a" }] },
      /capacity provider 'a' was not found/,
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
    await calls.addInstance(1);
    expect(await refusal(calls.run(input))).toMatch(words);
    expect(allTasks(f.world)).toEqual([]);
  });
});
