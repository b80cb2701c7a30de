// Calls that are signed both ways: what an eavesdropper, a forger and a replay get of them.
import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { MOST_SKEW_MS, readSealedRequest, sealAnswer, sealedCall, signingKey } from "./sealed-call.ts";

const server = signingKey(randomBytes(32));
const machine = signingKey(randomBytes(32));
const NOW = 1_700_000_000_000;

const call = (payload: unknown = { wants: "in" }) => sealedCall(machine, server.publicKey, payload, NOW);

describe("a sealed call", () => {
  it("tells the server who calls and what it wants, and the caller the answer", () => {
    const { request, open } = call();
    const read = readSealedRequest(JSON.stringify(request), NOW + 1000);
    expect(read.request.key).toBe(machine.publicKey);
    expect(read.payload).toEqual({ wants: "in" });
    expect(open(sealAnswer(server, read.request, { secret: "s" }))).toEqual({ secret: "s" });
  });

  it("is refused when anything of it was changed on the way", () => {
    const { request } = call();
    for (const change of [
      { payload: '{"wants":"all"}' },
      { time: NOW + 1 },
      { key: server.publicKey },
      { ephemeral: server.publicKey },
    ])
      expect(() => readSealedRequest(JSON.stringify({ ...request, ...change }), NOW)).toThrow(
        "The signature is not by the key that the call names.",
      );
  });

  it("is refused when it is old, and when it is none", () => {
    const { request } = call();
    expect(() => readSealedRequest(JSON.stringify(request), NOW + MOST_SKEW_MS + 1)).toThrow("too old");
    for (const text of ["", "null", "{}", "[1]", JSON.stringify({ ...request, version: 2 })])
      expect(() => readSealedRequest(text, NOW)).toThrow("not of the form");
    expect(() => readSealedRequest(JSON.stringify({ ...request, key: "short" }), NOW)).toThrow("length");
  });

  it("has an answer that only the named server can give, to this call only", () => {
    const { request, open } = call();
    const other = signingKey(randomBytes(32));
    expect(() => open(sealAnswer(other, request, {}))).toThrow("not signed by the server");
    expect(() => call().open(sealAnswer(server, request, {}))).toThrow("not signed by the server");
    const answer = sealAnswer(server, request, { secret: "s" });
    const swapped = { ...answer, sealed: sealAnswer(server, request, { secret: "t" }).sealed };
    expect(() => open(swapped)).toThrow("not signed by the server");
  });

  it("has an answer that does not show what is in it", () => {
    const { request } = call();
    const answer = sealAnswer(server, request, { secret: "very secret words" });
    expect(Buffer.from(answer.sealed, "base64url").toString("latin1")).not.toContain("secret");
  });
});
