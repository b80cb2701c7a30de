import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BadFrame,
  decodeFromAgent,
  decodeFromServer,
  decodeTelemetryFromAgent,
  decodeTelemetryFromServer,
  encodeEnvelope,
  encodeTelemetryFromAgent,
  MAXIMUM_FRAME_BYTES,
} from "./codec.ts";
import { memoryDuplexPair } from "./duplex.ts";
import { readAgentQuery, refusalBody } from "./upgrade-query.ts";

const decoders = [decodeFromAgent, decodeFromServer, decodeTelemetryFromAgent, decodeTelemetryFromServer];

describe("reading a frame", () => {
  it("never throws, whatever a peer sends", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (frame) => {
        for (const decode of decoders) expect(decode(frame)).toBeDefined();
      }),
    );
  });

  it("never throws for a known type with any members", () => {
    const types = [
      "PayloadMessage",
      "TaskManifestMessage",
      "AckRequest",
      "TaskStopVerificationMessage",
      "PublishHealthRequest",
      "PublishMetricsRequest",
    ];
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.object(), (type, message) => {
        for (const decode of decoders) expect(decode(encodeEnvelope({ type, message }))).toBeDefined();
      }),
    );
  });

  it("names a type it does not know, and refuses what is no envelope, lacks a member or is too long", () => {
    expect(decodeFromAgent('{"type":"Poll","message":{}}')).toEqual({ unknown: "Poll" });
    for (const frame of [
      "",
      "[]",
      '{"type":1}',
      '{"type":"AckRequest","message":{}}',
      " ".repeat(MAXIMUM_FRAME_BYTES + 1),
    ])
      expect(decodeFromAgent(frame)).toBeInstanceOf(BadFrame);
  });

  it("takes telemetry with and without the signed lines before it", () => {
    const envelope = encodeEnvelope({
      type: "PublishInstanceStatusRequest",
      message: {
        metadata: { cluster: "c", containerInstance: "i", requestId: "r" },
        statuses: [{ type: "ContainerRuntime", status: "OK" }],
        timestamp: 1.5,
      },
    });
    const framed = encodeTelemetryFromAgent({ authorization: "AWS4-HMAC-SHA256 …", host: "h" }, envelope);
    expect(framed).toMatch(/^authorization: .*\r\nhost: h\r\n\r\n\{/);
    expect(decodeTelemetryFromAgent(framed)).toMatchObject({ type: "PublishInstanceStatusRequest" });
    expect(decodeTelemetryFromAgent(envelope)).toEqual(decodeTelemetryFromAgent(framed));
  });
});

describe("an agent's upgrade", () => {
  it("is read as the stock agent writes it, over both channels", () => {
    expect(
      readAgentQuery(
        "/acs/ws?agentHash=a8b3e7d3&agentVersion=1.105.1&clusterArn=default&containerInstanceArn=arn%3Aaws%3Aecs%3Ax&dockerVersion=DockerVersion%3A+20.10.24&protocolVersion=2&sendCredentials=true&seqNum=1",
      ),
    ).toEqual({
      channel: "acs",
      containerInstanceArn: "arn:aws:ecs:x",
      cluster: "default",
      agentHash: "a8b3e7d3",
      agentVersion: "1.105.1",
      dockerVersion: "20.10.24",
      sendCredentials: true,
    });
    expect(readAgentQuery("/tcs/ws?cluster=default&containerInstance=arn&dockerVersion=20.10.24")).toEqual({
      channel: "tcs",
      containerInstanceArn: "arn",
      cluster: "default",
      dockerVersion: "20.10.24",
      sendCredentials: false,
    });
  });

  it("without an instance, or elsewhere, is none", () => {
    expect(readAgentQuery("/acs/ws")).toBeUndefined();
    expect(readAgentQuery("/ws?containerInstanceArn=a")).toBeUndefined();
  });

  it("is refused with the name that the agent looks for at the beginning of the body's type", () => {
    expect(JSON.parse(refusalBody("InactiveInstanceException", "gone"))).toEqual({
      type: "InactiveInstanceException",
      message: { message: "gone" },
    });
  });
});

it("a pair in memory keeps order, keeps what came before a listener, and tells both ends of a close once", async () => {
  const [a, b] = memoryDuplexPair();
  const heard: string[] = [];
  a.send("1");
  a.send("2");
  await Promise.resolve();
  b.onMessage((frame) => heard.push(frame));
  a.send("3");
  b.onClose((code, reason) => heard.push(`closed ${code} ${reason}`));
  a.close(1001, "bye");
  a.send("4");
  await new Promise(setImmediate);
  b.close();
  expect(heard).toEqual(["1", "2", "3", "closed 1001 bye"]);
});
