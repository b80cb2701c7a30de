import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { containerInstances, services, tasks } from "#store/tables/ecs.ts";
import { createFixture, refusal, type Fixture } from "./fixture.suite.ts";

let f: Fixture;
beforeEach(async () => {
  f = await createFixture();
});
afterEach(() => f.close());

const row = (values: object) => values as never;

describe("CreateCluster", () => {
  it("makes a cluster named default when no name is given, with AWS's empty members", async () => {
    const { cluster } = await f.client.createCluster({});
    expect(cluster).toEqual({
      clusterArn: "arn:aws:ecs:us-east-1:123456789012:cluster/default",
      clusterName: "default",
      status: "ACTIVE",
      registeredContainerInstancesCount: 0,
      runningTasksCount: 0,
      pendingTasksCount: 0,
      activeServicesCount: 0,
      statistics: [],
      tags: [],
      settings: [{ name: "containerInsights", value: "disabled" }],
      capacityProviders: [],
      defaultCapacityProviderStrategy: [],
    });
  });

  it("answers the cluster that is there, and revives a deleted one with the new tags", async () => {
    const tags = [{ key: "a", value: "1" }];
    await f.client.createCluster({ clusterName: "web", tags });
    const again = await f.client.createCluster({ clusterName: "web" });
    expect(again.cluster?.tags).toEqual(tags);
    await f.client.deleteCluster({ cluster: "web" });
    const revived = await f.client.createCluster({ clusterName: "web", tags: [{ key: "b", value: "2" }] });
    expect(revived.cluster).toMatchObject({ status: "ACTIVE", tags: [{ key: "b", value: "2" }] });
  });

  it.each([
    ["a name with a space", { clusterName: "a b" }, /^InvalidParameterException: Invalid cluster name/],
    ["a capacity provider that is not there", { capacityProviders: ["mine"] }, /'mine' was not found/],
    [
      "Container Insights, whose metrics nobody would collect",
      { settings: [{ name: "containerInsights" as const, value: "enabled" }] },
      /containerInsights 'enabled' is not implemented/,
    ],
    ["an exec configuration", { configuration: { executeCommandConfiguration: {} } }, /'configuration'/],
    ["a tag key twice", { tags: [{ key: "a" }, { key: "a" }] }, /Duplicate tag key 'a'/],
    ["a reserved tag key", { tags: [{ key: "aws:x", value: "" }] }, /reserved/],
  ])("refuses %s", async (_what, input, words) => {
    expect(await refusal(f.client.createCluster(input))).toMatch(words);
  });
});

describe("DescribeClusters", () => {
  it("tells unknown clusters in failures, knows ARNs, and asks for `default` when none is named", async () => {
    await f.client.createCluster({ clusterName: "web" });
    const { clusters, failures } = await f.client.describeClusters({
      clusters: ["web", "arn:aws:ecs:us-east-1:123456789012:cluster/web", "nope"],
    });
    expect(clusters?.map((c) => c.clusterName)).toEqual(["web"]);
    expect(failures).toEqual([{ arn: "arn:aws:ecs:us-east-1:123456789012:cluster/nope", reason: "MISSING" }]);
    expect((await f.client.describeClusters({})).failures?.[0]?.arn).toMatch(/cluster\/default$/);
  });

  it("shows settings, tags and statistics only when they are asked for", async () => {
    await f.client.createCluster({ tags: [{ key: "a", value: "1" }] });
    const plain = (await f.client.describeClusters({})).clusters?.[0];
    expect(plain).toMatchObject({ settings: [], tags: [], statistics: [] });
    const full = await f.client.describeClusters({ include: ["SETTINGS", "TAGS", "STATISTICS"] });
    expect(full.clusters?.[0]).toMatchObject({
      settings: [{ name: "containerInsights", value: "disabled" }],
      tags: [{ key: "a", value: "1" }],
    });
    expect(full.clusters?.[0]?.statistics).toContainEqual({ name: "runningEC2TasksCount", value: "0" });
  });

  it("counts instances that are not INACTIVE, services that are ACTIVE, and tasks by status", async () => {
    await f.client.createCluster({ clusterName: "web" });
    await f.store.transact((tx) => {
      tx.put(containerInstances, "us-east-1/web/a", row({ status: "ACTIVE" }));
      tx.put(containerInstances, "us-east-1/web/b", row({ status: "DRAINING" }));
      tx.put(containerInstances, "us-east-1/web/c", row({ status: "INACTIVE" }));
      tx.put(containerInstances, "us-east-1/web2/a", row({ status: "ACTIVE" }));
      const statuses = ["PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPED"];
      for (const lastStatus of statuses)
        tx.put(tasks, `us-east-1/web/${lastStatus}`, row({ lastStatus, launchType: "EC2" }));
      tx.put(services, "us-east-1/web/s", row({ status: "ACTIVE", deployments: [] }));
      tx.put(services, "us-east-1/web/t", row({ status: "DRAINING", deployments: [] }));
    });
    const { clusters } = await f.client.describeClusters({ clusters: ["web"], include: ["STATISTICS"] });
    expect(clusters?.[0]).toMatchObject({
      registeredContainerInstancesCount: 2,
      runningTasksCount: 1,
      pendingTasksCount: 2,
      activeServicesCount: 1,
    });
    expect(clusters?.[0]?.statistics).toContainEqual({ name: "drainingEC2ServiceCount", value: "1" });
  });
});

describe("ListClusters", () => {
  it("pages over ACTIVE clusters of the region by name, with tokens that are bound to the question", async () => {
    for (const clusterName of ["c", "a", "b", "gone"]) await f.client.createCluster({ clusterName });
    await f.client.deleteCluster({ cluster: "gone" });
    const names = (arns: string[] | undefined) => arns?.map((arn) => arn.split("/")[1]);
    const first = await f.client.listClusters({ maxResults: 2 });
    expect(names(first.clusterArns)).toEqual(["a", "b"]);
    const second = await f.client.listClusters({ nextToken: first.nextToken });
    expect(names(second.clusterArns)).toEqual(["c"]);
    expect(second.nextToken).toBeUndefined();
    const elsewhere = f.as({ region: "eu-west-1" });
    expect((await elsewhere.listClusters({})).clusterArns).toEqual([]);
    expect(await refusal(elsewhere.listClusters({ nextToken: first.nextToken }))).toBe(
      "InvalidParameterException: Invalid token.",
    );
  });
});

describe("DeleteCluster", () => {
  beforeEach(async () => {
    await f.client.createCluster({ clusterName: "web" });
  });

  it("leaves an INACTIVE cluster that can be described, and deletes it again without complaint", async () => {
    for (let i = 0; i < 2; i += 1)
      expect((await f.client.deleteCluster({ cluster: "web" })).cluster?.status).toBe("INACTIVE");
    const { clusters } = await f.client.describeClusters({ clusters: ["web"] });
    expect(clusters?.[0]?.status).toBe("INACTIVE");
  });

  it("does not know a cluster that never was", async () => {
    expect(await refusal(f.client.deleteCluster({ cluster: "nope" }))).toBe(
      "ClusterNotFoundException: Cluster not found.",
    );
  });

  it.each([
    [
      "container instances",
      () =>
        f.store.transact((tx) => tx.put(containerInstances, "us-east-1/web/a", row({ status: "DRAINING" }))),
      "ClusterContainsContainerInstancesException: The Cluster cannot be deleted while Container Instances are active or draining.",
    ],
    [
      "services",
      () =>
        f.store.transact((tx) =>
          tx.put(services, "us-east-1/web/a", row({ status: "ACTIVE", deployments: [] })),
        ),
      "ClusterContainsServicesException: The Cluster cannot be deleted while Services are active.",
    ],
    [
      "tasks",
      () => f.store.transact((tx) => tx.put(tasks, "us-east-1/web/a", row({ lastStatus: "STOPPING" }))),
      "ClusterContainsTasksException: The Cluster cannot be deleted while Tasks are active.",
    ],
  ])("refuses while there are %s", async (_what, put, words) => {
    await put();
    expect(await refusal(f.client.deleteCluster({ cluster: "web" }))).toBe(words);
  });
});

describe("UpdateCluster", () => {
  it("keeps what it is not told to change, and refuses an INACTIVE cluster", async () => {
    await f.client.createCluster({ clusterName: "web" });
    const { cluster } = await f.client.updateCluster({ cluster: "web" });
    expect(cluster?.settings).toEqual([{ name: "containerInsights", value: "disabled" }]);
    await f.client.deleteCluster({ cluster: "web" });
    expect(await refusal(f.client.updateCluster({ cluster: "web" }))).toBe(
      "ClusterNotFoundException: The referenced cluster was inactive.",
    );
  });
});
