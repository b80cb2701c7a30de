import { beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { agentAttributes } from "./capabilities.ts";
import { readAgentConfig } from "./config.ts";
import { CallFailed, type ControlPlane } from "./control-plane.ts";
import { registerInstance } from "./register.ts";

type Input = Readonly<Record<string, unknown>>;

let clock: TestClock;
let calls: (readonly [operation: string, input: Input])[];
/** Answers of the control plane, in order; the last one stays. */
let answers: ((input: Input) => Input)[];
const closing = new AbortController();

const echo = (input: Input): Input => ({
  containerInstance: { containerInstanceArn: "arn:i", attributes: input["attributes"] },
});
const refuse =
  (code: string, message = "no") =>
  (): Input => {
    throw new CallFailed(code, message);
  };

beforeEach(() => {
  [clock, calls, answers] = [new TestClock(), [], [echo]];
});

const controlPlane: Pick<ControlPlane, "call"> = {
  async call(operation, input) {
    calls.push([operation, input]);
    if (operation === "CreateCluster") return {};
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    return answer?.(input) ?? {};
  },
};
const register = (environment: Readonly<Record<string, string>> = {}, containerInstanceArn?: string) =>
  registerInstance({
    controlPlane,
    config: readAgentConfig({ AWS_DEFAULT_REGION: "r", ECS_BACKEND_HOST: "h", ...environment }, ""),
    capacity: {
      cpu: 2048,
      memoryMiB: 3900,
      reservedTcpPorts: [22],
      reservedUdpPorts: [],
      dynamicPorts: { first: 1, last: 2 },
    },
    attributes: [{ name: "ecs.os-type", value: "linux" }, { name: "ecs.capability.full-sync" }],
    identity: { document: "{}", signature: "signed" },
    containerInstanceArn,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    signal: closing.signal,
  });

describe("registration", () => {
  it("says what the host has, and that it is vouched for", async () => {
    const environment = {
      ECS_CLUSTER: "web",
      ECS_INSTANCE_ATTRIBUTES: '{"rack":"r1"}',
      ECS_CONTAINER_INSTANCE_TAGS: '{"team":"x"}',
    };
    expect(await register(environment)).toBe("arn:i");
    expect(calls[0]?.[1]).toMatchObject({
      cluster: "web",
      instanceIdentityDocument: "{}",
      instanceIdentityDocumentSignature: "signed",
      totalResources: [
        { name: "CPU", type: "INTEGER", integerValue: 2048 },
        { name: "MEMORY", type: "INTEGER", integerValue: 3900 },
        { name: "PORTS", type: "STRINGSET", stringSetValue: ["22"] },
        { name: "PORTS_UDP", type: "STRINGSET", stringSetValue: [] },
      ],
      attributes: [
        { name: "rack", value: "r1" },
        { name: "ecs.os-type", value: "linux" },
        { name: "ecs.capability.full-sync" },
      ],
      tags: [{ key: "team", value: "x" }],
    });
    expect(calls[0]?.[1]).not.toHaveProperty("containerInstanceArn");
  });

  it("names the instance it was, without custom attributes", async () => {
    await register({ ECS_INSTANCE_ATTRIBUTES: '{"rack":"r1"}' }, "arn:i");
    expect(calls[0]?.[1]).toMatchObject({ containerInstanceArn: "arn:i" });
    expect(JSON.stringify(calls[0]?.[1]["attributes"])).not.toContain("rack");
  });

  it("creates the default cluster when it is missing, and no other", async () => {
    answers = [refuse("ClusterNotFoundException"), echo];
    expect(await register()).toBe("arn:i");
    expect(calls.map(([operation]) => operation)).toEqual([
      "RegisterContainerInstance",
      "CreateCluster",
      "RegisterContainerInstance",
    ]);
    answers = [refuse("ClusterNotFoundException")];
    await expect(register({ ECS_CLUSTER: "web" })).rejects.toMatchObject({ exitCode: 1 });
  });

  it.each([
    ["ClientException", 5],
    ["InvalidParameterException", 5],
    ["AccessDeniedException", 1],
    ["SomethingElse", 1],
  ])("ends the agent at once on %s with exit code %i", async (code, exitCode) => {
    answers = [refuse(code)];
    await expect(register()).rejects.toMatchObject({ name: "AgentExit", exitCode });
    expect(calls).toHaveLength(1);
  });

  it("may not start again as another instance type", async () => {
    answers = [refuse("ServerException", "Container instance type changes are not supported.")];
    await expect(register({}, "arn:i")).rejects.toMatchObject({ exitCode: 5 });
  });

  it.each(["rack", "ecs.os-type"])("ends for good when the attribute %s does not come back", async (lost) => {
    answers = [
      (input) => ({
        containerInstance: {
          containerInstanceArn: "arn:i",
          attributes: (input["attributes"] as { name: string }[]).filter((a) => a.name !== lost),
        },
      }),
    ];
    const registering = register({ ECS_INSTANCE_ATTRIBUTES: '{"rack":"r1"}' });
    await expect(registering).rejects.toThrow(`Attribute validation failed: ${lost}`);
    await expect(registering).rejects.toMatchObject({ exitCode: 5 });
  });

  it("tries a busy control plane again for an hour, with growing delays", async () => {
    answers = [refuse("ThrottlingException")];
    const outcome = register().catch((error: unknown) => error);
    await clock.advance(30 * 60_000);
    expect(calls.length).toBeGreaterThan(8);
    expect(calls.length).toBeLessThan(25);
    await clock.advance(40 * 60_000);
    expect(await outcome).toMatchObject({ exitCode: 1 });
  });

  it("waits without end for a control plane that is away, under one client token", async () => {
    answers = [refuse("Unreachable")];
    const registering = register();
    await clock.advance(5 * 3_600_000);
    answers = [echo];
    await clock.advance(300_000);
    expect(await registering).toBe("arn:i");
    expect(new Set(calls.map(([, input]) => input["clientToken"])).size).toBe(1);
  });
});

describe("the attributes of this agent", () => {
  const names = (servesCredentials: boolean, limitsTasks: boolean) =>
    agentAttributes(
      { logDrivers: ["json-file", "awslogs", "splunk", "none"] },
      { logDrivers: ["json-file", "awslogs"] },
      { servesCredentials, limitsTasks },
    ).map((a) => a.name);

  it("name the log drivers that are allowed and that the engine has", () => {
    expect(names(true, true).filter((n) => n.includes("logging-driver"))).toEqual([
      "com.amazonaws.ecs.capability.logging-driver.json-file",
      "com.amazonaws.ecs.capability.logging-driver.awslogs",
      "com.amazonaws.ecs.capability.logging-driver.none",
    ]);
  });

  it("promise task roles and task limits only where they are kept", () => {
    expect(names(true, false)).toContain("com.amazonaws.ecs.capability.task-iam-role");
    expect(names(false, false).join()).not.toContain("task-iam-role");
    expect(names(false, true)).toContain("ecs.capability.task-cpu-mem-limit");
    expect(names(false, false)).not.toContain("ecs.capability.task-cpu-mem-limit");
  });

  it("promise secrets and logs by the execution role only where they are kept", () => {
    const promised = (abilities: object) =>
      agentAttributes(
        { logDrivers: [] },
        { logDrivers: [] },
        { servesCredentials: true, limitsTasks: false, ...abilities },
      )
        .map((a) => a.name)
        .filter((name) => /secrets|awslogs/.test(name));
    expect(promised({})).toEqual([]);
    expect(promised({ fetchesSecrets: true })).toEqual([
      "ecs.capability.secrets.ssm.environment-variables",
      "ecs.capability.secrets.ssm.bootstrap.log-driver",
      "ecs.capability.secrets.asm.environment-variables",
      "ecs.capability.secrets.asm.bootstrap.log-driver",
    ]);
    expect(promised({ logsByExecutionRole: true })).toEqual(["ecs.capability.execution-role-awslogs"]);
  });

  it("promise nothing that this agent refuses", () => {
    expect(names(true, true).join()).not.toMatch(
      /secrets|task-eni|efs|firelens|env-files|ecr|execute-command/,
    );
  });
});
