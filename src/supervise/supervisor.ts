// Keeps programs running that outlive the control plane, by runit: a `runsv` for each, in a session of its own.
// What runs is read from the kernel and the service's folder each time, so a supervisor object may come and go.
// Who needs which program, and what a spec holds, is its callers'.
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ServiceSpec, ServiceState, Supervisor } from "#domain/ports/supervisor.ts";
import { sleep, type Clock } from "#lib/clock.ts";
import { silentLogger, type Logger } from "#lib/logger.ts";
import { cgroupHierarchies, removeCgroup } from "./cgroups.ts";
import { isAlive, isSame, signalProcess, uptimeSeconds, type ProcessId } from "./processes.ts";
import { control, endSupervision, hasRunsv, startRunsv } from "./runsv.ts";
import { canonical, serviceFolder, type ServiceFolder } from "./service-folder.ts";

export interface RunitSupervisorOptions {
  /** One folder a service is made in here, readable by its owner only. */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Mount points of the cgroup hierarchies; the machine's own unless given. */
  readonly cgroups?: readonly string[];
}

const LOOK_MS = 20;
/** From the order to start until the program's process is there. */
const START_MS = 10_000;
const DEFAULT_STOP_SECONDS = 10;
/** After the program's end runsv and its log end at once; more is a pipe held open by somebody else. */
const SUPERVISION_END_MS = 3_000;

/**
 * A program that ended with a terminal exit code stays down however often `ensure` is called with an equal spec; a
 * changed spec, or `remove` before `ensure`, starts it again.
 */
export function createRunitSupervisor(options: RunitSupervisorOptions): Supervisor {
  const { directory, clock } = options;
  const logger = options.logger ?? silentLogger;
  const cgroups = options.cgroups ?? cgroupHierarchies();
  const busy = new Map<string, Promise<unknown>>();
  const pause = () => sleep(clock, LOOK_MS);

  const folderOf = (name: string) => {
    if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) throw new RangeError(`Not the name of a service: ${name}`);
    return serviceFolder(join(directory, name), cgroups);
  };

  /** One change of a service at a time. */
  const inTurn = <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const turn = (busy.get(name) ?? Promise.resolve()).then(work, work);
    busy.set(name, turn);
    const done = () => void (busy.get(name) === turn && busy.delete(name));
    turn.then(done, done);
    return turn;
  };

  const stateOf = (name: string, folder: ServiceFolder): ServiceState => {
    const program = folder.program();
    const terminalExitCode = folder.terminalExitCode();
    const running = program !== undefined && isAlive(program);
    const since = running ? program.startedAt : folder.endedAt();
    return {
      name,
      running,
      ...(running ? { pid: program.pid } : {}),
      ...(since === undefined ? {} : { sinceSeconds: Math.max(0, Math.floor(uptimeSeconds()) - since) }),
      ...(terminalExitCode === undefined || running ? {} : { terminalExitCode }),
    };
  };

  const waitUntil = async (milliseconds: number, done: () => boolean): Promise<boolean> => {
    const end = clock.monotonic() + milliseconds;
    while (!done()) {
      if (clock.monotonic() > end) return false;
      await pause();
    }
    return true;
  };

  /** Also without a runsv, and when its script stands in for a program of an earlier one. */
  const stopProgram = async (folder: ServiceFolder, timeoutSeconds: number) => {
    control(folder.path, "d");
    const program = folder.program();
    if (program !== undefined) {
      signalProcess(program, "SIGTERM");
      while (!(await waitUntil(timeoutSeconds * 1000, () => !isAlive(program)))) {
        logger.warn("a program did not end in time and is killed", { folder: folder.path, pid: program.pid });
        signalProcess(program, "SIGKILL");
      }
    }
    // The scripts have written what they had to; from here on the folder is ours.
    await waitUntil(SUPERVISION_END_MS, () => !hasRunsv(folder.path) || folder.isDown());
  };

  const start = async (name: string, folder: ServiceFolder): Promise<ServiceState> => {
    const before = folder.program();
    const isNew = (program: ProcessId | undefined) =>
      program !== undefined && (isAlive(program) || before === undefined || !isSame(program, before));
    if (hasRunsv(folder.path)) {
      // A script that waits after failures begins anew: who asks now wants it now.
      folder.forgetFailures();
      control(folder.path, isNew(before) ? "u" : "ut");
    } else {
      await startRunsv(folder.path);
    }
    const isStarted = () => hasRunsv(folder.path) && isNew(folder.program());
    await waitUntil(START_MS, () => isStarted() || folder.refusal() !== undefined);
    if (!isStarted()) {
      const why = folder.refusal() ?? (folder.tail(5).join(" ") || "it says nothing");
      throw new Error(`${name} does not start: ${why}`);
    }
    return stateOf(name, folder);
  };

  const ensure = async (spec: ServiceSpec): Promise<ServiceState> => {
    const { name } = spec;
    const folder = folderOf(name);
    const before = folder.readSpec();
    if (before === canonical(spec)) {
      if (folder.terminalExitCode() !== undefined) return stateOf(name, folder);
      // A later Estiba may write other scripts: they count from the next start on.
      folder.writeScripts(spec);
      const state = stateOf(name, folder);
      if (state.running && hasRunsv(folder.path)) return state;
      logger.info("a service is taken up again", { name, running: state.running });
      return start(name, folder);
    }
    if (before !== undefined) {
      logger.info("a service is restarted with its new specification", { name });
      await stopProgram(folder, stopSecondsOf(before));
    }
    mkdirSync(folder.path, { recursive: true, mode: 0o700 });
    folder.forgetPast();
    folder.writeScripts(spec);
    folder.writeSpec(spec);
    return start(name, folder);
  };

  const remove = async (name: string): Promise<void> => {
    const folder = folderOf(name);
    const spec = folder.readSpec();
    await stopProgram(folder, stopSecondsOf(spec));
    const end = clock.monotonic() + SUPERVISION_END_MS;
    await endSupervision(folder.path, pause, {
      idle: () => folder.isDown(),
      patient: () => clock.monotonic() < end,
    });
    // A runsv that was just starting may have started it once more.
    await stopProgram(folder, stopSecondsOf(spec));
    const cgroup = spec === undefined ? undefined : (JSON.parse(spec) as ServiceSpec).cgroup;
    if (cgroup !== undefined) removeCgroup(cgroups, cgroup);
    folder.remove();
  };

  const list = () => {
    try {
      return readdirSync(directory, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name)
        .sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  };

  return {
    ensure: (spec) => inTurn(spec.name, () => ensure(spec)),
    remove: (name) => inTurn(name, () => remove(name)),
    async state(name) {
      const folder = folderOf(name);
      return folder.readSpec() === undefined ? undefined : stateOf(name, folder);
    },
    async signal(name, signal) {
      const program = folderOf(name).program();
      if (program !== undefined) signalProcess(program, signal);
    },
    list: async () => list(),
    tail: async (name, lines) => folderOf(name).tail(lines),
  };
}

const stopSecondsOf = (spec: string | undefined): number =>
  (spec === undefined ? undefined : (JSON.parse(spec) as ServiceSpec).stopTimeoutSeconds) ??
  DEFAULT_STOP_SECONDS;
