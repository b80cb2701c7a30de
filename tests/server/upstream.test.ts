// Services that Estiba does not have, answered by real ones: DynamoDB by dynalite, S3 by s3rver, which checks the signatures that it
// gets. Each task's role decides what its calls may do there.
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { DynamoDB, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { IAM } from "@aws-sdk/client-iam";
import { S3, type S3ClientConfig } from "@aws-sdk/client-s3";
import dynalite from "dynalite";
import S3rver from "s3rver";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/logger.ts";
import { systemRandom } from "#lib/random.ts";
import { sha256Hex } from "#lib/sigv4-canonical.ts";
import type { SigningCredentials } from "#lib/sigv4-sign.ts";
import { signedFor } from "#gateway/upstream/sign.ts";
import { createIdentities } from "#server/identities.ts";
import { serverKeys, stateFolder } from "#server/state-folder.ts";
import { call } from "#tests/support/signed-request.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";
import { startTwoHosts } from "#tests/support/two-hosts.ts";

let server: SimulatedServer;
let dynamo: Server;
let s3: { run(): Promise<AddressInfo>; close(): Promise<void> };
let directory: string;
/** Of the two tasks: one whose role has the rights, one whose role has none. */
let granted: SigningCredentials;
let bare: SigningCredentials;
const clients: { destroy(): void }[] = [];

const POLICY = {
  Statement: [
    {
      Effect: "Allow",
      Action: ["dynamodb:*Item", "dynamodb:Query", "dynamodb:DescribeTable"],
      Resource: "arn:aws:dynamodb:*:*:table/orders",
    },
    {
      Effect: "Allow",
      Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
      Resource: "arn:aws:s3:::photos/own/*",
    },
    {
      Effect: "Allow",
      Action: "s3:ListBucket",
      Resource: "arn:aws:s3:::photos",
      Condition: { StringLike: { "s3:prefix": "own/*" } },
    },
  ],
};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "estiba-upstream-"));
  dynamo = dynalite({ createTableMs: 0, deleteTableMs: 0 });
  await new Promise<void>((resolve) => dynamo.listen(0, "127.0.0.1", resolve));
  const port = (dynamo.address() as AddressInfo).port;
  s3 = new S3rver({ address: "127.0.0.1", port: 0, silent: true, directory });
  const s3Port = (await s3.run()).port;
  server = await startSimulatedServer(
    { upstream: `dynamodb=http://127.0.0.1:${port} s3=http://127.0.0.1:${s3Port},region=us-east-1` },
    { ESTIBA_UPSTREAM_ACCESS_KEY_ID: "S3RVER", ESTIBA_UPSTREAM_SECRET_ACCESS_KEY: "S3RVER" },
  );
  const [one, other] = await startTwoHosts(server);
  const iam = new IAM({ ...server.connection, maxAttempts: 1 });
  const trust = {
    Statement: [
      { Effect: "Allow", Principal: { Service: "ecs-tasks.amazonaws.com" }, Action: "sts:AssumeRole" },
    ],
  };
  const roles = await Promise.all(
    ["granted", "bare"].map((name) =>
      iam.createRole({ RoleName: name, AssumeRolePolicyDocument: JSON.stringify(trust) }),
    ),
  );
  await iam.putRolePolicy({ RoleName: "granted", PolicyName: "own", PolicyDocument: JSON.stringify(POLICY) });
  iam.destroy();
  const { issuer } = createIdentities({
    store: server.store,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    account: server.connection.account,
    sealingKey: serverKeys(stateFolder(server.dataDirectory)).session,
    root: server.connection.credentials,
  });
  const [grantedRole = "", bareRole = ""] = roles.map(({ Role }) => Role?.Arn ?? "");
  granted = keysOf(
    issuer.forTask({ roleArn: grantedRole, taskArn: one.taskArn, roleType: "TaskApplication" }),
  );
  bare = keysOf(issuer.forTask({ roleArn: bareRole, taskArn: other.taskArn, roleType: "TaskApplication" }));
}, 60_000);
afterAll(async () => {
  for (const client of clients) client.destroy();
  await server.close();
  dynamo.close();
  await s3.close();
  rmSync(directory, { recursive: true, force: true });
});

const keysOf = ({ accessKeyId, secretAccessKey, sessionToken }: SigningCredentials): SigningCredentials => ({
  accessKeyId,
  secretAccessKey,
  sessionToken,
});
const settings = (credentials: SigningCredentials) => ({
  endpoint: server.endpoint,
  region: "us-east-1",
  credentials: credentials as NonNullable<DynamoDBClientConfig["credentials"]>,
  maxAttempts: 1,
});
function dynamoDb(credentials: SigningCredentials = server.connection.credentials): DynamoDB {
  const client = new DynamoDB(settings(credentials));
  clients.push(client);
  return client;
}
function storage(
  credentials: SigningCredentials = server.connection.credentials,
  more: S3ClientConfig = {},
): S3 {
  const client = new S3({ ...settings(credentials), forcePathStyle: true, ...more });
  clients.push(client);
  return client;
}

describe("DynamoDB by dynalite", () => {
  const key = { id: { S: "1" } };

  it("takes what a task's role allows, on the tables that it allows", async () => {
    const root = dynamoDb();
    for (const TableName of ["orders", "secrets"])
      await root.createTable({
        TableName,
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      });
    const task = dynamoDb(granted);
    await task.putItem({ TableName: "orders", Item: { ...key, total: { N: "7" } } });
    expect(await task.getItem({ TableName: "orders", Key: key })).toMatchObject({
      Item: { total: { N: "7" } },
    });
    await task.batchWriteItem({ RequestItems: { orders: [{ PutRequest: { Item: { id: { S: "2" } } } }] } });
  });

  it.each<[string, (of: DynamoDB) => Promise<unknown>, RegExp]>([
    [
      "another table",
      (of) => of.getItem({ TableName: "secrets", Key: key }),
      /dynamodb:GetItem on resource: .*table\/secrets because no identity-based policy/,
    ],
    [
      "another action",
      (of) => of.deleteTable({ TableName: "orders" }),
      /dynamodb:DeleteTable on resource: .*table\/orders/,
    ],
    [
      "another table in a batch",
      (of) => of.batchGetItem({ RequestItems: { orders: { Keys: [key] }, secrets: { Keys: [key] } } }),
      /dynamodb:BatchGetItem on resource: .*table\/secrets/,
    ],
    [
      "another table in a transaction",
      (of) => of.transactWriteItems({ TransactItems: [{ Delete: { TableName: "secrets", Key: key } }] }),
      /dynamodb:DeleteItem on resource: .*table\/secrets/,
    ],
    ["the list of tables", (of) => of.listTables({}), /dynamodb:ListTables on resource: \*/],
  ])("refuses a task %s", async (_, ask, message) => {
    await expect(ask(dynamoDb(granted))).rejects.toMatchObject({
      name: "AccessDeniedException",
      message: expect.stringMatching(message) as string,
    });
  });

  it("refuses another task with another role, and statements in PartiQL, by name", async () => {
    await expect(dynamoDb(bare).getItem({ TableName: "orders", Key: key })).rejects.toThrow(
      /assumed-role\/bare\/.* is not authorized/,
    );
    await expect(dynamoDb(granted).executeStatement({ Statement: "SELECT * FROM orders" })).rejects.toThrow(
      "Estiba does not read PartiQL",
    );
  });

  it("passes the upstream's own errors on", async () => {
    await expect(dynamoDb().getItem({ TableName: "absent", Key: key })).rejects.toMatchObject({
      name: "ResourceNotFoundException",
    });
  });
});

describe("S3 by s3rver", () => {
  it("takes, gives and lists what a task's role allows", async () => {
    await storage().createBucket({ Bucket: "photos" });
    await storage().createBucket({ Bucket: "private" });
    await storage().putObject({ Bucket: "private", Key: "a", Body: "secret" });
    const task = storage(granted);
    await task.putObject({
      Bucket: "photos",
      Key: "own/a b+ü.txt",
      Body: "hello",
      ContentType: "text/plain",
    });
    const { Body, ContentType } = await task.getObject({ Bucket: "photos", Key: "own/a b+ü.txt" });
    expect(await Body?.transformToString()).toBe("hello");
    expect(ContentType).toBe("text/plain");
    const { Contents = [] } = await task.listObjectsV2({ Bucket: "photos", Prefix: "own/" });
    expect(Contents.map((one) => one.Key)).toEqual(["own/a b+ü.txt"]);
    await task.deleteObjects({ Bucket: "photos", Delete: { Objects: [{ Key: "own/a b+ü.txt" }] } });
  });

  it.each<[string, (of: S3) => Promise<unknown>]>([
    ["another bucket", (of) => of.getObject({ Bucket: "private", Key: "a" })],
    ["another key", (of) => of.putObject({ Bucket: "photos", Key: "other", Body: "x" })],
    ["the whole bucket", (of) => of.listObjectsV2({ Bucket: "photos" })],
    [
      "a copy of what it may not read",
      (of) => of.copyObject({ Bucket: "photos", Key: "own/c", CopySource: "private/a" }),
    ],
    [
      "deleting what it may not, among others",
      (of) => of.deleteObjects({ Bucket: "photos", Delete: { Objects: [{ Key: "own/x" }, { Key: "z" }] } }),
    ],
    ["the list of buckets", (of) => of.listBuckets({})],
    ["a bucket's policy", (of) => of.getBucketPolicy({ Bucket: "photos" })],
  ])("refuses a task %s", async (_, ask) => {
    await expect(ask(storage(granted))).rejects.toMatchObject({
      name: "AccessDenied",
      $metadata: { httpStatusCode: 403 },
    });
  });

  it("streams a large body through in both directions, without keeping it", async () => {
    const piece = randomBytes(1024 * 1024);
    const hash = createHash("sha256");
    const pieces = 48;
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    // A stream is sent as aws-chunked with a checksum behind it.
    const body = Readable.from(
      (function* () {
        for (let i = 0; i < pieces; i += 1) {
          hash.update(piece);
          most = Math.max(most, process.memoryUsage().arrayBuffers - before);
          yield piece;
        }
      })(),
    );
    await storage(granted).putObject({
      Bucket: "photos",
      Key: "own/large",
      Body: body,
      ContentLength: pieces * piece.length,
    });
    const { Body, ContentLength } = await storage(granted).getObject({ Bucket: "photos", Key: "own/large" });
    const found = createHash("sha256");
    for await (const chunk of Body as Readable) {
      found.update(chunk as Buffer);
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    expect(ContentLength).toBe(pieces * piece.length);
    expect(found.digest("hex")).toBe(hash.digest("hex"));
    expect(most).toBeLessThan(pieces * piece.length);
  }, 60_000);

  const put = (body: string, sent: string, path = "/photos/own/raw") =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const url = new URL(server.endpoint);
      const [rawPath = "", rawQuery = ""] = path.split("?");
      const call = { method: "PUT", rawPath, rawQuery, headers: new Map(), sourceIp: "", endpoint: "" };
      const { headers } = signedFor(
        url,
        call,
        rawPath,
        {},
        {
          service: "s3",
          region: "us-east-1",
          credentials: granted,
          time: Date.now(),
          payloadHash: sha256Hex(body),
        },
      );
      const outgoing = request(
        {
          host: url.hostname,
          port: url.port,
          path,
          method: "PUT",
          headers: { ...headers, "content-length": Buffer.byteLength(sent) },
        },
        (incoming) => {
          let text = "";
          incoming.on("data", (chunk: Buffer) => (text += chunk.toString()));
          incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, text }));
        },
      );
      outgoing.on("error", reject);
      outgoing.end(sent);
    });

  it("keeps no object whose body is not the one that was signed", async () => {
    expect((await put("right", "right")).status).toBe(200);
    const answer = await put("right", "wrong");
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("<Code>XAmzContentSHA256Mismatch</Code>");
    const { Body } = await storage(granted).getObject({ Bucket: "photos", Key: "own/raw" });
    expect(await Body?.transformToString()).toBe("right");
  });

  it.each([
    ["/photos/own/../../private/a", "Keys with the segments . and .. are not routed."],
    ["/photos/own/%2e%2e/%2e%2e/private/a", "Keys with the segments . and .. are not routed."],
    ["/photos/own/raw?unheard-of", "is not known here"],
  ])("does not pass %s on", async (path, why) => {
    const answer = await put("x", "x", path);
    expect(answer.text).toContain("<Code>NotImplemented</Code>");
    expect(answer.text).toContain(why);
  });

  it("refuses a bad signature in S3's words", async () => {
    const wrong = storage({ ...granted, secretAccessKey: "wrong" });
    await expect(wrong.getObject({ Bucket: "photos", Key: "own/raw" })).rejects.toMatchObject({
      name: "SignatureDoesNotMatch",
    });
  });
});

it("a service without an upstream is refused by an error that names the setting", async () => {
  const answer = await call(
    "sts",
    "SendMessage",
    {},
    {
      endpoint: server.endpoint,
      credentials: server.connection.credentials,
      scopeService: "sqs",
    },
  );
  expect(answer.message).toMatch(/does not have the service .*sqs.*--upstream sqs=/);
});
