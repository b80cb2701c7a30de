// Every signature that was recorded of the stock agent stands when it is checked by the gateway's own code.
import { describe, expect, it } from "vitest";
import { agentQueryString, readAgentQuery } from "#acs/upgrade-query.ts";
import { decodeTelemetryFromAgent } from "#acs/codec.ts";
import { checkSignature, readSignature } from "#gateway/sigv4.ts";
import type { WireRequest } from "#gateway/wire-request.ts";
import { RECORDED, recordedFrame, recordedTelemetry, recordedUpgrade } from "./recording.ts";

const upgrades = ["acsUpgrade", "acsUpgradeLater", "tcsUpgrade"];
const telemetry = ["metricsIdle", "statusInitializing", "statusOk", "health", "metrics"];

function wireRequest(
  target: string,
  headers: readonly (readonly [name: string, value: string])[],
  body = "",
): WireRequest {
  const [rawPath = "", rawQuery = ""] = target.split("?");
  return {
    method: "GET",
    rawPath,
    rawQuery,
    headers: new Map(headers.map(([name, value]) => [name.toLowerCase(), [value]])),
    body: Buffer.from(body),
    sourceIp: "127.0.0.1",
    endpoint: "http://127.0.0.1:8080",
  };
}

/** What is wrong with it; undefined when nothing is. */
function fault(request: WireRequest, secret: string = RECORDED.secretAccessKey) {
  const presented = readSignature(request);
  if (presented === undefined || "failure" in presented) return presented ?? "unsigned";
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(presented.amzDate) ?? [];
  const then = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
  expect(presented).toMatchObject({
    accessKeyId: RECORDED.accessKeyId,
    signedHeaders: ["host", "x-amz-date"],
  });
  return checkSignature(request, presented, secret, "ecs", then);
}

describe("the stock agent's upgrade", () => {
  it.each(upgrades)("%s is signed as the gateway checks it", (label) => {
    const { target, headers } = recordedUpgrade(label);
    const request = wireRequest(target, Object.entries(headers));
    expect(fault(request)).toBeUndefined();
    expect(fault(request, "another")).toMatchObject({ kind: "badSignature" });
    expect(fault(wireRequest(target.replace("cluster", "closter"), Object.entries(headers)))).toMatchObject({
      kind: "badSignature",
    });
  });

  it.each(upgrades)("%s has the query that our agent would write of the same facts", (label) => {
    const { target } = recordedUpgrade(label);
    const read = readAgentQuery(target);
    expect(read).toMatchObject({ agentVersion: "1.105.1", dockerVersion: "20.10.24+dfsg1" });
    expect(read && agentQueryString(read)).toBe(target.split("?")[1]);
  });
});

describe("the stock agent's telemetry", () => {
  it.each(telemetry)("%s is signed over the session's URL with the envelope as its body", (label) => {
    const { head, envelope } = recordedTelemetry(label);
    expect(head.map(([name]) => name)).toEqual(["Authorization", "Host", "X-Amz-Date"]);
    const { target } = recordedUpgrade("tcsUpgrade");
    expect(fault(wireRequest(target, head, envelope))).toBeUndefined();
    expect(fault(wireRequest(target, head, `${envelope} `))).toMatchObject({ kind: "badSignature" });
  });

  it.each(telemetry)("%s is understood", (label) => {
    const { type } = JSON.parse(recordedTelemetry(label).envelope) as { type: string };
    expect(decodeTelemetryFromAgent(recordedFrame(label))).toMatchObject({ type });
  });
});
