// How secrets and log configurations stand in what the agent hears.
import { describe, expect, it } from "vitest";
import type { ContainerDefinition, TaskDefinitionBody } from "#domain/ecs/task-definition.ts";
import type { TaskRow } from "#domain/ecs/task.ts";
import type { TaskCredentials } from "./task-credentials.ts";
import { toWireTask } from "./wire-task.ts";

const task = {
  arn: "arn:aws:ecs:us-east-1:123456789012:task/main/0123",
  id: "0123",
  region: "us-east-1",
  family: "web",
  revision: 1,
  networkMode: "bridge",
  containers: [],
  overrides: {},
} as unknown as TaskRow;
const execution = {
  roleType: "TaskExecution",
  credentials: { credentialsId: "e-1" },
} as unknown as TaskCredentials;

function wire(container: Partial<ContainerDefinition>, credentials: readonly TaskCredentials[] = []) {
  const definition = {
    family: "web",
    containerDefinitions: [{ name: "app", image: "nginx", ...container }],
  } as TaskDefinitionBody;
  const [heard] = toWireTask(task, definition, credentials, "http://10.64.0.2:4566").containers;
  const hostConfig = JSON.parse(heard?.dockerConfig?.hostConfig ?? "{}") as Record<string, unknown>;
  return { heard, log: hostConfig["LogConfig"] };
}

describe("secrets on the wire", () => {
  const heard = (...valueFrom: string[]) =>
    wire({ secrets: valueFrom.map((v) => ({ name: "A", valueFrom: v })) }).heard?.secrets;

  it("name their service and region, and what they are for", () => {
    const secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf:user::";
    const logConfiguration = {
      logDriver: "splunk" as const,
      secretOptions: [{ name: "splunk-token", valueFrom: "/token" }],
    };
    expect(wire({ secrets: [{ name: "USER", valueFrom: secret }], logConfiguration }).heard?.secrets).toEqual(
      [
        {
          name: "USER",
          valueFrom: secret,
          region: "eu-west-1",
          provider: "asm",
          type: "ENVIRONMENT_VARIABLE",
          target: "CONTAINER",
        },
        {
          name: "splunk-token",
          valueFrom: "/token",
          region: "us-east-1",
          provider: "ssm",
          type: "BOOTSTRAP",
          target: "LOG_DRIVER",
        },
      ],
    );
  });

  it("name the account's own parameters by name, others by ARN", () => {
    const arn = (account: string, path: string) => `arn:aws:ssm:eu-west-1:${account}:parameter/${path}`;
    expect(
      heard("plain", arn("123456789012", "a/b"), arn("999999999999", "a/b"), arn("123456789012", "a"))?.map(
        (s) => [s.valueFrom, s.region],
      ),
    ).toEqual([
      ["plain", "us-east-1"],
      ["/a/b", "eu-west-1"],
      [arn("999999999999", "a/b"), "eu-west-1"],
      [arn("123456789012", "a"), "eu-west-1"],
    ]);
  });

  it("are left out when there are none", () => {
    expect(wire({}).heard).not.toHaveProperty("secrets");
    expect(wire({}).heard).not.toHaveProperty("logsAuthStrategy");
  });
});

describe("a log configuration on the wire", () => {
  const options = { "awslogs-group": "g", "awslogs-region": "eu-west-1" };
  const awslogs = (more: Record<string, string> = {}) => ({
    logConfiguration: { logDriver: "awslogs" as const, options: { ...options, ...more } },
  });

  it("of awslogs has a stream, an endpoint and ECS's default mode, and no prefix", () => {
    expect(wire(awslogs({ "awslogs-stream-prefix": "web" })).log).toEqual({
      Type: "awslogs",
      Config: {
        ...options,
        mode: "non-blocking",
        "max-buffer-size": "10m",
        "awslogs-stream": "web/app/0123",
        "awslogs-endpoint": "http://10.64.0.2:4566",
      },
    });
  });

  it("of awslogs keeps a mode and a buffer that were chosen, and leaves the stream to the driver without a prefix", () => {
    const endpoint = { "awslogs-endpoint": "http://10.64.0.2:4566" };
    expect(wire(awslogs({ mode: "blocking" })).log).toEqual({
      Type: "awslogs",
      Config: { ...options, mode: "blocking", ...endpoint },
    });
    expect(wire(awslogs({ "max-buffer-size": "1m" })).log).toEqual({
      Type: "awslogs",
      Config: { ...options, mode: "non-blocking", "max-buffer-size": "1m", ...endpoint },
    });
  });

  it("says by whose credentials, when the task has an execution role", () => {
    expect(wire(awslogs(), [execution]).heard?.logsAuthStrategy).toBe("ExecutionRole");
    expect(wire(awslogs()).heard).not.toHaveProperty("logsAuthStrategy");
    const json = { logConfiguration: { logDriver: "json-file" as const } };
    expect(wire(json, [execution]).heard).not.toHaveProperty("logsAuthStrategy");
    expect(wire(json).log).toEqual({ Type: "json-file", Config: {} });
    expect(wire({}).log).toBeUndefined();
  });
});
