import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  dnsService,
  forwarderService,
  hostInterface,
  INTERFACE_NAME_LENGTH,
  isNetworkService,
  networkNames,
} from "./names.ts";

const digits = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 17, maxLength: 17 }),
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 8, maxLength: 8 }),
);
const scope = fc.string({ unit: fc.constantFrom(..."abz019"), minLength: 1, maxLength: 6 });

describe("names", () => {
  it("fit the kernel's limit, whatever the scope and the id", () => {
    fc.assert(
      fc.property(scope, digits, (s, d) => {
        expect(networkNames(s).rootInterface(`vpc-${d}`).length).toBeLessThanOrEqual(INTERFACE_NAME_LENGTH);
        expect(hostInterface(`i-${d}`)).toMatch(/^i[0-9a-z]{1,14}$/);
      }),
    );
  });

  it("give two instances two interfaces", () => {
    fc.assert(
      fc.property(digits, digits, (a, b) => {
        expect(hostInterface(`i-${a}`) === hostInterface(`i-${b}`)).toBe(a === b);
      }),
    );
    expect(hostInterface("i-00000001")).not.toBe(hostInterface("i-00000000000000001"));
  });

  it("lead back to the id in their own scope, and to nothing in another", () => {
    fc.assert(
      fc.property(scope, scope, digits, (mine, other, d) => {
        const names = networkNames(mine);
        const vpc = names.vpcNamespace(`vpc-${d}`);
        const host = names.hostNamespace(`i-${d}`);
        expect(names.vpcOf(vpc)).toBe(`vpc-${d}`);
        expect(names.instanceOf(host)).toBe(`i-${d}`);
        expect(names.vpcOf(host)).toBeUndefined();
        expect(names.instanceOf(vpc)).toBeUndefined();
        if (other === mine) return;
        const foreign = networkNames(other);
        expect(foreign.vpcOf(vpc)).toBeUndefined();
        expect(foreign.instanceOf(host)).toBeUndefined();
        expect(vpc.startsWith(foreign.prefix)).toBe(false);
        expect(names.rootInterface(`vpc-${d}`).startsWith(foreign.rootInterfacePrefix)).toBe(false);
      }),
    );
  });

  it.each(["", "toolong", "A", "a-b", "a b"])("refuse the scope %j", (bad) => {
    expect(() => networkNames(bad)).toThrow(RangeError);
  });

  it.each(["i-", "i-xyz", "i-0123456789", "vpc-12345678", "i-12345678; reboot", "../i-12345678"])(
    "refuse the instance id %j",
    (bad) => {
      expect(() => networkNames("a").hostNamespace(bad)).toThrow(RangeError);
      expect(() => hostInterface(bad)).toThrow(RangeError);
    },
  );

  it("tell the network's services from others", () => {
    expect(isNetworkService(dnsService("vpc-12345678"))).toBe(true);
    expect(isNetworkService(forwarderService("vpc-12345678"))).toBe(true);
    expect(isNetworkService("haproxy-vpc-12345678")).toBe(false);
  });
});
