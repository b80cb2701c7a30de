// The scripts as text: nothing that a specification says becomes shell code, and both cgroup versions are joined.
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cgroupHierarchies } from "./cgroups.ts";
import { quote, renderEnvironment, renderFinish, renderRun } from "./render.ts";
import { canonical } from "./service-folder.ts";

const spec = { name: "x", command: ["/bin/true"] as const, environment: {} };
const isShell = (script: string) => spawnSync("sh", ["-n"], { input: script }).status === 0;

describe("words of a specification", () => {
  it("come out of the shell as they went in", () => {
    const word = fc.string({ unit: "binary", maxLength: 40 }).filter((text) => !text.includes("\0"));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
        const { stdout } = spawnSync("sh", ["-c", `printf '%s\\0' ${words.map(quote).join(" ")}`]);
        expect(stdout.toString().split("\0").slice(0, -1)).toEqual(
          words.map((text) => Buffer.from(text).toString()),
        );
      }),
      { numRuns: 50 },
    );
  });

  it("that no shell can export are refused", () => {
    for (const name of ["A-B", "1A", "A=B", "", "A;rm"])
      expect(() => renderEnvironment({ [name]: "x" })).toThrow(RangeError);
    expect(() => renderEnvironment({ A: "x\0y" })).toThrow(RangeError);
  });

  it("make scripts that a shell can read, whatever is asked for", () => {
    const everything = {
      ...spec,
      networkNamespace: "it's",
      cgroup: "/estiba/i-1/system",
      workingDirectory: "/a b",
      pidFiles: ["/run/$(id).pid"],
      terminalExitCodes: [5, 6],
    };
    for (const each of [spec, everything]) {
      expect(isShell(renderRun(each, ["/sys/fs/cgroup"]))).toBe(true);
      expect(isShell(renderFinish(each))).toBe(true);
    }
  });
});

describe("two specifications", () => {
  it("are equal in whatever order their members stand, and differ by any value", () => {
    const a = canonical({ ...spec, environment: { A: "1", B: "2" } });
    expect(canonical({ environment: { B: "2", A: "1" }, command: ["/bin/true"], name: "x" })).toBe(a);
    expect(canonical({ ...spec, environment: { A: "1", B: "3" } })).not.toBe(a);
    expect(canonical({ ...spec, command: ["/bin/true", "x"] })).not.toBe(canonical(spec));
  });
});

describe("cgroup hierarchies", () => {
  it.each([
    ["version 2", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", ["/sys/fs/cgroup"]],
    [
      "version 1, with the other beside it",
      "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n",
      ["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/unified"],
    ],
    ["none", "proc /proc proc rw 0 0\n", []],
  ])("%s", (_name, mounts, found) => {
    expect(cgroupHierarchies(mounts)).toEqual(found);
  });
});
