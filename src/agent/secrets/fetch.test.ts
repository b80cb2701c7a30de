// What the services are asked for, what becomes of their answers, and in which words a failure is told.
import { beforeEach, describe, expect, it } from "vitest";
import type { WireSecret } from "#acs/messages.ts";
import { CallFailed } from "../control-plane.ts";
import { fetchSecrets, keyOf, type SecretCall } from "./fetch.ts";

const REGION = "eu-west-1";
const SECRET = `arn:aws:secretsmanager:${REGION}:123456789012:secret:db-AbCdEf`;

const wire = (provider: "ssm" | "asm", valueFrom: string, region = REGION): WireSecret => ({
  name: "A",
  valueFrom,
  region,
  provider,
  type: "ENVIRONMENT_VARIABLE",
  target: "CONTAINER",
});
const ssm = (name: string, region?: string) => wire("ssm", name, region);
const asm = (selectors = "") => wire("asm", SECRET + selectors);

type Asked = readonly [service: string, region: string, operation: string, input: Record<string, unknown>];
let asked: Asked[];
let answer: (...call: Asked) => Record<string, unknown>;
const call: SecretCall = async (service, region, operation, input) => {
  asked.push([service, region, operation, input]);
  return answer(service, region, operation, input);
};
const named = (names: unknown) => ({
  Parameters: (names as string[]).map((name) => ({ Name: name, Value: `value of ${name}` })),
  InvalidParameters: [],
});

beforeEach(() => {
  asked = [];
  answer = (_service, _region, operation, input) =>
    operation === "GetParameters" ? named(input["Names"]) : { SecretString: '{"user":"u","port":5432}' };
});

const failure = (secrets: readonly WireSecret[], launchType?: string) =>
  fetchSecrets(secrets, call, launchType).then(
    () => "none failed",
    (error: unknown) => (error as Error).message,
  );

describe("parameters", () => {
  it("are asked for decrypted, ten at a time for each region, each once", async () => {
    const secrets = [
      ...Array.from({ length: 12 }, (_, i) => ssm(`/p/${i}`)),
      ssm("/p/3"),
      ssm("/p/0", "us-east-1"),
    ];
    const values = await fetchSecrets(secrets, call, "EC2");
    expect(asked.map(([service, region, operation]) => [service, region, operation])).toEqual([
      ["ssm", "eu-west-1", "GetParameters"],
      ["ssm", "eu-west-1", "GetParameters"],
      ["ssm", "us-east-1", "GetParameters"],
    ]);
    expect(asked.map(([, , , input]) => (input["Names"] as string[]).length)).toEqual([10, 2, 1]);
    expect(asked[0]?.[3]).toMatchObject({ WithDecryption: true });
    for (const secret of secrets) expect(values.get(keyOf(secret))).toBe(`value of ${secret.valueFrom}`);
  });

  it("that were asked for by ARN may be answered by name, and others never become empty texts", async () => {
    const arn = `arn:aws:ssm:${REGION}:123456789012:parameter/a`;
    answer = () => ({ Parameters: [{ Name: "a", ARN: arn, Value: "v" }] });
    expect(await fetchSecrets([ssm(arn)], call, "EC2")).toEqual(new Map([[keyOf(ssm(arn)), "v"]]));
    answer = () => ({ Parameters: [{ Name: "/other", Value: "v" }] });
    expect(await failure([ssm("/a"), ssm("/b")])).toBe(
      "fetching secret data from SSM Parameter Store in eu-west-1: invalid parameters: /a,/b",
    );
  });
});

describe("secrets", () => {
  it("are asked for one by one with the selectors that are given", async () => {
    await fetchSecrets([asm(), asm(":::"), asm("::AWSPREVIOUS:"), asm(":user::v1")], call, "EC2");
    expect(asked.map(([service, region, operation, input]) => [service, region, operation, input])).toEqual([
      ["secretsmanager", REGION, "GetSecretValue", { SecretId: SECRET }],
      ["secretsmanager", REGION, "GetSecretValue", { SecretId: SECRET }],
      ["secretsmanager", REGION, "GetSecretValue", { SecretId: SECRET, VersionStage: "AWSPREVIOUS" }],
      ["secretsmanager", REGION, "GetSecretValue", { SecretId: SECRET, VersionId: "v1" }],
    ]);
  });

  it("are taken whole, or by a member in the form that AWS's agent gives it", async () => {
    const values = await fetchSecrets([asm(), asm(":user::"), asm(":port::")], call, "EC2");
    expect([...values.values()]).toEqual(['{"user":"u","port":5432}', "u", "5432"]);
  });

  it.each([
    ["a member that is not there", ":nope::", '{"a":1}', /did not contain json key nope$/],
    ["an inherited member", ":toString::", '{"a":1}', /did not contain json key toString$/],
    ["a member of what is no object", ":a::", "hidden", /is not a JSON object$/],
    ["a binary value", "", undefined, /its value is binary$/],
    ["a value with NUL", "", "hid\0den", /contains a NUL character$/],
  ])("fail for %s, without their text", async (_what, selectors, text, words) => {
    answer = () => ({ SecretString: text });
    const told = await failure([asm(selectors)]);
    expect(told).toMatch(words);
    expect(told).toContain(
      `fetching secret data from AWS Secrets Manager in region ${REGION}: secret ${SECRET}: `,
    );
    expect(told).not.toContain("hid");
  });
});

describe("a refusal", () => {
  const refuse = (code: string, message: string) => () => {
    throw new CallFailed(code, message, { status: 400, requestId: "r-1" });
  };

  it("is told as the agent of an instance tells it", async () => {
    answer = refuse("AccessDeniedException", "User: x is not authorized");
    expect(await failure([ssm("/a")], "EC2")).toBe(
      "fetching secret data from SSM Parameter Store in eu-west-1: operation error SSM: GetParameters, https response error StatusCode: 400, RequestID: r-1, api error AccessDeniedException: User: x is not authorized",
    );
    answer = refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    expect(await failure([asm()], "EXTERNAL")).toBe(
      `fetching secret data from AWS Secrets Manager in region eu-west-1: secret ${SECRET}: operation error Secrets Manager: GetSecretValue, https response error StatusCode: 400, RequestID: r-1, ResourceNotFoundException: Secrets Manager can't find the specified secret.`,
    );
  });

  it("is told as Fargate tells it", async () => {
    answer = refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    const words = "unable to pull secrets or registry auth: execution resource retrieval failed:";
    expect(await failure([asm()], "FARGATE")).toBe(
      `${words} unable to retrieve secret from asm: service call has been retried 1 time(s): ResourceNotFoundException: Secrets Manager can't find the specified secret.`,
    );
    answer = () => ({ Parameters: [] });
    expect(await failure([ssm("/a")], "FARGATE")).toBe(
      `${words} unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid parameters: /a`,
    );
  });

  it("of several is told for each", async () => {
    answer = refuse("AccessDeniedException", "no");
    expect((await failure([ssm("/a"), asm()], "EC2")).split(";")).toEqual([
      expect.stringContaining("SSM Parameter Store"),
      expect.stringContaining("Secrets Manager"),
    ]);
  });
});
