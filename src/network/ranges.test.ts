import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blockContains, firstFree, formatIpv4, parseBlock, parseIpv4 } from "#domain/ec2/ipv4.ts";
import { isAssignable, rangeUser, vpcAddresses, VpcRangeRefused } from "./ranges.ts";

const cidr = fc
  .record({ address: fc.integer({ min: 0, max: 2 ** 32 - 1 }), prefix: fc.integer({ min: 16, max: 28 }) })
  .map(({ address, prefix }) => {
    const size = 2 ** (32 - prefix);
    return `${formatIpv4(Math.floor(address / size) * size)}/${prefix}`;
  });

describe("a VPC's addresses", () => {
  it("are inside the range and never handed out", () => {
    fc.assert(
      fc.property(cidr, (range) => {
        const addresses = vpcAddresses(range);
        const block = parseBlock(range);
        for (const own of [addresses.router, addresses.endpoint]) {
          expect(block && blockContains(block, parseIpv4(own) ?? -1)).toBe(true);
          expect(isAssignable(addresses, own)).toBe(false);
        }
        expect(isAssignable(addresses, firstFree(range, new Set()) ?? "")).toBe(true);
      }),
    );
  });

  it("are the second and the third of the range", () => {
    expect(vpcAddresses("10.64.0.0/16")).toEqual({
      cidr: "10.64.0.0/16",
      router: "10.64.0.1",
      endpoint: "10.64.0.2",
    });
  });

  it.each(["10.64.0.0", "10.64.0.1/16", "10.64.0.0/30", "x/16"])("are refused for %j", (bad) => {
    expect(() => vpcAddresses(bad)).toThrow(VpcRangeRefused);
  });

  it.each(["10.65.0.4", "10.64.0.3", "", "10.64.0.4 dev lo", "10.64.0.04"])(
    "do not include %j",
    (address) => {
      expect(isAssignable(vpcAddresses("10.64.0.0/16"), address)).toBe(false);
    },
  );
});

describe("the user of a range", () => {
  const used = (range: string, ...dst: string[]) =>
    rangeUser(
      range,
      dst.map((network) => ({ dst: network, dev: "eth0" })),
      "ebx-000000",
    );

  it("is a route into it, over it or to one of its addresses", () => {
    expect(used("10.64.0.0/16", "10.64.3.0/24")).toEqual({ range: "10.64.3.0/24", device: "eth0" });
    expect(used("10.64.0.0/16", "10.0.0.0/8")).toEqual({ range: "10.0.0.0/8", device: "eth0" });
    expect(used("10.64.0.0/16", "10.64.9.9")).toEqual({ range: "10.64.9.9", device: "eth0" });
  });

  it("is no default route, in one piece or in halves, and no neighbour", () => {
    expect(
      used("10.64.0.0/16", "default", "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.65.0.0/16"),
    ).toBeUndefined();
  });

  it("is not the VPC itself", () => {
    const own = [{ dst: "10.64.0.0/16", dev: "ebx-000000" }];
    expect(rangeUser("10.64.0.0/16", own, "ebx-000000")).toBeUndefined();
    expect(rangeUser("10.64.0.0/16", own, "ebx-111111")).toEqual({
      range: "10.64.0.0/16",
      device: "ebx-000000",
    });
  });

  it("is a blackhole without a device too", () => {
    expect(rangeUser("10.64.0.0/16", [{ dst: "10.64.0.0/17" }], "x")).toEqual({ range: "10.64.0.0/17" });
  });

  it("is the hosts' own engine for Docker's default bridge", () => {
    expect(used("172.17.0.0/16")?.what).toContain("container engine");
    expect(used("172.16.0.0/16")).toBeUndefined();
  });

  it("is found for every route that shares an address, and for no other", () => {
    fc.assert(
      fc.property(cidr, cidr, (range, route) => {
        const a = parseBlock(range);
        const b = parseBlock(route);
        if (a === undefined || b === undefined) throw new Error("not a block");
        const shares = blockContains(a, b.base) || blockContains(b, a.base);
        const taken = rangeUser(range, [], "x") !== undefined;
        expect(used(range, route) !== undefined).toBe(shares || taken);
      }),
    );
  });
});
