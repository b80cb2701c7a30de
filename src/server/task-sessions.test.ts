// How long the credentials of a task's two roles live.
import { expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { taskKey } from "#domain/ecs/task.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { createStore } from "#store/create-store.ts";
import { tasks } from "#store/tables/ecs.ts";
import { roles } from "#store/tables/iam.ts";
import { createIdentities } from "./identities.ts";
import { allTables } from "./tables.ts";

const account = "123456789012";
const taskArn = `arn:aws:ecs:us-east-1:${account}:task/main/0123`;
const roleArn = `arn:aws:iam::${account}:role/app`;

it("the task role's end with the task, the execution role's when the last logs are sent", async () => {
  const clock = new TestClock();
  const store = await createStore({
    backend: createMemoryBackend(),
    logger: silentLogger,
    tables: allTables,
  });
  const { issuer, resolver } = createIdentities({
    store,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    account,
    sealingKey: Buffer.alloc(32, 1),
    root: { accessKeyId: "AKIAROOT", secretAccessKey: "s" },
  });
  const put = (row: object) =>
    store.transact((tx) =>
      tx.put(tasks, taskKey("us-east-1", "main", "0123"), { arn: taskArn, ...row } as never),
    );
  await store.transact((tx) =>
    tx.put(roles, "app", { name: "app", arn: roleArn, id: "AROAAPP", attachedPolicies: [] } as never),
  );
  await put({ lastStatus: "RUNNING" });
  const issued = (["TaskApplication", "TaskExecution"] as const).map((roleType) =>
    issuer.forTask({ roleArn, taskArn, roleType }),
  );
  const alive = () =>
    issued.map(
      ({ accessKeyId, sessionToken }) => typeof resolver.resolve(accessKeyId, sessionToken) === "object",
    );
  expect(alive()).toEqual([true, true]);
  await put({ lastStatus: "DEPROVISIONING" });
  expect(alive()).toEqual([true, true]);
  await put({ lastStatus: "STOPPED", stoppedAt: clock.now() });
  expect(alive()).toEqual([false, true]);
  await clock.advance(5 * 60_000 - 1);
  expect(alive()).toEqual([false, true]);
  await clock.advance(1);
  expect(alive()).toEqual([false, false]);
});
