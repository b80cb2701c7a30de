// The leak check sees what it is for: a namespace, a link, a table, a group, a mount, a program left behind.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { cgroupHierarchies } from "#supervise/cgroups.ts";
import { createRunitSupervisor } from "#supervise/supervisor.ts";
import { snapshotMachine, type MachineSnapshot } from "#tests/support/leaks.ts";

const folder = mkdtempSync(join(tmpdir(), "estiba-leaks-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const name = `estlk${process.pid % 100_000}`;
const run = (...command: string[]) => spawnSync(command[0] ?? "", command.slice(1), { encoding: "utf8" });
const group = join(cgroupHierarchies()[0] ?? "", "estiba", name);
const supervisor = createRunitSupervisor({ directory: join(folder, "services"), clock: systemClock });

describe("the machine's snapshot differs by", () => {
  it.each<[keyof MachineSnapshot, () => unknown, () => unknown]>([
    ["networkNamespaces", () => run("ip", "netns", "add", name), () => run("ip", "netns", "del", name)],
    [
      "links",
      () => run("ip", "link", "add", name, "type", "veth", "peer", "name", `${name}p`),
      () => run("ip", "link", "del", name),
    ],
    [
      "firewall",
      () => run("nft", "add", "table", "inet", name),
      () => run("nft", "delete", "table", "inet", name),
    ],
    ["mounts", () => run("mount", "-t", "tmpfs", name, folder), () => run("umount", folder)],
    [
      "cgroups",
      () => run("mkdir", "-p", group),
      () => run("rmdir", "--parents", "--ignore-fail-on-non-empty", group),
    ],
    [
      "processes",
      () => supervisor.ensure({ name: "left", command: ["sleep", "1000"], environment: {} }),
      () => supervisor.remove("left"),
    ],
  ])("%s left behind", async (kind, make, remove) => {
    // Others may be at work on the machine: only what is this test's counts.
    const mark = kind === "mounts" || kind === "processes" ? folder : name;
    const text = (snapshot: MachineSnapshot) =>
      [snapshot[kind]].flat().filter((entry) => entry.includes(mark));
    expect(text(snapshotMachine())).toEqual([]);
    await make();
    try {
      expect(text(snapshotMachine()).length).toBeGreaterThan(0);
    } finally {
      await remove();
    }
    expect(text(snapshotMachine())).toEqual([]);
  });
});
