// Security groups as the kernel enforces them, on a machine of the test's own whose firewall drops what it does not know and
// looks at bridged packets: who reaches whom, and what a change of rules does to what is under way.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/logger.ts";
import { createDirectSupervisor } from "#tests/support/direct-supervisor.ts";
import type { Group, GroupMember, GroupRule } from "./group-rules.ts";
import {
  background,
  eventually,
  get,
  inside,
  lookUp,
  memberOf,
  must,
  picture,
  runIn,
  supervisorIn,
  webServer,
  type Background,
} from "./machine.suite.ts";
import { createVpcNetwork, type VpcNetwork } from "./vpc-network.ts";

const machine = "t102-machine";
const outside = "t102-outside";
const vpcId = "vpc-0a102000000000000".slice(0, 21);
const balancer = "10.102.9.9";
const folder = mkdtempSync(join(tmpdir(), "estiba-sg-"));
chmodSync(folder, 0o755);
const direct = createDirectSupervisor();
const ranges = new Map([[vpcId, "10.102.0.0/16"]]);
const create = (): VpcNetwork =>
  createVpcNetwork({
    supervisor: supervisorIn(machine, direct),
    run: runIn(machine),
    clock: systemClock,
    logger: silentLogger,
    directory: join(folder, "network"),
    scope: "t102",
    cidrOf: (id) => ranges.get(id),
    endpointPort: 80,
    imdsPort: 4567,
  });
const network = create();

const host = (n: number) => ({
  vpcId,
  instanceId: `i-0a10200000000000${n}`,
  privateIp: `10.102.0.${n}`,
  macAddress: `02:02:00:00:00:0${n}`,
  metadataHopLimit: 2,
});
const client = host(4);
const server = host(5);
const stranger = host(6);

const [clients, servers, balancers] = ["sg-0000000a", "sg-0000000b", "sg-0000000c"] as const;
const anywhere = { cidr: "0.0.0.0/0" };
const all = (peer: GroupRule["peer"]): GroupRule => ({ protocol: "all", peer });
const tcp = (port: number, peer: GroupRule["peer"]): GroupRule => ({
  protocol: 6,
  ports: { from: port, to: port },
  peer,
});
const group = (id: string, ingress: readonly GroupRule[], egress = [all(anywhere)]): Group => ({
  id,
  ingress,
  egress,
});
const members: readonly GroupMember[] = [
  memberOf(client, clients),
  memberOf(server, servers),
  memberOf(stranger, "sg-0000000d"),
  { address: balancer, groups: [balancers] },
];
const apply = (...groups: readonly Group[]) =>
  network.setSecurityGroups(vpcId, { groups: [...groups, group("sg-0000000d", [])], members });
/** Clients reach out; servers have these rules. */
const serversAllow = (...ingress: readonly GroupRule[]) =>
  apply(group(clients, []), group(servers, ingress), group(balancers, []));

describe("security groups", () => {
  let [a, b, c, vpc] = ["", "", "", ""];
  const running: Background[] = [];

  const reaches = async (from: string, address: string) => (await get(from, `http://${address}/`)).ok;
  const pings = async (from: string, address: string) =>
    (await inside(from, "busybox", "ping", "-c", "1", "-W", "1", address)).ok;
  const asks = async (from: string, address: string) =>
    (
      await inside(
        from,
        process.execPath,
        "-e",
        `const s = require("dgram").createSocket("udp4"); s.on("message", () => process.exit(0)); s.send("hello", 7000, "${address}"); setTimeout(() => process.exit(1), 700)`,
      )
    ).ok;

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
       iptables -P INPUT DROP; iptables -P FORWARD DROP
       iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT; iptables -A INPUT -i lo -j ACCEPT
       [ ! -e /proc/sys/net/bridge ] || echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables`,
    );
    vpc = (await network.ensureVpc(vpcId)).namespace;
    [{ namespace: a }, { namespace: b }, { namespace: c }] = await Promise.all([
      network.attachHost(client),
      network.attachHost(server),
      network.attachHost(stranger),
    ]);
    await network.ensureAddress(vpcId, balancer);
    running.push(
      await webServer(a, client.privateIp, "client"),
      await webServer(b, server.privateIp, "server"),
      await webServer(vpc, balancer, "balancer"),
      await webServer(machine, "10.102.0.2", "control plane"),
      await webServer(outside, "198.51.100.1", "outside"),
      await background(
        b,
        [
          process.execPath,
          "-e",
          `const s = require("dgram").createSocket("udp4"); s.on("message", (m, r) => s.send(m, r.port, r.address)); s.bind(7000, () => console.log("ready"))`,
        ],
        true,
      ),
    );
  });

  afterAll(async () => {
    for (const each of running) await each.stop();
    await network.removeEverything();
    await direct.close();
    for (const namespace of [machine, outside]) await must(undefined, "ip", "netns", "del", namespace);
    rmSync(folder, { recursive: true });
  });

  it("nobody reaches anybody before groups are told, the VPC's own services excepted", async () => {
    const picked = [reaches(a, server.privateIp), reaches(a, "198.51.100.1"), reaches(a, balancer)];
    expect(await Promise.all(picked)).toEqual([false, false, false]);
    expect(await reaches(machine, server.privateIp)).toBe(false);
    expect(await reaches(machine, balancer)).toBe(false);
    expect((await get(a, "http://10.102.0.2/")).output).toBe(`control plane ${client.privateIp}`);
    expect((await lookUp(a, "none.estiba.internal", "169.254.169.253")).output).toContain("NXDOMAIN");
    expect(await pings(a, "169.254.1.1")).toBe(true);
  });

  describe("ingress", () => {
    const from = { ["the client"]: () => a, ["the stranger"]: () => c, ["the machine"]: () => machine };
    const nobody = { ["the client"]: "", ["the stranger"]: "", ["the machine"]: "" };
    it.each<{
      rule: string;
      rules: readonly GroupRule[];
      allowed: Partial<Record<keyof typeof from, string>>;
    }>([
      { rule: "none", rules: [], allowed: {} },
      {
        rule: "everything from a group",
        rules: [all({ group: clients })],
        allowed: { "the client": "tcp udp icmp" },
      },
      { rule: "everything from itself", rules: [all({ group: servers })], allowed: {} },
      { rule: "a port from a group", rules: [tcp(80, { group: clients })], allowed: { "the client": "tcp" } },
      { rule: "another port", rules: [tcp(81, { group: clients })], allowed: {} },
      {
        rule: "a range of ports from one address",
        rules: [
          { protocol: 17, ports: { from: 6999, to: 7001 }, peer: { cidr: `${stranger.privateIp}/32` } },
        ],
        allowed: { "the stranger": "udp" },
      },
      {
        rule: "echo requests from a network",
        rules: [{ protocol: 1, icmp: { type: 8 }, peer: { cidr: "10.102.0.4/30" } }],
        allowed: { "the client": "icmp", "the stranger": "icmp" },
      },
      {
        rule: "a code of ICMP that nobody sends",
        rules: [{ protocol: 1, icmp: { type: 8, code: 3 }, peer: anywhere }],
        allowed: {},
      },
      {
        rule: "a port from the machine",
        rules: [tcp(80, { cidr: "10.102.0.2/32" })],
        allowed: { "the machine": "tcp" },
      },
      {
        rule: "everything from anywhere",
        rules: [all(anywhere)],
        allowed: {
          "the client": "tcp udp icmp",
          "the stranger": "tcp udp icmp",
          "the machine": "tcp udp icmp",
        },
      },
      {
        rule: "two rules together",
        rules: [tcp(80, { group: clients }), { protocol: 17, peer: { cidr: "10.102.0.6/32" } }],
        allowed: { "the client": "tcp", "the stranger": "udp" },
      },
    ])("$rule", async ({ rules, allowed }) => {
      await serversAllow(...rules);
      const seen = await Promise.all(
        Object.entries(from).map(async ([name, namespace]) => {
          const [byTcp, byUdp, byIcmp] = await Promise.all([
            reaches(namespace(), server.privateIp),
            asks(namespace(), server.privateIp),
            pings(namespace(), server.privateIp),
          ]);
          return [name, [byTcp && "tcp", byUdp && "udp", byIcmp && "icmp"].filter(Boolean).join(" ")];
        }),
      );
      expect(Object.fromEntries(seen)).toEqual({ ...nobody, ...allowed });
    });
  });

  it("egress is judged too: what leaves, and where to", async () => {
    const serverTakesAll = group(servers, [all(anywhere)]);
    await apply(group(clients, [], []), serverTakesAll, group(balancers, [all(anywhere)]));
    expect(await reaches(a, server.privateIp)).toBe(false);
    expect(await reaches(a, "198.51.100.1")).toBe(false);
    expect(await reaches(a, balancer)).toBe(false);
    expect((await get(a, "http://10.102.0.2/")).output).toBe(`control plane ${client.privateIp}`);

    await apply(
      group(clients, [], [tcp(80, { group: servers })]),
      serverTakesAll,
      group(balancers, [all(anywhere)]),
    );
    expect(await reaches(a, server.privateIp)).toBe(true);
    expect(await asks(a, server.privateIp)).toBe(false);
    expect(await reaches(a, balancer)).toBe(false);

    await apply(
      group(clients, [], [tcp(80, { cidr: "198.51.100.0/24" })]),
      serverTakesAll,
      group(balancers, []),
    );
    expect((await get(a, "http://198.51.100.1/")).output).toBe("outside 198.51.100.2");
    expect(await reaches(a, server.privateIp)).toBe(false);
  });

  it("replies need no rule of their own", async () => {
    await apply(
      group(clients, [], [all(anywhere)]),
      group(servers, [tcp(80, { group: clients })], []),
      group(balancers, []),
    );
    expect((await get(a, `http://${server.privateIp}/`)).output).toBe(`server ${client.privateIp}`);
    expect(await reaches(b, client.privateIp)).toBe(false);
    expect(await reaches(b, "198.51.100.1")).toBe(false);
  });

  it("only the load balancer reaches an instance that refers to its group", async () => {
    await apply(
      group(clients, []),
      group(servers, [tcp(80, { group: balancers })]),
      group(balancers, [tcp(80, anywhere)]),
    );
    const direct = await Promise.all([a, c, machine].map((one) => reaches(one, server.privateIp)));
    expect(direct).toEqual([false, false, false]);
    const fromBalancer = await get(vpc, `http://${server.privateIp}/`, "--interface", balancer);
    expect(fromBalancer.output).toBe(`server ${balancer}`);
    // The namespace itself is nobody: what does not speak as the load balancer is not let through.
    expect(await reaches(vpc, server.privateIp)).toBe(false);
    for (const one of [a, c, machine])
      expect((await get(one, `http://${balancer}/`)).output).toContain("balancer");
  });

  it("a load balancer's egress is judged", async () => {
    await apply(
      group(clients, []),
      group(servers, [all(anywhere)]),
      group(balancers, [], [tcp(81, anywhere)]),
    );
    expect((await get(vpc, `http://${server.privateIp}/`, "--interface", balancer)).ok).toBe(false);
  });

  describe("while connections are under way", () => {
    beforeEach(() => serversAllow(tcp(9000, { group: clients })));

    it("a revoked rule closes to new ones and leaves the old, and an added one disturbs none", async () => {
      const echo = await background(
        b,
        [
          process.execPath,
          "-e",
          `require("net").createServer((s) => s.pipe(s)).listen(9000, "${server.privateIp}", () => console.log("ready"))`,
        ],
        true,
      );
      const talk = await background(
        a,
        [
          process.execPath,
          "-e",
          `const s = require("net").connect(9000, "${server.privateIp}", () => setInterval(() => s.write("x"), 10)); let n = 0; s.on("data", (d) => console.log(n += d.length)); s.on("close", () => process.exit(1))`,
        ],
        true,
      );
      const heard = () => Number(talk.lines.at(-1));
      const connects = async () =>
        (
          await inside(
            a,
            process.execPath,
            "-e",
            `const s = require("net").connect(9000, "${server.privateIp}", () => process.exit(0)); setTimeout(() => process.exit(1), 700)`,
          )
        ).ok;
      expect(await connects()).toBe(true);

      await serversAllow();
      const atRevocation = heard();
      expect(await connects()).toBe(false);
      expect(await eventually(async () => heard() > atRevocation + 20)).toBe(true);

      await serversAllow(tcp(9000, { group: clients }), tcp(80, anywhere));
      const atAddition = heard();
      expect(await connects()).toBe(true);
      expect(await eventually(async () => heard() > atAddition + 20)).toBe(true);
      for (const each of [talk, echo]) await each.stop();
    });
  });

  it("equal groups in another order are no change; others' rules are replaced in one step", async () => {
    const rules = () => must(vpc, "nft", "-a", "list", "table", "inet", "groups");
    await network.setSecurityGroups(vpcId, { groups: [group(clients, []), group(servers, [])], members });
    const before = await rules();
    await network.setSecurityGroups(vpcId, {
      groups: [group(servers, []), group(clients, [])],
      members: [...members].reverse(),
    });
    expect(await rules()).toBe(before);
  });

  it("another life of the control plane keeps the rules until it says otherwise", async () => {
    await serversAllow(tcp(80, { group: clients }));
    const next = create();
    await next.ensureVpc(vpcId);
    expect(await reaches(a, server.privateIp)).toBe(true);
    expect(await reaches(c, server.privateIp)).toBe(false);
    await next.setSecurityGroups(vpcId, { groups: [group(clients, []), group(servers, [])], members });
    expect(await reaches(a, server.privateIp)).toBe(false);
    // Rules that somebody removed come back with the next repair, closed until then.
    await must(vpc, "nft", "delete", "table", "inet", "groups");
    await next.ensureVpc(vpcId);
    expect(await reaches(a, server.privateIp)).toBe(false);
    expect(await reaches(a, "198.51.100.1")).toBe(true);
  });

  it("an address's next owner has none of the groups of the one before", async () => {
    const [short, next] = [
      host(7),
      { ...host(7), instanceId: "i-0a102000000000008", macAddress: "02:02:00:00:00:08" },
    ];
    const { namespace } = await network.attachHost(short);
    const allOpen = {
      groups: [group(clients, [all(anywhere)])],
      members: [...members, memberOf(short, clients)],
    };
    await network.setSecurityGroups(vpcId, allOpen);
    expect(await reaches(namespace, "198.51.100.1")).toBe(true);
    // Before the groups are told of the change, and though they are told again what was.
    await network.detachHost(short.instanceId);
    await network.setSecurityGroups(vpcId, allOpen);
    const { namespace: second } = await network.attachHost(next);
    expect(await reaches(second, "198.51.100.1")).toBe(false);
    expect(await pings(a, next.privateIp)).toBe(false);
    await network.detachHost(next.instanceId);

    await network.setSecurityGroups(vpcId, { groups: [group(balancers, [all(anywhere)])], members });
    expect(await reaches(machine, balancer)).toBe(true);
    await network.removeAddress(vpcId, balancer);
    await network.ensureAddress(vpcId, balancer);
    expect(await reaches(machine, balancer)).toBe(false);
  });

  it("what leaves the VPC follows routes; the VPC and its services are no matter of routes", async () => {
    await serversAllow(all(anywhere));
    const routed = (...outside: NonNullable<GroupMember["outside"]>) =>
      network.setSecurityGroups(vpcId, {
        groups: [group(clients, []), group(servers, [all(anywhere)]), group("sg-0000000d", [])],
        members: members.map((m) => (m.address === client.privateIp ? { ...m, outside } : m)),
      });
    const way = { destination: "0.0.0.0/0", passes: true };
    expect(await reaches(a, "198.51.100.1")).toBe(true);
    const nowhere: readonly NonNullable<GroupMember["outside"]>[] = [
      [],
      [{ ...way, passes: false }],
      [{ destination: "198.51.100.0/24", passes: false }, way],
      [{ destination: "192.0.2.0/24", passes: true }],
    ];
    for (const outside of nowhere) {
      await routed(...outside);
      expect(await reaches(a, "198.51.100.1")).toBe(false);
      // Neither is the VPC a matter of routes, nor its control plane, nor the stranger without any.
      expect(await reaches(a, server.privateIp)).toBe(true);
      expect(await reaches(a, "10.102.0.2")).toBe(true);
      expect(await reaches(b, "198.51.100.1")).toBe(true);
    }
    await routed({ destination: "198.51.100.0/24", passes: true }, { ...way, passes: false });
    expect(await reaches(a, "198.51.100.1")).toBe(true);
    await expect(routed({ destination: "0.0.0.0/0 accept", passes: true })).rejects.toThrow(RangeError);
    await serversAllow();
  });

  it("refuses words that are none of ours", async () => {
    const wrong: readonly [Group, GroupMember][] = [
      [group("sg-1; flush ruleset", []), members[0] as GroupMember],
      [group(clients, [all({ cidr: "0.0.0.0/0 accept\nadd rule" })]), members[0] as GroupMember],
      [group(clients, [tcp(70_000, anywhere)]), members[0] as GroupMember],
      [group(clients, []), { address: "10.102.0.4 }", groups: [clients] }],
      [group(clients, []), { address: "10.102.0.4", interface: 'x"', groups: [clients] }],
    ];
    for (const [one, member] of wrong)
      await expect(network.setSecurityGroups(vpcId, { groups: [one], members: [member] })).rejects.toThrow(
        RangeError,
      );
  });

  it("a removed VPC leaves nothing, and its range is free for another", async () => {
    const second = "vpc-0a1020000000000bb";
    for (const each of running.splice(0)) await each.stop();
    for (const { instanceId } of [client, server, stranger]) await network.detachHost(instanceId);
    const was = await picture(machine);
    ranges.set(second, "10.103.0.0/16");
    await network.ensureVpc(second);
    expect([...(await network.listVpcs())].sort()).toEqual([vpcId, second].sort());
    ranges.delete(second);
    await network.removeVpc(second);
    await network.removeVpc(second);
    expect(await picture(machine)).toBe(was);
    expect(await direct.list()).toEqual([`dns-${vpcId}`]);
    ranges.set("vpc-0a1020000000000cc", "10.103.0.0/16");
    await network.ensureVpc("vpc-0a1020000000000cc");
    expect(await network.listVpcs()).toContain("vpc-0a1020000000000cc");
  });
});
