// The rendered table against a model of who may reach whom: every packet of random groups is judged by a small reader of the lines,
// which stands in for the kernel (groups.real.test.ts asks the real one).
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatIpv4, parseBlock, parseIpv4 } from "#domain/ec2/ipv4.ts";
import {
  groupLines,
  NO_GROUPS,
  type Group,
  type GroupMember,
  type GroupRule,
  type SecurityGroups,
} from "./group-rules.ts";
import { vpcAddresses } from "./ranges.ts";

const vpc = vpcAddresses("10.64.0.0/16");
const ids = ["sg-0000000a", "sg-0000000b", "sg-0000000c"];
const hosts = [4, 5, 6].map((n) => ({ address: `10.64.0.${n}`, interface: `i${n}` }));
const balancers = [{ address: "10.64.9.8" }, { address: "10.64.9.9" }];
const outside = ["10.64.0.2", "198.51.100.7"].map((address) => ({ address, interface: "uplink" }));

interface Traffic {
  readonly protocol: number;
  /** Port, or ICMP's type. */
  readonly at: number;
}
interface End {
  readonly address: string;
  readonly interface?: string;
}

const peer = fc.oneof(
  fc.constantFrom("0.0.0.0/0", "10.64.0.0/16", "10.64.0.4/31", "198.51.100.7/32").map((cidr) => ({ cidr })),
  fc.constantFrom(...ids, "sg-0000ffff").map((group) => ({ group })),
);
const rule: fc.Arbitrary<GroupRule> = fc.oneof(
  peer.map((other) => ({ protocol: "all" as const, peer: other })),
  fc.tuple(fc.constantFrom(6, 17), fc.nat(4), fc.nat(4), peer).map(([protocol, a, b, other]) => ({
    protocol,
    ports: { from: Math.min(a, b), to: Math.max(a, b) },
    peer: other,
  })),
  fc.tuple(fc.option(fc.nat(4), { nil: undefined }), peer).map(([type, other]) => ({
    protocol: 1,
    ...(type === undefined ? {} : { icmp: { type } }),
    peer: other,
  })),
  peer.map((other) => ({ protocol: 50, peer: other })),
);
const rules = fc.array(rule, { maxLength: 3 });
const wanted: fc.Arbitrary<SecurityGroups> = fc
  .tuple(
    fc.tuple(...ids.map((id) => fc.record({ id: fc.constant(id), ingress: rules, egress: rules }))),
    fc.tuple(
      ...[...hosts, ...balancers].map((end) =>
        fc.option(
          fc.subarray([...ids, "sg-0000ffff"]).map((groups): GroupMember => ({ ...end, groups })),
          { nil: undefined },
        ),
      ),
    ),
  )
  .map(([groups, members]) => ({
    groups,
    members: members.filter((m) => m !== undefined),
  }));
const traffic: fc.Arbitrary<Traffic> = fc.record({ protocol: fc.constantFrom(1, 6, 17, 50), at: fc.nat(4) });
const ends: fc.Arbitrary<End> = fc.constantFrom<End>(...hosts, ...balancers, ...outside);

describe("the table of security groups", () => {
  it("lets pass what both ends' groups allow, and nothing else", () => {
    fc.assert(
      fc.property(wanted, ends, ends, traffic, (groups, from, to, what) => {
        fc.pre(from.address !== to.address && !(from.interface === "uplink" && to.interface === "uplink"));
        fc.pre(to.address !== vpc.endpoint);
        expect(judge(groupLines(vpc, groups), from, to, what)).toBe(allows(groups, from, to, what));
      }),
      { numRuns: 2000 },
    );
  });

  it("always lets hosts reach the VPC's own services, and drops what no member says or hears", () => {
    fc.assert(
      fc.property(wanted, fc.constantFrom(...hosts), traffic, (groups, host, what) => {
        const table = groupLines(vpc, groups);
        for (const service of ["169.254.169.253", "169.254.1.1", "10.64.0.1"])
          expect(judge(table, host, { address: service }, what)).toBe(true);
        expect(judge(table, host, { address: "10.64.0.2", interface: "uplink" }, what)).toBe(true);
        // An address behind another interface than its member's has none of its groups.
        const impostor = { address: host.address, interface: "i9" };
        expect(judge(table, impostor, { address: "198.51.100.7", interface: "uplink" }, what)).toBe(false);
        expect(judge(table, { address: "198.51.100.7", interface: "uplink" }, impostor, what)).toBe(false);
      }),
    );
  });

  it("is the same text for equal groups in whatever order", () => {
    fc.assert(
      fc.property(wanted, (groups) => {
        const other = { groups: [...groups.groups].reverse(), members: [...groups.members].reverse() };
        expect(groupLines(vpc, other)).toEqual(groupLines(vpc, groups));
      }),
    );
  });

  it("is made anew in one breath: what was is deleted in the same lines", () => {
    expect(groupLines(vpc, NO_GROUPS).slice(0, 3)).toEqual([
      "add table inet groups",
      "delete table inet groups",
      "add table inet groups",
    ]);
  });

  it("names nothing before it is there", () => {
    fc.assert(
      fc.property(wanted, (groups) => {
        const known = new Set<string>();
        for (const line of groupLines(vpc, groups)) {
          for (const [, name = ""] of line.matchAll(/(?:jump |goto |@)([a-z0-9-]+)/g))
            expect(known).toContain(name);
          const made = /^add (?:set|map|chain) inet groups ([a-z0-9-]+)/.exec(line)?.[1];
          if (made !== undefined) known.add(made);
        }
      }),
    );
  });
});

/** AWS's rules, said once more: the source's egress and the destination's ingress; the outside has neither. */
function allows({ groups, members }: SecurityGroups, from: End, to: End, what: Traffic): boolean {
  const groupsOf = (end: End): readonly Group[] =>
    groups.filter(({ id }) =>
      members.some(
        (m) => m.address === end.address && m.interface === end.interface && m.groups.includes(id),
      ),
    );
  const matches = (one: GroupRule, other: End) =>
    ("cidr" in one.peer
      ? contains(one.peer.cidr, other.address)
      : groupsOf(other).some(({ id }) => "group" in one.peer && id === one.peer.group)) &&
    (one.protocol === "all" ||
      (one.protocol === what.protocol &&
        (one.ports === undefined || (one.ports.from <= what.at && what.at <= one.ports.to)) &&
        (one.icmp === undefined || one.icmp.type === what.at)));
  const isOutside = (end: End) => end.interface === "uplink";
  const out = isOutside(from) || groupsOf(from).some((group) => group.egress.some((one) => matches(one, to)));
  const into = isOutside(to) || groupsOf(to).some((group) => group.ingress.some((one) => matches(one, from)));
  return out && into;
}

const contains = (cidr: string, address: string) => {
  const block = parseBlock(cidr);
  const value = parseIpv4(address) ?? 0;
  return block !== undefined && value >= block.base && value < block.base + block.size;
};

/** The first packet of a connection through the lines, as the kernel would take it. */
function judge(lines: readonly string[], from: End, to: End, what: Traffic): boolean {
  const chains = new Map<string, string[]>();
  const sets = new Map<string, string[]>();
  for (const line of lines) {
    const [, name = "", body = ""] = /^add (?:rule|element) inet groups (\S+) (.*)$/.exec(line) ?? [];
    if (line.startsWith("add rule")) chains.set(name, [...(chains.get(name) ?? []), body]);
    if (line.startsWith("add element")) sets.set(name, body.replace(/^\{ | \}$/g, "").split(", "));
  }
  // What the namespace says to itself leaves and arrives.
  const hooks = [
    ...(from.interface === undefined ? ["output"] : []),
    ...(to.interface === undefined ? ["input"] : []),
  ];
  const packet = {
    iif: from.interface ?? "lo",
    oif: to.interface ?? "lo",
    from: from.address,
    to: to.address,
    ...what,
  };

  const run = (name: string): boolean | undefined => {
    for (const text of chains.get(name) ?? []) {
      const verdict = step(text);
      if (verdict !== undefined) return verdict;
    }
    return undefined;
  };
  const step = (text: string): boolean | undefined => {
    const map = /^(.*) vmap @(\S+)$/.exec(text);
    if (map !== null) {
      const key = (map[1] ?? "")
        .replace("iifname", `"${packet.iif}"`)
        .replace("oifname", `"${packet.oif}"`)
        .replace("ip saddr", packet.from)
        .replace("ip daddr", packet.to);
      const chosen = sets.get(map[2] ?? "")?.find((entry) => entry.startsWith(`${key} : `));
      return chosen === undefined ? undefined : (run(chosen.slice(`${key} : goto `.length)) ?? false);
    }
    if (text.startsWith("jump ")) return run(text.slice("jump ".length));
    if (text === "drop") return false;
    const condition = text.replace(/ ?accept$/, "");
    return holds(condition) ? true : undefined;
  };
  const holds = (condition: string): boolean => {
    // A new connection; of one under way no rule is asked.
    if (condition.startsWith("ct state")) return false;
    const parts = condition.matchAll(
      /(ip [sd]addr|iifname|oifname|meta nfproto|meta l4proto|th dport|icmp type) (\{[^}]*\}|\S+)/g,
    );
    return [...parts].every(([, field = "", value = ""]) => {
      const among = value.replace(/[{}"\s]/g, "").split(",");
      switch (field) {
        case "ip saddr":
        case "ip daddr": {
          const address = field === "ip saddr" ? packet.from : packet.to;
          if (value.startsWith("@")) return sets.get(value.slice(1))?.includes(address) === true;
          return among.some((one) => contains(one.includes("/") ? one : `${one}/32`, address));
        }
        case "iifname":
          return among.includes(packet.iif);
        case "oifname":
          return among.includes(packet.oif);
        case "meta nfproto":
          return value === "ipv4";
        case "meta l4proto":
          return Number(value) === packet.protocol;
        case "icmp type":
          return packet.protocol === 1 && Number(value) === packet.at;
        default: {
          const [low = 0, high = 0] = value.split("-").map(Number);
          return low <= packet.at && packet.at <= high;
        }
      }
    });
  };
  return (hooks.length === 0 ? ["forward"] : hooks).every(
    (hook) => (run(`${hook}-out`) ?? false) && (run(`${hook}-in`) ?? false),
  );
}

it("the reader's addresses are addresses", () => {
  for (const { address } of [...hosts, ...balancers, ...outside])
    expect(formatIpv4(parseIpv4(address) ?? -1)).toBe(address);
});
