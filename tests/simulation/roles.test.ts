// A task is made only when its roles trust ECS: RunTask says so, a service says so in an event and tries again.
import { expect, it } from "vitest";
import {
  addDefinition,
  addInstances,
  addRole,
  addService,
  allTasks,
  eventTexts,
  runTaskRequest,
} from "#controllers/world.suite.ts";
import { createPlacement } from "#controllers/placement/placement.ts";
import { startCluster } from "./cluster.suite.ts";

const words = (arn: string) =>
  `ECS was unable to assume the role '${arn}' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.`;

it.each(["taskRoleArn", "executionRoleArn"])(
  "a %s that trusts another service gets no task",
  async (member) => {
    const { world } = await startCluster();
    await addInstances(world, ["us-east-1a"]);
    const role = await addRole(world, "ec2.amazonaws.com");
    await addDefinition(world, 1, { [member]: role });
    await addDefinition(world, 2);
    const placement = createPlacement(world.base);
    await placement.start();
    await expect(placement.place(runTaskRequest())).rejects.toMatchObject({
      code: "ClientException",
      message: words(role),
    });
    // One that the call names counts, not the definition's.
    const taskDefinitionArn = runTaskRequest().taskDefinitionArn.replace(/:1$/, ":2");
    const overrides = { [member]: role };
    await expect(placement.place(runTaskRequest({ taskDefinitionArn, overrides }))).rejects.toThrow(
      words(role),
    );
    await addRole(world);
    expect((await placement.place(runTaskRequest())).tasks).toHaveLength(1);
    await placement.close();
    await world.store.close();
  },
);

it("a service tells it once, and has its tasks a minute after the role can be assumed", async () => {
  const { world, start } = await startCluster();
  await addInstances(world, ["us-east-1a"]);
  const role = await addRole(world, "ec2.amazonaws.com");
  await addDefinition(world, 1, { taskRoleArn: role });
  await addService(world);
  const cluster = await start();
  await cluster.advance(130_000);
  expect(allTasks(cluster)).toEqual([]);
  expect(eventTexts(cluster)).toEqual([`failed to launch a task with (error ${words(role)}).`]);
  await addRole(world);
  await cluster.advance(60_000);
  expect(allTasks(cluster).length).toBeGreaterThan(0);
  await cluster.close();
});
