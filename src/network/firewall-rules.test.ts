import { describe, expect, it } from "vitest";
import {
  foreignChains,
  legacyLines,
  legacyRemoval,
  missingRules,
  removalOfRules,
  rulesOf,
  type ForeignChain,
} from "./firewall-rules.ts";

const passage = {
  rootInterface: "ebx-00000a",
  endpoint: "10.64.0.2",
  ports: [{ protocol: "tcp", port: 4566 }] as const,
};
const input: ForeignChain = { family: "ip", table: "filter", name: "INPUT", hook: "input", policy: "drop" };
const forward: ForeignChain = {
  family: "inet",
  table: "fw",
  name: "pass",
  hook: "forward",
  policy: "accept",
};
const accepted = (handle: number, ...match: unknown[]) => ({
  rule: { handle, expr: [...match.map((m) => ({ match: m })), { counter: {} }, { accept: null }] },
});
const device = (key: "iifname" | "oifname", right: string) => ({ op: "==", left: { meta: { key } }, right });
const listing = (...entries: unknown[]) => JSON.stringify({ nftables: [{ metainfo: {} }, ...entries] });

describe("other firewalls' chains", () => {
  it("are the filtering ones at input and forward, of others", () => {
    const base = {
      family: "ip",
      table: "filter",
      name: "INPUT",
      type: "filter",
      hook: "input",
      policy: "drop",
    };
    const chains = foreignChains(
      listing(
        { chain: base },
        { chain: { ...base, name: "user", hook: undefined, type: undefined } },
        { chain: { ...base, type: "nat" } },
        { chain: { ...base, hook: "output" } },
        { chain: { ...base, family: "ip6" } },
        { chain: { ...base, table: "estiba-other-vpc-1" } },
      ),
    );
    expect(chains).toEqual([{ family: "ip", table: "filter", name: "INPUT", hook: "input", policy: "drop" }]);
  });

  it("get a rule for each port, and two for the way out", () => {
    expect(missingRules(input, [], passage)).toEqual([
      'insert rule ip filter INPUT iifname "ebx-00000a" ip daddr 10.64.0.2 tcp dport 4566 counter accept comment "estiba"',
    ]);
    const rules = rulesOf(listing({ rule: { handle: 1, expr: [{ drop: null }] } }));
    expect(missingRules(forward, rules, passage)).toEqual([
      'insert rule inet fw pass iifname "ebx-00000a" counter accept comment "estiba"',
      'insert rule inet fw pass oifname "ebx-00000a" counter accept comment "estiba"',
    ]);
  });

  it("stay as they are when everything passes, or other VPCs' rules are all there is", () => {
    expect(missingRules(forward, [], passage)).toEqual([]);
    const another = rulesOf(listing(accepted(7, device("iifname", "eby-00000b"))));
    expect(missingRules(forward, another, passage)).toEqual([]);
  });

  it("do not get a rule twice, with or without its comment", () => {
    const there = rulesOf(
      listing(
        accepted(
          4,
          device("iifname", "ebx-00000a"),
          { op: "==", left: { payload: { protocol: "ip", field: "daddr" } }, right: "10.64.0.2" },
          { op: "==", left: { payload: { protocol: "tcp", field: "dport" } }, right: 4566 },
        ),
      ),
    );
    expect(missingRules(input, there, passage)).toEqual([]);
  });

  it("give back the rules of this data folder's interfaces, and only those", () => {
    const rules = rulesOf(
      listing(
        accepted(4, device("iifname", "ebx-00000a")),
        accepted(5, device("oifname", "ebx-00000a")),
        accepted(6, device("iifname", "ebxy-0000a")),
        accepted(7, device("iifname", "eth0")),
        accepted(8),
      ),
    );
    expect(removalOfRules(forward, rules, "ebx-")).toEqual([
      "delete rule inet fw pass handle 4",
      "delete rule inet fw pass handle 5",
    ]);
  });

  it("of the older iptables are asked before they get a rule, and give theirs back", () => {
    const [line = ""] = legacyLines(passage);
    const rule = "INPUT -i ebx-00000a -d 10.64.0.2 -p tcp --dport 4566 -m comment --comment estiba -j ACCEPT";
    expect(line).toBe(`iptables-legacy -w -C ${rule} 2>/dev/null || iptables-legacy -w -I ${rule}`);
    const shown = "-P INPUT DROP\n-A INPUT -i eth0 -j ACCEPT\n-A FORWARD -o ebx-00000a -j ACCEPT\n";
    expect(legacyRemoval(shown, "ebx-")).toEqual(["iptables-legacy -w -D FORWARD -o ebx-00000a -j ACCEPT"]);
  });
});
