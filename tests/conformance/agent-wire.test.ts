// Our agent's calls, upgrades and frames of telemetry as octets: what the stock agent's would be of the same facts.
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CallFailed, type ControlPlane } from "#agent/control-plane.ts";
import { createHttpControlPlane } from "#agent/http-control-plane.ts";
import type { Duplex } from "#acs/duplex.ts";
import type { AgentQuery } from "#acs/upgrade-query.ts";
import { ConnectionRefused, createWebsocketAcceptor } from "#acs/websocket-duplex.ts";
import { checkSignature, readSignature } from "#gateway/sigv4.ts";
import { readBody, readHead, type WireRequest } from "#gateway/wire-request.ts";
import { TestClock } from "#lib/test-clock.ts";
import { eventually } from "#tests/support/estiba.ts";
import { RECORDED, recordedCall, recordedTelemetry, recordedUpgrade } from "./recording.ts";
import { CALLS, faultsOf } from "./shapes.ts";

const HOUR = 60 * 60 * 1000;
const clock = new TestClock();
let calls: WireRequest[];
let upgrades: IncomingMessage[];
let opened: Duplex[];
let refusal: string | undefined;
let failDiscovery: boolean;
let base: string;
let controlPlane: ControlPlane;
let close: () => void;

beforeEach(async () => {
  [calls, upgrades, opened] = [[], [], []];
  [refusal, failDiscovery] = [undefined, false];
  const server = createServer((req, res) => {
    const head = readHead(req);
    void readBody(req, 1e6).then((body) => {
      calls.push({ ...head, body });
      const isDiscovery = head.headers.get("x-amz-target")?.[0]?.endsWith("DiscoverPollEndpoint");
      const answer =
        isDiscovery && !failDiscovery
          ? [200, { endpoint: `${base}/acs/`, telemetryEndpoint: `${base}/tcs` }]
          : [400, { __type: "com.amazonaws.ecs#ClusterNotFoundException", message: "Cluster not found." }];
      res.writeHead(answer[0] as number).end(JSON.stringify(answer[1]));
    });
  });
  const accept = createWebsocketAcceptor();
  server.on("upgrade", (req, socket, head) => {
    upgrades.push(req);
    if (refusal !== undefined)
      socket.end(`HTTP/1.1 400 Bad Request\r\ncontent-length: ${refusal.length}\r\n\r\n${refusal}`);
    else accept(req, socket, head, (duplex) => void opened.push(duplex));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = () => {
    for (const duplex of opened) duplex.close();
    server.close();
  };
  const { accessKeyId, secretAccessKey, region } = RECORDED;
  controlPlane = createHttpControlPlane({
    ...{ endpoint: base, region, clock, userAgent: "Estiba agent" },
    credentials: async () => ({ accessKeyId, secretAccessKey }),
  });
});
afterEach(() => close());

const query = (channel: AgentQuery["channel"]): AgentQuery => ({
  ...{ channel, containerInstanceArn: RECORDED.instanceArn, cluster: "default" },
  ...{ agentVersion: "1.105.1", agentHash: "a8b3e7d3", dockerVersion: "20.10.24+dfsg1" },
  sendCredentials: channel === "acs",
});
const fault = (request: WireRequest) => {
  const presented = readSignature(request);
  if (presented === undefined || "failure" in presented) return presented ?? "unsigned";
  return checkSignature(request, presented, RECORDED.secretAccessKey, "ecs", clock.now());
};

it("a call is awsJson 1.1, signed whole, and DiscoverPollEndpoint has the stock agent's body", async () => {
  await controlPlane.open(query("acs"));
  const [call] = calls;
  expect(call?.method).toBe("POST");
  expect(call?.rawPath).toBe("/");
  expect(call?.headers.get("content-type")).toEqual(["application/x-amz-json-1.1"]);
  expect(call?.headers.get("x-amz-target")).toEqual([
    "AmazonEC2ContainerServiceV20141113.DiscoverPollEndpoint",
  ]);
  const body = JSON.parse(Buffer.from(call?.body ?? []).toString()) as unknown;
  expect(body).toEqual(JSON.parse(recordedCall("discover").body));
  expect(faultsOf(CALLS, "DiscoverPollEndpoint", body)).toEqual([]);
  expect(call && fault(call)).toBeUndefined();
});

it.each(["acsUpgrade", "tcsUpgrade"] as const)(
  "%s has the stock agent's request target and headers, over a base path with a slash or without",
  async (label) => {
    await controlPlane.open(query(label === "acsUpgrade" ? "acs" : "tcs"));
    const [req] = upgrades;
    const recorded = recordedUpgrade(label);
    expect(req?.url).toBe(recorded.target);
    expect(Object.keys(req?.headers ?? {}).sort()).toEqual(Object.keys(recorded.headers).sort());
    expect(req?.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDTEST\/\d{8}\/us-east-1\/ecs\/aws4_request, SignedHeaders=host;x-amz-date, Signature=[0-9a-f]{64}$/,
    );
    expect(req && fault({ ...readHead(req), body: new Uint8Array() })).toBeUndefined();
  },
);

it("a frame of telemetry is the stock agent's: three header lines, an empty one, the envelope, signed over the session's URL", async () => {
  const agentEnd = await controlPlane.open(query("tcs"));
  const serverEnd = await eventually("the channel", () => opened[0]);
  const frames: string[] = [];
  serverEnd.onMessage((frame) => frames.push(frame));
  const { envelope } = recordedTelemetry("metricsIdle");
  for (const text of [envelope, '{"type":"PublishHealthRequest","message":{}}']) agentEnd.send(text);
  await eventually("both frames", () => (frames.length === 2 ? true : undefined));
  expect(frames[1]).toContain("PublishHealthRequest");
  const host = base.slice("http://".length);
  const form = new RegExp(
    `^Authorization: AWS4-HMAC-SHA256 Credential=[^\r\n]+, SignedHeaders=host;x-amz-date, Signature=[0-9a-f]{64}\r\n` +
      `Host: ${host}\r\nX-Amz-Date: \\d{8}T\\d{6}Z\r\n\r\n\\{`,
  );
  expect(frames[0]).toMatch(form);
  const [head = "", body = ""] = (frames[0] ?? "").split("\r\n\r\n");
  expect(body).toBe(envelope);
  const headers = head.split("\r\n").map((line) => line.split(": ") as [string, string]);
  const [rawPath = "", rawQuery = ""] = (upgrades[0]?.url ?? "").split("?");
  expect(
    fault({
      ...{ method: "GET", rawPath, rawQuery, body: Buffer.from(body), sourceIp: "", endpoint: base },
      headers: new Map(headers.map(([name, value]) => [name.toLowerCase(), [value]])),
    }),
  ).toBeUndefined();
});

it("endpoints are asked for once in twelve hours, and an old answer serves while none comes", async () => {
  await controlPlane.open(query("acs"));
  await controlPlane.open(query("tcs"));
  expect(calls).toHaveLength(1);
  await clock.advance(12 * HOUR + 1);
  failDiscovery = true;
  await controlPlane.open(query("acs"));
  expect(calls).toHaveLength(2);
  expect(upgrades).toHaveLength(3);
});

it("a refusal of a call is told by its code, one of an upgrade by its status and body", async () => {
  failDiscovery = true;
  const call = controlPlane.call("RegisterContainerInstance", {});
  await expect(call).rejects.toBeInstanceOf(CallFailed);
  await expect(call).rejects.toMatchObject({
    code: "ClusterNotFoundException",
    message: "Cluster not found.",
  });
  failDiscovery = false;
  refusal = '{"type":"InactiveInstanceException","message":{"message":"gone"}}';
  const open = controlPlane.open(query("acs"));
  await expect(open).rejects.toBeInstanceOf(ConnectionRefused);
  await expect(open).rejects.toMatchObject({ statusCode: 400, body: refusal });
});
