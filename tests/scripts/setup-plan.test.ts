// Setup's decisions: what it finds missing, what it would install, and what it says where it cannot.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  isStaticElf,
  missingRequirements,
  npmIsCurrent,
  packagesFor,
  planSystem,
  requirements,
  wordAboutNode,
} from "../../scripts/setup-plan.mjs";

const has = (...commands: string[]) => {
  const present = new Set(commands);
  return (command: string) => present.has(command);
};
const allBut = (...commands: string[]) =>
  has(...requirements.map((r) => r.command).filter((command) => !commands.includes(command)));

describe("which Debian packages are missing", () => {
  it("on a machine with nothing: each package once, without the tests' own", () => {
    const packages = packagesFor(missingRequirements(has()));
    expect(packages).toEqual([
      ...["docker.io", "containerd", "runc", "haproxy", "iproute2", "nftables", "iptables"],
      ...["dnsmasq-base", "runit", "util-linux", "busybox-static"],
    ]);
  });

  it("adds what only tests use when asked for", () => {
    expect(packagesFor(missingRequirements(allBut("curl", "aws"), { test: true }))).toEqual([
      "awscli",
      "curl",
    ]);
    expect(missingRequirements(allBut("curl", "aws"))).toEqual([]);
  });

  it("leaves a Docker of another origin alone", () => {
    expect(packagesFor(missingRequirements(allBut("haproxy")))).toEqual(["haproxy"]);
  });

  it("takes no busybox that needs libraries", () => {
    const missing = missingRequirements((_command, isStatic) => !isStatic);
    expect(packagesFor(missing)).toEqual(["busybox-static"]);
  });
});

describe("how the packages come onto the machine", () => {
  const missing = missingRequirements(allBut("haproxy", "dockerd"));

  it("with apt-get as root: installed, their services named so that they stay off", () => {
    expect(planSystem(missing, { root: true, apt: true })).toEqual({
      action: "install",
      packages: ["docker.io", "haproxy"],
      units: ["docker.service", "docker.socket", "haproxy.service"],
    });
  });

  it("without root: says what is missing and the command that brings it", () => {
    const plan = planSystem(missing, { root: false, apt: true });
    expect(plan).toMatchObject({ action: "refuse" });
    expect(plan.action === "refuse" && plan.words).toMatch(
      /missing: dockerd, haproxy\..*needs root.*apt-get install --no-install-recommends docker\.io haproxy/,
    );
  });

  it("without apt-get: says what is missing and that this is no Debian", () => {
    const plan = planSystem(missing, { root: true, apt: false });
    expect(plan.action === "refuse" && plan.words).toMatch(
      /missing: dockerd, haproxy\..*no Debian or Ubuntu/,
    );
  });

  it("does nothing where nothing is missing, whoever asks", () => {
    expect(planSystem([], { root: false, apt: false })).toEqual({ action: "nothing" });
  });
});

describe("whether npm's packages are those of the lock", () => {
  const lock = {
    packages: {
      "": { version: "0.1.0" },
      "node_modules/a": { version: "1.2.3" },
      "node_modules/other-platform": { version: "1.0.0", optional: true },
    },
  };
  it.each([
    ["the same versions", { packages: { "node_modules/a": { version: "1.2.3" } } }, true],
    ["another version", { packages: { "node_modules/a": { version: "1.2.4" } } }, false],
    ["a missing package", { packages: {} }, false],
    ["nothing installed", undefined, false],
  ])("%s", (_name, installed, current) => {
    expect(npmIsCurrent(lock, installed)).toBe(current);
  });
});

describe("Node's version", () => {
  it("is refused below 20 in words that name it, and taken from there on", () => {
    expect(wordAboutNode("18.19.0")).toMatch(/Node\.js 20 or newer is needed; this is 18\.19\.0/);
    expect(wordAboutNode("20.0.0")).toBeUndefined();
    expect(wordAboutNode("24.1.0")).toBeUndefined();
  });
});

describe("a program that needs no libraries", () => {
  it("is told from one that does, and from what is no program", () => {
    const header = (...types: number[]) => {
      const bytes = Buffer.alloc(64 + types.length * 56);
      bytes.writeUInt32BE(0x7f454c46, 0);
      bytes.set([2, 1], 4);
      bytes.writeBigUInt64LE(64n, 32);
      bytes.writeUInt16LE(56, 54);
      bytes.writeUInt16LE(types.length, 56);
      types.forEach((type, i) => bytes.writeUInt32LE(type, 64 + i * 56));
      return bytes;
    };
    expect(isStaticElf(header(1, 1))).toBe(true);
    expect(isStaticElf(header(6, 3, 1))).toBe(false);
    expect(isStaticElf(readFileSync(process.execPath))).toBe(false);
    expect(isStaticElf(Buffer.from("#!/bin/sh\n".repeat(10)))).toBe(false);
  });
});
