import { afterEach, beforeEach, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { httpRequest } from "./http-request.ts";
import { startIntrospection, type Introspection } from "./introspection.ts";
import { testContainer, testTask } from "./metadata/view.suite.ts";

let server: Introspection;
let instanceArn: string | undefined;
const one = testTask({ containers: [testContainer({ containerArn: "arn:c", restartCount: 2 })] });
const two = testTask({ taskArn: "arn:two", containers: [testContainer({ dockerId: "de".repeat(32) })] });
beforeEach(async () => {
  instanceArn = "arn:ci";
  server = await startIntrospection({
    metadata: { all: async () => [one, two] },
    cluster: "main",
    containerInstanceArn: () => instanceArn,
    version: "Agent - v1",
    logger: silentLogger,
    port: 0,
    host: "127.0.0.1",
  });
});
afterEach(() => server.close());

const ask = async (path: string, method = "GET") => {
  const { status, body } = await httpRequest(method, `http://127.0.0.1:${server.port}${path}`, {
    timeoutMs: 5_000,
  });
  return { status, body: path === "/license" ? body : (JSON.parse(body) as unknown) };
};

it("tells what it answers to", async () => {
  const commands = { status: 200, body: { AvailableCommands: ["/v1/metadata", "/v1/tasks", "/license"] } };
  expect(await ask("/")).toEqual(commands);
  expect(await ask("/other")).toEqual(commands);
  expect((await ask("/license")).body).toContain("Apache License, Version 2.0");
  expect((await ask("/", "POST")).status).toBe(405);
});

it("tells its cluster, and its container instance once it has registered", async () => {
  const metadata = { Cluster: "main", ContainerInstanceArn: "arn:ci", Version: "Agent - v1" };
  expect((await ask("/v1/metadata")).body).toEqual(metadata);
  instanceArn = undefined;
  expect((await ask("/v1/metadata")).body).toEqual({ ...metadata, ContainerInstanceArn: null });
});

it("lists the tasks without what is for the containers alone", async () => {
  const { body } = await ask("/v1/tasks");
  expect(body).toMatchObject({
    Tasks: [{ Arn: one.taskArn, Family: "shop", Version: "3" }, { Arn: "arn:two" }],
  });
  expect((body as { Tasks: { Containers: unknown[] }[] }).Tasks[0]?.Containers).toEqual([
    {
      DockerId: "d".repeat(64),
      DockerName: "ecs-shop-3-web-0a1b",
      Name: "web",
      Image: "shop:3",
      ImageID: `sha256:${"a".repeat(64)}`,
      CreatedAt: "2026-01-01T00:00:00.000Z",
      StartedAt: "2026-01-01T00:00:01.000Z",
      Ports: [{ ContainerPort: 80, Protocol: "tcp", HostPort: 32768, HostIp: "0.0.0.0" }],
      Networks: [{ NetworkMode: "bridge", IPv4Addresses: ["172.17.0.2"] }],
      RestartCount: 2,
    },
  ]);
});

it("finds a task by its ARN, or by the beginning of a container's id that is no other's", async () => {
  expect((await ask(`/v1/tasks?taskarn=${one.taskArn}`)).body).toMatchObject({ Arn: one.taskArn });
  expect((await ask("/v1/tasks?dockerid=dede")).body).toMatchObject({ Arn: "arn:two" });
  expect((await ask("/v1/tasks?dockerid=d")).status).toBe(400);
  expect((await ask("/v1/tasks?dockerid=")).status).toBe(404);
  expect((await ask("/v1/tasks?taskarn=arn:three")).status).toBe(404);
  expect((await ask("/v1/tasks?taskarn=a&dockerid=b")).status).toBe(400);
});
