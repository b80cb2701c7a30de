// `estiba down`: stops everything of a data folder in order. The control plane goes first, so that it restarts nothing;
// then hosts with their tasks, proxies and networks. Works whatever of it is dead or half made. The state stays.
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "#lib/clock.ts";
import type { Supervisor } from "#domain/ports/supervisor.ts";
import { createSupervisor } from "#server/supervisor.ts";
import { lockFolder, readJson, stateFolder, type StateFolder } from "#server/state-folder.ts";
import { tearDown } from "#server/tear-down.ts";
import { isAlive, signalProcess, type ProcessId } from "#supervise/processes.ts";
import { SERVER_SERVICE } from "./up.ts";

const SERVER_STOP_MS = 20_000;

/** @throws Error with the reasons when something could not be removed; calling it again goes on from there */
export async function down(dataDirectory: string, print: (line: string) => void): Promise<void> {
  const folder = stateFolder(dataDirectory);
  if (!existsSync(folder.root)) return print(`Nothing runs: there is no data folder ${folder.root}.`);
  const supervisor = createSupervisor(folder, systemClock);
  const stopped = await stopServer(folder, supervisor);
  // Nobody starts a server between here and the end.
  const unlock = lockFolder(folder);
  try {
    if (stopped) print("The control plane has stopped.");
    if (await hasHosts(folder, supervisor)) {
      print("Stopping tasks, hosts, load balancers and networks …");
      try {
        await tearDown(folder);
      } finally {
        // What no part knows any more, for instance of a version that is gone.
        for (const name of await supervisor.list()) await supervisor.remove(name);
      }
    }
    rmSync(folder.runFile, { force: true });
  } finally {
    unlock();
  }
  print(`Nothing runs any more. The state is kept in ${folder.root}; \`estiba up\` starts it again.`);
}

/** The supervised one and one in a terminal. Answers whether there was one. */
async function stopServer(folder: StateFolder, supervisor: Supervisor): Promise<boolean> {
  const supervised = (await supervisor.list()).includes(SERVER_SERVICE);
  if (supervised) await supervisor.remove(SERVER_SERVICE);
  const owner = readJson<ProcessId>(folder.lockFile);
  if (owner === undefined || owner.pid === process.pid || !isAlive(owner)) return supervised;
  signalProcess(owner, "SIGTERM");
  const deadline = performance.now() + SERVER_STOP_MS;
  while (isAlive(owner)) {
    if (performance.now() > deadline) signalProcess(owner, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}

/** Whether this folder ever had real hosts: simulated ones need neither root nor the programs of real ones. */
async function hasHosts(folder: StateFolder, supervisor: Supervisor): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  const made = [folder.hosts, folder.haproxy, join(folder.root, "network")].some((path) => existsSync(path));
  return made || (await supervisor.list()).length > 0;
}
