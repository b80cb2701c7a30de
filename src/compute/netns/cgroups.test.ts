// Control groups of both versions on folders that stand for the kernel's: which files are written, and what is left at the end.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { ancestors, createCgroups, hierarchiesOf } from "./cgroups.ts";
import { parseMountinfo } from "./mounts.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "cgroups-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const group = (path: string, files: Record<string, string>) => {
  mkdirSync(join(root, path), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, path, name), text);
};

describe("the hierarchies of a machine", () => {
  const of = (...lines: string[]) => hierarchiesOf(parseMountinfo(lines.join("\n")));
  it("are one of version 2", () => {
    expect(of("1 0 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate")).toEqual([
      { root: "/sys/fs/cgroup", version: 2, controllers: [] },
    ]);
  });
  it("or one for each controller, a named one without any, and version 2 beside them", () => {
    const seen = of(
      "1 0 0:1 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
      "2 0 0:2 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd",
      "3 0 0:3 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
      "4 0 0:1 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
    );
    expect(seen.map((h) => [h.version, h.controllers])).toEqual([
      [1, ["cpu", "cpuacct"]],
      [1, []],
      [2, []],
    ]);
  });
});

describe("version 2", () => {
  const open = () => createCgroups([{ root, version: 2, controllers: [] }], systemClock);
  const levels = ["", "/estiba", "/estiba/s", "/estiba/s/i-1"];
  beforeEach(() => {
    for (const level of [...levels, "/estiba/s/i-1/system"])
      group(level, {
        "cgroup.controllers": "cpuset cpu io memory pids rdma\n",
        "cgroup.subtree_control": "",
      });
  });

  it("hands the controllers down every level above the group, and not in the group itself", async () => {
    await open().create("/estiba/s/i-1/system");
    for (const level of levels)
      expect(read(`${level}/cgroup.subtree_control`)).toBe("+cpuset +cpu +io +memory +pids");
    expect(read("/estiba/s/i-1/system/cgroup.subtree_control")).toBe("");
  });

  it("asks only for controllers that the machine has", async () => {
    group("", { "cgroup.controllers": "cpu memory\n" });
    await open().create("/estiba/s/i-1/system");
    expect(read("cgroup.subtree_control")).toBe("+cpu +memory");
  });

  it("limits memory in bytes and processors as quota and period", async () => {
    await open().limit("/estiba/s/i-1", { vcpus: 2, memoryMiB: 512 });
    expect(read("/estiba/s/i-1/memory.max")).toBe(String(512 * 1024 * 1024));
    expect(read("/estiba/s/i-1/cpu.max")).toBe("200000 100000");
  });
});

describe("version 1", () => {
  const open = () =>
    createCgroups(
      [
        { root: join(root, "cpu"), version: 1, controllers: ["cpu"] },
        { root: join(root, "memory"), version: 1, controllers: ["memory"] },
        { root: join(root, "cpuset"), version: 1, controllers: ["cpuset"] },
        { root: join(root, "systemd"), version: 1, controllers: [] },
        { root: join(root, "unified"), version: 2, controllers: [] },
      ],
      systemClock,
    );

  it("fills empty cpusets from above and leaves the named and the bookkeeping trees alone", async () => {
    group("cpuset", { "cpuset.cpus": "0-3\n", "cpuset.mems": "0\n" });
    group("cpuset/estiba", { "cpuset.cpus": "0-1\n", "cpuset.mems": "0\n" });
    group("cpuset/estiba/i-1", { "cpuset.cpus": "\n", "cpuset.mems": "\n" });
    await open().create("/estiba/i-1");
    expect(read("cpuset/estiba/i-1/cpuset.cpus")).toBe("0-1\n");
    expect(readdirSync(root).sort()).toEqual(["cpu", "cpuset", "memory"]);
  });

  it("limits memory and processors where they are", async () => {
    group("cpu/i-1", {});
    group("memory/i-1", {});
    await open().limit("/i-1", { vcpus: 0.5, memoryMiB: 1 });
    expect(read("memory/i-1/memory.limit_in_bytes")).toBe("1048576");
    expect(read("cpu/i-1/cpu.cfs_quota_us")).toBe("50000");
    expect(read("cpu/i-1/cpu.cfs_period_us")).toBe("100000");
  });

  it("removes a group with all below it in every tree, and no error when there is none", async () => {
    for (const tree of ["cpu", "systemd", "unified"]) group(`${tree}/estiba/i-1/ecs/task`, {});
    await open().remove("/estiba/i-1");
    await open().remove("/estiba/i-1");
    await open().removeIfEmpty("/estiba");
    for (const tree of ["cpu", "systemd", "unified"]) expect(readdirSync(join(root, tree))).toEqual([]);
  });
});

it("refuses to size an instance on a machine without control groups", async () => {
  await expect(createCgroups([], systemClock).create("/a")).rejects.toThrow(/No control groups/);
});

it("names a path's ancestors from the top", () => {
  expect(ancestors("/a/b/c")).toEqual(["/a", "/a/b", "/a/b/c"]);
});
