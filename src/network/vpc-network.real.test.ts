// A VPC on this machine's own root namespace: what hosts reach, what they do not, and that nothing stays behind. Behind hostile
// firewalls: firewall.real.test.ts.
import { mkdtempSync, readFileSync, rmSync, writeFileSync, chmodSync, mkdirSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
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
  webServer,
} from "./machine.suite.ts";
import { hostInterface } from "./names.ts";
import { createVpcNetwork, type VpcAccess, type VpcNetwork } from "./vpc-network.ts";

const vpcId = "vpc-0a91000000000000a";
const overlapping = "vpc-0a91000000000000b";
const collides = "vpc-0a91000000000000c";
const first = {
  vpcId,
  instanceId: "i-0a910000000000001",
  privateIp: "10.91.0.4",
  macAddress: "02:91:00:00:00:04",
  metadataHopLimit: 1,
};
const second = {
  vpcId,
  instanceId: "i-0a910000000000002",
  privateIp: "10.91.1.4",
  macAddress: "02:91:00:00:01:04",
  metadataHopLimit: 2,
};
const ports = { endpointPort: 24_566, imdsPort: 24_567 };
const ranges: Readonly<Record<string, string>> = {
  [vpcId]: "10.91.0.0/16",
  [overlapping]: "10.91.128.0/17",
  [collides]: "192.0.2.0/24",
};

const folder = mkdtempSync(join(tmpdir(), "estiba-net-"));
chmodSync(folder, 0o755);
const hostsFile = join(folder, "hosts");
writeFileSync(hostsFile, "127.0.0.1 localhost\n", { mode: 0o640 });
const supervisor = createDirectSupervisor();
const create = (): VpcNetwork =>
  createVpcNetwork({
    supervisor,
    clock: systemClock,
    logger: silentLogger,
    directory: join(folder, "network"),
    scope: "t91",
    cidrOf: (id) => ranges[id],
    ...ports,
    hostsFile,
  });

describe("a VPC of this machine", () => {
  const network = create();
  let before = "";
  let access: VpcAccess;
  let a = "";
  let b = "";
  const servers: Server[] = [];
  const stops: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    await network.removeEverything();
    before = await ours();
    access = await network.ensureVpc(vpcId);
    [{ namespace: a }, { namespace: b }] = await Promise.all([
      network.attachHost(first),
      network.attachHost(second),
    ]);
    await network.setSecurityGroups(vpcId, open(first, second, "10.91.2.9"));
    for (const port of Object.values(ports)) {
      const server = createServer((request, response) =>
        response.end(`from ${request.socket.remoteAddress}`),
      );
      await new Promise<void>((resolve) => server.listen(port, access.endpointAddress, resolve));
      servers.push(server);
    }
    const web = await webServer(b, second.privateIp, "second");
    stops.push(() => web.stop());
  });

  afterEach(async () => {
    for (const container of containers.splice(0)) await must(undefined, "ip", "netns", "del", container);
  });

  afterAll(async () => {
    for (const stop of stops) await stop();
    for (const server of servers) server.close();
    await network.removeEverything();
    await supervisor.close();
    rmSync(folder, { recursive: true });
  });

  it("gives the control plane the range's third address, which hosts reach with their own source address", async () => {
    expect(access.endpointAddress).toBe("10.91.0.2");
    expect((await get(a, `http://10.91.0.2:${ports.endpointPort}/`)).output).toBe(`from ${first.privateIp}`);
  });

  it("lets hosts and the machine reach a host", async () => {
    expect((await get(a, `http://${second.privateIp}/`)).output).toBe(`second ${first.privateIp}`);
    expect((await get(undefined, `http://${second.privateIp}/`)).output).toBe("second 10.91.0.2");
  });

  it("answers 169.254.169.254 from the metadata port, with the host's source address", async () => {
    expect((await get(a, "http://169.254.169.254/")).output).toBe(`from ${first.privateIp}`);
    expect((await get(b, "http://169.254.169.254/")).output).toBe(`from ${second.privateIp}`);
  });

  it("refuses hosts the ports of the endpoint's address that are not Estiba's", async () => {
    const other = createServer((_request, response) => response.end("private"));
    await new Promise<void>((resolve) => other.listen(24_568, "0.0.0.0", resolve));
    servers.push(other);
    expect((await get(undefined, "http://10.91.0.2:24568/")).output).toBe("private");
    expect((await get(a, "http://10.91.0.2:24568/")).ok).toBe(false);
  });

  it.each([
    { host: first, hopLimit: 1, reached: false },
    { host: second, hopLimit: 2, reached: true },
  ])(
    "with hop limit $hopLimit the metadata service is reached by containers behind a bridge: $reached",
    async ({ host, reached }) => {
      const namespace = host === first ? a : b;
      const container = await behindBridge(namespace);
      expect((await get(container, `http://10.91.0.2:${ports.endpointPort}/`)).output).toBe(
        `from ${host.privateIp}`,
      );
      const answer = await get(container, "http://169.254.169.254/");
      expect(answer.ok).toBe(reached);
    },
  );

  it("changes a host's hop limit when it is attached again", async () => {
    const container = await behindBridge(a);
    await network.attachHost({ ...first, metadataHopLimit: 2 });
    expect((await get(container, "http://169.254.169.254/")).output).toBe(`from ${first.privateIp}`);
    await network.attachHost(first);
    expect((await get(container, "http://169.254.169.254/")).ok).toBe(false);
  });

  it("drops packets with another's source address", async () => {
    await must(a, "ip", "addr", "add", "10.91.0.77/32", "dev", "lo");
    const receiver = await background(
      b,
      [
        process.execPath,
        "-e",
        `const s = require("dgram").createSocket("udp4"); s.on("message", (m, r) => console.log(m + " from " + r.address)); s.bind(7000, () => console.log("ready"))`,
      ],
      true,
    );
    const send = (source: string) =>
      must(
        a,
        process.execPath,
        "-e",
        `const s = require("dgram").createSocket("udp4"); s.bind(0, "${source}", () => s.send("hello", 7000, "${second.privateIp}", () => s.close()))`,
      );
    await send("10.91.0.77");
    await send(first.privateIp);
    const honest = `hello from ${first.privateIp}`;
    expect(await eventually(async () => receiver.lines.includes(honest))).toBe(true);
    expect(receiver.lines).toEqual(["ready", honest]);
    await receiver.stop();
    await must(a, "ip", "addr", "del", "10.91.0.77/32", "dev", "lo");
  });

  it("leaves an address that nobody has without an answer, and the machine's link-local world closed", async () => {
    const { output } = await inside(a, "ip", "route", "get", "10.91.7.7");
    expect(output).toContain("via 169.254.1.1");
    expect((await inside(access.namespace, "ip", "route", "get", "10.91.7.7")).ok).toBe(false);
    expect((await inside(access.namespace, "ip", "route", "get", "169.254.169.254")).ok).toBe(false);
  });

  it("redirects 169.254.170.2 to the agent's port, from the host and from behind its bridge", async () => {
    const agent = await background(
      a,
      [
        process.execPath,
        "-e",
        `require("http").createServer((q, s) => s.end("agent")).listen(51679, "127.0.0.1", () => console.log("ready"))`,
      ],
      true,
    );
    const container = await behindBridge(a);
    expect((await get(a, "http://169.254.170.2/")).output).toBe("agent");
    expect((await get(container, "http://169.254.170.2/")).output).toBe("agent");
    // What listens on the host's loopback stays its own, although route_localnet is on.
    expect((await get(container, "http://127.0.0.1:51679/")).ok).toBe(false);
    await agent.stop();
  });

  it("serves a load balancer's address to the machine and to hosts until it is removed", async () => {
    await network.ensureAddress(vpcId, "10.91.2.9");
    await network.ensureAddress(vpcId, "10.91.2.9");
    const proxy = await webServer(access.namespace, "10.91.2.9", "proxy");
    expect((await get(undefined, "http://10.91.2.9/")).output).toBe("proxy 10.91.0.2");
    expect((await get(a, "http://10.91.2.9/")).output).toBe(`proxy ${first.privateIp}`);
    await network.removeAddress(vpcId, "10.91.2.9");
    await network.removeAddress(vpcId, "10.91.2.9");
    expect((await get(a, "http://10.91.2.9/")).ok).toBe(false);
    await proxy.stop();
  });

  it("answers published names to hosts at two addresses, and in the hosts file to the machine", async () => {
    const name = "web-1.us-east-1.elb.estiba.internal";
    await network.setName(vpcId, "Web-1.us-east-1.elb.estiba.internal", "10.91.2.9");
    for (const server of ["169.254.169.253", "10.91.0.2"])
      expect(
        await eventually(async () => (await lookUp(a, name, server)).output.includes("10.91.2.9")),
        server,
      ).toBe(true);
    expect(readFileSync(hostsFile, "utf8")).toContain(`10.91.2.9 ${name}\n`);

    await network.setName(vpcId, name, "10.91.2.10");
    expect(
      await eventually(async () => (await lookUp(a, name, "169.254.169.253")).output.includes("10.91.2.10")),
    ).toBe(true);
    await network.setName(vpcId, name, undefined);
    expect(
      await eventually(async () => (await lookUp(a, name, "169.254.169.253")).output.includes("NXDOMAIN")),
    ).toBe(true);
    expect(readFileSync(hostsFile, "utf8")).toBe("127.0.0.1 localhost\n");
  });

  it("is taken over by another control plane without a packet lost", async () => {
    const pid = (await supervisor.state(`dns-${vpcId}`))?.pid;
    const pings = inside(a, "busybox", "ping", "-A", "-q", "-w", "3", second.privateIp);
    const other = create();
    await other.ensureVpc(vpcId);
    await other.attachHost(first);
    await other.attachHost(second);
    expect([...(await other.listHosts())].sort()).toEqual([first.instanceId, second.instanceId]);
    expect((await pings).output).toContain(" 0% packet loss");
    expect((await supervisor.state(`dns-${vpcId}`))?.pid).toBe(pid);
  });

  it("finishes what a killed control plane left half made", async () => {
    const half = {
      ...first,
      instanceId: "i-0a910000000000003",
      privateIp: "10.91.0.5",
      macAddress: "02:91:00:00:00:05",
    };
    // A name whose namespace was never mounted, and the veth end of a namespace that lost its name.
    mkdirSync("/run/netns", { recursive: true });
    writeFileSync("/run/netns/estiba-t91-i-0a910000000000003", "");
    const link = hostInterface(half.instanceId);
    await must(access.namespace, "ip", "link", "add", link, "type", "veth", "peer", "name", "stale");
    const { namespace } = await network.attachHost(half);
    await network.setSecurityGroups(vpcId, open(first, second, "10.91.2.9", half));
    expect((await get(namespace, `http://${second.privateIp}/`)).output).toBe(`second ${half.privateIp}`);
    await network.detachHost(half.instanceId);
    expect(await network.listHosts()).not.toContain(half.instanceId);
  });

  it("leaves nothing of a host that was detached, and takes its address for another", async () => {
    const was = `${await ours()}${await picture(access.namespace)}`;
    const short = {
      ...first,
      instanceId: "i-0a910000000000004",
      privateIp: "10.91.0.6",
      macAddress: "02:91:00:00:00:06",
    };
    await network.attachHost(short);
    await network.detachHost(short.instanceId);
    await network.detachHost(short.instanceId);
    expect(`${await ours()}${await picture(access.namespace)}`).toBe(was);
    const again = { ...short, instanceId: "i-0a910000000000005", macAddress: "02:91:00:00:00:07" };
    const { namespace } = await network.attachHost(again);
    await network.setSecurityGroups(vpcId, open(first, second, again));
    expect((await get(namespace, `http://${second.privateIp}/`)).output).toBe(`second ${again.privateIp}`);
    await network.detachHost(again.instanceId);
  });

  it("attaches a host in well under 100 milliseconds", async () => {
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      await network.attachHost({
        ...first,
        instanceId: `i-0a9100000000000a${i}`,
        privateIp: `10.91.3.${10 + i}`,
        macAddress: `02:91:00:00:03:0${i}`,
      });
      times.push(performance.now() - start);
      await network.detachHost(`i-0a9100000000000a${i}`);
    }
    expect(Math.min(...times)).toBeLessThan(100);
  });

  it("refuses a second VPC whose range overlaps, and a range that the machine uses", async () => {
    await expect(network.ensureVpc(overlapping)).rejects.toThrow(
      `The range 10.91.128.0/17 of ${overlapping} is in use by ${vpcId} (10.91.0.0/16).`,
    );
    await must(undefined, "ip", "route", "add", "blackhole", "192.0.2.128/25", "table", "7791");
    await expect(network.ensureVpc(collides)).rejects.toThrow(/is in use by .*ESTIBA_VPC_CIDR/);
    await must(undefined, "ip", "route", "del", "blackhole", "192.0.2.128/25", "table", "7791");
  });

  it("refuses addresses, names and ids that are not acceptable", async () => {
    for (const privateIp of ["10.91.0.2", "10.92.0.4", "10.91.0.4; reboot"])
      await expect(network.attachHost({ ...first, privateIp })).rejects.toThrow(RangeError);
    await expect(network.ensureAddress(vpcId, "10.91.0.1")).rejects.toThrow(RangeError);
    await expect(network.setName(vpcId, "../../etc/x.y", "10.91.2.9")).rejects.toThrow(RangeError);
    await expect(network.detachHost("i-../x")).rejects.toThrow(RangeError);
    await expect(network.ensureVpc("vpc-00000000")).rejects.toThrow("There is no VPC");
  });

  it("leaves nothing behind, also when another control plane made it", async () => {
    await network.setName(vpcId, "left.estiba.internal", "10.91.2.9");
    for (const stop of stops.splice(0)) await stop();
    for (const server of servers.splice(0)) server.close();
    await create().removeEverything();
    expect(await ours()).toBe(before);
    expect(await supervisor.list()).toEqual([]);
    expect(readFileSync(hostsFile, "utf8")).toBe("127.0.0.1 localhost\n");
    await network.removeEverything();
  });
});

/** What this test's network has made in the root namespace; others may be at work on the machine. */
const ours = async () =>
  (await picture())
    .split("\n")
    .filter((line) => /t91|10\.91\./.test(line))
    .join("\n");

const containers: string[] = [];

/** A namespace behind a bridge of the host, as an engine makes for a container. */
async function behindBridge(host: string): Promise<string> {
  const container = `t91-container-${host.slice(-1)}`;
  await must(undefined, "ip", "netns", "add", container);
  containers.push(container);
  await must(
    host,
    "sh",
    "-ec",
    `ip link show br0 >/dev/null 2>&1 || { ip link add br0 type bridge; ip addr add 172.17.0.1/16 dev br0; ip link set br0 up
     nft 'table ip engine { chain post { type nat hook postrouting priority 100; ip saddr 172.17.0.0/16 oifname != "br0" masquerade; }; }'; }
     ip link add c0 type veth peer name eth0 netns ${container}
     ip link set c0 master br0 up`,
  );
  await must(
    container,
    "sh",
    "-ec",
    "ip link set lo up; ip addr add 172.17.0.2/16 dev eth0; ip link set eth0 up; ip route add default via 172.17.0.1",
  );
  return container;
}
