// The metadata service as a boundary: one instance's service tells nothing to whoever lacks its token, and nothing of another.
import { request } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serverKeys, stateFolder } from "#server/state-folder.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";
import { runHosts } from "#tests/support/two-hosts.ts";

let server: SimulatedServer;
let base: string;
let otherBase: string;
let token: string;
let instanceId: string;
const TTL = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN = "x-aws-ec2-metadata-token";

beforeAll(async () => {
  server = await startSimulatedServer();
  const [a, b] = await runHosts(server);
  instanceId = a?.ec2InstanceId ?? "";
  base = await server.metadataOf(instanceId);
  otherBase = await server.metadataOf(b?.ec2InstanceId ?? "");
  token = await tokenFrom(base);
}, 30_000);
afterAll(() => server.close());

interface Told {
  readonly status: number;
  readonly text: string;
}

/** The path goes out as it stands: `fetch` would tidy it. */
function ask(
  at: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
): Promise<Told> {
  const { hostname, port } = new URL(at);
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, path, method, headers }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => (text += chunk));
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, text }));
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}
const put = (at: string, headers: Readonly<Record<string, string>>) =>
  ask(at, "/latest/api/token", headers, "PUT");
const tokenFrom = async (at: string) => (await put(at, { [TTL]: "60" })).text;

const CREDENTIALS = "/latest/meta-data/iam/security-credentials/ecsInstanceRole";

it("answers who has its token", async () => {
  expect(await ask(base, "/latest/meta-data/instance-id", { [TOKEN]: token })).toEqual({
    status: 200,
    text: instanceId,
  });
  expect((await ask(base, CREDENTIALS, { [TOKEN]: token })).text).toContain("SecretAccessKey");
});

describe("without its token", () => {
  it.each<[string, () => Promise<string | undefined> | string | undefined]>([
    ["none", () => undefined],
    ["an empty one", () => ""],
    ["another instance's", () => tokenFrom(otherBase)],
    ["one with another end", () => token.replace(/^[^.]+/, (end) => `${end}0`)],
    ["one that never ends", () => token.replace(/^[^.]+/, "zzzzzzzzzzzz")],
    ["one without a signature", () => token.replace(/[^.]+$/, "")],
    ["one with a part more", () => `${token}.x`],
    ["a session token of the API", async () => (await server.credentialsOf(instanceId)).sessionToken],
    [
      "the signature of its identity document",
      async () => (await server.identityOf(instanceId)).signature.replace(/\s/g, ""),
    ],
  ])("(%s) it tells nothing", async (_what, given) => {
    const value = await given();
    const headers = value === undefined ? {} : { [TOKEN]: value };
    for (const path of ["/latest/meta-data/", CREDENTIALS, "/latest/dynamic/instance-identity/document"]) {
      const told = await ask(base, path, headers);
      expect(told.status).toBe(401);
      expect(told.text).not.toMatch(/ecsInstanceRole|SecretAccessKey|accountId/);
    }
  });
});

describe("a token", () => {
  it.each(["0", "-1", "21601", "99999999999", "60s", "", "1e3", " "])(
    "is not given for %j seconds",
    async (seconds) => {
      expect((await put(base, { [TTL]: seconds })).status).toBe(400);
    },
  );
  it("is not given without a time to live", async () => {
    expect((await put(base, {})).status).toBe(400);
  });
  it.each(["GET", "POST", "DELETE", "OPTIONS", "PATCH"])("is not given for %s", async (method) => {
    expect((await ask(base, "/latest/api/token", { [TTL]: "60", [TOKEN]: token }, method)).status).toBe(405);
  });
  it.each(["10.0.0.1", "", "127.0.0.1, 10.0.0.1"])(
    "is not given through a proxy (X-Forwarded-For: %j)",
    async (forwarded) => {
      const told = await put(base, { [TTL]: "60", "x-forwarded-for": forwarded });
      expect(told).toMatchObject({ status: 403 });
      expect(told.text).not.toContain(".");
    },
  );
});

describe("a path", () => {
  it.each([
    "/latest/meta-data/../../etc/passwd",
    "/latest/meta-data/iam/../../dynamic/instance-identity/document",
    "/latest/./meta-data/instance-id",
    "/latest/meta-data/%2e%2e/user-data",
    "/latest/meta%2ddata/instance-id",
    "/latest/meta-data%2finstance-id",
    "/latest/meta-data/instance-id/more",
    "/latest/meta-data/__proto__",
    "/latest/meta-data/constructor/name",
    "/latest/meta-data/iam/security-credentials/toString",
    "/latest/meta-data/iam/security-credentials/ecsInstanceRole%00",
    "/LATEST/meta-data/instance-id",
    "/2009-04-04/meta-data/instance-id",
    "http://other.example/latest/meta-data/instance-id",
    "/latest/meta-data;/instance-id",
    "*",
    `/latest/${"a/".repeat(4000)}`,
  ])("(%s) that only looks like one is not found", async (path) => {
    const told = await ask(base, path, { [TOKEN]: token });
    expect(told.status).toBe(404);
    expect(told.text).toContain("404 - Not Found");
  });

  it.each([
    "//latest//meta-data//instance-id",
    "/latest/meta-data/instance-id/",
    "/latest/meta-data/instance-id?x=/../",
  ])("(%s) with empty parts or a query is the same, and needs the token as well", async (path) => {
    expect(await ask(base, path, { [TOKEN]: token })).toEqual({ status: 200, text: instanceId });
    expect((await ask(base, path)).status).toBe(401);
  });

  it("to the token in another spelling gives none", async () => {
    for (const path of [
      "//latest/api/token",
      "/latest/api//token",
      "/latest/api/token/",
      "/latest/./api/token",
    ])
      expect((await ask(base, path, { [TTL]: "60" }, "PUT")).status).toBe(405);
  });
});

describe("a request that is out of all measure", () => {
  it("is refused for its headers, and the next is answered", async () => {
    const big = await ask(base, "/latest/meta-data/", { [TOKEN]: "a".repeat(100_000) }).catch(
      (error: NodeJS.ErrnoException) => error.code,
    );
    // node answers and closes; a client that still sends may see the close only.
    expect([431, "ECONNRESET", "EPIPE"]).toContain(typeof big === "object" ? big.status : big);
    expect((await ask(base, "/latest/meta-data/instance-id", { [TOKEN]: token })).status).toBe(200);
  });

  it("is answered by its first line though its body never comes", async () => {
    const { hostname, port } = new URL(base);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () =>
        socket.write(
          `PUT /latest/api/token HTTP/1.1\r\nHost: h\r\n${TTL}: 60\r\nContent-Length: 1000000\r\n\r\n`,
        ),
      );
      socket.once("data", (chunk) => {
        resolve(chunk.toString());
        socket.destroy();
      });
      socket.once("error", reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });
});

it("knows nobody at an address that is no instance's, nor one whose service is switched off", async () => {
  const { ModifyInstanceMetadataOptionsCommand } = await import("@aws-sdk/client-ec2");
  await server.clients.ec2.send(
    new ModifyInstanceMetadataOptionsCommand({ InstanceId: instanceId, HttpEndpoint: "disabled" }),
  );
  expect((await put(base, { [TTL]: "60" })).status).toBe(403);
  expect((await ask(base, CREDENTIALS, { [TOKEN]: token })).status).toBe(403);
  await server.clients.ec2.send(
    new ModifyInstanceMetadataOptionsCommand({ InstanceId: instanceId, HttpEndpoint: "enabled" }),
  );
  expect((await ask(base, CREDENTIALS, { [TOKEN]: token })).status).toBe(200);
});

it("signs documents with another key than it seals sessions with", () => {
  const { session, identity } = serverKeys(stateFolder(server.dataDirectory));
  expect(session.equals(identity)).toBe(false);
});
