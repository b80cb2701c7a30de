// runit as it is: programs that die, that will not die, that are adopted, and supervisors that are killed under them.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { ServiceSpec } from "#domain/ports/supervisor.ts";
import { systemClock } from "#lib/clock.ts";
import { eventually } from "#tests/support/estiba.ts";
import { cgroupHierarchies } from "./cgroups.ts";
import { findProcesses, isAlive, startTimeOf } from "./processes.ts";
import { createRunitSupervisor } from "./supervisor.ts";

const root = mkdtempSync(join(tmpdir(), "estiba-supervise-"));
const directory = join(root, "services");
const supervisor = createRunitSupervisor({ directory, clock: systemClock });
const run = (command: string, ...args: string[]) => spawnSync(command, args, { encoding: "utf8" }).stdout;
const folderOf = (name: string) => join(directory, name);

afterEach(async () => {
  for (const name of await supervisor.list()) await supervisor.remove(name);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A shell script as a service. It ends with SIGTERM. */
const script = (name: string, text: string, more: Partial<ServiceSpec> = {}): ServiceSpec => ({
  name,
  command: ["/bin/sh", "-c", text],
  environment: {},
  stopTimeoutSeconds: 5,
  ...more,
});
const patient = "while :; do sleep 1000 & trap 'kill $!; exit 0' TERM; wait $!; done";
const isRunning = async (name: string) => {
  const state = await supervisor.state(name);
  return state?.running === true ? state : undefined;
};
const belonging = (name: string) =>
  findProcesses(({ args, cwd }) => cwd?.startsWith(folderOf(name)) === true || args.includes(folderOf(name)));
const runsvOf = (name: string) =>
  findProcesses(({ args }) => args[0] === "runsv" && args[1] === folderOf(name));
const said = (name: string, what: RegExp) =>
  eventually(`${name} says ${String(what)}`, async () =>
    (await supervisor.tail(name, 100)).find((line) => what.test(line)),
  );

describe("a service", () => {
  it("runs its program with exactly the environment and folder given, secrets only in files of mode 0600", async () => {
    const spec = script("plain", `env | sort; pwd; ${patient}`, {
      environment: { GREETING: "it's\n$HOME `id`", PATH: "/bin:/usr/bin", KEY: "verysecretword" },
      workingDirectory: root,
    });
    const state = await supervisor.ensure(spec);
    expect(state.running).toBe(true);
    await said("plain", new RegExp(`^${root}$`));
    const lines = await supervisor.tail("plain", 100);
    expect(lines).toEqual(
      expect.arrayContaining(["GREETING=it's", "$HOME `id`", "PATH=/bin:/usr/bin", "KEY=verysecretword"]),
    );
    expect(lines.filter((l) => /^[A-Z_]+=/.test(l)).map((l) => l.split("=")[0])).toEqual(
      expect.not.arrayContaining(["HOME", "USER"]),
    );
    for (const { args } of belonging("plain")) expect(args.join(" ")).not.toContain("verysecretword");
    for (const name of readdirSync(folderOf("plain"), { recursive: true, encoding: "utf8" })) {
      const path = join(folderOf("plain"), name);
      if (!statSync(path).isFile() || name.startsWith("log/main")) continue;
      if (readFileSync(path, "utf8").includes("verysecretword")) expect(statSync(path).mode & 0o077).toBe(0);
    }
    expect(statSync(folderOf("plain")).mode & 0o077).toBe(0);
  });

  it("is started again when its program is killed", async () => {
    const first = await supervisor.ensure(script("killed", patient));
    await supervisor.signal("killed", "SIGKILL");
    const second = await eventually("another process", async () => {
      const state = await isRunning("killed");
      return state?.pid === first.pid ? undefined : state;
    });
    expect(second.pid).toBeGreaterThan(0);
    await said("killed", /ended after \d+ s with code -1, signal 9/);
  });

  it("waits longer after each quick failure, and starts at once when asked", async () => {
    const stamp = join(root, "starts");
    await supervisor.ensure(script("flapping", `cut -d. -f1 /proc/uptime >> ${stamp}; exit 1`));
    await eventually("four starts", () =>
      existsSync(stamp) && readFileSync(stamp, "utf8").trim().split("\n").length >= 4 ? true : undefined,
    );
    const times = readFileSync(stamp, "utf8").trim().split("\n").map(Number);
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    expect(gaps[2]).toBeGreaterThanOrEqual(gaps[0] ?? 0);
    expect(gaps[2]).toBeGreaterThanOrEqual(3);
    await supervisor.ensure(script("flapping", `cut -d. -f1 /proc/uptime >> ${stamp}; exit 1`));
    expect(readFileSync(stamp, "utf8").trim().split("\n").length).toBeGreaterThanOrEqual(5);
  });

  it("that ended with a terminal code stays down until its specification changes", async () => {
    const spec = script("final", "exit 5", { terminalExitCodes: [5] });
    await supervisor.ensure(spec);
    const state = await eventually("the code", async () => {
      const seen = await supervisor.state("final");
      return seen?.terminalExitCode === undefined ? undefined : seen;
    });
    expect(state).toMatchObject({ running: false, terminalExitCode: 5 });
    expect(await supervisor.ensure(spec)).toMatchObject({ running: false, terminalExitCode: 5 });
    const again = await supervisor.ensure({ ...spec, command: ["/bin/sh", "-c", patient] });
    expect(again).toMatchObject({ running: true });
    expect(again).not.toHaveProperty("terminalExitCode");
  });

  it("that cannot start says so in the error", async () => {
    const unknown = script("nowhere", patient, { networkNamespace: "estiba-no-such-namespace" });
    await expect(supervisor.ensure(unknown)).rejects.toThrow(/there is no .*estiba-no-such-namespace/);
  });
});

describe("a second supervisor object", () => {
  it("adopts what runs: same process, other order of members", async () => {
    const spec = script("adopted", patient, { environment: { A: "1", B: "2" } });
    const first = await supervisor.ensure(spec);
    const second = createRunitSupervisor({ directory, clock: systemClock });
    const state = await second.ensure({ ...spec, environment: { B: "2", A: "1" } });
    expect(state.pid).toBe(first.pid);
    expect(await second.list()).toEqual(["adopted"]);
    expect(runsvOf("adopted")).toHaveLength(1);
  });

  it("restarts what is wanted differently", async () => {
    const first = await supervisor.ensure(script("changed", `echo one; ${patient}`));
    const second = createRunitSupervisor({ directory, clock: systemClock });
    const state = await second.ensure(script("changed", `echo two; ${patient}`));
    expect(state.pid).not.toBe(first.pid);
    expect(startTimeOf(first.pid ?? 0)).toBeUndefined();
    await said("changed", /^two$/);
  });
});

describe("when runsv itself was killed", () => {
  const copies = (mark: string) => findProcesses(({ args }) => args.includes(`${mark}; ${patient}`));

  it("the program goes on, is adopted once, and is supervised again", async () => {
    const spec = script("orphan", `: orphan-mark; ${patient}`);
    const first = await supervisor.ensure(spec);
    for (let round = 0; round < 2; round++) {
      for (const { pid } of runsvOf("orphan")) process.kill(pid, "SIGKILL");
      await eventually("runsv is gone", () => (runsvOf("orphan").length === 0 ? true : undefined));
      const state = await supervisor.ensure(spec);
      expect(state.pid).toBe(first.pid);
      expect(runsvOf("orphan")).toHaveLength(1);
    }
    await supervisor.signal("orphan", "SIGKILL");
    const next = await eventually("a new process", async () => {
      const state = await isRunning("orphan");
      return state?.pid === first.pid ? undefined : state;
    });
    expect(copies(": orphan-mark").map((p) => p.pid)).toEqual([next.pid]);
  });

  it("one that stood in for the program and has lost its own runsv starts no copy of it", async () => {
    const spec = script("widow", `: widow-mark; ${patient}`);
    const first = await supervisor.ensure(spec);
    const killRunsv = async () => {
      for (const { pid } of runsvOf("widow")) process.kill(pid, "SIGKILL");
      await eventually("runsv is gone", () => (runsvOf("widow").length === 0 ? true : undefined));
    };
    await killRunsv();
    await supervisor.ensure(spec);
    const [standIn] = await eventually("the one that stands in", () => {
      const found = findProcesses(({ args, cwd }) => cwd === folderOf("widow") && args.at(-1) === "./run");
      return found.length === 1 ? found : undefined;
    });
    // Asleep while both happen, as it is most of the time.
    process.kill(standIn?.pid ?? 0, "SIGSTOP");
    await killRunsv();
    process.kill(first.pid ?? 0, "SIGKILL");
    process.kill(standIn?.pid ?? 0, "SIGCONT");
    await eventually("it has ended", () =>
      isAlive(standIn ?? { pid: 0, startTime: "" }) ? undefined : true,
    );
    expect(copies(": widow-mark")).toEqual([]);
    const next = await supervisor.ensure(spec);
    expect(copies(": widow-mark").map((p) => p.pid)).toEqual([next.pid]);
  });

  it("remove still ends the program and what is left of its supervision", async () => {
    const first = await supervisor.ensure(script("bereft", patient));
    for (const { pid } of runsvOf("bereft")) process.kill(pid, "SIGKILL");
    await supervisor.remove("bereft");
    expect(startTimeOf(first.pid ?? 0)).toBeUndefined();
    expect(belonging("bereft")).toEqual([]);
  });
});

describe("remove", () => {
  it("leaves no process and no file, and is no error twice or for an unknown name", async () => {
    const { pid } = await supervisor.ensure(script("leaving", patient));
    await supervisor.remove("leaving");
    expect(startTimeOf(pid ?? 0)).toBeUndefined();
    expect(belonging("leaving")).toEqual([]);
    expect(existsSync(folderOf("leaving"))).toBe(false);
    expect(await supervisor.state("leaving")).toBeUndefined();
    await supervisor.remove("leaving");
    await supervisor.remove("never-there");
  });

  it("kills a program that ignores SIGTERM when its time is over", async () => {
    const { pid } = await supervisor.ensure(
      script("stubborn", "trap '' TERM; echo ready; while :; do sleep 1; done", { stopTimeoutSeconds: 1 }),
    );
    await said("stubborn", /^ready$/);
    const begun = performance.now();
    await supervisor.remove("stubborn");
    expect(performance.now() - begun).toBeGreaterThan(900);
    expect(startTimeOf(pid ?? 0)).toBeUndefined();
  });

  it("ends a service that is waiting after failures", async () => {
    await supervisor.ensure(script("failing", "exit 1"));
    await eventually("some failures", () => {
      const file = join(folderOf("failing"), "failures");
      return existsSync(file) && Number(readFileSync(file, "utf8")) >= 2 ? true : undefined;
    });
    await supervisor.remove("failing");
    expect(belonging("failing")).toEqual([]);
  });

  it("does not wait for a child of the program that keeps the log's pipe open", async () => {
    const { pid } = await supervisor.ensure(
      script("leaky", `setsid sleep 600 & echo "child $!"; ${patient}`),
    );
    const child = Number((await said("leaky", /^child \d+$/)).split(" ")[1]);
    try {
      await supervisor.remove("leaky");
      expect(startTimeOf(pid ?? 0)).toBeUndefined();
      expect(belonging("leaky")).toEqual([]);
    } finally {
      process.kill(child, "SIGKILL");
    }
  });
});

describe("pid files", () => {
  it("are removed when their owner is proven dead and left when it may live", async () => {
    const dead = join(root, "dead.pid");
    const recycled = join(root, "recycled.pid");
    const living = join(root, "living.pid");
    writeFileSync(dead, "4194303\n");
    // This process started long after the file was written: the number was given away again.
    writeFileSync(recycled, `${process.pid}\n`);
    run("touch", "-d", "2001-01-01", recycled);
    writeFileSync(living, `${process.pid}\n`);
    await supervisor.ensure(script("pidfiles", patient, { pidFiles: [dead, recycled, living] }));
    expect([dead, recycled, living].map((file) => existsSync(file))).toEqual([false, false, true]);
  });
});

describe("places", () => {
  const namespace = `estiba-sup-${process.pid}`;
  const group = `/estiba-supervise-test-${process.pid}/inner`;
  const groups = () => cgroupHierarchies().map((h) => join(h, group));

  it("the program is in the network namespace and in the group of every hierarchy, and remove clears the group", async () => {
    run("ip", "netns", "add", namespace);
    try {
      const { pid } = await supervisor.ensure(
        script("placed", `readlink /proc/self/ns/net; ${patient}`, {
          networkNamespace: namespace,
          cgroup: group,
        }),
      );
      const inside = spawnSync("stat", ["-Lc", "%i", `/run/netns/${namespace}`])
        .stdout.toString()
        .trim();
      await said("placed", new RegExp(`^net:\\[${inside}\\]$`));
      for (const folder of groups())
        expect(readFileSync(join(folder, "cgroup.procs"), "utf8").split("\n")).toContain(String(pid));
      await supervisor.remove("placed");
      expect(groups().filter((folder) => existsSync(folder))).toEqual([]);
    } finally {
      run("ip", "netns", "del", namespace);
      for (const folder of groups()) run("rmdir", join(folder, ".."), "--ignore-fail-on-non-empty");
    }
  });

  it("a folder of a service that was never wholly made is listed and can be removed", async () => {
    mkdirSync(folderOf("half"), { recursive: true });
    expect(await supervisor.list()).toContain("half");
    await supervisor.remove("half");
    expect(await supervisor.list()).not.toContain("half");
  });

  it("a process is known by its start time, not by its number alone", () => {
    expect(isAlive({ pid: process.pid, startTime: startTimeOf(process.pid) ?? "" })).toBe(true);
    expect(isAlive({ pid: process.pid, startTime: "1" })).toBe(false);
  });
});
