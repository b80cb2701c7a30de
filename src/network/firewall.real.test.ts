// A VPC on a machine whose firewalls drop what they do not know: iptables of both kinds, a hand-written nftables table. The
// machine is a namespace of the test, with an outside of its own, so that this machine's firewall stays as it is.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/logger.ts";
import { createDirectSupervisor } from "#tests/support/direct-supervisor.ts";
import {
  background,
  eventually,
  get,
  inside,
  lookUp,
  must,
  open,
  picture,
  runIn,
  supervisorIn,
  webServer,
  type Background,
} from "./machine.suite.ts";
import { createVpcNetwork } from "./vpc-network.ts";

const machine = "t92-machine";
const outside = "t92-outside";
const vpcId = "vpc-0a92000000000000a";
const folder = mkdtempSync(join(tmpdir(), "estiba-fw-"));
chmodSync(folder, 0o755);
const resolvFile = join(folder, "resolv.conf");
writeFileSync(resolvFile, "nameserver 127.0.0.53\n");
const direct = createDirectSupervisor();
const network = createVpcNetwork({
  supervisor: supervisorIn(machine, direct),
  run: runIn(machine),
  clock: systemClock,
  logger: silentLogger,
  directory: join(folder, "network"),
  scope: "t92",
  cidrOf: (id) => (id === vpcId ? "10.92.0.0/16" : undefined),
  endpointPort: 80,
  imdsPort: 4567,
  resolvFile,
});
const host = (n: number) => ({
  vpcId,
  instanceId: `i-0a9200000000000${n}0`,
  privateIp: `10.92.0.${n}`,
  macAddress: `02:92:00:00:00:0${n}`,
  metadataHopLimit: 2,
});

const hostile = `
table inet handmade {
  chain in { type filter hook input priority 0; policy drop; ct state established,related accept; iifname "lo" accept; }
  chain pass { type filter hook forward priority 10; policy accept; ct state established accept; reject; }
}`;

describe("behind firewalls that drop what they do not know", () => {
  let a = "";
  let b = "";
  let before = "";
  const running: Background[] = [];
  const legacy = () => must(machine, "sh", "-c", "iptables-legacy -S");

  beforeAll(async () => {
    for (const namespace of [machine, outside]) await must(undefined, "ip", "netns", "add", namespace);
    await must(
      machine,
      "sh",
      "-ec",
      `ip link set lo up
       ip link add lan0 type veth peer name lan0 netns ${outside}
       ip addr add 198.51.100.2/24 dev lan0; ip link set lan0 up
       ip -n ${outside} link set lo up; ip -n ${outside} addr add 198.51.100.1/24 dev lan0; ip -n ${outside} link set lan0 up
       ip route add default via 198.51.100.1
       ip -n ${outside} route add 10.92.0.0/16 via 198.51.100.2
       for i in iptables iptables-legacy; do
         $i -P INPUT DROP; $i -P FORWARD DROP
         $i -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT; $i -A INPUT -i lo -j ACCEPT
       done
       iptables-save | iptables-restore
       [ ! -e /proc/sys/net/bridge ] || echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
       echo 0 >/proc/sys/net/ipv4/ip_forward
       nft '${hostile}'`,
    );
    before = (await picture(machine)) + (await legacy());
    await network.ensureVpc(vpcId);
    [{ namespace: a }, { namespace: b }] = await Promise.all([
      network.attachHost(host(4)),
      network.attachHost(host(5)),
    ]);
    await network.setSecurityGroups(vpcId, open(host(4), host(5)));
    running.push(
      await webServer(b, "10.92.0.5", "host"),
      await webServer(machine, "10.92.0.2", "control plane"),
      await webServer(outside, "198.51.100.1", "outside"),
      await background(machine, [
        "/usr/sbin/dnsmasq",
        ..."--keep-in-foreground --conf-file=/dev/null --no-hosts --no-resolv --bind-interfaces --pid-file=".split(
          " ",
        ),
        ..."--listen-address=127.0.0.53 --local-service --address=/upstream.example/198.51.100.77".split(" "),
      ]),
    );
  });

  afterAll(async () => {
    for (const each of running) await each.stop();
    await network.removeEverything();
    await direct.close();
    for (const namespace of [machine, outside]) await must(undefined, "ip", "netns", "del", namespace);
    rmSync(folder, { recursive: true });
  });

  it("hosts reach one another, the control plane and the outside", async () => {
    expect((await get(a, "http://10.92.0.5/")).output).toBe("host 10.92.0.4");
    expect((await get(a, "http://10.92.0.2/")).output).toBe("control plane 10.92.0.4");
    expect((await get(a, "http://198.51.100.1/")).output).toBe("outside 198.51.100.2");
    expect((await get(machine, "http://10.92.0.5/")).output).toBe("host 10.92.0.2");
  });

  it("the outside reaches neither hosts nor the control plane's address", async () => {
    expect((await get(outside, "http://10.92.0.5/")).ok).toBe(false);
    expect((await get(outside, "http://10.92.0.2/")).ok).toBe(false);
  });

  it("the machine's own loopback resolver answers hosts, by the forwarder", async () => {
    expect(
      await eventually(async () =>
        (await lookUp(a, "upstream.example", "169.254.169.253")).output.includes("198.51.100.77"),
      ),
    ).toBe(true);
    expect((await lookUp(a, "none.estiba.internal", "169.254.169.253")).output).toContain("NXDOMAIN");
  });

  it("iptables still shows and restores its tables, and our rules are not doubled after that", async () => {
    const rules = (await must(machine, "iptables", "-S"))
      .split("\n")
      .filter((line) => line.includes("ebt92-"));
    expect(rules).toHaveLength(6);
    await must(machine, "sh", "-ec", "iptables-save | iptables-restore");
    await network.ensureVpc(vpcId);
    const after = (await must(machine, "iptables", "-S"))
      .split("\n")
      .filter((line) => line.includes("ebt92-"));
    expect(after).toEqual(rules);
    expect((await get(a, "http://198.51.100.1/")).output).toBe("outside 198.51.100.2");
  });

  it("a firewall that was loaded anew lets the VPC pass again when it is repaired", async () => {
    await must(machine, "nft", `delete table inet handmade; ${hostile}`);
    expect((await inside(a, "busybox", "ping", "-c", "1", "-W", "1", "198.51.100.1")).ok).toBe(false);
    await network.ensureVpc(vpcId);
    expect((await get(a, "http://198.51.100.1/")).output).toBe("outside 198.51.100.2");
    expect((await get(a, "http://10.92.0.2/")).output).toBe("control plane 10.92.0.4");
  });

  it("nothing of it stays in any firewall", async () => {
    await network.removeEverything();
    expect((await picture(machine)) + (await legacy())).toBe(before);
    expect(await must(undefined, "ip", "netns", "list")).not.toContain("estiba-t92");
  });

  it("without any firewall the outside still reaches nothing, and hosts reach the outside", async () => {
    await must(
      machine,
      "sh",
      "-ec",
      "nft flush ruleset; for p in INPUT FORWARD; do iptables-legacy -P $p ACCEPT; done; echo 1 >/proc/sys/net/ipv4/ip_forward",
    );
    await network.ensureVpc(vpcId);
    const { namespace } = await network.attachHost(host(6));
    await network.setSecurityGroups(vpcId, open(host(6)));
    const web = await webServer(namespace, "10.92.0.6", "host");
    expect((await get(machine, "http://10.92.0.6/")).output).toBe("host 10.92.0.2");
    expect((await get(outside, "http://10.92.0.6/")).ok).toBe(false);
    expect((await get(outside, "http://10.92.0.2/")).ok).toBe(false);
    expect((await get(namespace, "http://198.51.100.1/")).output).toBe("outside 198.51.100.2");
    expect(await must(machine, "nft", "list", "tables")).toBe("table ip estiba-t92-vpc-0a92000000000000a\n");
    await web.stop();
  });
});
