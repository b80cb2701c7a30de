import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { UpdateTaskProtectionCommandInput } from "@aws-sdk/client-ecs";
import { changeService, changeTask } from "#controllers/world.suite.ts";
import { stopTask } from "#domain/ecs/task-transitions.ts";
import type { TaskRow } from "#domain/ecs/task.ts";
import { refusal } from "./fixture.suite.ts";
import { createPlacingFixture, type PlacingFixture } from "./placing.suite.ts";
import { serviceCalls } from "./service-calls.suite.ts";
import { arn, id, taskCalls, type TaskCalls } from "./task-calls.suite.ts";

const MINUTE = 60_000;
let f: PlacingFixture;
let calls: TaskCalls;
let one: TaskRow;
let two: TaskRow;
beforeEach(async () => {
  f = await createPlacingFixture();
  calls = taskCalls(f);
  await f.define();
  await calls.addInstance(1);
  await serviceCalls(f).create();
  [one, two] = [await ofService(), await ofService()];
});
afterEach(() => f.close());

/** A task as the service's controller would have started it. */
async function ofService(): Promise<TaskRow> {
  const row = await calls.runOne();
  await changeTask(f.world, row, (t) => ({ ...t, serviceName: "web", group: "service:web" }));
  return row;
}
const update = (task: string, more: Partial<UpdateTaskProtectionCommandInput> = {}, client = f.client) =>
  client.updateTaskProtection({ cluster: "main", tasks: [task], protectionEnabled: true, ...more });
const shown = async (...tasks: string[]) =>
  (await f.client.getTaskProtection({ cluster: "main", tasks })).protectedTasks;
const inMinutes = (n: number) => new Date(f.world.clock.now() + n * MINUTE);

describe("UpdateTaskProtection", () => {
  it("protects for two hours unless said otherwise, and from each call on anew", async () => {
    const first = await update(one.arn);
    expect(first.failures).toEqual([]);
    expect(first.protectedTasks).toEqual([
      { taskArn: one.arn, protectionEnabled: true, expirationDate: inMinutes(120) },
    ]);
    await f.world.clock.advance(MINUTE);
    await update(one.id, { expiresInMinutes: 2880 });
    expect(await shown(one.arn)).toEqual([
      { taskArn: one.arn, protectionEnabled: true, expirationDate: inMinutes(2880) },
    ]);
  });

  it("ends by itself, and by a call", async () => {
    await update(one.arn, { expiresInMinutes: 1 });
    await update(two.arn, { expiresInMinutes: 5 });
    await f.world.clock.advance(MINUTE);
    const off = await update(two.arn, { protectionEnabled: false });
    expect(off.protectedTasks).toEqual([{ taskArn: two.arn, protectionEnabled: false }]);
    expect(await shown(one.arn, two.arn)).toEqual([
      { taskArn: one.arn, protectionEnabled: false },
      { taskArn: two.arn, protectionEnabled: false },
    ]);
  });

  it("says of each task why it cannot be protected", async () => {
    const alone = await calls.runOne();
    await changeTask(f.world, two, (t) =>
      stopTask(t, { code: "UserInitiated", reason: "x" }, f.world.clock.now()),
    );
    const { protectedTasks, failures } = await update(one.arn, {
      tasks: [one.arn, alone.arn, id(9), two.arn],
    });
    expect(protectedTasks?.map((t) => t.taskArn)).toEqual([one.arn]);
    expect(failures).toEqual([
      { arn: alone.arn, reason: "TASK_NOT_VALID" },
      { arn: arn(`task/main/${id(9)}`), reason: "MISSING" },
      { arn: two.arn, reason: "TASK_NOT_VALID", detail: "The task is stopping or stopped." },
    ]);
  });

  it("protects no more tasks than the service wants", async () => {
    await changeService(f.world, { desiredCount: 1 }, 2);
    await update(one.arn);
    const { failures } = await update(two.arn);
    expect(failures).toMatchObject([{ arn: two.arn, reason: "DEPLOYMENT_BLOCKED" }]);
    expect((await update(one.arn)).failures).toEqual([]);
    await f.world.clock.advance(120 * MINUTE);
    expect((await update(two.arn)).failures).toEqual([]);
  });

  it.each([
    ["no minutes", { expiresInMinutes: 0 }, /expiresInMinutes must be between 1 and 2880/],
    ["more than two days", { expiresInMinutes: 2881 }, /expiresInMinutes must be between 1 and 2880/],
    ["no tasks", { tasks: [] }, /Tasks cannot be empty/],
    ["eleven tasks", { tasks: Array.from({ length: 11 }, (_, n) => id(n)) }, /at most 10/],
    ["an id of another length", { tasks: ["abc"] }, /taskId length should be/],
    ["another cluster", { cluster: "other" }, /^ClusterNotFoundException/],
  ])("refuses %s", async (_what, input, words) => {
    expect(await refusal(update(one.arn, input))).toMatch(words);
  });
});

describe("a task's own credentials", () => {
  it("protect that task and no other", async () => {
    const client = f.asTask(one.arn);
    const ask = { cluster: "main", tasks: [two.arn] };
    expect((await update(one.arn, {}, client)).failures).toEqual([]);
    expect((await client.getTaskProtection({ ...ask, tasks: [one.arn] })).protectedTasks).toHaveLength(1);
    const denied = /^AccessDeniedException: User: .* is not authorized to perform: ecs:\w+TaskProtection on/;
    expect(await refusal(update(two.arn, {}, client))).toMatch(denied);
    expect(await refusal(update(one.arn, { tasks: [one.arn, two.id] }, client))).toMatch(denied);
    expect(await refusal(client.getTaskProtection(ask))).toMatch(denied);
    // Of what is not there it learns as little.
    expect(await refusal(update(id(9), {}, client))).toMatch(denied);
    expect(await shown(two.arn)).toEqual([{ taskArn: two.arn, protectionEnabled: false }]);
  });
});

it("GetTaskProtection tells what is no service's task", async () => {
  const alone = await calls.runOne();
  const { protectedTasks, failures } = await f.client.getTaskProtection({
    cluster: "main",
    tasks: [alone.arn],
  });
  expect([protectedTasks, failures]).toEqual([[], [{ arn: alone.arn, reason: "TASK_NOT_VALID" }]]);
});
