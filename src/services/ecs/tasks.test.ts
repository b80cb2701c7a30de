import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ListTasksCommandInput, StartTaskCommandInput } from "@aws-sdk/client-ecs";
import { changeTask, instanceArn, REGION, targetGroup } from "#controllers/world.suite.ts";
import { setAgentConnected } from "#domain/ecs/container-instance.ts";
import { activateTask } from "#domain/ecs/task-transitions.ts";
import { containerInstances, tasks } from "#store/tables/ecs.ts";
import { refusal } from "./fixture.suite.ts";
import { createPlacingFixture, type PlacingFixture, container } from "./placing.suite.ts";
import { arn, id, RUNNING, taskCalls, type TaskCalls } from "./task-calls.suite.ts";

let f: PlacingFixture;
let calls: TaskCalls;
beforeEach(async () => {
  f = await createPlacingFixture();
  calls = taskCalls(f);
});
afterEach(() => f.close());

describe("StartTask", () => {
  const start = (more: Partial<StartTaskCommandInput> = {}) =>
    f.client.startTask({ cluster: "main", taskDefinition: "web", containerInstances: [id(1)], ...more });
  beforeEach(async () => {
    await f.define("web", {
      containerDefinitions: [container({ portMappings: [{ containerPort: 80, hostPort: 8080 }] })],
    });
    await calls.addInstance(1);
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
    await calls.addInstance(1);
  });

  it("begins the stop with the caller's reason; a second call changes nothing", async () => {
    const { arn: taskArn } = await calls.runOne();
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
    const row = await calls.runOne();
    const { arn: targetGroupArn } = targetGroup("web");
    await changeTask(f.world, row, (t) => ({
      ...t,
      loadBalancers: [{ targetGroupArn, containerName: "app", containerPort: 80 }],
    }));
    await calls.report(row, RUNNING);
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
    await calls.addInstance(1);
  });

  it("shows what the agent reported, also of a task that has stopped", async () => {
    const row = await calls.runOne();
    await calls.report(row, RUNNING);
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
    await calls.report(row, {
      status: "STOPPED",
      containers: [{ name: "app", status: "STOPPED", exitCode: 3 }],
    });
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
    const row = await calls.runOne({ tags: [{ key: "a", value: "1" }] });
    await calls.report(row, RUNNING);
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
    await calls.addInstance(1);
    await calls.addInstance(2, { agentConnected: false });
  });

  it("lists what is to run unless asked for what is stopped, by one filter or those that go together", async () => {
    const web = await calls.runOne({ startedBy: "ci" });
    const job = await calls.runOne({ taskDefinition: "job" });
    const gone = await calls.runOne({ taskDefinition: "job", startedBy: "ci" });
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
    const row = await calls.runOne();
    await f.client.createService({
      cluster: "main",
      serviceName: "web",
      taskDefinition: "web",
      desiredCount: 0,
    });
    await changeTask(f.world, row, (t) => ({ ...t, serviceName: "web" }));
    await calls.runOne();
    expect(await list({ serviceName: "web" })).toEqual([row.arn]);
  });

  it("comes in pages of 100 unless asked otherwise; a token is bound to its question", async () => {
    const row = await calls.runOne();
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
