import { expect, it } from "vitest";
import { seededRandom } from "#lib/random.ts";
import { createSealer } from "./sealer.ts";

const sealer = (purpose = "a", seed = 1) =>
  createSealer({ key: new Uint8Array(32).fill(seed), purpose, random: seededRandom(seed) });

it("opens what was sealed, and shows nothing of it", () => {
  const one = sealer();
  for (const text of ["", "secret", "ü".repeat(1000)]) {
    const sealed = one.seal(text);
    expect(Buffer.from(sealed, "base64url").toString("latin1")).not.toContain("secret");
    expect(one.open(sealed)).toBe(text);
  }
  expect(one.seal("twice")).not.toBe(one.seal("twice"));
});

it("opens nothing of another purpose, of another key, or changed", () => {
  const sealed = sealer().seal("secret");
  const octets = Buffer.from(sealed, "base64url");
  octets[14] = (octets[14] ?? 0) ^ 1;
  expect(() => sealer("b").open(sealed)).toThrow();
  expect(() => sealer("a", 2).open(sealed)).toThrow();
  expect(() => sealer().open(octets.toString("base64url"))).toThrow();
  expect(() => sealer().open("c2hvcnQ")).toThrow();
});
