import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bridgePort,
  endpointScript,
  freePlace,
  interfaceScript,
  placeAddress,
  placeOf,
  portScript,
} from "./wiring.ts";

describe("places on the host's bridge", () => {
  it.each([
    [2, "169.254.172.2"],
    [255, "169.254.172.255"],
    [256, "169.254.173.0"],
    [1022, "169.254.175.254"],
  ])("place %i has the address %s, and back", (place, address) => {
    expect(placeAddress(place)).toBe(address);
    expect(placeOf(address)).toBe(place);
  });

  it.each(["", "169.254.172.0", "169.254.172.1", "169.254.175.255", "169.254.171.9", "10.0.172.9"])(
    "%j is the address of none",
    (address) => expect(placeOf(address)).toBeUndefined(),
  );

  it("are each given once, to the last one", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 2, max: 1022 })), (taken) => {
        const links = ["lo", "eth0", "ecs-bridge", ...taken.map(bridgePort)];
        const place = freePlace(links);
        expect(place === undefined).toBe(taken.length === 1021);
        if (place !== undefined) expect(taken).not.toContain(place);
      }),
    );
    const all = Array.from({ length: 1021 }, (_, n) => bridgePort(n + 2));
    expect(freePlace(all)).toBeUndefined();
    expect(freePlace(all.slice(1))).toBe(2);
  });

  it("have names that the kernel takes", () => expect(bridgePort(1022).length).toBeLessThan(16));
});

describe("a task's namespace", () => {
  it("leads everything over its own interface but the endpoint, and nothing to the metadata service when told so", () => {
    expect(interfaceScript("10.64.0.9", false)).not.toContain("blackhole");
    expect(interfaceScript("10.64.0.9", true)).toContain("blackhole 169.254.169.254/32");
    expect(endpointScript(5)).toContain("ip route replace 169.254.170.2/32 via 169.254.172.1 dev ecs-eth0");
  });

  it("meets other tasks in the VPC only", () => {
    expect(portScript(5, "/proc/1/ns/net")).toContain("isolated on");
  });
});
