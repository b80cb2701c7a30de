import { HttpRequest } from "@smithy/core/protocols";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sdkSigner } from "#lib/sdk-signer.suite.ts";
import { canonicalQuery } from "#lib/sigv4-canonical.ts";
import { signRequest } from "#lib/sigv4-sign.ts";
import { readParameters } from "./query-parameters.ts";
import { checkSignature, readSignature, type PresentedSignature } from "./sigv4.ts";
import type { WireRequest } from "./wire-request.ts";

const time = Date.UTC(2026, 0, 1, 12);
const minute = 60_000;
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };

function wire(url: string, headers: Record<string, string>, body = "", method = "POST"): WireRequest {
  const { pathname, search } = new URL(url);
  return {
    method,
    rawPath: pathname,
    rawQuery: search.slice(1),
    headers: new Map(Object.entries(headers).map(([name, value]) => [name, [value]])),
    body: Buffer.from(body),
    sourceIp: "127.0.0.1",
    endpoint: "http://h:4566",
  };
}

function signed(changes: Partial<Parameters<typeof signRequest>[0]> = {}): WireRequest {
  const request = {
    ...{ method: "POST", url: "http://h:4566/a%20b?q=1", body: "the body", credentials, region: "eu-west-1" },
    ...{ service: "ecs", time, headers: { "x-amz-target": "A.B" } },
    ...changes,
  };
  return wire(String(request.url), signRequest(request), request.body as string, request.method);
}

async function presigned(expires = 900, body = ""): Promise<WireRequest> {
  const request = await sdkSigner("sts", "eu-west-1", { ...credentials, sessionToken: "a/token+" }).presign(
    new HttpRequest({
      ...{ method: "GET", protocol: "http:", hostname: "h", port: 4566, path: "/" },
      query: { Action: "GetCallerIdentity", Version: "2011-06-15" },
      headers: { host: "h:4566" },
    }),
    { expiresIn: expires, signingDate: new Date(time) },
  );
  const search = Object.entries(request.query ?? {})
    .map(([k, v]) => `${encodeURIComponent(k)}=${encodeURIComponent(v as string)}`)
    .join("&");
  return wire(`http://h:4566/?${search}`, { host: "h:4566" }, body, "GET");
}

function presentedBy(request: WireRequest): PresentedSignature {
  const presented = readSignature(request);
  if (presented === undefined || "failure" in presented) throw new Error(JSON.stringify(presented));
  return presented;
}

const check = (request: WireRequest, { now = time, secret = "secret", service = "ecs" } = {}) =>
  checkSignature(request, presentedBy(request), secret, service, now);

const withHeader = (request: WireRequest, name: string, ...values: string[]): WireRequest => ({
  ...request,
  headers: new Map([...request.headers, [name, values]]),
});

describe("a signature in the Authorization header", () => {
  it("stands when nothing was changed", () => {
    expect(check(signed())).toBeUndefined();
  });

  it("carries key, scope and session token", () => {
    const request = signed({ credentials: { ...credentials, sessionToken: "token" } });
    expect(check(request)).toBeUndefined();
    expect(presentedBy(request)).toMatchObject({
      accessKeyId: "AKIDEXAMPLE",
      scope: { date: "20260101", region: "eu-west-1", service: "ecs" },
      sessionToken: "token",
    });
  });

  it.each<[string, (request: WireRequest) => WireRequest]>([
    ["method", (r) => ({ ...r, method: "PUT" })],
    ["path", (r) => ({ ...r, rawPath: "/a%20c" })],
    ["query", (r) => ({ ...r, rawQuery: "q=2" })],
    ["body", (r) => ({ ...r, body: Buffer.from("another body") })],
    ["host", (r) => withHeader(r, "host", "elsewhere:4566")],
    ["signed header", (r) => withHeader(r, "x-amz-target", "A.C")],
    ["signed header, repeated", (r) => withHeader(r, "x-amz-target", "A.B", "A.C")],
    ["payload hash", (r) => withHeader(r, "x-amz-content-sha256", "UNSIGNED-PAYLOAD")],
    ["unsigned x-amz- header", (r) => withHeader(r, "x-amz-added", "1")],
    ["session token, added", (r) => withHeader(r, "x-amz-security-token", "1")],
    [
      "signature's length",
      (r) => withHeader(r, "authorization", (r.headers.get("authorization")?.[0] ?? "") + "0"),
    ],
    [
      "scope's region",
      (r) =>
        withHeader(
          r,
          "authorization",
          (r.headers.get("authorization")?.[0] ?? "").replace("eu-west-1", "eu-west-2"),
        ),
    ],
    [
      "list of signed headers",
      (r) => withHeader(r, "authorization", (r.headers.get("authorization")?.[0] ?? "").replace("host;", "")),
    ],
  ])("is refused with a changed %s", (_what, change) => {
    expect(check(change(signed()))?.kind).toBe("badSignature");
  });

  it("is refused with UNSIGNED-PAYLOAD even when that was signed", async () => {
    const request = await sdkSigner("ecs", "eu-west-1", credentials).sign(
      new HttpRequest({
        ...{ method: "POST", protocol: "http:", hostname: "h", port: 4566, path: "/", body: "x" },
        headers: { host: "h:4566", "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
      }),
      { signingDate: new Date(time) },
    );
    expect(check(wire("http://h:4566/", request.headers, "x"))?.kind).toBe("badSignature");
  });

  it("is refused with another secret or for another service", () => {
    expect(check(signed(), { secret: "other" })?.kind).toBe("badSignature");
    expect(check(signed(), { service: "ec2" })).toEqual({
      kind: "badSignature",
      detail: "Credential should be scoped to correct service: 'ec2'.",
    });
  });

  it("stands within five minutes of our clock, either way, and not a second beyond", () => {
    for (const now of [time - 5 * minute, time + 5 * minute])
      expect(check(signed(), { now })).toBeUndefined();
    expect(check(signed(), { now: time + 5 * minute + 1000 })).toEqual({
      kind: "clockSkew",
      detail:
        "Signature expired: 20260101T120000Z is now earlier than 20260101T120001Z (20260101T120501Z - 5 min.)",
    });
    expect(check(signed(), { now: time - 5 * minute - 1000 })).toEqual({
      kind: "clockSkew",
      detail:
        "Signature not yet current: 20260101T120000Z is still later than 20260101T115959Z (20260101T115459Z + 5 min.)",
    });
  });

  it("is told apart from what is no signature at all", () => {
    expect(readSignature(wire("http://h/", { host: "h" }))).toBeUndefined();
  });

  it.each([
    ["another scheme", "Bearer abc"],
    ["nothing after the algorithm", "AWS4-HMAC-SHA256 "],
    ["no signature", "AWS4-HMAC-SHA256 Credential=A/20260101/r/s/aws4_request, SignedHeaders=host"],
    ["a short scope", "AWS4-HMAC-SHA256 Credential=A/20260101/r, SignedHeaders=host, Signature=0"],
    [
      "a long scope",
      "AWS4-HMAC-SHA256 Credential=A/20260101/r/s/aws4_request/x, SignedHeaders=host, Signature=0",
    ],
  ])("is incomplete with %s", (_what, authorization) => {
    const request = wire("http://h/", { host: "h", "x-amz-date": "20260101T120000Z", authorization });
    expect(readSignature(request)).toMatchObject({ failure: { kind: "incomplete" } });
  });

  it.each([
    ["another terminator", "A/20260101/r/s/aws4", "badSignature"],
    ["a date that is not the request's", "A/20260102/r/s/aws4_request", "badSignature"],
  ])("is refused with %s", (_what, credential, kind) => {
    const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=0`;
    const request = wire("http://h/", { host: "h", "x-amz-date": "20260101T120000Z", authorization });
    expect(readSignature(request)).toMatchObject({ failure: { kind } });
  });

  it("never throws, whatever the header says", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (a, date, query) => {
        const request = wire("http://h/", {
          host: "h",
          "x-amz-date": date,
          authorization: `AWS4-HMAC-SHA256 ${a}`,
        });
        readSignature(request);
        readSignature({ ...wire("http://h/", { host: "h" }), rawQuery: `X-Amz-Signature=${query}&${a}` });
      }),
    );
  });
});

describe("a presigned request", () => {
  it("of the official SDK stands until it expires", async () => {
    const request = await presigned(900);
    expect(presentedBy(request)).toMatchObject({ sessionToken: "a/token+", expires: 900 });
    expect(check(request, { service: "sts", now: time + 900_000 })).toBeUndefined();
    expect(check(request, { service: "sts", now: time + 901_000 })?.kind).toBe("clockSkew");
    expect(check(request, { service: "sts", now: time - 6 * minute })?.kind).toBe("clockSkew");
  });

  it("is refused with another action, life or body", async () => {
    const request = await presigned();
    const changed = (from: string, to: string) => ({
      ...request,
      rawQuery: request.rawQuery.replace(from, to),
    });
    expect(check(changed("GetCallerIdentity", "GetSessionToken"), { service: "sts" })?.kind).toBe(
      "badSignature",
    );
    expect(check(changed("X-Amz-Expires=900", "X-Amz-Expires=9000"), { service: "sts" })?.kind).toBe(
      "badSignature",
    );
    expect(check(await presigned(900, "a body"), { service: "sts" })?.kind).toBe("badSignature");
  });

  it("is incomplete when it would last longer than a week", async () => {
    const request = await presigned();
    const longer = {
      ...request,
      rawQuery: request.rawQuery.replace("X-Amz-Expires=900", "X-Amz-Expires=604801"),
    };
    expect(readSignature(longer)).toMatchObject({ failure: { kind: "incomplete" } });
  });
});

it("a plus sign and %20 in a query are one text, to the signature as to whoever reads the parameters", () => {
  const spellings = ["Filter.1.Name=a+b%2Bc", "Filter.1.Name=a%20b%2Bc"];
  expect(new Set(spellings.map(canonicalQuery))).toEqual(new Set(["Filter.1.Name=a%20b%2Bc"]));
  for (const rawQuery of spellings) {
    const request = { ...wire("http://h/", {}), rawQuery };
    expect(readParameters(request, 10).get("Filter.1.Name")).toBe("a b+c");
  }
});
