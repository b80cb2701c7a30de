// The secrets of the recorded order: our agent asks what the stock agent asked, as the task's execution role.
import { expect, it } from "vitest";
import type { ContainerSpec } from "#agent/engine/port.ts";
import type { CallAsRole } from "#agent/secrets/service-call.ts";
import { recordedCall, recordedFrame } from "./recording.ts";
import { createStrictServer } from "./strict-server.ts";

const TARGETS = { ssm: "AmazonSSM", secretsmanager: "secretsmanager" };

it("are asked for as the stock agent asks, and become the container's variables", async () => {
  const server = createStrictServer();
  const asked: { readonly role: string; readonly operation: string; readonly body: unknown }[] = [];
  const callAsRole: CallAsRole = (role) => async (service, region, operation, input) => {
    expect(region).toBe("us-east-1");
    asked.push({ role: role.accessKeyId, operation: `${TARGETS[service]}.${operation}`, body: input });
    return service === "ssm"
      ? { Parameters: [{ Name: "/a/b/c1", Value: "one" }] }
      : { SecretString: '{"port":5432,"nested":{"a":1}}' };
  };
  const created: ContainerSpec[] = [];
  const engine = Object.assign(Object.create(server.engine) as typeof server.engine, {
    create: (spec: ContainerSpec) => {
      created.push(spec);
      return server.engine.create(spec);
    },
  });
  const agent = await server.startAgent({ callAsRole, engine });
  await server.until(() => server.acs.length > 0);
  server.channel().sendText(recordedFrame("payloadSecrets"));
  await server.until(() => created.length === 2);

  const recorded = (label: string) => {
    const { operation, body } = recordedCall(label);
    return { role: "AKcred-aa-exec", operation, body: JSON.parse(body) as unknown };
  };
  const byOperation = (operation: string) => asked.filter((call) => call.operation === operation);
  expect(byOperation("AmazonSSM.GetParameters")).toEqual([recorded("askParameters")]);
  expect(byOperation("secretsmanager.GetSecretValue")).toEqual(Array(3).fill(recorded("askSecret")));
  expect(asked).toHaveLength(4);

  const variables = (container: string) =>
    (created.find((spec) => spec.name.includes(`-${container}-`))?.config["Env"] as readonly string[]).filter(
      (variable) => /^S\d=/.test(variable),
    );
  expect(variables("web")).toEqual(["S1=one", "S2=5432", "S3=map[a:1]", 'S4={"port":5432,"nested":{"a":1}}']);
  expect(variables("probe")).toEqual([]);
  agent.close();
  expect(server.faults).toEqual([]);
});
