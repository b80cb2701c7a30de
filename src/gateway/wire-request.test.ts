import type { IncomingMessage } from "node:http";
import { expect, it } from "vitest";
import { header, readHead } from "./wire-request.ts";

const message = (rawHeaders: string[], more: object = {}, url = "/"): IncomingMessage =>
  ({
    ...{ method: "GET", url, rawHeaders, headers: { host: rawHeaders[1] } },
    socket: { remoteAddress: "::ffff:10.0.0.1", localAddress: "::ffff:10.0.0.2", localPort: 4566, ...more },
  }) as unknown as IncomingMessage;

it.each([
  ["localhost:4566", "http://localhost:4566"],
  ["[::1]:4566", "http://[::1]:4566"],
  ["evil/path", "http://10.0.0.2:4566"],
  ["a@b", "http://10.0.0.2:4566"],
  ["", "http://10.0.0.2:4566"],
])("takes the endpoint from the Host header %j only where that is a host", (host, endpoint) => {
  expect(readHead(message(["Host", host])).endpoint).toBe(endpoint);
});

it("knows a TLS connection and an IPv6 address", () => {
  expect(readHead(message(["Host", "h"], { encrypted: true })).endpoint).toBe("https://h");
  expect(readHead(message(["Host", "?"], { localAddress: "::1" })).endpoint).toBe("http://[::1]:4566");
});

it("keeps repeated headers apart and the request line as it was sent", () => {
  const head = readHead(message(["Host", "h", "X-A", "1", "x-a", "2"], {}, "/a%20b?c=%7e?d"));
  expect(head.headers.get("x-a")).toEqual(["1", "2"]);
  expect(header(head, "x-a")).toBe("1");
  expect([head.rawPath, head.rawQuery, head.sourceIp]).toEqual(["/a%20b", "c=%7e?d", "10.0.0.1"]);
});
