import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dnsCommand, forwarderCommand, isDnsName, needsForwarder } from "./dnsmasq.ts";

describe("dnsmasq's command line", () => {
  const base = { program: "/usr/sbin/dnsmasq", user: "nobody", namesDirectory: "/n" };

  it("reads no configuration of the machine's and logs no queries", () => {
    const command = dnsCommand({ ...base, upstream: { resolvFile: "/etc/resolv.conf" } });
    expect(command).toContain("--conf-file=/dev/null");
    expect(command).toContain("--no-hosts");
    expect(command).toContain("--hostsdir=/n");
    expect(command.some((argument) => argument.startsWith("--log-queries"))).toBe(false);
    expect(command).toContain("--resolv-file=/etc/resolv.conf");
    expect(command).not.toContain("--no-resolv");
  });

  it("asks the forwarder alone when there is one, at the port where it listens", () => {
    const command = dnsCommand({ ...base, upstream: { forwarder: "10.64.0.2" } });
    expect(command).toContain("--no-resolv");
    expect(command).toContain("--server=10.64.0.2#4553");
    const forwarder = forwarderCommand({ ...base, listen: "10.64.0.2", resolvFile: "/etc/resolv.conf" });
    expect(forwarder).toContain("--port=4553");
    expect(forwarder).toContain("--listen-address=10.64.0.2");
  });
});

describe("the machine's resolvers", () => {
  it.each([
    ["nameserver 192.0.2.53\n", false],
    ["# nameserver 127.0.0.1\nnameserver 192.0.2.53\noptions edns0\n", false],
    ["", false],
    ["nameserver 127.0.0.53\n", true],
    ["nameserver 127.0.0.11\nnameserver 192.0.2.53", true],
    ["search example.org\n nameserver fd00::53\n", true],
  ])("in %j need a forwarder: %s", (text, expected) => {
    expect(needsForwarder(text)).toBe(expected);
  });
});

describe("a name", () => {
  it.each([
    "web-1.us-east-1.elb.estiba.internal",
    "000000000000.dkr.ecr.us-east-1.estiba.internal",
    "_x.a.b",
  ])("%j can be published", (name) => expect(isDnsName(name)).toBe(true));

  it.each([
    "",
    "web",
    ".a.b",
    "a..b",
    "a.b.",
    "-a.b",
    "a-.b",
    "a b.c",
    "a/b.c",
    "A.b",
    `${"a".repeat(64)}.b`,
  ])("%j can not", (name) => expect(isDnsName(name)).toBe(false));

  it("that can be published is a safe file name and one word", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab.-/ \n#~"), maxLength: 12 }), (name) => {
        if (isDnsName(name)) expect(name).toMatch(/^[a-z][a-z.-]*[a-z]$/);
      }),
    );
  });
});
