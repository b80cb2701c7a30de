// The scripts of tunnels: what they hold back, and that no value of a stranger comes into them unread.
import { describe, expect, it } from "vitest";
import { vpcAddresses } from "./ranges.ts";
import { joinAddressScript, joinHostScript, peersScript, tunnelScript } from "./tunnel-script.ts";

const END = { local: "192.0.2.1", remote: "192.0.2.2", port: 4566, vni: 77 };
const LINK = { name: "i1", mac: "02:00:00:00:00:01", namespace: "ns", first: "first" };
const HOST = {
  link: "i1",
  privateIp: "10.64.0.4",
  macAddress: "02:00:00:00:00:04",
  metadataHopLimit: 2,
  vpc: vpcAddresses("10.64.0.0/16"),
  imdsPort: 80,
};

describe("a tunnel", () => {
  it("is described by its ends, so that one with other ends is replaced", () => {
    const script = tunnelScript(END, LINK);
    expect(script).toContain("grep -q 'alias estiba-tunnel:77:192.0.2.1:192.0.2.2:4566$'");
    expect(script).toContain("local 192.0.2.1 remote 192.0.2.2 dstport 4566 nolearning");
    expect(tunnelScript({ ...END, remote: "192.0.2.3" }, LINK)).not.toContain(
      "estiba-tunnel:77:192.0.2.1:192.0.2.2",
    );
  });

  it("is refused for what is no address", () => {
    for (const remote of ["192.0.2.2; reboot", "::1", "example.com", ""])
      expect(() => tunnelScript({ ...END, remote }, LINK)).toThrow(RangeError);
    expect(() => peersScript("t", { ...END, remote: "1.2.3.4 } accept" })).toThrow(RangeError);
  });

  it("lets in what known machines send, and of that only the pairs of MAC and address that were given", () => {
    expect(peersScript("t", END).nft?.at(-1)).toBe(
      "add rule ip t input udp dport 4566 ip saddr != @peers drop",
    );
    const from =
      joinHostScript(HOST).nft?.filter((line) => line.startsWith("add rule inet vpc i1-from")) ?? [];
    expect(from).toEqual([
      "add rule inet vpc i1-from ether saddr . ip saddr @i1-own accept",
      "add rule inet vpc i1-from drop",
    ]);
    expect(joinAddressScript(HOST).nft).toEqual([
      "add element inet vpc i1-own { 02:00:00:00:00:04 . 10.64.0.4 }",
    ]);
  });
});
