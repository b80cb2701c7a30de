import { HttpRequest } from "@smithy/core/protocols";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sdkSigner } from "./sdk-signer.suite.ts";
import {
  amzDate,
  canonicalPath,
  canonicalQuery,
  canonicalRequest,
  percentDecode,
  sha256Hex,
  signatureOf,
} from "./sigv4-canonical.ts";
import { signRequest } from "./sigv4-sign.ts";

const credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
const time = Date.UTC(2015, 7, 30, 12, 36, 0);

describe("the canonical request", () => {
  it("gives the signature of AWS's test suite (get-vanilla)", () => {
    const canonical = canonicalRequest({
      method: "GET",
      rawPath: "/",
      rawQuery: "",
      headers: [
        ["host", ["example.amazonaws.com"]],
        ["x-amz-date", ["20150830T123600Z"]],
      ],
      payloadHash: sha256Hex(""),
    });
    const scope = { date: "20150830", region: "us-east-1", service: "service" };
    expect(signatureOf(credentials.secretAccessKey, scope, "20150830T123600Z", canonical)).toBe(
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    );
  });

  it("sorts a query by name, then value, and encodes it AWS's way", () => {
    expect(canonicalQuery("b=2&a=z&a=b&c&d=%7e%2F+x&X-Amz-Signature=no")).toBe("a=b&a=z&b=2&c=&d=~%2F%20x");
  });

  it("resolves dots and empty segments of a path and encodes it a second time", () => {
    expect(canonicalPath("/a/./b/../c%20d//e/")).toBe("/a/c%2520d/e/");
    expect(canonicalPath("/../..")).toBe("/");
  });

  it("decodes any text without failing, a stray percent sign as itself", () => {
    expect(percentDecode("100%").toString()).toBe("100%");
    expect(percentDecode("%4a%zz").toString()).toBe("J%zz");
    fc.assert(fc.property(fc.string(), (text) => percentDecode(text).length <= text.length));
  });
});

describe("signRequest", () => {
  const word = fc.string({ unit: fc.constantFrom(..."abcXYZ019-_.~ /%&=+é"), minLength: 1, maxLength: 8 });

  it("signs as the official SDK's signer does", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(word, { maxLength: 3 }),
        fc.dictionary(word, word, { maxKeys: 3 }),
        fc.string(),
        fc.option(fc.base64String({ minLength: 4 }), { nil: undefined }),
        async (segments, query, body, sessionToken) => {
          const url = new URL("http://127.0.0.1:4566/");
          url.pathname = segments.map(encodeURIComponent).join("/");
          url.search = Object.entries(query)
            .map(([k, v]) => `${encodeURIComponent(k)}=${encodeURIComponent(v)}`)
            .join("&");
          const headers = { "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "A.B" };
          const ours = signRequest({
            ...{ method: "POST", url, headers, body, region: "eu-west-1", service: "ecs", time },
            credentials: { ...credentials, sessionToken },
          });
          const signer = sdkSigner("ecs", "eu-west-1", { ...credentials, sessionToken });
          const theirs = await signer.sign(
            new HttpRequest({
              ...{
                method: "POST",
                protocol: "http:",
                hostname: "127.0.0.1",
                port: 4566,
                path: url.pathname,
                query,
                body,
              },
              headers: { ...headers, host: "127.0.0.1:4566" },
            }),
            { signingDate: new Date(time) },
          );
          expect(ours["authorization"]).toBe(theirs.headers["authorization"]);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("leaves what a proxy may change unsigned and names every header that it signs", () => {
    const headers = signRequest({
      ...{ method: "GET", url: "http://h/", headers: { "User-Agent": "x", Accept: "y" }, credentials, time },
      ...{ region: "r", service: "s" },
    });
    expect(headers["authorization"]).toContain("SignedHeaders=accept;host;x-amz-content-sha256;x-amz-date,");
    expect(headers["x-amz-date"]).toBe(amzDate(time));
    expect(headers).not.toHaveProperty("x-amz-security-token");
  });
});
