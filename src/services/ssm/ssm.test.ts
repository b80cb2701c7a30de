// Parameter Store as clients see it, through the official SDK.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PutParameterCommandInput } from "@aws-sdk/client-ssm";
import { parameterVersions } from "#store/tables/ssm.ts";
import {
  ACCOUNT,
  refusal,
  REGION,
  startSecretServices,
  type SecretServices,
} from "#tests/support/secret-services.ts";

let services: SecretServices;
let ssm: SecretServices["ssm"];
beforeEach(async () => {
  services = await startSecretServices();
  ({ ssm } = services);
});
afterEach(() => services.close());

const put = (Name: string, Value = "v", more: Partial<PutParameterCommandInput> = {}) =>
  ssm.putParameter({ Name, Value, Type: "String", ...more });
const arn = (name: string) => `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter${name}`;

describe("a parameter", () => {
  it("is put and read", async () => {
    expect(await put("/app/url", "http://x")).toMatchObject({ Version: 1, Tier: "Standard" });
    const { Parameter } = await ssm.getParameter({ Name: "/app/url" });
    expect(Parameter).toEqual({
      Name: "/app/url",
      Type: "String",
      Value: "http://x",
      Version: 1,
      ARN: arn("/app/url"),
      DataType: "text",
      LastModifiedDate: new Date(services.clock.now()),
    });
  });

  it("that is a SecureString is shown in clear only when that is asked for", async () => {
    await put("/app/password", "hidden", { Type: "SecureString" });
    const plain = await ssm.getParameter({ Name: "/app/password", WithDecryption: true });
    expect(plain.Parameter).toMatchObject({ Type: "SecureString", Value: "hidden" });
    const sealed = await ssm.getParameter({ Name: "/app/password" });
    expect(sealed.Parameter?.Value).toMatch(/^[A-Za-z0-9+/=]{60,}$/);
    expect(Buffer.from(sealed.Parameter?.Value ?? "", "base64").toString()).not.toContain("hidden");
  });
});

describe("GetParameters", () => {
  it("answers what is there by the name that was asked for, and names what is not", async () => {
    await put("/a");
    await put("plain");
    const found = await ssm.getParameters({ Names: ["/a", arn("/plain"), "/nope", "/a:7"] });
    expect(found.Parameters?.map(({ Name }) => Name)).toEqual(["/a", arn("/plain")]);
    expect(found.InvalidParameters).toEqual(["/nope", "/a:7"]);
    expect(await refusal(ssm.getParameter({ Name: "/nope" }))).toMatch(/^ParameterNotFound: /);
  });
});

describe("overwriting", () => {
  it("makes versions, which are read by number and by label", async () => {
    await put("/a", "one", { Description: "d" });
    expect(await refusal(put("/a", "two"))).toMatch(/^ParameterAlreadyExists: /);
    expect(await ssm.putParameter({ Name: "/a", Value: "two", Overwrite: true })).toMatchObject({
      Version: 2,
    });
    await ssm.labelParameterVersion({ Name: "/a", ParameterVersion: 1, Labels: ["stable"] });
    const value = async (Name: string) => (await ssm.getParameter({ Name })).Parameter;
    expect(await value("/a")).toMatchObject({ Value: "two", Version: 2 });
    expect(await value("/a:1")).toMatchObject({ Name: "/a", Value: "one", Selector: ":1" });
    expect(await value(`${arn("/a")}:stable`)).toMatchObject({
      Name: "/a",
      Value: "one",
      Selector: ":stable",
    });
    expect(await refusal(value("/a:3"))).toMatch(/^ParameterVersionNotFound: /);
    const { Parameters } = await ssm.getParameterHistory({ Name: "/a" });
    expect(
      Parameters?.map(({ Version, Value, Labels, Description }) => [Version, Value, Labels, Description]),
    ).toEqual([
      [1, "one", ["stable"], "d"],
      [2, "two", [], "d"],
    ]);
  });

  it("keeps a hundred versions, and never drops one that has a label", async () => {
    await put("/a", "1");
    for (let i = 2; i <= 101; i++) await ssm.putParameter({ Name: "/a", Value: String(i), Overwrite: true });
    const versions = async () => {
      const { Parameters = [] } = await ssm.getParameterHistory({ Name: "/a" });
      return Parameters[0]?.Version;
    };
    expect(await versions()).toBe(2);
    await ssm.labelParameterVersion({ Name: "/a", ParameterVersion: 2, Labels: ["kept"] });
    expect(await refusal(ssm.putParameter({ Name: "/a", Value: "x", Overwrite: true }))).toMatch(
      /^ParameterMaxVersionLimitExceeded: .*Version 2, the oldest version, can't be deleted/,
    );
    await ssm.deleteParameter({ Name: "/a" });
    expect([...services.store.scan(parameterVersions)]).toEqual([]);
  });

  it.each<[string, Partial<PutParameterCommandInput>, RegExp]>([
    ["another type", { Type: "SecureString" }, /^HierarchyTypeMismatchException: /],
    [
      "tags",
      { Tags: [{ Key: "a", Value: "b" }] },
      /^ValidationException: .*tags and overwrite can't be used together/,
    ],
    ["a value that the pattern kept does not match", { Value: "z" }, /^ParameterPatternMismatchException: /],
    ["a lower tier", { Tier: "Standard" }, /^ValidationException: .*You can't downgrade/],
  ])("with %s is refused", async (_what, more, words) => {
    await put("/a", "abc", { AllowedPattern: "^[a-c]+$", Tier: "Advanced" });
    expect(await refusal(ssm.putParameter({ Name: "/a", Value: "a", Overwrite: true, ...more }))).toMatch(
      words,
    );
  });
});

describe("labels", () => {
  it("move with a version, ten at most, and invalid ones are told", async () => {
    await put("/a");
    await ssm.putParameter({ Name: "/a", Value: "2", Overwrite: true });
    const label = (ParameterVersion: number, ...Labels: string[]) =>
      ssm.labelParameterVersion({ Name: "/a", ParameterVersion, Labels });
    expect(await label(1, "x", "1st", "aws-x", "a b")).toMatchObject({
      ParameterVersion: 1,
      InvalidLabels: ["1st", "aws-x", "a b"],
    });
    await label(2, "x");
    expect((await ssm.getParameter({ Name: "/a:x" })).Parameter?.Version).toBe(2);
    expect(await refusal(label(2, ..."abcdefghij"))).toMatch(/^ParameterVersionLabelLimitExceeded: /);
    expect(
      await ssm.unlabelParameterVersion({ Name: "/a", ParameterVersion: 2, Labels: ["x", "y"] }),
    ).toMatchObject({
      RemovedLabels: ["x"],
      InvalidLabels: ["y"],
    });
    expect(await refusal(ssm.getParameter({ Name: "/a:x" }))).toMatch(/^ParameterVersionNotFound/);
  });
});

describe("PutParameter", () => {
  it.each<[string, PutParameterCommandInput, RegExp]>([
    [
      "a reserved path",
      { Name: "/aws/x", Value: "v" },
      /^AccessDeniedException: No access to reserved parameter name: \/aws\/x\./,
    ],
    [
      "a reserved name",
      { Name: "awsome", Value: "v" },
      /^ValidationException: .*can't be prefixed with "aws" or "ssm"/,
    ],
    [
      "another reserved path",
      { Name: "/ssm/x", Value: "v" },
      /^ValidationException: .*can't be prefixed with "ssm"/,
    ],
    [
      "a path without its first slash",
      { Name: "a/b", Value: "v" },
      /^ValidationException: .*fully qualified name/,
    ],
    ["strange characters", { Name: "/a b", Value: "v" }, /^ValidationException: Parameter name/],
    ["sixteen levels", { Name: "/x".repeat(16), Value: "v" }, /^HierarchyLevelLimitExceededException/],
    ["a long name", { Name: `/${"x".repeat(1000)}`, Value: "v" }, /^ValidationException: .*1011/],
    ["no type", { Name: "/a", Value: "v" }, /^ValidationException: A parameter type is required/],
    [
      "an empty value",
      { Name: "/a", Value: "", Type: "String" },
      /^ValidationException: .*greater than or equal to 1/,
    ],
    [
      "a value of 4097 octets",
      { Name: "/a", Value: "ä".repeat(2049), Type: "String" },
      /^ValidationException: Standard tier parameters support/,
    ],
    [
      "a value of 8193 octets",
      { Name: "/a", Value: "x".repeat(8193), Type: "String", Tier: "Advanced" },
      /^ValidationException: Advanced tier parameters support/,
    ],
    [
      "a nested parameter",
      { Name: "/a", Value: "{{ssm:b}}", Type: "String" },
      /^ValidationException: .*can't nest another parameter/,
    ],
    [
      "a pattern that the value does not match",
      { Name: "/a", Value: "x", Type: "String", AllowedPattern: "^\\d+$" },
      /^ParameterPatternMismatchException/,
    ],
    [
      "a pattern that is none",
      { Name: "/a", Value: "x", Type: "String", AllowedPattern: "(" },
      /^InvalidAllowedPatternException/,
    ],
    [
      "a pattern without end",
      { Name: "/a", Value: `${"a".repeat(40)}!`, Type: "String", AllowedPattern: "^(a+)+$" },
      /^InvalidAllowedPatternException: .*takes too long/,
    ],
    [
      "a key for what is not encrypted",
      { Name: "/a", Value: "v", Type: "String", KeyId: "alias/x" },
      /^ValidationException: KeyId is required for SecureString/,
    ],
    [
      "an unknown key",
      { Name: "/a", Value: "v", Type: "SecureString", KeyId: "alias/nope" },
      /^InvalidKeyId: Alias .* is not found/,
    ],
    [
      "a data type that is not validated here",
      { Name: "/a", Value: "v", Type: "String", DataType: "aws:ec2:image" },
      /^ValidationException: DataType aws:ec2:image is not implemented/,
    ],
    [
      "a policy in the standard tier",
      { Name: "/a", Value: "v", Type: "String", Tier: "Standard", Policies: policy("Expiration") },
      /^ValidationException: Parameter policies are supported by the advanced/,
    ],
    [
      "a notification",
      { Name: "/a", Value: "v", Type: "String", Tier: "Advanced", Policies: policy("NoChangeNotification") },
      /^InvalidPolicyTypeException: Policy type NoChangeNotification is not implemented/,
    ],
    [
      "policies that are none",
      { Name: "/a", Value: "v", Type: "String", Tier: "Advanced", Policies: "{}" },
      /^InvalidPolicyAttributeException/,
    ],
    [
      "a tag of AWS's",
      { Name: "/a", Value: "v", Type: "String", Tags: [{ Key: "aws:x", Value: "" }] },
      /^ValidationException: Tag keys beginning with aws:/,
    ],
  ])("refuses %s", async (_what, input, words) => {
    expect(await refusal(ssm.putParameter(input))).toMatch(words);
  });

  it("takes the tier that a value needs when it may choose", async () => {
    const tier = async (Value: string) =>
      (await put(`/${Value.length}`, Value, { Tier: "Intelligent-Tiering" })).Tier;
    expect([await tier("x".repeat(4096)), await tier("x".repeat(4097))]).toEqual(["Standard", "Advanced"]);
  });

  it("knows a name with and without its slash as one place", async () => {
    await put("a", "1");
    expect(await refusal(put("/a", "2", { Overwrite: true }))).toMatch(/^ParameterAlreadyExists/);
    expect(await refusal(ssm.getParameter({ Name: "/a" }))).toMatch(/^ParameterNotFound/);
    expect((await ssm.getParameter({ Name: arn("/a") })).Parameter?.Name).toBe("a");
  });

  it("uses a customer's key, without which nothing is read", async () => {
    const { KeyMetadata } = await services.kms.createKey({});
    const KeyId = KeyMetadata?.KeyId ?? "";
    await put("/a", "hidden", { Type: "SecureString", KeyId });
    await services.kms.disableKey({ KeyId });
    const read = () => ssm.getParameter({ Name: "/a", WithDecryption: true });
    expect(await refusal(read())).toMatch(/^InvalidKeyId: .* is disabled\./);
    await services.kms.enableKey({ KeyId });
    expect((await read()).Parameter?.Value).toBe("hidden");
  });
});

function policy(Type: string): string {
  const Attributes =
    Type === "Expiration" ? { Timestamp: "2030-01-01T00:00:00.000Z" } : { After: "1", Unit: "Days" };
  return JSON.stringify([{ Type, Version: "1.0", Attributes }]);
}

describe("GetParametersByPath", () => {
  beforeEach(async () => {
    for (const name of ["/app/a", "/app/b", "/app/deep/c", "/apple", "root"]) await put(name, name);
    await put("/app/s", "hidden", { Type: "SecureString" });
  });
  const names = async (input: Parameters<typeof ssm.getParametersByPath>[0]) =>
    (await ssm.getParametersByPath(input)).Parameters?.map(({ Name }) => Name);

  it("reads one level, or all below", async () => {
    expect(await names({ Path: "/app" })).toEqual(["/app/a", "/app/b", "/app/s"]);
    expect(await names({ Path: "/app/", Recursive: true })).toEqual([
      "/app/a",
      "/app/b",
      "/app/deep/c",
      "/app/s",
    ]);
    expect(await names({ Path: "/" })).toEqual(["/apple", "root"]);
    expect(await names({ Path: "/nope" })).toEqual([]);
    expect(await refusal(names({ Path: "app" }))).toMatch(/^ValidationException/);
  });

  it("filters by type and label, and decrypts when asked to", async () => {
    const byType = await ssm.getParametersByPath({
      Path: "/app",
      WithDecryption: true,
      ParameterFilters: [{ Key: "Type", Values: ["SecureString"] }],
    });
    expect(byType.Parameters).toMatchObject([{ Name: "/app/s", Value: "hidden" }]);
    await ssm.putParameter({ Name: "/app/a", Value: "new", Overwrite: true });
    await ssm.labelParameterVersion({ Name: "/app/a", ParameterVersion: 1, Labels: ["l"] });
    const byLabel = await ssm.getParametersByPath({
      Path: "/app",
      ParameterFilters: [{ Key: "Label", Option: "Equals", Values: ["l"] }],
    });
    expect(byLabel.Parameters).toMatchObject([{ Name: "/app/a", Value: "/app/a", Version: 1 }]);
    const wrong = (Key: string, Option: string) =>
      refusal(names({ Path: "/app", ParameterFilters: [{ Key, Option, Values: ["x"] }] }));
    expect(await wrong("Name", "Equals")).toMatch(/^InvalidFilterKey/);
    expect(await wrong("Type", "Contains")).toMatch(/^InvalidFilterOption/);
  });

  it("goes in pages, whose tokens belong to their question", async () => {
    const ask = { Path: "/", Recursive: true, MaxResults: 4 };
    const first = await ssm.getParametersByPath(ask);
    const second = await ssm.getParametersByPath({ ...ask, NextToken: first.NextToken });
    expect([...(first.Parameters ?? []), ...(second.Parameters ?? [])].map(({ Name }) => Name)).toHaveLength(
      6,
    );
    expect(second.NextToken).toBeUndefined();
    expect(
      await refusal(ssm.getParametersByPath({ ...ask, Path: "/app", NextToken: first.NextToken })),
    ).toMatch(/^InvalidNextToken/);
    expect(await refusal(names({ Path: "/", MaxResults: 11 }))).toMatch(/^ValidationException/);
  });
});

describe("DescribeParameters", () => {
  beforeEach(async () => {
    await put("/app/a", "1", { Tags: [{ Key: "team", Value: "blue" }], Description: "first" });
    await put("/app/deep/b", "2", { Tier: "Advanced" });
    await put("/web/s", "3", { Type: "SecureString" });
  });

  it.each<[string, { Key: string; Option?: string; Values?: string[] }, string[]]>([
    ["a name", { Key: "Name", Values: ["/app/a"] }, ["/app/a"]],
    [
      "a name's beginning",
      { Key: "Name", Option: "BeginsWith", Values: ["/app"] },
      ["/app/a", "/app/deep/b"],
    ],
    ["a part of a name", { Key: "Name", Option: "Contains", Values: ["deep"] }, ["/app/deep/b"]],
    ["a path", { Key: "Path", Values: ["/app"] }, ["/app/a"]],
    ["all below a path", { Key: "Path", Option: "Recursive", Values: ["/app"] }, ["/app/a", "/app/deep/b"]],
    ["types", { Key: "Type", Values: ["SecureString", "StringList"] }, ["/web/s"]],
    ["a tier", { Key: "Tier", Values: ["Advanced"] }, ["/app/deep/b"]],
    ["a key", { Key: "KeyId", Values: ["alias/aws/ssm"] }, ["/web/s"]],
    ["a tag", { Key: "tag:team", Values: ["blue"] }, ["/app/a"]],
    ["another value of a tag", { Key: "tag:team", Values: ["red"] }, []],
  ])("finds by %s", async (_what, filter, expected) => {
    const { Parameters } = await ssm.describeParameters({ ParameterFilters: [filter] });
    expect(Parameters?.map(({ Name }) => Name)).toEqual(expected);
  });

  it("tells everything but the value, of all, and by the older filters", async () => {
    const { Parameters } = await ssm.describeParameters({});
    expect(Parameters).toHaveLength(3);
    expect(Parameters?.[0]).toMatchObject({
      Name: "/app/a",
      ARN: arn("/app/a"),
      Description: "first",
      Tier: "Standard",
    });
    expect(Parameters?.[0]).not.toHaveProperty("Value");
    const older = await ssm.describeParameters({ Filters: [{ Key: "Type", Values: ["SecureString"] }] });
    expect(older.Parameters?.map(({ Name }) => Name)).toEqual(["/web/s"]);
  });
});

describe("deletion", () => {
  it("ends parameters, and names those that are not there", async () => {
    await put("/a");
    await put("/b");
    expect(await ssm.deleteParameters({ Names: ["/a", "/b", "/c"] })).toMatchObject({
      DeletedParameters: ["/a", "/b"],
      InvalidParameters: ["/c"],
    });
    expect(await refusal(ssm.deleteParameter({ Name: "/a" }))).toMatch(/^ParameterNotFound/);
  });
});

describe("tags", () => {
  it("are added, listed and removed", async () => {
    await put("/a", "v", { Tags: [{ Key: "a", Value: "1" }] });
    const resource = { ResourceType: "Parameter", ResourceId: "/a" } as const;
    await ssm.addTagsToResource({ ...resource, Tags: [{ Key: "b", Value: "2" }] });
    await ssm.removeTagsFromResource({ ...resource, TagKeys: ["a"] });
    expect((await ssm.listTagsForResource(resource)).TagList).toEqual([{ Key: "b", Value: "2" }]);
    expect(await refusal(ssm.listTagsForResource({ ...resource, ResourceId: "/x" }))).toMatch(
      /^InvalidResourceId/,
    );
    expect(await refusal(ssm.listTagsForResource({ ...resource, ResourceType: "Document" }))).toMatch(
      /^ValidationException: ResourceType Document is not implemented/,
    );
  });
});

it("does not read secrets by reference, and says so", async () => {
  expect(await refusal(ssm.getParameter({ Name: "/aws/reference/secretsmanager/x" }))).toBe(
    "ValidationException: A reference to Secrets Manager is not implemented by Estiba",
  );
});

describe("public parameters", () => {
  const path = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended";

  it("name the image to launch container instances from", async () => {
    const { Parameter } = await ssm.getParameter({ Name: path });
    expect(Parameter?.ARN).toBe(`arn:aws:ssm:${REGION}::parameter${path}`);
    const { image_id: id } = JSON.parse(Parameter?.Value ?? "{}") as { image_id?: string };
    expect(id).toMatch(/^ami-[0-9a-f]{17}$/);
    const found = await ssm.getParameters({ Names: [`${path}/image_id`, "/aws/service/nope"] });
    expect(found.Parameters?.[0]?.Value).toBe(id);
    expect(found.InvalidParameters).toEqual(["/aws/service/nope"]);
  });

  it("are found by their path", async () => {
    const { Parameters } = await ssm.getParametersByPath({
      Path: "/aws/service/ecs/optimized-ami",
      Recursive: true,
    });
    expect(Parameters).toHaveLength(10);
  });
});
