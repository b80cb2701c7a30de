// The metadata service over real HTTP: what the official SDK reads, who gets a token, what one instance learns of another.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { STSClient } from "@aws-sdk/client-sts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ec2Key, type InstanceRow } from "#domain/ec2/instance.ts";
import type { InstanceProfileRow, RoleRow } from "#domain/iam/records.ts";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { createStore } from "#store/create-store.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import type { Store } from "#store/store.ts";
import * as ec2 from "#store/tables/ec2.ts";
import * as iam from "#store/tables/iam.ts";
import { createIdentitySigner } from "./identity.ts";
import { createImds } from "./imds.ts";

const HOUR = 3_600_000;
const region = "eu-west-1";
const account = "123456789012";
const profileArn = `arn:aws:iam::${account}:instance-profile/hosts`;
const roleArn = `arn:aws:iam::${account}:role/hostRole`;

const trust = (service: string) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: { Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" },
  });

const instance = (id: string, privateIp: string, more: Partial<InstanceRow> = {}): InstanceRow => ({
  id,
  region,
  reservationId: "r-0123456789abcdef0",
  ownerId: account,
  imageId: "ami-0123456789abcdef0",
  instanceType: "t3.small",
  state: "running",
  launchTime: Date.UTC(2026, 0, 1),
  launchIndex: 0,
  availabilityZone: "eu-west-1a",
  vpcId: "vpc-1",
  subnetId: "subnet-1",
  privateIp,
  macAddress: "02:00:0a:40:00:04",
  networkInterfaceId: "eni-0123456789abcdef0",
  securityGroupIds: ["sg-1"],
  instanceProfileArn: profileArn,
  metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1, httpEndpoint: "enabled" },
  tags: {},
  ...more,
});

let store: Store;
let clock: TestClock;
let server: Server;
let base: string;
let source = { vpcId: "vpc-1", address: "10.64.0.4" };
let issued: number;
const signer = createIdentitySigner(Buffer.alloc(32, 7));

beforeEach(async () => {
  // The SDK compares times with the machine's clock.
  clock = new TestClock(Date.now());
  issued = 0;
  source = { vpcId: "vpc-1", address: "10.64.0.4" };
  store = await createStore({
    backend: createMemoryBackend(),
    logger: silentLogger,
    tables: [...Object.values(ec2), ...Object.values(iam)],
  });
  await store.transact((tx) => {
    for (const row of [
      instance("i-first", "10.64.0.4", { userData: Buffer.from("#!/bin/bash\n").toString("base64") }),
      instance("i-second", "10.64.0.5"),
      instance("i-open", "10.64.0.6", {
        metadataOptions: { httpTokens: "optional", httpPutResponseHopLimit: 1, httpEndpoint: "enabled" },
      }),
      instance("i-closed", "10.64.0.7", {
        metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1, httpEndpoint: "disabled" },
      }),
    ])
      tx.put(ec2.instances, ec2Key(region, row.id), row);
    const { instanceProfileArn: _none, ...bare } = instance("i-bare", "10.64.0.8");
    tx.put(ec2.instances, ec2Key(region, "i-bare"), bare);
    tx.put(ec2.vpcs, ec2Key(region, "vpc-1"), {
      id: "vpc-1",
      region,
      cidrBlock: "10.64.0.0/16",
      isDefault: true,
      tags: {},
    });
    tx.put(ec2.subnets, ec2Key(region, "subnet-1"), {
      id: "subnet-1",
      region,
      vpcId: "vpc-1",
      cidrBlock: "10.64.0.0/24",
      availabilityZone: "eu-west-1a",
      availabilityZoneId: "euw1-az1",
      defaultForAz: true,
      mapPublicIpOnLaunch: false,
      tags: {},
    });
    const profile: Pick<InstanceProfileRow, "arn" | "id" | "name" | "roleNames"> = {
      arn: profileArn,
      id: "AIPA0123456789ABCDEF",
      name: "hosts",
      roleNames: ["hostRole"],
    };
    tx.put(iam.instanceProfiles, "hosts", profile as InstanceProfileRow);
    tx.put(iam.roles, "hostRole", {
      arn: roleArn,
      id: "AROA0",
      name: "hostRole",
      attachedPolicies: [],
      assumeRolePolicyDocument: trust("ec2.amazonaws.com"),
    } as unknown as RoleRow);
  });
  const imds = createImds({
    store,
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    account,
    issuer: {
      credentialsId: () => {
        throw new Error("no task is asked about");
      },
      forInstance: (request) => ({
        accessKeyId: `ASIA${request.instanceId}${++issued}`,
        secretAccessKey: "secret",
        sessionToken: `token of ${request.roleArn}`,
        expiration: clock.now() + 6 * HOUR,
      }),
      forTask: () => {
        throw new Error("not asked");
      },
    },
    sign: (document) => signer.sign(document),
  });
  server = createServer((req, res) => imds.handle(req, res, source));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await store.close();
});

const putToken = (headers: Record<string, string> = { "x-aws-ec2-metadata-token-ttl-seconds": "60" }) =>
  fetch(`${base}/latest/api/token`, { method: "PUT", headers });
const token = async () => (await putToken()).text();
const get = (path: string, withToken?: string, method = "GET") =>
  fetch(`${base}${path}`, {
    method,
    ...(withToken === undefined ? {} : { headers: { "x-aws-ec2-metadata-token": withToken } }),
  });
const read = async (path: string) => {
  const answer = await get(path, await token());
  return answer.status === 200 ? answer.text() : answer.status;
};

describe("a session token", () => {
  it("is given for 1 to 21600 seconds, said in the answer", async () => {
    for (const seconds of ["1", "21600"]) {
      const answer = await putToken({ "x-aws-ec2-metadata-token-ttl-seconds": seconds });
      expect([answer.status, answer.headers.get("x-aws-ec2-metadata-token-ttl-seconds")]).toEqual([
        200,
        seconds,
      ]);
    }
  });

  it.each([
    ["no time to live", {}, 400],
    ["zero seconds", { "x-aws-ec2-metadata-token-ttl-seconds": "0" }, 400],
    ["too many seconds", { "x-aws-ec2-metadata-token-ttl-seconds": "21601" }, 400],
    ["no number", { "x-aws-ec2-metadata-token-ttl-seconds": "1e3" }, 400],
    ["a proxy", { "x-aws-ec2-metadata-token-ttl-seconds": "60", "x-forwarded-for": "10.64.0.9" }, 403],
  ])("is refused for %s", async (_why, headers: Record<string, string>, status) => {
    expect((await putToken(headers)).status).toBe(status);
  });

  it("is asked for with PUT only", async () => {
    expect((await get("/latest/api/token", await token())).status).toBe(405);
    expect((await get("/latest/meta-data/", await token(), "DELETE")).status).toBe(405);
  });

  it("ends when its time is over", async () => {
    const mine = await token();
    expect((await get("/latest/meta-data/instance-id", mine)).status).toBe(200);
    await clock.advance(60_000);
    expect((await get("/latest/meta-data/instance-id", mine)).status).toBe(401);
  });

  it("is worth nothing from another instance, nor when altered", async () => {
    const mine = await token();
    source = { ...source, address: "10.64.0.5" };
    expect((await get("/latest/meta-data/instance-id", mine)).status).toBe(401);
    source = { ...source, address: "10.64.0.4" };
    const [, nonce, signature] = mine.split(".");
    const later = `${(clock.now() + HOUR).toString(36)}.${nonce}.${signature}`;
    for (const forged of [later, `${mine}x`, "", "a.b.c"])
      expect((await get("/latest/meta-data/instance-id", forged)).status).toBe(401);
  });
});

describe("metadata options", () => {
  it("required: without a token nothing is told", async () => {
    expect((await get("/latest/meta-data/instance-id")).status).toBe(401);
  });

  it("optional: told without a token, but not with a wrong one", async () => {
    source = { ...source, address: "10.64.0.6" };
    expect(await (await get("/latest/meta-data/instance-id")).text()).toBe("i-open");
    expect((await get("/latest/meta-data/instance-id", "wrong")).status).toBe(401);
  });

  it("disabled: refused, token or not", async () => {
    source = { ...source, address: "10.64.0.7" };
    expect((await putToken()).status).toBe(403);
    expect((await get("/latest/meta-data/instance-id")).status).toBe(403);
  });

  it("an address of a task's own interface is told of the instance that it is on", async () => {
    await store.transact((tx) =>
      tx.put(ec2.networkInterfaces, ec2Key(region, "eni-1"), {
        id: "eni-1",
        region,
        instanceId: "i-open",
        vpcId: "vpc-1",
        privateIp: "10.64.0.98",
        taskKey: "t1",
        securityGroupIds: [],
      } as never),
    );
    source = { vpcId: "vpc-1", address: "10.64.0.98" };
    expect(await (await get("/latest/meta-data/instance-id")).text()).toBe("i-open");
  });

  it("an address that is no instance's, or the same address in another VPC, learns nothing", async () => {
    for (const other of [
      { vpcId: "vpc-1", address: "10.64.0.99" },
      { vpcId: "vpc-2", address: "10.64.0.4" },
    ]) {
      source = other;
      expect((await get("/latest/meta-data/instance-id")).status).toBe(404);
    }
  });
});

describe("what is told", () => {
  const mac = "network/interfaces/macs/02:00:0a:40:00:04";
  it.each([
    ["ami-id", "ami-0123456789abcdef0"],
    ["instance-id", "i-first"],
    ["instance-type", "t3.small"],
    ["local-hostname", "ip-10-64-0-4.eu-west-1.compute.internal"],
    ["local-ipv4", "10.64.0.4"],
    ["mac", "02:00:0a:40:00:04"],
    ["network/interfaces/macs/", "02:00:0a:40:00:04/"],
    [`${mac}/vpc-id`, "vpc-1"],
    [`${mac}/subnet-id`, "subnet-1"],
    [`${mac}/vpc-ipv4-cidr-block`, "10.64.0.0/16"],
    [`${mac}/subnet-ipv4-cidr-block`, "10.64.0.0/24"],
    [`${mac}/security-group-ids`, "sg-1"],
    [`${mac}/owner-id`, account],
    ["placement/", "availability-zone\navailability-zone-id\nregion"],
    ["placement/region", "eu-west-1"],
    ["placement/availability-zone", "eu-west-1a"],
    ["placement/availability-zone-id", "euw1-az1"],
    ["iam/security-credentials/", "hostRole"],
  ])("%s", async (path, value) => {
    expect(await read(`/latest/meta-data/${path}`)).toBe(value);
  });

  it("lists what is there, folders with a slash", async () => {
    expect(await read("/latest/")).toBe("dynamic/\nmeta-data/\nuser-data");
    expect(String(await read("/latest/meta-data")).split("\n")).toEqual(
      expect.arrayContaining(["iam/", "instance-id", "network/", "placement/"]),
    );
  });

  it("of a Spot Instance that it is one, and the interruption's notice as soon as there is one", async () => {
    const spot = { requestId: "sir-1" };
    const put = (more: object) =>
      store.transact((tx) =>
        tx.put(
          ec2.instances,
          ec2Key(region, "i-first"),
          instance("i-first", "10.64.0.4", { spot: { ...spot, ...more } }),
        ),
      );
    const paths = ["spot/instance-action", "spot/termination-time", "events/recommendations/rebalance"];
    const meta = (path: string) => read(`/latest/meta-data/${path}`);
    expect(await meta("instance-life-cycle")).toBe("on-demand");
    await put({});
    expect(await meta("instance-life-cycle")).toBe("spot");
    expect(await Promise.all(paths.map(meta))).toEqual([404, 404, 404]);
    await put({ interruption: { noticedAt: Date.UTC(2026, 0, 1), at: Date.UTC(2026, 0, 1, 0, 2) } });
    expect(await Promise.all(paths.map(meta))).toEqual([
      '{"action":"terminate","time":"2026-01-01T00:02:00Z"}',
      "2026-01-01T00:02:00Z",
      '{"noticeTime":"2026-01-01T00:00:00Z"}',
    ]);
    expect(await meta("iam/security-credentials/")).toBe("hostRole");
    expect(JSON.parse(String(await meta("iam/security-credentials/hostRole")))).toMatchObject({
      Code: "Success",
      Token: `token of ${roleArn}`,
    });
  });

  it.each([
    "public-ipv4",
    "spot/instance-action",
    "autoscaling/target-lifecycle-state",
    "tags/instance/Name",
    "iam/security-credentials/otherRole",
    "constructor",
  ])("no %s: 404", async (path) => {
    expect(await read(`/latest/meta-data/${path}`)).toBe(404);
  });

  it("user data as it was given, and 404 where there is none", async () => {
    expect(await read("/latest/user-data")).toBe("#!/bin/bash\n");
    source = { ...source, address: "10.64.0.5" };
    expect(await read("/latest/user-data")).toBe(404);
  });

  it("no role without an instance profile", async () => {
    source = { ...source, address: "10.64.0.8" };
    expect(await read("/latest/meta-data/iam/info")).toBe(404);
    expect(await read("/latest/meta-data/iam/security-credentials/")).toBe(404);
  });

  it("an identity document whose signature the server knows again, and nobody else's", async () => {
    const document = String(await read("/latest/dynamic/instance-identity/document"));
    const signature = String(await read("/latest/dynamic/instance-identity/signature"));
    expect(JSON.parse(document)).toMatchObject({
      accountId: account,
      architecture: "x86_64",
      availabilityZone: "eu-west-1a",
      imageId: "ami-0123456789abcdef0",
      instanceId: "i-first",
      instanceType: "t3.small",
      pendingTime: "2026-01-01T00:00:00Z",
      privateIp: "10.64.0.4",
      region,
    });
    expect(signer.verify(document, signature)).toBe(true);
    expect(signer.verify(document.replace("i-first", "i-other"), signature)).toBe(false);
    expect(createIdentitySigner(Buffer.alloc(32, 8)).verify(document, signature)).toBe(false);
    expect(await read("/latest/dynamic/instance-identity/pkcs7")).toBe(404);
    expect(await read("/latest/dynamic/instance-identity/rsa2048")).toBe(404);
  });
});

describe("credentials of the role", () => {
  const path = "/latest/meta-data/iam/security-credentials/hostRole";
  const keyId = async () => (JSON.parse(String(await read(path))) as { AccessKeyId: string }).AccessKeyId;

  it("stay the same for half their life, then are new ones while the old still hold", async () => {
    expect(await keyId()).toBe("ASIAi-first1");
    await clock.advance(3 * HOUR - 1000);
    expect(await keyId()).toBe("ASIAi-first1");
    await clock.advance(1000);
    expect(await keyId()).toBe("ASIAi-first2");
  });

  it("are not given of a role that does not trust EC2, and it says so", async () => {
    await store.transact((tx) => {
      const row = tx.get(iam.roles, "hostRole") as RoleRow;
      tx.put(iam.roles, "hostRole", {
        ...row,
        assumeRolePolicyDocument: trust("ecs-tasks.amazonaws.com"),
      });
    });
    const answer = JSON.parse(String(await read(path))) as Record<string, string>;
    expect(answer["Code"]).toBe("AssumeRoleUnauthorizedAccess");
    expect(answer["Message"]).toMatch(/^EC2 cannot assume the role hostRole\./);
    expect(answer).not.toHaveProperty("AccessKeyId");
  });

  it("are each instance's own", async () => {
    expect(await keyId()).toBe("ASIAi-first1");
    source = { ...source, address: "10.64.0.5" };
    expect(await keyId()).toBe("ASIAi-second2");
  });

  it("are found by the official SDK's own chain", async () => {
    for (const name of Object.keys(process.env).filter((n) => n.startsWith("AWS_")))
      vi.stubEnv(name, undefined);
    vi.stubEnv("AWS_EC2_METADATA_SERVICE_ENDPOINT", base);
    vi.stubEnv("HOME", `${tmpdir()}/no-such-home`);
    const client = new STSClient({ region });
    try {
      expect(await client.config.credentials()).toMatchObject({
        accessKeyId: "ASIAi-first1",
        secretAccessKey: "secret",
        sessionToken: `token of ${roleArn}`,
      });
    } finally {
      client.destroy();
      vi.unstubAllEnvs();
    }
  });
});
