// What the unmodified container agent 1.105.1 sent to a control plane, byte for byte but for the account: it must be content
// with the answers.
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Attribute } from "@aws-sdk/client-ecs";
import { ACCOUNT, createFixture, sending, type Fixture } from "./fixture.suite.ts";

type Body = Record<string, unknown> & { readonly attributes?: readonly Attribute[] };
const recorded = JSON.parse(
  readFileSync(new URL("golden/agent-1.105.1.json", import.meta.url), "utf8").replaceAll(
    "000000000000",
    ACCOUNT,
  ),
) as {
  readonly registerFirst: Body;
  readonly registerAgain: Body;
  readonly others: readonly {
    readonly operation: "SubmitTaskStateChange" | "DiscoverPollEndpoint";
    readonly body: Body;
  }[];
};

let f: Fixture;
beforeEach(async () => {
  f = await createFixture();
  await f.client.createCluster({ clusterName: "default" });
});
afterEach(() => f.close());

const register = async (body: Body) =>
  (await sending(f.as({}), body).registerContainerInstance({})).containerInstance;

it("gets every attribute back with its value, the first time and again", async () => {
  for (const body of [recorded.registerFirst, recorded.registerAgain]) {
    const made = await register(body);
    const echoed = new Map(made?.attributes?.map((a) => [a.name, a.value]));
    expect(body.attributes?.length).toBeGreaterThan(50);
    for (const { name, value } of body.attributes ?? []) {
      expect(echoed.has(name)).toBe(true);
      expect(echoed.get(name)).toBe(value);
    }
  }
});

it("is the same instance under the ARN and the token that it sends again", async () => {
  const again = await register(recorded.registerAgain);
  expect(again?.containerInstanceArn).toBe(recorded.registerAgain["containerInstanceArn"]);
  expect((await register(recorded.registerAgain))?.containerInstanceArn).toBe(again?.containerInstanceArn);
  const first = await register(recorded.registerFirst);
  expect((await register(recorded.registerFirst))?.containerInstanceArn).toBe(first?.containerInstanceArn);
  expect((await f.client.listContainerInstances({})).containerInstanceArns).toHaveLength(2);
});

it("has each of its reports acknowledged, and each of them reaches the fleet", async () => {
  await register(recorded.registerAgain);
  for (const { operation, body } of recorded.others) {
    const client = sending(f.as({}), body);
    if (operation === "SubmitTaskStateChange")
      expect((await client.submitTaskStateChange({})).acknowledgment).toBe("ACK");
    else
      expect((await client.discoverPollEndpoint({ cluster: "default" })).telemetryEndpoint).toBe(
        `${f.endpoint}/tcs`,
      );
  }
  const submitted = recorded.others.filter((o) => o.operation === "SubmitTaskStateChange");
  expect(f.reports.map((r) => r.taskArn)).toEqual(submitted.map((o) => o.body["task"]));
  expect(submitted.length).toBeGreaterThan(10);
});
