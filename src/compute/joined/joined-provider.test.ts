// Hosts on other machines go to the tunnels, all others to this machine's own provider.
import { describe, expect, it } from "vitest";
import type { ComputeProvider, HostSpec } from "../port.ts";
import { createJoinedProvider, type TunnelNetwork } from "./joined-provider.ts";

const TUNNEL = { machineAddress: "192.0.2.2", serverAddress: "192.0.2.1", vni: 7 };
const FAR = "i-00000000000000002";
const NEAR = "i-00000000000000001";
const spec = (instanceId: string): HostSpec => ({
  instanceId,
  region: "us-east-1",
  availabilityZone: "us-east-1a",
  instanceType: "t3.small",
  vcpus: 2,
  memoryMiB: 2048,
  vpcId: "vpc-1",
  privateIp: "10.64.0.4",
  macAddress: "02:00:00:00:00:04",
  metadataHopLimit: 2,
  userData: "",
  endpoint: "http://10.64.0.2:4566",
  ...(instanceId === FAR ? { joined: TUNNEL } : {}),
});

function recording() {
  const calls: string[] = [];
  const noting = (what: string) => (of: { instanceId: string } | string) => {
    calls.push(`${what} ${typeof of === "string" ? of : of.instanceId}`);
    return Promise.resolve();
  };
  const own: ComputeProvider = {
    launch: noting("own launch"),
    terminate: noting("own terminate"),
    attachInterface: noting("own attach"),
    detachInterface: noting("own detach"),
    list: () => Promise.resolve([NEAR]),
    consoleOutput: () => Promise.resolve("own"),
  };
  const network: TunnelNetwork = {
    attachTunnel: noting("tunnel"),
    detachTunnel: noting("no tunnel"),
    attachTunnelledInterface: noting("address"),
    detachTunnelledInterface: ({ instanceId, privateIp }) => noting(`no ${privateIp}`)(instanceId),
  };
  const provider = createJoinedProvider({
    own,
    network,
    tunnelOf: (id) => (id === FAR ? TUNNEL : undefined),
    interfaceOf: (id) =>
      id === "eni-gone" ? undefined : { privateIp: "10.64.0.9", macAddress: "02:00:00:00:00:09" },
  });
  return { provider, calls };
}

describe("a host on another machine", () => {
  it("is launched, given interfaces and ended by its tunnel alone", async () => {
    const { provider, calls } = recording();
    const eni = { vpcId: "vpc-1", instanceId: FAR, interfaceId: "eni-1" };
    await provider.launch(spec(FAR));
    await provider.attachInterface({ ...spec(FAR), ...eni });
    await provider.detachInterface(eni);
    await provider.detachInterface({ ...eni, interfaceId: "eni-gone" });
    await provider.terminate(FAR);
    expect(calls).toEqual([`tunnel ${FAR}`, `address ${FAR}`, `no 10.64.0.9 ${FAR}`, `no tunnel ${FAR}`]);
    expect(await provider.consoleOutput(FAR)).toContain("on another machine, 192.0.2.2");
  });

  it("changes nothing for the hosts of this machine", async () => {
    const { provider, calls } = recording();
    const eni = { vpcId: "vpc-1", instanceId: NEAR, interfaceId: "eni-1" };
    await provider.launch(spec(NEAR));
    await provider.attachInterface({ ...spec(NEAR), ...eni });
    await provider.detachInterface(eni);
    await provider.terminate(NEAR);
    expect(calls).toEqual(["launch", "attach", "detach", "terminate"].map((what) => `own ${what} ${NEAR}`));
    expect(await provider.list()).toEqual([NEAR]);
  });
});
