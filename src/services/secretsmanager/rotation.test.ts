// Rotation through a hook over HTTP, which does its steps through the API as a rotation function does; and what ends by its time.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { keys } from "#store/tables/kms.ts";
import { secrets as secretRows, secretVersions } from "#store/tables/secretsmanager.ts";
import { parameters, parameterVersions } from "#store/tables/ssm.ts";
import { refusal, startSecretServices, type SecretServices } from "#tests/support/secret-services.ts";

interface HookCall {
  readonly Step: string;
  readonly SecretId: string;
  readonly ClientRequestToken: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;
let services: SecretServices;
let secrets: SecretServices["secrets"];
let hook: Server;
let url: string;
let calls: HookCall[];
/** What the hook answers for a call. */
let status: (call: HookCall) => number | Promise<number>;

beforeEach(async () => {
  services = await startSecretServices();
  ({ secrets } = services);
  calls = [];
  status = work;
  hook = createServer((req, res) => {
    let body = "";
    req.setEncoding("utf8");
    req.on("data", (part: string) => (body += part));
    req.on("end", () => {
      const call = JSON.parse(body) as HookCall;
      calls.push(call);
      void Promise.resolve(status(call)).then((code) => res.writeHead(code).end());
    });
  });
  await new Promise<void>((resolve) => hook.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/rotate`;
});
afterEach(async () => {
  hook.closeAllConnections();
  hook.close();
  await services.close();
});

/** What a rotation function does in each step. */
async function work({ Step, SecretId, ClientRequestToken }: HookCall): Promise<number> {
  if (Step === "createSecret")
    await secrets.putSecretValue({
      SecretId,
      ClientRequestToken,
      SecretString: `new by ${ClientRequestToken}`,
      VersionStages: ["AWSPENDING"],
    });
  if (Step === "finishSecret") {
    const { VersionId } = await secrets.getSecretValue({ SecretId });
    await secrets.updateSecretVersionStage({
      SecretId,
      VersionStage: "AWSCURRENT",
      MoveToVersionId: ClientRequestToken,
      RemoveFromVersionId: VersionId,
    });
  }
  return 200;
}

const create = () => secrets.createSecret({ Name: "db", SecretString: "old" });
const rotated = () =>
  vi.waitFor(async () => {
    const described = await secrets.describeSecret({ SecretId: "db" });
    expect(described.LastRotatedDate).toEqual(new Date(services.clock.now()));
    return described;
  });

describe("a rotation", () => {
  it("calls the hook for each step, which makes the new version the current one", async () => {
    const { ARN, VersionId: old = "" } = await create();
    const { VersionId = "" } = await secrets.rotateSecret({
      SecretId: "db",
      RotationLambdaARN: url,
      RotationRules: { AutomaticallyAfterDays: 30 },
    });
    const described = await rotated();
    expect(calls).toEqual(
      ["createSecret", "setSecret", "testSecret", "finishSecret"].map((Step) => ({
        Step,
        SecretId: ARN,
        ClientRequestToken: VersionId,
      })),
    );
    expect(described).toMatchObject({
      RotationEnabled: true,
      RotationLambdaARN: url,
      RotationRules: { AutomaticallyAfterDays: 30 },
      NextRotationDate: new Date(services.clock.now() + 30 * DAY_MS),
      VersionIdsToStages: { [VersionId]: ["AWSCURRENT"], [old]: ["AWSPREVIOUS"] },
    });
    expect((await secrets.getSecretValue({ SecretId: "db" })).SecretString).toBe(`new by ${VersionId}`);
  });

  it("comes again by its schedule, and not once it is cancelled", async () => {
    await create();
    await secrets.rotateSecret({
      SecretId: "db",
      RotationLambdaARN: url,
      RotationRules: { ScheduleExpression: "rate(10 days)" },
      RotateImmediately: false,
    });
    expect(calls).toEqual([]);
    await services.clock.advance(10 * DAY_MS);
    await rotated();
    expect(calls).toHaveLength(4);
    await secrets.cancelRotateSecret({ SecretId: "db" });
    await services.clock.advance(40 * DAY_MS);
    expect(await secrets.describeSecret({ SecretId: "db" })).toMatchObject({ RotationEnabled: false });
    expect(calls).toHaveLength(4);
  });

  it("goes on from the step that failed", async () => {
    await create();
    let isBroken = true;
    status = (call) => (call.Step === "testSecret" && isBroken ? 500 : work(call));
    await secrets.rotateSecret({ SecretId: "db", RotationLambdaARN: url });
    await vi.waitFor(() => expect(services.failures()).toBe(1));
    expect(await refusal(secrets.rotateSecret({ SecretId: "db" }))).toMatch(
      /^InvalidRequestException: A previous rotation isn't complete/,
    );
    expect((await secrets.getSecretValue({ SecretId: "db" })).SecretString).toBe("old");
    isBroken = false;
    await services.clock.advance(60_000);
    await rotated();
    expect(calls.map(({ Step }) => Step)).toEqual([
      "createSecret",
      "setSecret",
      "testSecret",
      "testSecret",
      "finishSecret",
    ]);
  });

  it("that ends without a new current version has failed", async () => {
    await create();
    status = (call) => (call.Step === "finishSecret" ? 200 : work(call));
    await secrets.rotateSecret({ SecretId: "db", RotationLambdaARN: url });
    await vi.waitFor(() => expect(services.failures()).toBe(1));
    expect(await secrets.describeSecret({ SecretId: "db" })).not.toHaveProperty("LastRotatedDate");
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      "without a hook",
      () => secrets.rotateSecret({ SecretId: "db" }),
      /^InvalidRequestException: No Lambda rotation function ARN/,
    ],
    [
      "by a Lambda function",
      () => secrets.rotateSecret({ SecretId: "db", RotationLambdaARN: "arn:aws:lambda:x:y:function:z" }),
      /^InvalidParameterException: RotationLambdaARN must be the URL/,
    ],
    [
      "by two rules",
      () =>
        secrets.rotateSecret({
          SecretId: "db",
          RotationLambdaARN: url,
          RotationRules: { AutomaticallyAfterDays: 3, ScheduleExpression: "rate(3 days)" },
        }),
      /^InvalidParameterException: You can specify either/,
    ],
    [
      "that is none, taken back",
      () => secrets.cancelRotateSecret({ SecretId: "db" }),
      /^InvalidRequestException/,
    ],
  ])("%s is refused", async (_what, call, words) => {
    await create();
    expect(await refusal(call())).toMatch(words);
    expect(calls).toEqual([]);
  });
});

describe("at its time", () => {
  it("a deleted secret is gone with all its versions, and its name is free", async () => {
    await create();
    await secrets.putSecretValue({ SecretId: "db", SecretString: "new" });
    await secrets.deleteSecret({ SecretId: "db", RecoveryWindowInDays: 7 });
    await services.clock.advance(7 * DAY_MS);
    await vi.waitFor(() => expect([...services.store.scan(secretRows)]).toEqual([]));
    expect([...services.store.scan(secretVersions)]).toEqual([]);
    await create();
  });

  it("a parameter with an expiration is gone with all its versions", async () => {
    const { ssm, clock, store } = services;
    const Policies = JSON.stringify([
      {
        Type: "Expiration",
        Version: "1.0",
        Attributes: { Timestamp: new Date(clock.now() + DAY_MS).toISOString() },
      },
    ]);
    await ssm.putParameter({ Name: "/p", Type: "String", Value: "0", Tier: "Advanced", Policies });
    for (let i = 1; i < 100; i++) await ssm.putParameter({ Name: "/p", Value: String(i), Overwrite: true });
    expect([...store.scan(parameterVersions)]).toHaveLength(100);
    await clock.advance(DAY_MS);
    expect(await refusal(ssm.getParameter({ Name: "/p" }))).toMatch(/^ParameterNotFound/);
    await vi.waitFor(() => expect([...store.scan(parameters)]).toEqual([]));
    expect([...store.scan(parameterVersions)]).toEqual([]);
  });

  it("a key is gone, its material with it", async () => {
    const { kms, clock, store } = services;
    const { KeyMetadata } = await kms.createKey({});
    await kms.scheduleKeyDeletion({ KeyId: KeyMetadata?.KeyId, PendingWindowInDays: 7 });
    await clock.advance(7 * DAY_MS);
    await vi.waitFor(() => expect([...store.scan(keys)]).toEqual([]));
  });
});
