import { describe, expect, it } from "vitest";
import type { ContainerView, TaskView } from "./port.ts";
import { metadataAnswer } from "./routes.ts";
import { testContainer, testTask } from "./view.suite.ts";

const ask = (path: string, container: ContainerView, task: Partial<TaskView> = {}) =>
  metadataAnswer(
    {
      find: (id) =>
        id === "m-1" ? { container, task: testTask({ containers: [container], ...task }) } : undefined,
    },
    path,
  );

describe("the task metadata endpoint", () => {
  it("answers a container in AWS's members", () => {
    expect(
      ask("/v4/m-1", testContainer({ containerArn: "arn:c", logDriver: "json-file", logOptions: {} })),
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

  it("answers a task with its containers and leaves out what is not known", () => {
    const answer = ask("/v4/m-1/task", testContainer(), {
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
      Containers: [ask("/v4/m-1", testContainer())?.body],
    });
  });

  it("shows how a container ended", () => {
    const ended = testContainer({ knownStatus: "STOPPED", exitCode: 0, finishedAt: Date.UTC(2026, 0, 2) });
    expect(ask("/v4/m-1", ended)?.body).toMatchObject({
      ExitCode: 0,
      FinishedAt: "2026-01-02T00:00:00.000Z",
      KnownStatus: "STOPPED",
    });
  });

  it("describes the interface of awsvpc in version 4 only", () => {
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
    expect(ask("/v4/m-1", container)?.body).toMatchObject({
      Networks: [{ NetworkMode: "awsvpc", MACAddress: "0a:00:00:00:00:01", AttachmentIndex: 0 }],
    });
    expect((ask("/v3/m-1", container)?.body as { Networks: unknown }).Networks).toEqual([
      { NetworkMode: "awsvpc", IPv4Addresses: ["10.64.0.9"] },
    ]);
  });

  it("keeps what version 4 added out of version 3", () => {
    const container = testContainer({ containerArn: "arn:c", logDriver: "json-file", restartCount: 1 });
    for (const member of ["ContainerARN", "LogDriver", "RestartCount"]) {
      expect(ask("/v4/m-1", container)?.body).toHaveProperty(member);
      expect(ask("/v3/m-1", container)?.body).not.toHaveProperty(member);
    }
    expect(
      ask("/v3/m-1/task", container, { launchType: "EC2", serviceName: "web" })?.body,
    ).not.toHaveProperty("LaunchType");
  });

  it("refuses an unknown id by the status of each version", () => {
    expect(ask("/v4/other", testContainer())?.status).toBe(404);
    expect(ask("/v3/other", testContainer())?.status).toBe(400);
    expect(ask("/v4/", testContainer())?.status).toBe(404);
  });

  it.each(["stats", "task/stats", "taskWithTags", "associations/x"])("says that %s is not served", (part) => {
    const answer = ask(`/v4/m-1/${part}`, testContainer());
    expect(answer?.status).toBe(404);
    expect(answer?.body).toContain(part);
  });

  it("leaves other paths to others", () => {
    expect(ask("/v2/metadata", testContainer())).toBeUndefined();
  });
});
