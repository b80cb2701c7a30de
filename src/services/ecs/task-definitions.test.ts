import { afterEach, beforeEach, describe, expect, it } from "vitest";
import fc from "fast-check";
import type { ContainerDefinition, RegisterTaskDefinitionRequest, TaskDefinition } from "@aws-sdk/client-ecs";
import { services, tasks } from "#store/tables/ecs.ts";
import { definitions } from "./definition/arbitrary.suite.ts";
import { createFixture, refusal, type Fixture } from "./fixture.suite.ts";

let f: Fixture;
beforeEach(async () => {
  f = await createFixture();
});
afterEach(() => f.close());

const app: ContainerDefinition = { name: "app", image: "nginx", memory: 64 };
const input = (
  containers: Partial<ContainerDefinition>[] = [{}],
  changes: object = {},
): RegisterTaskDefinitionRequest => ({
  family: "web",
  containerDefinitions: containers.map((c, i) => ({ ...app, ...(i === 0 ? {} : { name: `c${i}` }), ...c })),
  ...changes,
});
const register = async (...args: Parameters<typeof input>): Promise<TaskDefinition> =>
  (await f.client.registerTaskDefinition(input(...args))).taskDefinition ?? {};
const attributes = async (...args: Parameters<typeof input>) =>
  (await register(...args)).requiresAttributes?.map((a) => a.name);

describe("RegisterTaskDefinition", () => {
  it("answers the definition as AWS normalises it, and Describe answers the same", async () => {
    const registered = await register([{ portMappings: [{ containerPort: 80 }] }]);
    expect(registered).toEqual({
      taskDefinitionArn: "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1",
      family: "web",
      revision: 1,
      status: "ACTIVE",
      containerDefinitions: [
        {
          name: "app",
          image: "nginx",
          cpu: 0,
          memory: 64,
          essential: true,
          portMappings: [{ containerPort: 80, hostPort: 0, protocol: "tcp" }],
          environment: [],
          mountPoints: [],
          volumesFrom: [],
          systemControls: [],
        },
      ],
      volumes: [],
      placementConstraints: [],
      requiresAttributes: [],
      compatibilities: ["EXTERNAL", "EC2"],
      registeredAt: new Date(f.clock.now()),
      registeredBy: "arn:aws:iam::123456789012:root",
    });
    const { taskDefinition, tags } = await f.client.describeTaskDefinition({ taskDefinition: "web" });
    expect(taskDefinition).toEqual(registered);
    expect(tags).toBeUndefined();
  });

  it("fills in what AWS fills in: sizes in units, host ports in host mode, health check defaults, empty hosts", async () => {
    const registered = await register(
      [
        {
          portMappings: [{ containerPort: 80 }],
          healthCheck: { command: ["CMD", "true"] },
          mountPoints: [{ sourceVolume: "data", containerPath: "/data" }],
        },
      ],
      { networkMode: "host", cpu: "1 vCPU", memory: "0.5GB", volumes: [{ name: "data" }] },
    );
    expect(registered).toMatchObject({ cpu: "1024", memory: "512", volumes: [{ name: "data", host: {} }] });
    expect(registered.containerDefinitions?.[0]).toMatchObject({
      portMappings: [{ containerPort: 80, hostPort: 80, protocol: "tcp" }],
      healthCheck: { command: ["CMD", "true"], interval: 30, timeout: 5, retries: 3 },
    });
  });

  it("registers an equal definition from what Describe answers, less the members about its registration", async () => {
    await fc.assert(
      fc.asyncProperty(definitions, async (definition) => {
        const first = (await f.client.registerTaskDefinition(definition)).taskDefinition ?? {};
        const described = await f.client.describeTaskDefinition({
          taskDefinition: first.taskDefinitionArn,
        });
        expect(described.taskDefinition).toEqual(first);
        const second = await f.client.registerTaskDefinition(writable(first));
        expect(writable(second.taskDefinition ?? {})).toEqual(writable(first));
        expect(second.taskDefinition?.requiresAttributes).toEqual(first.requiresAttributes);
        expect(second.taskDefinition?.revision).toBe((first.revision ?? 0) + 1);
      }),
      { numRuns: 60 },
    );
  });

  it("takes roles by ARN or name, and refuses those that are not there or of another account", async () => {
    const arn = await f.role("app");
    expect((await register([{}], { taskRoleArn: arn, executionRoleArn: "app" })).executionRoleArn).toBe(arn);
    for (const taskRoleArn of [
      "arn:aws:iam::123456789012:role/nope",
      "arn:aws:iam::999999999999:role/app",
      "arn:aws:s3:::app",
      "",
    ])
      expect(await refusal(register([{}], { taskRoleArn }))).toBe("ClientException: Role is not valid");
  });

  it("derives the agent's capabilities that the definition needs", async () => {
    expect(await attributes([{}])).toEqual([]);
    expect(
      await attributes([
        { privileged: true, memoryReservation: 32, logConfiguration: { logDriver: "json-file" } },
        { dependsOn: [{ containerName: "app", condition: "START" }] },
      ]),
    ).toEqual([
      "com.amazonaws.ecs.capability.docker-remote-api.1.18",
      "com.amazonaws.ecs.capability.docker-remote-api.1.21",
      "com.amazonaws.ecs.capability.logging-driver.json-file",
      "com.amazonaws.ecs.capability.privileged-container",
      "ecs.capability.container-ordering",
    ]);
    const role = await f.role("app");
    expect(await attributes([{}], { taskRoleArn: role, networkMode: "host" })).toEqual([
      "com.amazonaws.ecs.capability.task-iam-role-network-host",
    ]);
    const image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1";
    expect(await attributes([{ image }], { executionRoleArn: role })).toEqual([
      "com.amazonaws.ecs.capability.ecr-auth",
      "ecs.capability.execution-role-ecr-pull",
    ]);
    const volumes = [{ name: "data", dockerVolumeConfiguration: {} }];
    expect(await attributes([{}], { volumes, cpu: "12 vCPU" })).toEqual([
      "ecs.capability.docker-plugin.local",
      "ecs.capability.increased-task-cpu-limit",
      "ecs.capability.task-cpu-mem-limit",
    ]);
  });

  const dependsOn = (condition: string, containerName = "c1") => [{ containerName, condition }];
  const words: [string, Partial<ContainerDefinition>[] | undefined, object, string | RegExp][] = [
    ["no container", [], {}, "Container list cannot be empty."],
    ["eleven containers", Array.from({ length: 11 }, () => ({})), {}, "Too many containers."],
    ["a family with a dot", [{}], { family: "a.b" }, "Family contains invalid characters."],
    ["a container without a name", [{ name: undefined }], {}, "Container.name should not be null or empty."],
    ["a name with a space", [{ name: "a b" }], {}, "Container.name contains invalid characters."],
    ["a name twice", [{}, { name: "app" }], {}, "Duplicate container name 'app'."],
    ["no image", [{ image: "" }], {}, "Container.image should not be null or empty."],
    ["a long image", [{ image: "a".repeat(256) }], {}, "Container.image should be 255 characters or less"],
    [
      "no memory anywhere",
      [{ memory: undefined }],
      {},
      "Invalid setting for container 'app'. At least one of 'memory' or 'memoryReservation' must be specified.",
    ],
    ["3 MiB of memory", [{ memory: 3 }], {}, "Invalid 'memory' setting for container 'app'."],
    [
      "a limit below the reservation",
      [{ memory: 64, memoryReservation: 65 }],
      {},
      /'memory' must be greater than or equal to 'memoryReservation'/,
    ],
    [
      "a container larger than its task",
      [{ memory: 513 }],
      { memory: "512" },
      "The 'memory' setting for container 'app' is greater than for the task.",
    ],
    ["negative CPU", [{ cpu: -1 }], {}, "Invalid 'cpu' setting for container 'app'."],
    ["a task of 100 CPU units", [{}], { cpu: "100" }, /^Invalid 'cpu' setting for task\./],
    ["a task size in words", [{}], { memory: "much" }, /^Invalid 'memory' setting for task\./],
    [
      "only inessential ones",
      [{ essential: false }],
      {},
      "Task definition doesn't have any essential container.",
    ],
    [
      "a mapping without a port",
      [{ portMappings: [{ hostPort: 80 }] }],
      {},
      "Invalid 'containerPort' setting for container 'app'.",
    ],
    [
      "port 65536",
      [{ portMappings: [{ containerPort: 65_536 }] }],
      {},
      "Invalid 'containerPort' setting for container 'app'.",
    ],
    [
      "another host port in host mode",
      [{ portMappings: [{ containerPort: 80, hostPort: 81 }] }],
      { networkMode: "host" },
      "When networkMode=host, the host ports and container ports in port mappings must match.",
    ],
    [
      "ports without a network",
      [{ portMappings: [{ containerPort: 80 }] }],
      { networkMode: "none" },
      /port mappings are not supported/,
    ],
    [
      "a host port twice",
      [
        { portMappings: [{ containerPort: 80, hostPort: 80 }] },
        { portMappings: [{ containerPort: 81, hostPort: 80 }] },
      ],
      {},
      /The host port 80\/tcp is mapped more than once/,
    ],
    [
      "an unknown volume",
      [{ mountPoints: [{ sourceVolume: "x", containerPath: "/x" }] }],
      {},
      "Unknown volume 'x'.",
    ],
    ["a volume name twice", [{}], { volumes: [{ name: "a" }, { name: "a" }] }, "Duplicate volume name 'a'."],
    [
      "a blank source path",
      [{}],
      { volumes: [{ name: "a", host: { sourcePath: "" } }] },
      "host.sourcePath should not be blank.",
    ],
    [
      "a dependency on nobody",
      [{ dependsOn: dependsOn("START") as never }],
      {},
      "Cannot depend on container + 'c1' because it does not exist",
    ],
    [
      "SUCCESS of an essential container",
      [{ dependsOn: dependsOn("SUCCESS") as never }, {}],
      {},
      "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
    ],
    [
      "HEALTHY without a health check",
      [{ dependsOn: dependsOn("HEALTHY") as never }, {}],
      {},
      /must have a health check/,
    ],
    [
      "a cycle of dependencies",
      [{ dependsOn: dependsOn("START") as never }, { dependsOn: dependsOn("START", "app") as never }],
      {},
      "Container dependencies should not have a cycle",
    ],
    [
      "a cycle of links",
      [{ links: ["c1"] }, { links: ["app:web"] }],
      {},
      "Container links should not have a cycle",
    ],
    ["links in host mode", [{ links: ["c1"] }, {}], { networkMode: "host" }, /Links are not supported/],
    [
      "a health check without CMD",
      [{ healthCheck: { command: ["true"] } }],
      {},
      /must start with CMD or CMD-SHELL/,
    ],
    [
      "a health check every 4 seconds",
      [{ healthCheck: { command: ["CMD", "true"], interval: 4 } }],
      {},
      /'healthCheck\.interval' .* between 5 and 300/,
    ],
    [
      "eleven constraints",
      [{}],
      {
        placementConstraints: Array.from({ length: 11 }, () => ({
          type: "memberOf",
          expression: "agentConnected == true",
        })),
      },
      /Too many placement constraints/,
    ],
    [
      "a constraint that cannot be read",
      [{}],
      { placementConstraints: [{ type: "memberOf", expression: "here" }] },
      /Invalid placement constraint expression 'here'/,
    ],
    [
      "more than 64 KiB",
      [{ environment: [{ name: "A", value: "x".repeat(66_000) }] }],
      {},
      /^Actual length: '\d+'\. Max allowed length is '65536' bytes\.$/,
    ],
    ["an unknown network mode", [{}], { networkMode: "nat" }, "Invalid network mode 'nat'."],
    [
      "an unknown ulimit",
      [{ ulimits: [{ name: "fun" as never, softLimit: 1, hardLimit: 1 }] }],
      {},
      "Invalid 'ulimits' setting for container 'app'.",
    ],
    [
      "maxSwap without a limit",
      [{ memory: undefined, memoryReservation: 64, linuxParameters: { maxSwap: 1 } }],
      {},
      /'memory' must be specified/,
    ],
  ];
  it.each(words)("refuses %s", async (_what, containers, changes, message) => {
    const answer = await refusal(register(containers, changes));
    if (typeof message === "string") expect(answer).toBe(`ClientException: ${message}`);
    else expect(String(answer).replace(/^ClientException: /, "")).toMatch(message);
  });

  const secret = [{ name: "A", valueFrom: "b" }];
  const unhonoured: [string, Partial<ContainerDefinition>, object][] = [
    ["networkMode 'awsvpc'", {}, { networkMode: "awsvpc" }],
    ["requiresCompatibilities 'FARGATE'", {}, { requiresCompatibilities: ["FARGATE"] }],
    ["The member 'proxyConfiguration'", {}, { proxyConfiguration: { containerName: "app" } }],
    [
      "The member 'inferenceAccelerators'",
      {},
      { inferenceAccelerators: [{ deviceName: "a", deviceType: "b" }] },
    ],
    ["The member 'ephemeralStorage'", {}, { ephemeralStorage: { sizeInGiB: 30 } }],
    ["The member 'enableFaultInjection'", {}, { enableFaultInjection: true }],
    ["The member 'pidMode'", {}, { pidMode: "host" }],
    ["The member 'ipcMode'", {}, { ipcMode: "host" }],
    ["runtimePlatform.cpuArchitecture 'ARM64'", {}, { runtimePlatform: { cpuArchitecture: "ARM64" } }],
    [
      "runtimePlatform.operatingSystemFamily 'WINDOWS_SERVER_2022_CORE'",
      {},
      { runtimePlatform: { operatingSystemFamily: "WINDOWS_SERVER_2022_CORE" } },
    ],
    ["The member 'containerDefinitions[0].secrets'", { secrets: secret }, {}],
    [
      "The member 'containerDefinitions[0].environmentFiles'",
      { environmentFiles: [{ value: "a", type: "s3" }] },
      {},
    ],
    [
      "The member 'containerDefinitions[0].repositoryCredentials'",
      { repositoryCredentials: { credentialsParameter: "a" } },
      {},
    ],
    [
      "The member 'containerDefinitions[0].resourceRequirements'",
      { resourceRequirements: [{ type: "GPU", value: "1" }] },
      {},
    ],
    [
      "The member 'containerDefinitions[0].firelensConfiguration'",
      { firelensConfiguration: { type: "fluentd" } },
      {},
    ],
    ["The member 'containerDefinitions[0].credentialSpecs'", { credentialSpecs: ["a"] }, {}],
    ["The member 'containerDefinitions[0].disableNetworking'", { disableNetworking: true }, {}],
    ["containerDefinitions[0].versionConsistency 'enabled'", { versionConsistency: "enabled" }, {}],
    [
      "containerDefinitions[0].logConfiguration.logDriver 'awslogs'",
      { logConfiguration: { logDriver: "awslogs", options: {} } },
      {},
    ],
    [
      "The member 'containerDefinitions[0].logConfiguration.secretOptions'",
      { logConfiguration: { logDriver: "json-file", secretOptions: secret } },
      {},
    ],
    [
      "The member 'containerDefinitions[0].portMappings[0].containerPortRange'",
      { portMappings: [{ containerPortRange: "80-81" }] },
      {},
    ],
    [
      "The member 'volumes[0].host.sourcePath'",
      {},
      { volumes: [{ name: "a", host: { sourcePath: "/etc" } }] },
    ],
    [
      "The member 'volumes[0].efsVolumeConfiguration'",
      {},
      { volumes: [{ name: "a", efsVolumeConfiguration: { fileSystemId: "fs-1" } }] },
    ],
    [
      "The member 'volumes[0].configuredAtLaunch'",
      {},
      { volumes: [{ name: "a", configuredAtLaunch: true }] },
    ],
    [
      "volumes[0].dockerVolumeConfiguration.scope 'shared'",
      {},
      { volumes: [{ name: "a", dockerVolumeConfiguration: { scope: "shared" } }] },
    ],
  ];
  it.each(unhonoured)("refuses by name what does not act: %s", async (what, container, changes) => {
    expect(await refusal(register([container], changes))).toBe(
      `ClientException: ${what} is not implemented by Estiba.`,
    );
  });
});

describe("revisions", () => {
  it("rise and are never used again, also when all of them were deleted", async () => {
    await register();
    await register();
    for (const taskDefinition of ["web:1", "web:2"])
      await f.client.deregisterTaskDefinition({ taskDefinition });
    await f.client.deleteTaskDefinitions({ taskDefinitions: ["web:1", "web:2"] });
    expect(await refusal(f.client.describeTaskDefinition({ taskDefinition: "web:1" }))).toBe(
      "ClientException: Unable to describe task definition.",
    );
    expect((await register()).revision).toBe(3);
  });

  it("are found by family (the newest ACTIVE one), by family:revision and by ARN, INACTIVE ones too", async () => {
    for (let i = 0; i < 11; i += 1) await register();
    await f.client.deregisterTaskDefinition({ taskDefinition: "web:11" });
    const find = async (taskDefinition: string) =>
      (await f.client.describeTaskDefinition({ taskDefinition })).taskDefinition;
    expect((await find("web"))?.revision).toBe(10);
    expect(await find("web:11")).toMatchObject({
      status: "INACTIVE",
      deregisteredAt: new Date(f.clock.now()),
    });
    expect((await find("arn:aws:ecs:us-east-1:123456789012:task-definition/web:2"))?.revision).toBe(2);
    for (const unknown of ["nope", "web:99"])
      expect(await refusal(find(unknown))).toBe("ClientException: Unable to describe task definition.");
  });

  it("show their tags only when asked", async () => {
    await register([{}], { tags: [{ key: "a", value: "1" }] });
    const described = await f.client.describeTaskDefinition({ taskDefinition: "web", include: ["TAGS"] });
    expect(described.tags).toEqual([{ key: "a", value: "1" }]);
  });
});

describe("DeregisterTaskDefinition", () => {
  it("needs the revision, answers an INACTIVE one again, and does not know others", async () => {
    await register();
    const remove = (taskDefinition: string) => refusal(f.client.deregisterTaskDefinition({ taskDefinition }));
    expect(await remove("web")).toMatch(/^ClientException: .*with its revision/);
    for (let i = 0; i < 2; i += 1)
      expect(await remove("web:1")).toMatchObject({ taskDefinition: { status: "INACTIVE" } });
    expect(await remove("web:2")).toBe("ClientException: The specified task definition does not exist.");
  });
});

describe("DeleteTaskDefinitions", () => {
  it("tells ACTIVE and unknown ones in failures and keeps what is still in use", async () => {
    for (let i = 0; i < 4; i += 1) await register();
    for (const n of [1, 2, 3]) await f.client.deregisterTaskDefinition({ taskDefinition: `web:${n}` });
    const arn = (n: number) => `arn:aws:ecs:us-east-1:123456789012:task-definition/web:${n}`;
    await f.store.transact((tx) => {
      tx.put(tasks, "us-east-1/c/t", { taskDefinitionArn: arn(2), lastStatus: "RUNNING" } as never);
      tx.put(services, "us-east-1/c/s", {
        status: "ACTIVE",
        deployments: [{ taskDefinitionArn: arn(3), loadBalancers: [] }],
      } as never);
    });
    const answer = await f.client.deleteTaskDefinitions({
      taskDefinitions: ["web:1", "web:2", "web:3", "web:4", "web:9"],
    });
    expect(answer.taskDefinitions?.map((t) => [t.revision, t.status])).toEqual([
      [1, "DELETE_IN_PROGRESS"],
      [2, "DELETE_IN_PROGRESS"],
      [3, "DELETE_IN_PROGRESS"],
    ]);
    expect(answer.failures).toEqual([
      {
        arn: arn(4),
        reason:
          "The specified task definition is still in ACTIVE status. Please deregister the target and try again.",
      },
      { arn: arn(9), reason: "The specified task definition does not exist." },
    ]);
    const list = await f.client.listTaskDefinitions({ status: "DELETE_IN_PROGRESS" });
    expect(list.taskDefinitionArns).toEqual([arn(2), arn(3)]);
  });
});

describe("lists", () => {
  beforeEach(async () => {
    for (const family of ["web", "web", "web-api", "db"]) await register([{}], { family });
    await f.client.deregisterTaskDefinition({ taskDefinition: "db:1" });
  });
  const list = async (ask: object) =>
    (await f.client.listTaskDefinitions(ask)).taskDefinitionArns?.map((arn) => arn.split("/")[1]);

  it("show ACTIVE revisions, of exactly one family when it is named, in either order", async () => {
    expect(new Set(await list({}))).toEqual(new Set(["web:1", "web:2", "web-api:1"]));
    expect(await list({ familyPrefix: "web" })).toEqual(["web:1", "web:2"]);
    expect(await list({ familyPrefix: "web", sort: "DESC" })).toEqual(["web:2", "web:1"]);
    expect(await list({ status: "INACTIVE" })).toEqual(["db:1"]);
  });

  it("come in pages in either order", async () => {
    for (const sort of ["ASC", "DESC"] as const) {
      const seen: string[] = [];
      let nextToken: string | undefined;
      do {
        const answer = await f.client.listTaskDefinitions({ sort, maxResults: 1, nextToken });
        seen.push(...(answer.taskDefinitionArns ?? []).map((arn) => arn.split("/")[1] ?? ""));
        nextToken = answer.nextToken;
      } while (nextToken !== undefined);
      expect(seen).toEqual(await list({ sort }));
    }
  });

  it("show families by prefix, ACTIVE as long as a revision is", async () => {
    const families = async (ask: object) => (await f.client.listTaskDefinitionFamilies(ask)).families;
    expect(await families({})).toEqual(["db", "web", "web-api"]);
    expect(await families({ familyPrefix: "web" })).toEqual(["web", "web-api"]);
    expect(await families({ status: "ACTIVE" })).toEqual(["web", "web-api"]);
    expect(await families({ status: "INACTIVE" })).toEqual(["db"]);
  });
});

/** What RegisterTaskDefinition takes of what Describe answers. */
function writable(definition: TaskDefinition): RegisterTaskDefinitionRequest {
  const {
    taskDefinitionArn: _arn,
    revision: _revision,
    status: _status,
    registeredAt: _at,
    registeredBy: _by,
    requiresAttributes: _attributes,
    compatibilities: _compatibilities,
    ...rest
  } = definition;
  return rest as RegisterTaskDefinitionRequest;
}
