// Calls and channels over real sockets, against a server that checks every signature with the gateway's own code.
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { decodeTelemetryFromAgent, encodeEnvelope } from "#acs/codec.ts";
import type { Duplex } from "#acs/duplex.ts";
import type { AgentQuery } from "#acs/upgrade-query.ts";
import { ConnectionRefused, createWebsocketAcceptor } from "#acs/websocket-duplex.ts";
import { checkSignature, readSignature } from "#gateway/sigv4.ts";
import { readBody, readHead, type WireRequest } from "#gateway/wire-request.ts";
import type { ControlPlane } from "./control-plane.ts";
import { createHttpControlPlane } from "./http-control-plane.ts";

const SECRET = "secret";
const query = (channel: "acs" | "tcs"): AgentQuery => ({
  channel,
  containerInstanceArn: "arn:aws:ecs:us-east-1:000000000000:container-instance/main/0123",
  cluster: "main",
  dockerVersion: "20.10.24+dfsg1",
  sendCredentials: true,
});

let server: Server;
let base: string;
let controlPlane: ControlPlane;
let calls: { target: string; body: unknown; sound: boolean }[];
let upgrades: { url: string; sound: boolean }[];
let accepted: Duplex[];
let refusal: string | undefined;
let answer: { readonly status: number; readonly body: string };

const isSound = (request: WireRequest): boolean => {
  const presented = readSignature(request);
  if (presented === undefined || "failure" in presented) return false;
  return checkSignature(request, presented, SECRET, "ecs", systemClock.now()) === undefined;
};

const serve = async (req: IncomingMessage) => {
  const body = await readBody(req, 1024 * 1024);
  const target = String(req.headers["x-amz-target"]).split(".").at(-1) ?? "";
  calls.push({
    target,
    body: JSON.parse(Buffer.from(body).toString()),
    sound: isSound({ ...readHead(req), body }),
  });
  return target === "DiscoverPollEndpoint"
    ? { status: 200, body: JSON.stringify({ endpoint: `${base}/acs`, telemetryEndpoint: `${base}/tcs` }) }
    : answer;
};

beforeEach(async () => {
  [calls, upgrades, accepted, refusal] = [[], [], [], undefined];
  answer = { status: 200, body: "{}" };
  const accept = createWebsocketAcceptor();
  server = createServer((req, res) => {
    void serve(req).then(({ status, body }) => {
      res.statusCode = status;
      res.end(body);
    });
  });
  server.on("upgrade", (req, socket, head) => {
    upgrades.push({ url: req.url ?? "", sound: isSound({ ...readHead(req), body: new Uint8Array() }) });
    if (refusal === undefined) return accept(req, socket, head, (duplex) => void accepted.push(duplex));
    socket.end(`HTTP/1.1 400 Refused\r\ncontent-length: ${refusal.length}\r\n\r\n${refusal}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  controlPlane = createHttpControlPlane({
    endpoint: base,
    region: "us-east-1",
    clock: systemClock,
    userAgent: "test",
    credentials: async () => ({ accessKeyId: "AKIA", secretAccessKey: SECRET, sessionToken: "token" }),
  });
});
afterEach(async () => {
  for (const duplex of accepted) duplex.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe("the control plane over HTTP", () => {
  it("is called with a signature that holds", async () => {
    answer = { status: 200, body: '{"acknowledgment":"ACK"}' };
    const input = { cluster: "main", reason: "ä" };
    expect(await controlPlane.call("SubmitTaskStateChange", input)).toEqual({ acknowledgment: "ACK" });
    expect(calls).toEqual([{ target: "SubmitTaskStateChange", body: input, sound: true }]);
  });

  it.each([
    [400, '{"__type":"com.amazonaws.ecs#ClientException","message":"gone"}', "ClientException", "gone"],
    [400, '{"__type":"InvalidParameterException"}', "InvalidParameterException", "answered with 400"],
    [503, "<html>", "ServerException", "answered with 503"],
    [403, "no", "HTTP403", "answered with 403"],
  ])("tells an answer of %i as an error with its code", async (status, body, code, words) => {
    answer = { status, body };
    const call = controlPlane.call("RegisterContainerInstance", {});
    await expect(call).rejects.toMatchObject({ name: "CallFailed", code });
    await expect(call).rejects.toThrow(words);
  });

  it("is unreachable when nobody answers", async () => {
    const nobody = createHttpControlPlane({
      endpoint: "http://127.0.0.1:1",
      region: "r",
      clock: systemClock,
      userAgent: "test",
      credentials: async () => ({ accessKeyId: "a", secretAccessKey: "s" }),
    });
    await expect(nobody.call("X", {})).rejects.toMatchObject({ code: "Unreachable" });
  });

  it("opens ACS where DiscoverPollEndpoint leads, with a signature that holds, and asks for that once", async () => {
    const acs = await controlPlane.open(query("acs"));
    const again = await controlPlane.open(query("acs"));
    expect(calls.map((c) => c.target)).toEqual(["DiscoverPollEndpoint"]);
    expect(upgrades.map((u) => u.sound)).toEqual([true, true]);
    expect(upgrades[0]?.url).toMatch(/^\/acs\/ws\?clusterArn=main&containerInstanceArn=arn%3Aaws/);
    const heard = new Promise((resolve) => acs.onMessage(resolve));
    accepted[0]?.send("hello");
    expect(await heard).toBe("hello");
    acs.close();
    again.close();
  });

  it("signs each frame of TCS as a request with the frame for its payload", async () => {
    const tcs = await controlPlane.open(query("tcs"));
    const frames: string[] = [];
    const two = new Promise<void>((resolve) =>
      accepted[0]?.onMessage((frame) => {
        if (frames.push(frame) === 2) resolve();
      }),
    );
    const metadata = { cluster: "main", containerInstance: "i", messageId: "m", fin: true };
    const envelope = encodeEnvelope({ type: "PublishMetricsRequest", message: { metadata, timestamp: 1 } });
    tcs.send(envelope);
    tcs.send(envelope.replace('"m"', '"n"'));
    await two;
    for (const frame of frames) {
      const [head = "", payload = ""] = frame.split("\r\n\r\n");
      const headers = new Map(
        head.split("\r\n").map((line) => {
          const [name = "", value = ""] = line.split(": ");
          return [name.toLowerCase(), [value]] as const;
        }),
      );
      const [rawPath = "", rawQuery = ""] = (upgrades[0]?.url ?? "").split("?");
      expect(
        isSound({
          method: "GET",
          rawPath,
          rawQuery,
          headers,
          body: Buffer.from(payload),
          sourceIp: "",
          endpoint: base,
        }),
      ).toBe(true);
      expect(decodeTelemetryFromAgent(frame)).toMatchObject({ type: "PublishMetricsRequest" });
    }
    tcs.close();
  });

  it("hands on why an upgrade was refused", async () => {
    refusal = '{"type":"InactiveInstanceException","message":{"message":"gone"}}';
    const open = controlPlane.open(query("acs"));
    await expect(open).rejects.toThrow(ConnectionRefused);
    await expect(open).rejects.toThrow("InactiveInstanceException");
  });
});
