// Two rounds of a seed give the same rows byte for byte; an idle cluster of a thousand instances writes nothing.
import { describe, expect, it } from "vitest";
import { seededRandom } from "#lib/random.ts";
import { containerInstanceKey } from "#domain/ecs/container-instance.ts";
import { serviceChildKey, serviceKey } from "#domain/ecs/service.ts";
import { newService } from "#domain/ecs/service-transitions.ts";
import { taskKey } from "#domain/ecs/task.ts";
import {
  addDefinition,
  addInstances,
  addService,
  addTargetGroup,
  allTasks,
  changeService,
  CLUSTER,
  containerInstance,
  deploymentNumber,
  REGION,
  serviceInput,
  targetGroup,
  theService,
  type World,
} from "#controllers/world.suite.ts";
import { healthyLimits } from "#controllers/service/rollout.ts";
import { containerInstances, serviceDeployments, serviceEvents, services, tasks } from "#store/tables/ecs.ts";
import { targets } from "#store/tables/elbv2.ts";
import { startCluster } from "./cluster.suite.ts";

const rowsOf = ({ store }: World) =>
  [services, tasks, serviceDeployments, serviceEvents, targets, containerInstances].flatMap((table) =>
    [...store.scan(table as typeof tasks)].map(([key, row]) => `${table.name} ${key} ${JSON.stringify(row)}`),
  );

/** A service under random exits, deployments and scalings. */
async function chaos(seed: number) {
  const chance = seededRandom(seed);
  const bad = new Set<string>();
  const { world, start } = await startCluster({
    seed,
    fleet: { fate: (t) => (bad.has(t.id) ? "never-healthy" : "run"), startMs: 500 + chance.below(3000) },
  });
  await addInstances(world, ["us-east-1a", "us-east-1b", "us-east-1c"]);
  for (const revision of [1, 2, 3]) await addDefinition(world, revision);
  const targetGroupArn = await addTargetGroup(world, targetGroup("web"));
  const loadBalancers = [{ targetGroupArn, containerName: "app", containerPort: 80 }];
  await addService(world, {
    desiredCount: 3,
    specification: { ...serviceInput().specification, loadBalancers },
  });
  const cluster = await start();
  for (let move = 0; move < 25; move += 1) {
    await cluster.advance(chance.below(8000));
    const live = allTasks(cluster).filter((t) => t.lastStatus === "RUNNING");
    const one = live[chance.below(Math.max(1, live.length))];
    const kind = chance.below(5);
    if (kind === 0 && one !== undefined) await cluster.fleet.exit(taskKey(REGION, CLUSTER, one.id));
    if (kind === 1) {
      const revision = 1 + chance.below(3);
      const taskDefinitionArn = serviceInput().specification.taskDefinitionArn.replace(/:1$/, `:${revision}`);
      await changeService(cluster, { specification: { taskDefinitionArn } }, move + 2);
    }
    if (kind === 2) await changeService(cluster, { desiredCount: 1 + chance.below(5) }, move + 2);
    if (kind === 3 && one !== undefined) bad.add(one.id);
    const wanted = allTasks(cluster).filter((t) => t.desiredStatus === "RUNNING").length;
    expect(wanted).toBeLessThanOrEqual(Math.max(10, healthyLimits(theService(cluster)).upper));
  }
  await cluster.advance(900_000);
  await cluster.close();
  return cluster;
}

describe("a seed", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "%i gives the same rows in every round, and ends at rest",
    async (seed) => {
      const [first, second] = [await chaos(seed), await chaos(seed)];
      expect(rowsOf(second)).toEqual(rowsOf(first));
      const service = theService(first);
      const running = allTasks(first).filter((t) => t.lastStatus === "RUNNING");
      expect(running).toHaveLength(service.desiredCount);
      expect(service.deployments).toMatchObject([{ rolloutState: "COMPLETED" }]);
      expect(service.steadySince).toBeDefined();
      const registered = [...first.store.scan(targets)].filter(([, t]) => t.lifecycle === "registered");
      expect(registered).toHaveLength(running.length);
    },
  );
});

it("writes nothing in ten idle minutes of 1,000 instances and 2,000 tasks", async () => {
  const { world, start } = await startCluster({ settings: { steadyAfterMs: 5000 } });
  await addDefinition(world, 1, {
    containerDefinitions: [{ name: "app", image: "web:1", memory: 128, essential: true }],
  });
  for (let n = 0; n < 1000; n += 1)
    await world.store.transact((tx) => {
      const id = `c${String(n).padStart(4, "0")}`;
      const row = containerInstance(id, { availabilityZone: `us-east-1${"abc"[n % 3] ?? "a"}` });
      tx.put(containerInstances, containerInstanceKey(REGION, CLUSTER, id), row);
    });
  for (let n = 0; n < 20; n += 1) {
    const name = `web-${n}`;
    const rows = newService(
      serviceInput({ name, desiredCount: 100 }),
      deploymentNumber(n),
      world.clock.now(),
    );
    await world.store.transact((tx) => {
      tx.put(services, serviceKey(REGION, CLUSTER, name), rows.service);
      tx.put(serviceDeployments, serviceChildKey(REGION, CLUSTER, name, rows.deployment.id), rows.deployment);
    });
  }
  const cluster = await start();
  await cluster.advance(30_000);
  expect(allTasks(cluster).filter((t) => t.lastStatus === "RUNNING")).toHaveLength(2000);
  const before = cluster.store.durableCommits;
  await cluster.advance(600_000);
  expect(cluster.store.durableCommits).toBe(before);
  await cluster.close();
}, 60_000);
