// What Estiba makes on a machine, as plain values: equal before and after means that nothing was left behind.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupHierarchies } from "#supervise/cgroups.ts";
import { findProcesses } from "#supervise/processes.ts";

export interface MachineSnapshot {
  readonly networkNamespaces: readonly string[];
  readonly links: readonly string[];
  readonly routes: readonly string[];
  /** Without counters. Includes what iptables keeps in nftables. */
  readonly firewall: readonly string[];
  readonly forwarding: string;
  readonly mounts: readonly string[];
  /** Below `/estiba` of every hierarchy. */
  readonly cgroups: readonly string[];
  /** Command lines of the programs that Estiba starts. */
  readonly processes: readonly string[];
  readonly hostsFile: string;
}

const programs = new Set([
  ...["dockerd", "containerd", "containerd-shim-runc-v2", "docker-proxy", "runc"],
  ...["haproxy", "dnsmasq", "runsv", "svlogd"],
]);

export function snapshotMachine(): MachineSnapshot {
  return {
    networkNamespaces: existsSync("/run/netns") ? readdirSync("/run/netns").sort() : [],
    links: readdirSync("/sys/class/net").sort(),
    routes: lines("ip", ["-4", "route", "show", "table", "all"]).sort(),
    firewall: lines("nft", ["--stateless", "list", "ruleset"]),
    forwarding: readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8").trim(),
    mounts: readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .map((line) => line.split(" ")[1] ?? "")
      .sort(),
    cgroups: cgroupHierarchies().flatMap((hierarchy) => groupsBelow(join(hierarchy, "estiba"))),
    processes: findProcesses(
      ({ args }) =>
        programs.has(args[0]?.split("/").at(-1) ?? "") || args.some((a) => a.endsWith("/agent.mjs")),
    )
      .map(({ args }) => args.join(" "))
      .sort(),
    hostsFile: readFileSync("/etc/hosts", "utf8"),
  };
}

function groupsBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const inside = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  return [folder, ...inside.flatMap((name) => groupsBelow(join(folder, name)))];
}

function lines(command: string, args: readonly string[]): string[] {
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
  return execFileSync(command, [...args], { encoding: "utf8", env: { ...process.env, PATH: path } })
    .split("\n")
    .filter((line) => line !== "");
}
