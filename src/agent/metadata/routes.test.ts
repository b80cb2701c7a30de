import { describe, expect, it } from "vitest";
import type { ContainerView, MetadataSource, TaskView } from "./port.ts";
import { metadataAnswer } from "./routes.ts";
import { testContainer, testSource } from "./view.suite.ts";

const ask = (
  path: string,
  container: ContainerView = testContainer(),
  task: Partial<TaskView> = {},
  more: Partial<MetadataSource> = {},
) => metadataAnswer(testSource(container, task, more), path, "10.64.0.9");

describe("the task metadata endpoint", () => {
  it("answers a container in AWS's members", async () => {
    expect(
      await ask("/v4/m-1", testContainer({ containerArn: "arn:c", logDriver: "json-file", logOptions: {} })),
    ).toEqual({
      status: 200,
      body: {
        DockerId: "d".repeat(64),
        Name: "web",
        DockerName: "ecs-shop-3-web-0a1b",
        Image: "shop:3",
        ImageID: `sha256:${"a".repeat(64)}`,
        Ports: [{ ContainerPort: 80, Protocol: "tcp", HostPort: 32768, HostIp: "0.0.0.0" }],
        Labels: { "com.amazonaws.ecs.container-name": "web" },
        DesiredStatus: "RUNNING",
        KnownStatus: "RUNNING",
        Limits: { CPU: 128, Memory: 64 },
        CreatedAt: "2026-01-01T00:00:00.000Z",
        StartedAt: "2026-01-01T00:00:01.000Z",
        Type: "NORMAL",
        LogDriver: "json-file",
        LogOptions: {},
        ContainerARN: "arn:c",
        Networks: [{ NetworkMode: "bridge", IPv4Addresses: ["172.17.0.2"] }],
      },
    });
  });

  it("answers a task with its containers and leaves out what is not known", async () => {
    const answer = await ask("/v4/m-1/task", testContainer(), {
      limits: { cpu: 0.25, memory: 512 },
      pullStartedAt: Date.UTC(2026, 0, 1),
      launchType: "EC2",
    });
    expect(answer?.body).toEqual({
      Cluster: "default",
      TaskARN: "arn:aws:ecs:us-east-1:000000000000:task/default/0123456789abcdef0123456789abcdef",
      Family: "shop",
      Revision: "3",
      DesiredStatus: "RUNNING",
      KnownStatus: "RUNNING",
      Limits: { CPU: 0.25, Memory: 512 },
      PullStartedAt: "2026-01-01T00:00:00.000Z",
      LaunchType: "EC2",
      Containers: [(await ask("/v4/m-1", testContainer()))?.body],
    });
  });

  it("shows how a container ended", async () => {
    const ended = testContainer({ knownStatus: "STOPPED", exitCode: 0, finishedAt: Date.UTC(2026, 0, 2) });
    expect((await ask("/v4/m-1", ended))?.body).toMatchObject({
      ExitCode: 0,
      FinishedAt: "2026-01-02T00:00:00.000Z",
      KnownStatus: "STOPPED",
    });
  });

  it("describes the interface of awsvpc in version 4 only", async () => {
    const container = testContainer({
      networks: [
        {
          mode: "awsvpc",
          ipv4Addresses: ["10.64.0.9"],
          eni: {
            attachmentIndex: 0,
            macAddress: "0a:00:00:00:00:01",
            ipv4SubnetCidrBlock: "10.64.0.0/20",
            subnetGatewayIpv4Address: "10.64.0.1/20",
          },
        },
      ],
    });
    expect((await ask("/v4/m-1", container))?.body).toMatchObject({
      Networks: [{ NetworkMode: "awsvpc", MACAddress: "0a:00:00:00:00:01", AttachmentIndex: 0 }],
    });
    expect(((await ask("/v3/m-1", container))?.body as { Networks: unknown }).Networks).toEqual([
      { NetworkMode: "awsvpc", IPv4Addresses: ["10.64.0.9"] },
    ]);
  });

  it("keeps what version 4 added out of version 3", async () => {
    const container = testContainer({ containerArn: "arn:c", logDriver: "json-file", restartCount: 1 });
    for (const member of ["ContainerARN", "LogDriver", "RestartCount"]) {
      expect((await ask("/v4/m-1", container))?.body).toHaveProperty(member);
      expect((await ask("/v3/m-1", container))?.body).not.toHaveProperty(member);
    }
    expect(
      (await ask("/v3/m-1/task", container, { launchType: "EC2", serviceName: "web" }))?.body,
    ).not.toHaveProperty("LaunchType");
  });

  it("refuses an unknown id by the status of each version", async () => {
    expect((await ask("/v4/other", testContainer()))?.status).toBe(404);
    expect((await ask("/v3/other", testContainer()))?.status).toBe(400);
    expect((await ask("/v4/", testContainer()))?.status).toBe(404);
  });

  it("shows the newest probe of a health check", async () => {
    const health = { status: "HEALTHY" as const, statusSince: 0, exitCode: 0, output: "ok" };
    expect((await ask("/v4/m-1", testContainer({ health })))?.body).toMatchObject({
      Health: { status: "HEALTHY", statusSince: "1970-01-01T00:00:00.000Z", exitCode: 0, output: "ok" },
    });
  });

  it("lists no associations, and refuses any by name", async () => {
    expect(await ask("/v4/m-1/associations/elastic-inference")).toEqual({
      status: 200,
      body: { Associations: [] },
    });
    expect((await ask("/v4/m-1/associations/elastic-inference/dev1"))?.status).toBe(404);
    expect((await ask("/v3/m-1/associations/elastic-inference/dev1"))?.status).toBe(400);
  });

  it.each(["associations", "task/more", "nothing"])("says that there is no %s", async (part) => {
    expect(await ask(`/v4/m-1/${part}`)).toEqual({ status: 404, body: `V4 metadata: there is no ${part}` });
  });

  it("leaves other paths to others", async () => {
    for (const path of ["/v1/credentials", "/v2/credentials/c", "/v2/stats/a/b", "/"])
      expect(await ask(path)).toBeUndefined();
  });
});

describe("statistics", () => {
  const document = { read: "2026-01-01T00:00:00Z", cpu_stats: {} };
  const stats = async () => ({ document, networkRate: { rxBytesPerSecond: 1.5, txBytesPerSecond: 0 } });

  it("are the engine's document, in version 4 with the network's rate", async () => {
    expect(await ask("/v3/m-1/stats", undefined, {}, { stats })).toEqual({ status: 200, body: document });
    expect(await ask("/v4/m-1/stats", undefined, {}, { stats })).toEqual({
      status: 200,
      body: { ...document, network_rate_stats: { rx_bytes_per_sec: 1.5, tx_bytes_per_sec: 0 } },
    });
  });

  it("of a task are by its containers' ids, null for one that does not run", async () => {
    const other = testContainer({ dockerId: "e".repeat(64) });
    const unmade = testContainer({ dockerId: "" });
    const task = { containers: [testContainer(), other, unmade] };
    const ofFirst: MetadataSource["stats"] = async (id) => (id.startsWith("d") ? { document } : undefined);
    expect(await ask("/v4/m-1/task/stats", undefined, task, { stats: ofFirst })).toEqual({
      status: 200,
      body: { ["d".repeat(64)]: document, ["e".repeat(64)]: null },
    });
  });

  it("of a container that does not run are refused", async () => {
    expect((await ask("/v4/m-1/stats"))?.status).toBe(404);
  });
});

describe("tags", () => {
  it("come with the task, and in version 4 why they are missing", async () => {
    const tags: MetadataSource["tags"] = async () => ({
      task: { tags: { app: "shop" } },
      containerInstance: {
        failure: { resourceArn: "arn:ci", code: "AccessDeniedException", message: "no", status: 400 },
      },
    });
    expect((await ask("/v4/m-1/taskWithTags", undefined, {}, { tags }))?.body).toMatchObject({
      Family: "shop",
      TaskTags: { app: "shop" },
      Errors: [
        {
          ErrorField: "ContainerInstanceTags",
          ErrorCode: "AccessDeniedException",
          ErrorMessage: "no",
          StatusCode: 400,
          ResourceARN: "arn:ci",
        },
      ],
    });
    expect((await ask("/v3/m-1/taskWithTags", undefined, {}, { tags }))?.body).not.toHaveProperty("Errors");
  });
});

describe("version 2", () => {
  const by = (path: string, address = "10.64.0.9", more: Partial<MetadataSource> = {}) =>
    metadataAnswer(testSource(testContainer(), {}, more), path, address);

  it("knows a task by its own address", async () => {
    expect((await by("/v2/metadata"))?.body).toEqual((await ask("/v3/m-1/task"))?.body);
    expect((await by(`/v2/metadata/${"d".repeat(64)}`))?.body).toEqual((await ask("/v3/m-1"))?.body);
    const tags: MetadataSource["tags"] = async () => ({ task: { tags: { a: "b" } } });
    expect((await by("/v2/metadataWithTags", undefined, { tags }))?.body).toMatchObject({
      TaskTags: { a: "b" },
    });
  });

  it("has the statistics of the task and of each of its containers", async () => {
    const stats = async () => ({ document: { read: "now" } });
    const id = "d".repeat(64);
    expect((await by("/v2/stats", undefined, { stats }))?.body).toEqual({ [id]: { read: "now" } });
    expect((await by(`/v2/stats/${id}`, undefined, { stats }))?.body).toEqual({ read: "now" });
  });

  it("refuses whoever has no task's address, and another task's container", async () => {
    expect(await by("/v2/metadata", "172.17.0.2")).toMatchObject({
      status: 400,
      body: expect.stringContaining("172.17.0.2") as string,
    });
    expect((await by("/v2/metadata/other"))?.status).toBe(400);
  });
});
