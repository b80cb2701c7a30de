// A task's secrets on their way into its containers, over a fake of the services.
import { beforeEach, describe, expect, it } from "vitest";
import type { RoleCredentials, WireSecret } from "#acs/messages.ts";
import { TestClock } from "#lib/test-clock.ts";
import { createCredentialStore, type CredentialStore } from "../credentials.ts";
import type { CallAsRole } from "../secrets/service-call.ts";
import { wireContainer, wireTask, ARN } from "../task/fixture.suite.ts";
import type { HookTask, TaskHook } from "./hook.ts";
import { createSecretsHook } from "./secrets.ts";

const role: RoleCredentials = {
  credentialsId: "exec-1",
  roleArn: "arn:aws:iam::000000000000:role/execution",
  accessKeyId: "ASIA1",
  secretAccessKey: "s",
  sessionToken: "t",
  expiration: "2026-01-02T00:00:00Z",
};
const secret = (name: string, target: WireSecret["target"] = "CONTAINER"): WireSecret => ({
  name,
  valueFrom: `/${name.toLowerCase()}`,
  region: "us-east-1",
  provider: "ssm",
  type: target === "CONTAINER" ? "ENVIRONMENT_VARIABLE" : "BOOTSTRAP",
  target,
});
const container = wireContainer("web", { secrets: [secret("PASSWORD"), secret("labels", "LOG_DRIVER")] });
const task: HookTask = { id: "0123", task: wireTask([container]), executionCredentialsId: "exec-1" };
const spec = {
  name: "ecs-web",
  config: { Env: ["A=1", "PASSWORD=", "PASSWORDS=2"] },
  hostConfig: { LogConfig: { Type: "json-file", Config: { tag: "x" } } },
};

let clock: TestClock;
let credentials: CredentialStore;
let hook: TaskHook;
let asked: string[];
let missing: string[];

beforeEach(() => {
  clock = new TestClock();
  [asked, missing] = [[], []];
  const callAs: CallAsRole = (given) => async (_service, _region, _operation, input) => {
    const names = input["Names"] as string[];
    asked.push(`${given.accessKeyId} ${names.join()}`);
    return {
      Parameters: names
        .filter((name) => !missing.includes(name))
        .map((name) => ({ Name: name, Value: `the ${name} value` })),
    };
  };
  credentials = createCredentialStore();
  credentials.put(ARN, role);
  hook = createSecretsHook({ credentials, callAs, clock });
});
const create = () => hook.creating?.(task, container, spec);

describe("secrets of a task", () => {
  it("are fetched once by its execution role and become variables and log options", async () => {
    await hook.prepare?.(task);
    expect(await create()).toEqual({
      name: "ecs-web",
      config: { Env: ["A=1", "PASSWORDS=2", "PASSWORD=the /password value"] },
      hostConfig: { LogConfig: { Type: "json-file", Config: { tag: "x", labels: "the /labels value" } } },
    });
    await create();
    expect(asked).toEqual(["ASIA1 /password,/labels"]);
  });

  it("are not asked for by a task that has none", async () => {
    const plain = wireContainer("plain");
    const without = { ...task, task: wireTask([plain]) };
    await hook.prepare?.(without);
    expect(await hook.creating?.(without, plain, spec)).toBe(spec);
    expect(asked).toEqual([]);
  });

  it("end the task when one is missing, and are asked for again when it is tried again", async () => {
    missing = ["/password"];
    const reason =
      "ResourceInitializationError: fetching secret data from SSM Parameter Store in us-east-1: invalid parameters: /password";
    await expect(hook.prepare?.(task)).rejects.toMatchObject({ reason });
    await expect(create()).rejects.toMatchObject({ reason });
    missing = [];
    await create();
    expect(asked).toHaveLength(3);
  });

  it("are fetched again by an agent that came back, once the credentials are there", async () => {
    credentials.forgetTask(ARN);
    const creating = create();
    await clock.advance(59_000);
    expect(asked).toEqual([]);
    credentials.put(ARN, { ...role, accessKeyId: "ASIA2" });
    expect((await creating)?.config["Env"]).toContain("PASSWORD=the /password value");
    expect(asked).toEqual(["ASIA2 /password,/labels"]);
  });

  it("are given up when no credentials come within a minute, or when the task has no such role", async () => {
    credentials.forgetTask(ARN);
    const reason = "ResourceInitializationError: unable to find the execution role's credentials";
    const outcome = expect(create()).rejects.toMatchObject({ reason });
    await clock.advance(60_000);
    await outcome;
    const { executionCredentialsId: _, ...roleless } = task;
    await expect(hook.prepare?.(roleless)).rejects.toMatchObject({ reason });
  });

  it("are taken out of a failure's text, until they are forgotten with the task's end", async () => {
    await hook.prepare?.(task);
    const text = "invalid size: 'the /labels value'";
    expect(hook.redact?.(task, text)).toBe("invalid size: '***'");
    await hook.stopped?.(task);
    await hook.stopped?.(task);
    expect(hook.redact?.(task, text)).toBe(text);
    await create();
    expect(asked).toHaveLength(2);
  });
});
