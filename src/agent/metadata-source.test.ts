import { describe, expect, it } from "vitest";
import type { WireContainer } from "#acs/messages.ts";
import type { ContainerState } from "./engine/port.ts";
import { metadataSource, type MetadataSourceParts } from "./metadata-source.ts";
import { seen, wireContainer, Walk } from "./task/fixture.suite.ts";

/** A task of one container that the agent has created; what the engine shows of it is `state`. */
function source(
  state: ContainerState | undefined,
  more: Partial<MetadataSourceParts> = {},
  container: Partial<WireContainer> = {},
) {
  const walk = new Walk([wireContainer("web", { containerArn: "arn:c", ...container })], {
    launchType: "EC2",
  });
  walk.begin();
  walk.created("web");
  const parts: MetadataSourceParts = {
    tasks: () => [walk],
    engine: { inspect: async () => state, sampleStats: async () => undefined },
    cluster: "main",
    addressOf: () => undefined,
    tags: async (arn) => ({ tags: { of: arn } }),
    containerInstanceArn: () => "arn:ci",
    host: () => ({ availabilityZone: "us-east-1a", availabilityZoneId: "use1-az1", vpcId: "vpc-1" }),
    ...more,
  };
  return { walk, source: metadataSource(parts) };
}

describe("what a container is told", () => {
  it("is what the engine says now, though the agent has not heard of the start", async () => {
    const { source: metadata } = source(
      seen("web", {
        createdAt: 1000,
        startedAt: 2000,
        addresses: ["172.17.0.2"],
        log: { driver: "json-file", options: { "max-size": "10m" } },
        ports: [{ containerPort: 80, hostPort: 32768, protocol: "tcp", hostIp: "0.0.0.0" }],
      }),
    );
    const found = await metadata.find("m-web");
    expect(found?.task).toMatchObject({
      knownStatus: "RUNNING",
      launchType: "EC2",
      availabilityZone: "us-east-1a",
      availabilityZoneId: "use1-az1",
      vpcId: "vpc-1",
    });
    expect(found?.container).toMatchObject({
      dockerId: "id-web",
      knownStatus: "RUNNING",
      createdAt: 1000,
      startedAt: 2000,
      networks: [{ mode: "bridge", ipv4Addresses: ["172.17.0.2"] }],
      ports: [{ containerPort: 80, hostPort: 32768 }],
      logDriver: "json-file",
      logOptions: { "max-size": "10m" },
      containerArn: "arn:c",
    });
  });

  it("has neither the secrets among the log options nor the path of the log driver's credentials", async () => {
    const secret = { valueFrom: "/t", region: "r", provider: "ssm", type: "BOOTSTRAP" } as const;
    const options = {
      "awslogs-group": "g",
      "awslogs-credentials-endpoint": "/v2/credentials/e-1",
      "splunk-token": "hidden",
    };
    const { source: metadata } = source(
      seen("web", { log: { driver: "awslogs", options } }),
      {},
      { secrets: [{ ...secret, name: "splunk-token", target: "LOG_DRIVER" }] },
    );
    expect((await metadata.find("m-web"))?.container.logOptions).toEqual({ "awslogs-group": "g" });
  });

  it("is what the agent knows when the engine does not answer", async () => {
    const { source: metadata } = source(undefined, {
      engine: { inspect: () => Promise.reject(new Error("gone")), sampleStats: async () => undefined },
    });
    expect((await metadata.find("m-web"))?.container).toMatchObject({ knownStatus: "CREATED" });
  });

  it("has an ended container as the agent took it, whatever the engine shows", async () => {
    const { source: metadata, walk } = source(seen("web"));
    walk.running("web");
    walk.ends("web", 3);
    const found = await metadata.find("m-web");
    expect(found?.task.knownStatus).toBe("STOPPED");
    expect(found?.container).toMatchObject({ knownStatus: "STOPPED", exitCode: 3 });
  });

  it("has the newest probe of a health check, cut to a kilobyte", async () => {
    const checked = seen("web", { health: "healthy", probe: { exitCode: 0, output: "x".repeat(2000) } });
    const { source: metadata, walk } = source(checked);
    walk.running("web", { health: "healthy" });
    const health = (await metadata.find("m-web"))?.container.health;
    expect(health).toMatchObject({ status: "HEALTHY", exitCode: 0 });
    expect(health?.output).toHaveLength(1024);
  });

  it("is nothing to an id that no container has", async () => {
    expect(await source(seen("web")).source.find("m-other")).toBeUndefined();
  });
});

it("a task is found by the address of its own interface, until it has stopped", async () => {
  const { source: metadata, walk } = source(seen("web"), { addressOf: () => "10.64.0.9" });
  expect((await metadata.findByAddress("10.64.0.9"))?.family).toBe("web");
  expect(await metadata.findByAddress("10.64.0.8")).toBeUndefined();
  walk.running("web");
  walk.ends("web", 0);
  expect(await metadata.findByAddress("10.64.0.9")).toBeUndefined();
});

it("tags are the task's and, once there is one, the container instance's", async () => {
  expect(await source(undefined).source.tags("arn:t")).toEqual({
    task: { tags: { of: "arn:t" } },
    containerInstance: { tags: { of: "arn:ci" } },
  });
  const unregistered = source(undefined, { containerInstanceArn: () => undefined }).source;
  expect(await unregistered.tags("arn:t")).toEqual({ task: { tags: { of: "arn:t" } } });
});

it("askers at the same time share what the engine reads", async () => {
  let reads = 0;
  const { source: metadata } = source(undefined, {
    engine: {
      inspect: async () => undefined,
      sampleStats: async () => {
        reads += 1;
        const sample = (read: string, bytes: number) => ({ read, networks: { eth0: { rx_bytes: bytes } } });
        return [sample("2026-01-01T00:00:00Z", 0), sample("2026-01-01T00:00:01Z", 7)];
      },
    },
  });
  const [a, b] = await Promise.all([metadata.stats("id"), metadata.stats("id")]);
  expect(a).toBe(b);
  expect(a?.networkRate).toEqual({ rxBytesPerSecond: 7, txBytesPerSecond: 0 });
  await metadata.stats("id");
  expect(reads).toBe(2);
});
