// The scripts as text; whether the kernel does what they ask is shown by vpc-network.real.test.ts.
import { describe, expect, it } from "vitest";
import { attachScript, detachScript, hostScript, type HostPlan } from "./host-script.ts";
import { vpcAddresses } from "./ranges.ts";
import { shell } from "./script.ts";
import { rootScript, vpcScript, type VpcPlan } from "./vpc-script.ts";

const vpc: VpcPlan = {
  vpcId: "vpc-00000001",
  namespace: "estiba-a-vpc-00000001",
  rootInterface: "eba-000001",
  rootTable: "estiba-a-vpc-00000001",
  addresses: vpcAddresses("10.64.0.0/16"),
  imdsPort: 4567,
  ports: [{ protocol: "tcp", port: 4566 }],
};
const host: HostPlan = {
  namespace: "estiba-a-i-00000001",
  interfaceName: "i1",
  privateIp: "10.64.0.4",
  macAddress: "02:00:00:00:00:04",
  metadataHopLimit: 1,
  vpc: vpc.addresses,
  imdsPort: 4567,
};

describe("a namespace's script", () => {
  it("starts each program once and ends at the first that fails", () => {
    const text = shell({
      before: ["true"],
      ip: ["link set lo up", "link set x up"],
      nft: ["add table ip t"],
    });
    expect(text).toBe(
      "set -e\ntrue\nnft -f - <<'END'\nadd table ip t\nEND\nip -batch - <<'END'\nlink set lo up\nlink set x up\nEND\n",
    );
  });

  it("holds only lines that may be run again", () => {
    const scripts = [
      vpcScript(vpc),
      rootScript(vpc),
      attachScript(host),
      hostScript(host),
      detachScript("i1"),
    ];
    for (const line of scripts.flatMap((script) => script.ip ?? []))
      expect(line).toMatch(/^(link set|\w+ replace) /);
  });
});

describe("a host's rules", () => {
  it("are in place before its link is up", () => {
    const text = shell(attachScript(host)).replaceAll("\n", " ");
    // The veth is made down; `ip -batch` raises it.
    expect(text.indexOf("ip saddr 10.64.0.4 accept")).toBeLessThan(text.indexOf("link set i1 up"));
  });

  it("limit how far answers of the metadata port go", () => {
    expect(attachScript({ ...host, metadataHopLimit: 3 }).nft).toContain(
      "add rule inet vpc i1-to ip saddr 10.64.0.2 tcp sport 4567 ip ttl set 3",
    );
  });

  it("can be taken out whether or not they are there: each thing is added before it is deleted", () => {
    const lines = detachScript("i1").nft ?? [];
    for (const deletion of lines.filter((line) => line.startsWith("delete "))) {
      const [, what = "", ...rest] = deletion.split(" ");
      const name = rest.slice(0, 3).join(" ");
      const addition = lines.findIndex((line) => line.startsWith(`add ${what} ${name}`));
      expect(addition).toBeGreaterThanOrEqual(0);
      expect(addition).toBeLessThan(lines.indexOf(deletion));
    }
  });
});
