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
