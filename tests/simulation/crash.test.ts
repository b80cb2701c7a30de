// Kill the control plane after each single commit of a stop, of a rolling deployment and of a deletion; start it again over the
// rows that were left: the end must be the one that no crash would have brought about.
import { describe, expect, it } from "vitest";
import { TestClock } from "#lib/test-clock.ts";
import { drainService } from "#domain/ecs/service-transitions.ts";
import { stopTask } from "#domain/ecs/task-transitions.ts";
import {
  addDefinition,
  addInstances,
  addService,
  addTargetGroup,
  allTasks,
  changeService,
  changeTask,
  createWorld,
  SERVICE_KEY,
  serviceInput,
  targetGroup,
  theService,
  type World,
} from "#controllers/world.suite.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { serviceDeployments, serviceEvents, services } from "#store/tables/ecs.ts";
import { targets } from "#store/tables/elbv2.ts";
import { createMortalBackend } from "#tests/support/mortal-backend.ts";
import { startControllers } from "./cluster.suite.ts";

const tally = (texts: readonly string[]) => {
  const counts: Record<string, number> = {};
  for (const text of [...texts].sort()) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
};

/** All that may not depend on a crash; ids, times and the grouping of tasks in one event may. */
function outcome({ store }: World) {
  const message = (text: string) => text.replace(/\(task [0-9a-f]{32}\)/g, "(task)");
  const tasksTold = (kind: RegExp) =>
    [...store.scan(serviceEvents)]
      .filter(([, e]) => kind.test(e.message))
      .reduce((sum, [, e]) => sum + (e.message.match(/\(task /g)?.length ?? 0), 0);
  return {
    tasks: tally(
      allTasks({ store }).map((t) =>
        [
          t.revision,
          t.lastStatus,
          t.lastStatus === "STOPPED" ? `${t.stopCode} ${t.stoppedReason}` : t.availabilityZone,
        ].join(" "),
      ),
    ),
    service: {
      ...theService({ store }),
      steadySince: undefined,
      lastSteadyEventAt: undefined,
      deletedAt: undefined,
      deployments: theService({ store }).deployments.map((d) => [
        d.id,
        d.status,
        d.rolloutState,
        d.failedTasks,
      ]),
    },
    deployments: [...store.scan(serviceDeployments)].map(([key, d]) => [key, d.status, d.statusReason]),
    targets: tally(
      [...store.scan(targets)].map(([, t]) => [t.lifecycle, t.health["node-1"]?.state].join(" ")),
    ),
    started: tasksTold(/has started/),
    stopped: tasksTold(/has stopped/),
    events: tally(
      [...store.scan(serviceEvents)]
        .map(([, e]) => message(e.message))
        .filter((e) => !/has (started|stopped)/.test(e)),
    ),
  };
}

const OPERATIONS: Readonly<Record<string, (world: World) => Promise<void>>> = {
  async "a stop"(world) {
    const [first] = allTasks(world);
    if (first === undefined) throw new Error("no task");
    await changeTask(world, first, (t) =>
      stopTask(t, { code: "UserInitiated", reason: "Task stopped by user" }, world.clock.now()),
    );
  },
  "a rolling deployment": (world) =>
    changeService(world, { specification: { taskDefinitionArn: secondRevision } }, 2),
  "scaling in and out": (world) => changeService(world, { desiredCount: 3 }, 2),
  async "a deletion"(world) {
    await world.store.transact((tx) => {
      const row = tx.get(services, SERVICE_KEY);
      if (row !== undefined) tx.put(services, SERVICE_KEY, drainService(row, world.clock.now(), 2));
    });
  },
};
const secondRevision = serviceInput().specification.taskDefinitionArn.replace(/:1$/, ":2");

/** A steady service, then the operation; dies after `commits` of it, if given. */
async function run(operation: (world: World) => Promise<void>, commits?: number) {
  const inner = createMemoryBackend();
  const backend = createMortalBackend(inner);
  const world = await createWorld(1, backend);
  await addInstances(world, ["us-east-1a", "us-east-1b"]);
  await addDefinition(world, 1);
  await addDefinition(world, 2);
  const targetGroupArn = await addTargetGroup(world, targetGroup("web"));
  const loadBalancers = [{ targetGroupArn, containerName: "app", containerPort: 80 }];
  await addService(world, { specification: { ...serviceInput().specification, loadBalancers } });
  const first = await startControllers(world);
  await first.advance(30_000);
  if (commits !== undefined) backend.dieAfter(commits + 1);
  const before = backend.commits;
  await operation(world);
  await first.advance(60_000);
  await first.close();
  if (commits === undefined) return { outcome: outcome(world), commits: backend.commits - before - 1 };
  expect(backend.isDead).toBe(true);
  const second = await createWorld(2, inner, new TestClock(world.clock.now()));
  const cluster = await startControllers(second, { seed: 2 });
  await cluster.advance(60_000);
  await cluster.close();
  return { outcome: outcome(second), commits };
}

describe.each(Object.entries(OPERATIONS))("%s", (_, operation) => {
  it("ends the same wherever the control plane is killed", async () => {
    const whole = await run(operation);
    expect(whole.commits).toBeGreaterThan(4);
    for (let n = 0; n < whole.commits; n += 1) {
      const crashed = await run(operation, n);
      expect(crashed.outcome, `killed after commit ${n} of ${whole.commits}`).toEqual(whole.outcome);
    }
  }, 60_000);
});
