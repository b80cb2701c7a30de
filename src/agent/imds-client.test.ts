import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestClock } from "#lib/test-clock.ts";
import { createImdsClient, type ImdsClient } from "./imds-client.ts";

let server: Server;
let clock: TestClock;
let imds: ImdsClient;
let asked: string[];
let tokens: Set<string>;
let answers: Record<string, string>;

const ROLE = "/latest/meta-data/iam/security-credentials/";
const HOUR = 3_600_000;
const role = (AccessKeyId: string, expires: number) =>
  JSON.stringify({
    AccessKeyId,
    SecretAccessKey: "s",
    Token: "t",
    Expiration: new Date(expires).toISOString(),
  });

beforeEach(async () => {
  [clock, asked, tokens] = [new TestClock(), [], new Set()];
  answers = {
    "/latest/dynamic/instance-identity/document": '{ "instanceId": "i-1" }',
    "/latest/dynamic/instance-identity/signature": "signed\n",
    [ROLE]: "ecsInstanceRole",
    [`${ROLE}ecsInstanceRole`]: role("ASIA1", clock.now() + HOUR),
  };
  server = createServer((req, res) => {
    asked.push(`${req.method} ${req.url}`);
    if (req.method === "PUT") {
      const token = `token-${tokens.size}-${asked.length}`;
      tokens.add(token);
      return res.end(token);
    }
    const body = answers[req.url ?? ""];
    res.statusCode = !tokens.has(String(req.headers["x-aws-ec2-metadata-token"])) ? 401 : body ? 200 : 404;
    res.end(res.statusCode === 200 ? body : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  imds = createImdsClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, clock);
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
const roleCalls = () => asked.filter((a) => a.endsWith("ecsInstanceRole")).length;

describe("the metadata service's client", () => {
  it("gives the identity document as it came, for its signature covers the bytes", async () => {
    expect(await imds.identity()).toEqual({
      document: '{ "instanceId": "i-1" }',
      signature: "signed\n",
      instanceId: "i-1",
    });
    expect(asked.filter((a) => a.startsWith("PUT"))).toHaveLength(1);
  });

  it("takes a new token when the service has forgotten the old one", async () => {
    await imds.identity();
    tokens.clear();
    expect((await imds.identity()).instanceId).toBe("i-1");
  });

  it("keeps credentials until ten minutes before they expire, and asks once for many callers", async () => {
    const all = await Promise.all([imds.credentials(), imds.credentials(), imds.credentials()]);
    expect(all.map((c) => c.accessKeyId)).toEqual(["ASIA1", "ASIA1", "ASIA1"]);
    await clock.advance(49 * 60_000);
    await imds.credentials();
    expect(roleCalls()).toBe(1);
    answers[`${ROLE}ecsInstanceRole`] = role("ASIA2", clock.now() + HOUR);
    await clock.advance(2 * 60_000);
    expect((await imds.credentials()).accessKeyId).toBe("ASIA2");
  });

  it("goes on with what it has while the service is away, as long as that is valid", async () => {
    await imds.credentials();
    delete answers[ROLE];
    await clock.advance(55 * 60_000);
    expect((await imds.credentials()).accessKeyId).toBe("ASIA1");
    await clock.advance(6 * 60_000);
    await expect(imds.credentials()).rejects.toThrow("has no role");
  });

  it("says that an instance without a role has none, and what to do", async () => {
    delete answers[ROLE];
    await expect(imds.credentials()).rejects.toThrow(
      "The instance has no role, and so the agent no credentials: launch it with an instance profile",
    );
  });

  it("names the path of anything else that is missing", async () => {
    delete answers[`${ROLE}ecsInstanceRole`];
    await expect(imds.credentials()).rejects.toThrow(
      "answered 404 to meta-data/iam/security-credentials/ecsInstanceRole",
    );
  });
});
