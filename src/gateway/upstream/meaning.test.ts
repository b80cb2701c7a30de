import { describe, expect, it } from "vitest";
import { meaningOf } from "./meaning.ts";
import { NotRouted } from "./target.ts";

const call = (line: string, body = "", headers: Readonly<Record<string, string>> = {}) => {
  const [method = "", target = ""] = line.split(" ");
  const [rawPath = "", rawQuery = ""] = target.split("?");
  const sent = Object.entries({ host: "127.0.0.1:4566", ...headers }).map(
    ([name, value]) => [name, [value]] as const,
  );
  const request = { method, rawPath, rawQuery, headers: new Map(sent), sourceIp: "", endpoint: "" };
  return { request, body: Buffer.from(body), region: "eu-west-1", account: "123456789012" };
};
const needs = (service: string, given: ReturnType<typeof call>) =>
  meaningOf(service, given).permissions.map(({ action, resource }) => `${action} ${resource}`);
const s3 = (line: string, headers: Readonly<Record<string, string>> = {}, body = "") =>
  needs("s3", call(line, body, headers)).map((text) => text.replaceAll("arn:aws:s3:::", ""));

describe("S3", () => {
  it.each<[string, string[], Record<string, string>?]>([
    ["GET /", ["s3:ListAllMyBuckets *"]],
    ["PUT /photos", ["s3:CreateBucket photos"]],
    ["HEAD /photos", ["s3:ListBucket photos"]],
    ["GET /photos?list-type=2&prefix=a", ["s3:ListBucket photos"]],
    ["GET /photos/?versions", ["s3:ListBucketVersions photos"]],
    ["PUT /photos?policy", ["s3:PutBucketPolicy photos"]],
    ["DELETE /photos?lifecycle=", ["s3:PutLifecycleConfiguration photos"]],
    ["GET /photos/a/b", ["s3:GetObject photos/a/b"]],
    ["GET /photos/a%20b%2Fc", ["s3:GetObject photos/a b/c"]],
    ["HEAD /photos/a?versionId=1", ["s3:GetObjectVersion photos/a"]],
    ["GET /photos/a?tagging&versionId=1", ["s3:GetObjectVersionTagging photos/a"]],
    ["GET /photos/a?%61cl", ["s3:GetObjectAcl photos/a"]],
    ["PUT /photos/a?partNumber=1&uploadId=x", ["s3:PutObject photos/a"]],
    ["DELETE /photos/a?uploadId=x", ["s3:AbortMultipartUpload photos/a"]],
    ["POST /photos/a?uploads", ["s3:PutObject photos/a"]],
    ["GET /photos/a?attributes", ["s3:GetObject photos/a", "s3:GetObjectAttributes photos/a"]],
    ["PUT /photos/a", ["s3:PutObject photos/a", "s3:PutObjectAcl photos/a"], { "x-amz-acl": "public-read" }],
    ["PUT /photos/a", ["s3:PutObject photos/a", "s3:PutObjectTagging photos/a"], { "x-amz-tagging": "a=b" }],
    [
      "PUT /photos/a",
      ["s3:PutObject photos/a", "s3:GetObject private/b c"],
      { "x-amz-copy-source": "/private/b%20c" },
    ],
    [
      "PUT /photos/a",
      ["s3:PutObject photos/a", "s3:GetObjectVersion private/b"],
      { "x-amz-copy-source": "private/b?versionId=3" },
    ],
    ["GET /a", ["s3:GetObject photos/a"], { host: "photos.localhost:4566" }],
    ["GET /", ["s3:ListBucket photos"], { host: "photos.localhost:4566" }],
  ])("%s needs %j", (line, expected, headers = {}) => {
    expect(s3(line, headers)).toEqual(expected);
  });

  it("judges each key that is deleted together", () => {
    const body =
      '<?xml version="1.0"?><Delete xmlns="x"><Quiet>true</Quiet><Object><Key>a&amp;b</Key></Object><Object><Key>c</Key><VersionId>1</VersionId></Object></Delete>';
    expect(s3("POST /photos?delete", {}, body)).toEqual([
      "s3:DeleteObject photos/a&b",
      "s3:DeleteObjectVersion photos/c",
    ]);
  });

  it.each([
    ["<Delete></Delete>"],
    ["<Delete><Object><Key>a</Key></Object><Object ><Key>b</Key></Object></Delete>"],
    ["<Delete><Object><Key>a</Key></Object><x:Object><Key>b</Key></x:Object></Delete>"],
    ["<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>"],
    ["<Delete><!-- <Object><Key>a</Key></Object> --></Delete>"],
    ['<!DOCTYPE d [<!ENTITY e "secret">]><Delete><Object><Key>&e;</Key></Object></Delete>'],
    ["<Delete><Object><Key><![CDATA[a]]></Key></Object></Delete>"],
  ])("does not guess what %s deletes", (body) => {
    expect(() => s3("POST /photos?delete", {}, body)).toThrow(NotRouted);
  });

  it.each([
    "GET /photos/a?unheard-of",
    "GET /photos/a?acl&tagging",
    "GET /photos/a?X-Amz-Acl=public-read",
    "POST /photos/a",
    "PATCH /photos/a",
    "PUT /",
    "GET //photos/a",
    "GET /../photos/a",
    "GET /photos/../private/a",
    "GET /photos/%2e%2e/private/a",
    "GET /photos/..%2fprivate/a",
    "GET /photos/a%00b",
    "GET /photos%2fprivate/a",
    "GET /%2e%2e/a",
  ])("%s is not routed", (line) => expect(() => s3(line)).toThrow(NotRouted));
});

describe("DynamoDB", () => {
  const table = (name: string) => `arn:aws:dynamodb:eu-west-1:123456789012:table/${name}`;
  const dynamo = (operation: string, input: object) =>
    needs(
      "dynamodb",
      call("POST /", JSON.stringify(input), { "x-amz-target": `DynamoDB_20120810.${operation}` }),
    );

  it.each<[string, object, string[]]>([
    ["GetItem", { TableName: "a" }, [`dynamodb:GetItem ${table("a")}`]],
    ["GetItem", { TableName: table("a") }, [`dynamodb:GetItem ${table("a")}`]],
    ["Query", { TableName: "a", IndexName: "i" }, [`dynamodb:Query ${table("a")}/index/i`]],
    [
      "BatchGetItem",
      { RequestItems: { a: {}, b: {} } },
      [`dynamodb:BatchGetItem ${table("a")}`, `dynamodb:BatchGetItem ${table("b")}`],
    ],
    [
      "TransactWriteItems",
      { TransactItems: [{ Put: { TableName: "a" } }, { ConditionCheck: { TableName: "b" } }] },
      [`dynamodb:PutItem ${table("a")}`, `dynamodb:ConditionCheckItem ${table("b")}`],
    ],
    [
      "TransactGetItems",
      { TransactItems: [{ Get: { TableName: "a" } }] },
      [`dynamodb:GetItem ${table("a")}`],
    ],
    ["ListTables", {}, ["dynamodb:ListTables *"]],
    ["TagResource", { ResourceArn: table("a") }, [`dynamodb:TagResource ${table("a")}`]],
    ["Unheard", {}, ["dynamodb:Unheard *"]],
  ])("%s of %j needs %j", (operation, input, expected) => {
    expect(dynamo(operation, input)).toEqual(expected);
  });

  it.each<[string, object]>([
    ["ExecuteStatement", { Statement: "SELECT * FROM a" }],
    ["BatchGetItem", {}],
    ["TransactWriteItems", { TransactItems: [{ Nothing: { TableName: "a" } }] }],
    ["GetItem", { TableName: 5 }],
  ])("%s of %j is not routed", (operation, input) => {
    expect(() => dynamo(operation, input)).toThrow(NotRouted);
  });

  it("gives conditions on keys a value that no policy names", () => {
    const [permission] = meaningOf(
      "dynamodb",
      call("POST /", '{"TableName":"a"}', { "x-amz-target": "D.GetItem" }),
    ).permissions;
    expect(permission?.context?.["dynamodb:LeadingKeys"]).toMatch(/^\0/);
  });
});

describe("any other service", () => {
  it("needs its operation's action: on the queue for SQS, on everything for the rest", () => {
    const target = { "x-amz-target": "AmazonSQS.SendMessage" };
    const queue = JSON.stringify({ QueueUrl: "http://127.0.0.1/1/jobs.fifo" });
    expect(needs("sqs", call("POST /", queue, target))).toEqual([
      "sqs:SendMessage arn:aws:sqs:eu-west-1:123456789012:jobs.fifo",
    ]);
    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect(needs("monitoring", call("POST /", "Action=PutMetricData", form))).toEqual([
      "cloudwatch:PutMetricData *",
    ]);
    expect(() => needs("lambda", call("POST /2015-03-31/functions"))).toThrow(NotRouted);
  });
});
