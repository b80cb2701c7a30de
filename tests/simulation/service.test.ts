import { describe, expect, it } from "vitest";
import {
  addDefinition,
  addInstances,
  addService,
  addTargetGroup,
  allTasks,
  changeService,
  eventTexts,
  serviceInput,
  targetGroup,
  theService,
} from "#controllers/world.suite.ts";
import { serviceDeployments, serviceEvents, tasks } from "#store/tables/ecs.ts";
import { targets } from "#store/tables/elbv2.ts";
import { type ClusterOptions, startCluster } from "./cluster.suite.ts";

async function balancedService(more: Parameters<typeof addService>[1] = {}, options: ClusterOptions = {}) {
  const { world, start } = await startCluster(options);
  await addInstances(world, ["us-east-1a", "us-east-1b"]);
  await addDefinition(world, 1);
  await addDefinition(world, 2);
  const targetGroupArn = await addTargetGroup(world, targetGroup("web"));
  const { specification } = serviceInput();
  await addService(world, {
    specification: {
      ...specification,
      loadBalancers: [{ targetGroupArn, containerName: "app", containerPort: 80 }],
    },
    ...more,
  });
  return { cluster: await start(), targetGroupArn };
}
const secondRevision = (arn: string) => ({ specification: { taskDefinitionArn: arn.replace(/:1$/, ":2") } });

describe("a service behind a load balancer", () => {
  it("comes to its desired count, completes and is steady", async () => {
    const { cluster, targetGroupArn } = await balancedService();
    await cluster.advance(20_000);
    expect(
      allTasks(cluster)
        .map((t) => [t.lastStatus, t.availabilityZone])
        .sort(),
    ).toEqual([
      ["RUNNING", "us-east-1a"],
      ["RUNNING", "us-east-1b"],
    ]);
    expect(theService(cluster).deployments).toMatchObject([{ status: "PRIMARY", rolloutState: "COMPLETED" }]);
    expect([...cluster.store.scan(serviceDeployments)].map(([, d]) => d.status)).toEqual(["SUCCESSFUL"]);
    const events = eventTexts(cluster);
    expect(events[0]).toMatch(/^has started 2 tasks: \(task [0-9a-f]{32}\) \(task [0-9a-f]{32}\)\.$/);
    expect(events.slice(1)).toEqual([
      `registered 1 targets in (target-group ${targetGroupArn})`,
      `registered 1 targets in (target-group ${targetGroupArn})`,
      expect.stringMatching(/^\(deployment ecs-svc\/\d{19}\) deployment completed\.$/) as string,
      "has reached a steady state.",
    ]);
    await cluster.close();
  });

  it("rolls to a new revision without fewer than desired healthy tasks, then forgets the old deployment", async () => {
    const { cluster } = await balancedService();
    await cluster.advance(20_000);
    await changeService(cluster, secondRevision(serviceInput().specification.taskDefinitionArn), 2);
    for (let s = 0; s < 60; s += 1) {
      await cluster.advance(500);
      const healthy = [...cluster.store.scan(targets)].filter(
        ([, t]) => t.lifecycle === "registered" && t.health["node-1"]?.state === "healthy",
      );
      expect(healthy.length).toBeGreaterThanOrEqual(2);
    }
    expect(theService(cluster).deployments).toHaveLength(1);
    const running = allTasks(cluster).filter((t) => t.lastStatus === "RUNNING");
    expect(running.map((t) => t.revision)).toEqual([2, 2]);
    expect(allTasks(cluster).filter((t) => t.lastStatus === "STOPPED")).toMatchObject([
      { stopCode: "ServiceSchedulerInitiated" },
      { stopCode: "ServiceSchedulerInitiated" },
    ]);
    await cluster.close();
  });

  it("replaces a task that exits, and forgets it after an hour", async () => {
    const { cluster } = await balancedService();
    await cluster.advance(100_000);
    const [first] = [...cluster.store.scan(tasks)];
    await cluster.fleet.exit(first?.[0] ?? "");
    await cluster.advance(30_000);
    const [gone, ...others] = [...allTasks(cluster)].sort(
      (a, b) => a.createdAt - b.createdAt || (a.id === first?.[1].id ? -1 : 1),
    );
    expect(gone).toMatchObject({ lastStatus: "STOPPED", stopCode: "EssentialContainerExited" });
    expect(others.map((t) => t.lastStatus)).toEqual(["RUNNING", "RUNNING"]);
    await cluster.advance(3_600_000);
    expect(allTasks(cluster)).toHaveLength(2);
    await cluster.close();
  });

  it("keeps the old tasks when the new ones never become healthy, starts ever more slowly, and says so", async () => {
    const { cluster } = await balancedService(
      {},
      { fleet: { fate: (t) => (t.revision === 2 ? "fail-to-start" : "run") } },
    );
    await cluster.advance(20_000);
    await changeService(cluster, secondRevision(serviceInput().specification.taskDefinitionArn), 2);
    await cluster.advance(600_000);
    expect(
      allTasks(cluster)
        .filter((t) => t.lastStatus === "RUNNING")
        .map((t) => t.revision),
    ).toEqual([1, 1]);
    const failed = allTasks(cluster).filter((t) => t.lastStatus === "STOPPED").length;
    expect(failed).toBeGreaterThan(6);
    expect(failed).toBeLessThan(40);
    expect(eventTexts(cluster).filter((e) => e.startsWith("is unable to consistently start"))).toHaveLength(
      1,
    );
    expect(theService(cluster).deployments[0]?.failedTasks).toBe(failed);
    await cluster.close();
  });

  it("replaces unhealthy tasks, replacement first", async () => {
    let bad = new Set<string>();
    const { cluster } = await balancedService(
      {},
      { fleet: { fate: (t) => (bad.has(t.id) ? "never-healthy" : "run"), startMs: 1000 } },
    );
    await cluster.advance(500);
    bad = new Set(
      allTasks(cluster)
        .slice(0, 1)
        .map((t) => t.id),
    );
    await cluster.advance(60_000);
    const stopped = allTasks(cluster).filter((t) => t.lastStatus === "STOPPED");
    expect(stopped).toHaveLength(1);
    expect(stopped[0]?.stoppedReason).toMatch(/^Task failed ELB health checks in \(target-group arn:/);
    expect(
      eventTexts(cluster).some((e) => e.includes("(reason Health checks failed with these codes: [500])")),
    ).toBe(true);
    expect(allTasks(cluster).filter((t) => t.lastStatus === "RUNNING")).toHaveLength(2);
    await cluster.close();
  });

  it("writes nothing while nothing happens, but for the steady-state event every six hours", async () => {
    const { cluster } = await balancedService();
    await cluster.advance(60_000);
    const before = cluster.store.durableCommits;
    await cluster.advance(5 * 3_600_000);
    expect(cluster.store.durableCommits).toBe(before);
    await cluster.advance(3_600_000);
    expect(cluster.store.durableCommits).toBe(before + 1);
    expect(
      [...cluster.store.scan(serviceEvents)].filter(([, e]) => e.message.endsWith("steady state.")),
    ).toHaveLength(2);
    await cluster.close();
  });
});
