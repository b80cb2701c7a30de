// The root's scripts as text: valid for a shell whatever the paths, and right for both versions of control groups.
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { enterScript, initScript, type EnterOptions } from "./root-scripts.ts";

const options: EnterOptions = {
  root: "/data/it's here/i-1/root",
  console: "/data/it's here/i-1/console.log",
  rootMarker: "/data/it's here/i-1/root-stands",
  hostname: "ip-10-0-0-4",
  systemFolders: ["/usr"],
  cgroupMounts: [{ root: "/sys/fs/cgroup", version: 2 }],
  cgroupLinks: [],
  cgroup: "/estiba/s/i-1",
  readOnlyBinds: [{ from: "/opt/node 20/bin/node", to: "/opt/estiba/node" }],
};
const check = (script: string) => execFileSync("/bin/sh", ["-n"], { input: script });

describe("the script that enters the root", () => {
  it("is valid shell, with paths that need quoting too", () => {
    check(enterScript(options, "/data/it's here/i-1/init.sh"));
    check(initScript("/usr/bin:/bin"));
  });

  it("shows the tree of version 2 read-only, and the host's own group below it writable", () => {
    const lines = enterScript({ ...options, root: "/r" }, "/i").split("\n");
    const at = (line: string) => lines.indexOf(line);
    expect(at("mount -o remount,bind,ro /r/sys/fs/cgroup")).toBeGreaterThan(0);
    expect(at("mount --bind /sys/fs/cgroup/estiba/s/i-1 /r/sys/fs/cgroup/estiba/s/i-1")).toBeGreaterThan(
      at("mount -o remount,bind,ro /r/sys/fs/cgroup"),
    );
    expect(lines.filter((line) => line.includes("mode=755,size=1m cgroup"))).toEqual([]);
  });

  it("shows each tree of version 1 in a folder of its own, with the links beside them", () => {
    const script = enterScript(
      {
        ...options,
        root: "/r",
        cgroupMounts: [{ root: "/sys/fs/cgroup/cpu,cpuacct", version: 1 }],
        cgroupLinks: [{ path: "/sys/fs/cgroup/cpu", target: "cpu,cpuacct" }],
      },
      "/i",
    );
    expect(script).toContain("mkdir -p /r/sys/fs/cgroup/cpu,cpuacct\n");
    expect(script).toContain("ln -s cpu,cpuacct /r/sys/fs/cgroup/cpu\n");
  });
});
