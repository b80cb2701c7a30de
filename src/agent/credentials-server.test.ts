import { request } from "node:http";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RoleCredentials } from "#acs/messages.ts";
import { silentLogger, type Logger } from "#lib/logger.ts";
import { TestClock } from "#lib/test-clock.ts";
import { startCredentialsServer, type CredentialsServer } from "./credentials-server.ts";
import { testContainer, testSource } from "./metadata/view.suite.ts";

const credentials: RoleCredentials = {
  credentialsId: "c-1",
  roleArn: "arn:aws:iam::000000000000:role/web",
  accessKeyId: "ASIAEXAMPLE",
  secretAccessKey: "the-secret",
  sessionToken: "the-token",
  expiration: "2026-01-01T06:00:00Z",
};

describe("the credentials server", () => {
  let server: CredentialsServer;
  let clock: TestClock;
  let known: Map<string, RoleCredentials>;
  let lines: string[];

  beforeEach(async () => {
    clock = new TestClock();
    lines = [];
    known = new Map([
      ["c-1", credentials],
      ["c-empty", { ...credentials, accessKeyId: "" }],
    ]);
    const source = testSource(testContainer());
    server = await startCredentialsServer({
      credentials: {
        get(id) {
          if (id === "c-broken") throw new Error("the store is broken");
          return known.get(id);
        },
        expects: (id) => id === "c-awaited",
      },
      metadata: {
        ...source,
        async find(id) {
          if (id === "m-broken") throw new Error("the view is broken");
          return source.find(id);
        },
      },
      protection: async (method, path, body) =>
        path === "/api/m-1/task-protection/v1/state" ? { status: 200, body: { method, body } } : undefined,
      clock,
      logger: recording(lines),
      port: 0,
      rate: { perSecond: 4, burst: 6 },
      timeoutMs: 200,
    });
  });
  afterEach(() => server.close());

  const ask = (path: string, method = "GET", localAddress = "127.0.0.1", body = "") =>
    new Promise<{ status: number; body: unknown }>((resolve, reject) => {
      const outgoing = request(
        { host: "127.0.0.1", port: server.port, path, method, localAddress, agent: false },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
          response.on("end", () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
        },
      );
      outgoing.on("error", reject).end(body);
    });

  it("answers a role's credentials by both versions' paths, in the members that SDKs read", async () => {
    const expected = {
      status: 200,
      body: {
        RoleArn: "arn:aws:iam::000000000000:role/web",
        AccessKeyId: "ASIAEXAMPLE",
        SecretAccessKey: "the-secret",
        Token: "the-token",
        Expiration: "2026-01-01T06:00:00Z",
      },
    };
    expect(await ask("/v2/credentials/c-1")).toEqual(expected);
    expect(await ask("/v1/credentials?id=c-1")).toEqual(expected);
  });

  it("answers with what the store holds now, so that a renewal needs no word to the server", async () => {
    known.set("c-1", { ...credentials, accessKeyId: "ASIARENEWED" });
    expect((await ask("/v2/credentials/c-1")).body).toMatchObject({ AccessKeyId: "ASIARENEWED" });
  });

  it.each([
    ["/v2/credentials/", 400, "NoIdInRequest", "CredentialsV2Request: No Credential ID in the request"],
    ["/v2/credentials", 400, "NoIdInRequest", "CredentialsV2Request: No Credential ID in the request"],
    ["/v1/credentials", 400, "NoIdInRequest", "CredentialsV1Request: No Credential ID in the request"],
    ["/v2/credentials/other", 400, "InvalidIdInRequest", "CredentialsV2Request: Credentials not found"],
    [
      "/v2/credentials/c-awaited",
      503,
      "CredentialsUninitialized",
      "CredentialsV2Request: Credentials uninitialized for ID",
    ],
    [
      "/v2/credentials/c-empty",
      503,
      "CredentialsUninitialized",
      "CredentialsV2Request: Credentials uninitialized for ID",
    ],
    ["/v2/credentials/c-broken", 500, "InternalServerError", "CredentialsV2Request: Internal server error"],
  ])("refuses %s with %i %s", async (path, status, code, message) => {
    expect(await ask(path)).toEqual({ status, body: { code, message, HTTPErrorCode: status } });
  });

  it("serves the metadata of a container and of its task", async () => {
    expect((await ask("/v4/m-1")).body).toMatchObject({ Name: "web", KnownStatus: "RUNNING" });
    expect((await ask("/v4/m-1/task")).body).toMatchObject({ Family: "shop", Containers: [{ Name: "web" }] });
    expect(await ask("/v4/other")).toMatchObject({
      status: 404,
      body: expect.stringMatching(/no container/) as string,
    });
  });

  it("hands the protection of a task on with its body, and no body that is too long", async () => {
    const path = "/api/m-1/task-protection/v1/state";
    expect((await ask(path)).body).toEqual({ method: "GET", body: "" });
    expect((await ask(path, "PUT", undefined, "{}")).body).toEqual({ method: "PUT", body: "{}" });
    expect((await ask(path, "PUT", undefined, " ".repeat(5000))).status).toBe(413);
    expect((await ask("/api/m-1/other")).status).toBe(404);
    expect((await ask("/v4/m-1", "PUT")).status).toBe(405);
  });

  it("answers 500 when its sources fail, without their words", async () => {
    expect(await ask("/v4/m-broken")).toEqual({ status: 500, body: "internal error" });
  });

  it("refuses other methods and paths", async () => {
    expect((await ask("/v2/credentials/c-1", "POST")).status).toBe(405);
    expect((await ask("/v9/credentials/c-1")).status).toBe(404);
    expect((await ask("/")).status).toBe(404);
  });

  it("lives through a path that is no URL", async () => {
    expect((await ask("//")).status).toBe(400);
    expect((await ask("/v2/credentials/c-1")).status).toBe(200);
  });

  it("answers 429 above the burst and again when tokens came back", async () => {
    const statuses = async (count: number) => {
      const all: number[] = [];
      for (let i = 0; i < count; i += 1) all.push((await ask("/v2/credentials/c-1")).status);
      return all;
    };
    expect(await statuses(8)).toEqual([200, 200, 200, 200, 200, 200, 429, 429]);
    await clock.advance(500);
    expect(await statuses(3)).toEqual([200, 200, 429]);
  });

  it("limits each source by itself", async () => {
    for (let i = 0; i < 7; i += 1) await ask("/v2/credentials/c-1");
    expect((await ask("/v2/credentials/c-1")).status).toBe(429);
    expect((await ask("/v2/credentials/c-1", "GET", "127.0.0.2")).status).toBe(200);
  });

  it("writes neither secrets nor ids into the log", async () => {
    await ask("/v2/credentials/c-1");
    await ask("/v1/credentials?id=c-1");
    await ask("/v4/m-1/task");
    await ask("/v4/m-broken");
    const log = lines.join("\n");
    expect(log).toContain("v2/credentials");
    expect(log).not.toMatch(/the-secret|the-token|ASIAEXAMPLE|c-1|m-1|m-broken/);
  });

  it("closes a connection whose request never ends", async () => {
    const answered = await new Promise<string>((resolve, reject) => {
      let text = "";
      const socket = connect(server.port, "127.0.0.1", () =>
        socket.write("GET /v2/credentials/c-1 HTTP/1.1\r\n"),
      );
      socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      socket.on("close", () => resolve(text)).on("error", reject);
    });
    expect(answered).toMatch(/^HTTP\/1.1 408 /);
  });
});

function recording(lines: string[]): Logger {
  const write = (message: string, fields?: Readonly<Record<string, unknown>>) =>
    void lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  return { ...silentLogger, debug: write, info: write, warn: write, error: write };
}
