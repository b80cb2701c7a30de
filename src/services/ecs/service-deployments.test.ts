import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createPlacingFixture, type PlacingFixture } from "./placing.suite.ts";
import { arn, entry, serviceCalls, type ServiceCalls } from "./service-calls.suite.ts";

let f: PlacingFixture;
let web: ServiceCalls;
beforeEach(async () => {
  f = await createPlacingFixture();
  web = serviceCalls(f);
  await f.define();
});
afterEach(() => f.close());

describe("service deployments and revisions", () => {
  it("are found by what Terraform asks: PRIMARY's number within the target revision's ARN", async () => {
    await web.create();
    const before = new Date(f.world.clock.now());
    await f.world.clock.advance(2000);
    await f.define();
    const service = await web.update({ taskDefinition: "web" });
    const number = service?.deployments?.[0]?.id?.replace("ecs-svc/", "") ?? "";
    const recent = await f.client.listServiceDeployments({
      cluster: "main",
      service: arn("service/main/web"),
      createdAt: { after: new Date(before.getTime() + 1) },
    });
    expect(recent.serviceDeployments).toHaveLength(1);
    const [brief] = recent.serviceDeployments ?? [];
    expect(brief?.targetServiceRevisionArn).toContain(number);
    expect(brief).toMatchObject({ status: "PENDING", createdAt: new Date(f.world.clock.now()) });
    await web.putTask(1, "RUNNING");
    const described = await f.client.describeServiceDeployments({
      serviceDeploymentArns: [brief?.serviceDeploymentArn ?? "", arn("service-deployment/main/web/7")],
    });
    expect(described.failures).toEqual([{ arn: arn("service-deployment/main/web/7"), reason: "MISSING" }]);
    expect(described.serviceDeployments?.[0]).toMatchObject({
      status: "PENDING",
      serviceArn: arn("service/main/web"),
      clusterArn: arn("cluster/main"),
      targetServiceRevision: {
        arn: arn(`service-revision/main/web/${number}`),
        requestedTaskCount: 2,
        runningTaskCount: 1,
        pendingTaskCount: 0,
      },
      sourceServiceRevisions: [{ runningTaskCount: 0 }],
      deploymentConfiguration: { minimumHealthyPercent: 100, maximumPercent: 200, strategy: "ROLLING" },
      deploymentCircuitBreaker: { status: "DISABLED" },
    });
  });

  it("come newest first, by status and in pages of 20 unless asked otherwise", async () => {
    await web.create();
    for (let n = 0; n < 21; n += 1) {
      await f.world.clock.advance(1000);
      await web.update({ forceNewDeployment: true });
    }
    const list = (more: object = {}) =>
      f.client.listServiceDeployments({ cluster: "main", service: "web", ...more });
    const first = await list();
    const times = first.serviceDeployments?.map((d) => d.createdAt?.getTime() ?? 0) ?? [];
    expect(times).toHaveLength(20);
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect(times[0]).toBe(f.world.clock.now());
    expect((await list({ nextToken: first.nextToken })).serviceDeployments).toHaveLength(2);
    expect((await list({ status: ["SUCCESSFUL"] })).serviceDeployments).toEqual([]);
    expect((await list({ status: ["PENDING"], maxResults: 3 })).serviceDeployments).toHaveLength(3);
    const past = new Date(f.world.clock.now() - 20_000);
    expect((await list({ createdAt: { before: past } })).serviceDeployments).toHaveLength(2);
  });

  it("show what a revision fixes, with its images", async () => {
    const targetGroupArn = await f.targetGroup("web");
    const service = await web.create({ loadBalancers: [entry(targetGroupArn)] });
    const revision = service?.currentServiceRevisions?.[0]?.arn ?? "";
    const { serviceRevisions, failures } = await f.client.describeServiceRevisions({
      serviceRevisionArns: [revision],
    });
    expect(failures).toEqual([]);
    expect(serviceRevisions).toEqual([
      {
        serviceRevisionArn: revision,
        serviceArn: arn("service/main/web"),
        clusterArn: arn("cluster/main"),
        taskDefinition: arn("task-definition/web:1"),
        launchType: "EC2",
        loadBalancers: [entry(targetGroupArn)],
        serviceRegistries: [],
        containerImages: [{ containerName: "app", image: "web:1" }],
        createdAt: new Date(f.world.clock.now()),
      },
    ]);
  });
});
