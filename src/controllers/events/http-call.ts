// One HTTP request to somebody's endpoint: bounded in time and size, no redirects, never to a link-local address, where machines
// of clouds find their own credentials.
import { lookup } from "node:dns";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { isInRange } from "#lib/address-range.ts";
import type { Clock } from "#lib/clock.ts";
import type { HttpCaller } from "./http-target.ts";

/** EventBridge waits five seconds. */
const TIMEOUT_MS = 5000;
const FORBIDDEN = ["169.254.0.0/16", "fe80::/10", "::ffff:169.254.0.0/112", "fd00:ec2::/32"];

const isForbidden = (address: string): boolean => FORBIDDEN.some((range) => isInRange(address, range));
const refusal = (address: string) => new Error(`${address} is a link-local address: it is not called`);

const lookUpAllowed: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const bad = addresses?.find(({ address }) => isForbidden(address));
    const [first] = addresses ?? [];
    if (error !== null || first === undefined) return callback(error ?? new Error("no address"), "", 0);
    if (bad !== undefined) return callback(refusal(bad.address), "", 0);
    if (options.all === true) return callback(null, addresses);
    callback(null, first.address, first.family);
  });
};

export function createHttpCaller(clock: Clock): HttpCaller {
  return ({ method, url, headers, body }) =>
    new Promise((resolve, reject) => {
      const target = new URL(url);
      const host = target.hostname.replace(/^\[|\]$/g, "");
      if (isIP(host) !== 0 && isForbidden(host)) return reject(refusal(host));
      const hasBody = method !== "GET" && method !== "HEAD";
      const request = (target.protocol === "https:" ? requestHttps : requestHttp)(target, {
        method,
        lookup: lookUpAllowed,
        headers: { ...headers, ...(hasBody ? { "content-length": Buffer.byteLength(body) } : {}) },
      });
      const timer = clock.after(TIMEOUT_MS, () =>
        request.destroy(new Error("The endpoint did not answer in time")),
      );
      request.on("error", (error) => {
        timer.cancel();
        reject(error);
      });
      request.on("response", (response) => {
        timer.cancel();
        const after = Number(response.headers["retry-after"]);
        resolve({
          status: response.statusCode ?? 0,
          ...(Number.isFinite(after) && after > 0 ? { retryAfterMs: after * 1000 } : {}),
        });
        // What it says is nobody's concern, and may have no end.
        response.on("error", () => undefined);
        response.destroy();
      });
      request.end(hasBody ? body : undefined);
    });
}
