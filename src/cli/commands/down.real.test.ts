// `down` on what a server leaves in every state: supervised, alone in a terminal, killed, or never started.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { createSupervisor } from "#server/supervisor.ts";
import { startTimeOf, stateFolder, writePrivate, type StateFolder } from "#server/state-folder.ts";
import { down } from "./down.ts";

let folder: StateFolder;
let lines: string[];
const print = (line: string) => void lines.push(line);
beforeEach(() => {
  folder = stateFolder(mkdtempSync(join(tmpdir(), "estiba-down-")));
  lines = [];
});
afterEach(() => rmSync(folder.root, { recursive: true, force: true }));

const service = (name: string) => ({ name, command: ["sleep", "1000"] as const, environment: {} });

describe("down", () => {
  it("ends the supervised server first, then every other service, and keeps the state", async () => {
    mkdirSync(folder.rows);
    writeFileSync(join(folder.rows, "data.mdb"), "rows");
    const supervisor = createSupervisor(folder, systemClock);
    const pids = [];
    for (const name of ["server", "something-of-an-older-version"])
      pids.push((await supervisor.ensure(service(name))).pid);
    await down(folder.root, print);
    expect(pids.map((pid) => startTimeOf(pid ?? 0))).toEqual([undefined, undefined]);
    expect(await supervisor.list()).toEqual([]);
    expect(existsSync(join(folder.rows, "data.mdb"))).toBe(true);
    expect(lines[0]).toBe("The control plane has stopped.");
    expect(lines.at(-1)).toMatch(/Nothing runs any more/);
  });

  it("ends a server that runs in a terminal", async () => {
    const server = spawn("sleep", ["1000"]);
    const ended = new Promise((resolve) => server.once("exit", (_code, signal) => resolve(signal)));
    writePrivate(folder.lockFile, { pid: server.pid, startTime: startTimeOf(server.pid ?? 0) });
    await down(folder.root, print);
    expect(await ended).toBe("SIGTERM");
    expect(existsSync(folder.lockFile)).toBe(false);
  });

  it("leaves a process alone that only has a dead server's number", async () => {
    const stranger = spawn("sleep", ["1000"]);
    try {
      writePrivate(folder.lockFile, { pid: stranger.pid, startTime: "1" });
      writePrivate(folder.runFile, { pid: stranger.pid, endpoint: "http://127.0.0.1:1" });
      await down(folder.root, print);
      expect(startTimeOf(stranger.pid ?? 0)).toBeDefined();
      expect(existsSync(folder.runFile)).toBe(false);
    } finally {
      stranger.kill("SIGKILL");
    }
  });

  it("says so when there is nothing, twice as well as once", async () => {
    await down(join(folder.root, "nowhere"), print);
    expect(lines).toEqual([expect.stringMatching(/^Nothing runs: there is no data folder/)]);
    await down(folder.root, print);
    await down(folder.root, print);
    expect(lines.at(-1)).toMatch(/Nothing runs any more/);
  });
});
