import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import type { Principal } from "../service-definition.ts";
import { createCredentialResolver } from "./resolver.ts";
import { createSealedCredentials } from "./sealed.ts";

const account = "123456789012";
const task: Principal = {
  type: "task",
  arn: `arn:aws:sts::${account}:assumed-role/app/0123`,
  account,
  id: "AROAEXAMPLE:0123",
  roleArn: `arn:aws:iam::${account}:role/app`,
  taskArn: `arn:aws:ecs:eu-west-1:${account}:task/web/0123`,
};

function setup(seed = 1, isAlive?: (principal: Principal) => boolean) {
  const clock = new TestClock();
  const key = new Uint8Array(32).fill(seed);
  const options = { key, clock, random: seededRandom(seed), ...(isAlive === undefined ? {} : { isAlive }) };
  return { clock, sealed: createSealedCredentials(options) };
}

describe("sealed session credentials", () => {
  it("resolve to the secret that was issued and to their principal", () => {
    const { clock, sealed } = setup();
    const issued = sealed.issue({ principal: task, expiresAt: clock.now() + 1000 });
    expect(issued.accessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);
    expect(issued.secretAccessKey).toHaveLength(40);
    expect(sealed.resolve(issued.accessKeyId, issued.sessionToken)).toEqual({
      secretAccessKey: issued.secretAccessKey,
      principal: task,
    });
  });

  it("expire at their time", async () => {
    const { clock, sealed } = setup();
    const issued = sealed.issue({ principal: task, expiresAt: clock.now() + 1000 });
    await clock.advance(999);
    expect(sealed.resolve(issued.accessKeyId, issued.sessionToken)).toMatchObject({ principal: task });
    await clock.advance(1);
    expect(sealed.resolve(issued.accessKeyId, issued.sessionToken)).toBe("expired");
  });

  it("die with what they were issued for", () => {
    let alive = true;
    const { clock, sealed } = setup(1, () => alive);
    const issued = sealed.issue({ principal: task, expiresAt: clock.now() + 1000 });
    expect(sealed.resolve(issued.accessKeyId, issued.sessionToken)).toMatchObject({ principal: task });
    alive = false;
    expect(sealed.resolve(issued.accessKeyId, issued.sessionToken)).toBe("expired");
  });

  it("are unknown with another's key id, without a token, and to another installation", () => {
    const { clock, sealed } = setup();
    const expiresAt = clock.now() + 1000;
    const [one, two] = [
      sealed.issue({ principal: task, expiresAt }),
      sealed.issue({ principal: task, expiresAt }),
    ];
    expect(one.accessKeyId).not.toBe(two.accessKeyId);
    expect(one.secretAccessKey).not.toBe(two.secretAccessKey);
    expect(sealed.resolve(one.accessKeyId, two.sessionToken)).toBeUndefined();
    expect(sealed.resolve(one.accessKeyId, undefined)).toBeUndefined();
    expect(setup(2).sealed.resolve(one.accessKeyId, one.sessionToken)).toBeUndefined();
  });

  it("do not resolve when any bit of the token was changed", () => {
    const { clock, sealed } = setup();
    const issued = sealed.issue({ principal: task, expiresAt: clock.now() + 1000 });
    const octets = Buffer.from(issued.sessionToken, "base64");
    fc.assert(
      fc.property(fc.nat(octets.length * 8 - 1), (bit) => {
        const changed = Buffer.from(octets);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(sealed.resolve(issued.accessKeyId, changed.toString("base64"))).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(sealed.resolve(issued.accessKeyId, text)).toBeUndefined();
      }),
    );
  });

  it("show neither principal nor secret in the token", () => {
    const { clock, sealed } = setup();
    const issued = sealed.issue({ principal: task, expiresAt: clock.now() + 1000 });
    const inside = Buffer.from(issued.sessionToken, "base64").toString("latin1");
    for (const text of [account, "assumed-role", issued.secretAccessKey]) expect(inside).not.toContain(text);
  });

  it("need a key of 32 octets", () => {
    const { clock } = setup();
    const options = { key: new Uint8Array(16), clock, random: seededRandom(1) };
    expect(() => createSealedCredentials(options)).toThrow(RangeError);
  });
});

describe("the credential resolver", () => {
  it("looks a long-lived key up only when no session token comes with it", () => {
    const { clock, sealed } = setup();
    const credential = { secretAccessKey: "s", principal: task };
    const lookup = (id: string) => (id === "AKIA1" ? credential : undefined);
    const resolver = createCredentialResolver({ lookup, sessions: sealed });
    expect(resolver.resolve("AKIA1", undefined)).toBe(credential);
    expect(resolver.resolve("AKIA1", "token")).toBeUndefined();
    expect(resolver.resolve("AKIA2", undefined)).toBeUndefined();
    const issued = sealed.issue({ principal: task, expiresAt: clock.now() + 1000 });
    expect(resolver.resolve(issued.accessKeyId, issued.sessionToken)).toMatchObject({ principal: task });
    expect(resolver.resolve(issued.accessKeyId, undefined)).toBeUndefined();
  });
});
