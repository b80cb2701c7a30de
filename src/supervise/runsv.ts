// runit's `runsv` for one service folder: is there one, start one, tell it something, end it with its log.
// It is found by what it runs on (its folder), so that a control plane that died at any moment finds it again.
import { spawn } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { findProcesses, signalProcess, type SeenProcess } from "./processes.ts";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Tells runsv its orders, a letter each (runsv(8): u up, d down, x exit). Answers whether there is a runsv. */
export function control(folder: string, orders: string): boolean {
  let pipe: number;
  try {
    // Without a reader (no runsv) this fails with ENXIO.
    pipe = openSync(join(folder, "supervise/control"), constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENXIO" || code === "ENOENT") return false;
    throw error;
  }
  try {
    if (orders !== "") writeSync(pipe, orders);
    return true;
  } finally {
    closeSync(pipe);
  }
}

export const hasRunsv = (folder: string): boolean => control(folder, "");

/** Starts a runsv in a session of its own: it outlives this process. @throws Error when runit is not installed */
export function startRunsv(folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("runsv", [folder], { detached: true, stdio: "ignore", cwd: "/", env: { PATH } });
    child.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "ENOENT"
          ? new Error("runsv is missing. On Debian: apt-get install runit")
          : new Error(`runsv could not be started: ${error.message}`),
      ),
    );
    child.once("spawn", () => {
      child.unref();
      resolve();
    });
  });
}

/** Everything of this service but its program: runsv, its log, and scripts between two starts. */
export function supervisingProcesses(folder: string): readonly SeenProcess[] {
  const logFolder = join(folder, "log/main");
  return findProcesses(({ args, cwd }) => {
    const name = args[0]?.split("/").at(-1);
    if (name === "runsv") return args[1] === folder;
    if (name === "svlogd") return args.at(-1) === logFolder;
    return name === "sh" && cwd === folder && /^\.\/(run|finish)$/.test(args.at(-1) ?? "");
  });
}

/**
 * Ends them. A runsv that has nothing under it may be killed: it sleeps for a second after each end of its program, and
 * its log ends by itself when the pipe closes. `pause` waits a little; when `patient` says no more, all are killed.
 */
export async function endSupervision(
  folder: string,
  pause: () => Promise<void>,
  when: { readonly idle: () => boolean; readonly patient: () => boolean },
): Promise<void> {
  for (let left = supervisingProcesses(folder); left.length > 0; left = supervisingProcesses(folder)) {
    const runsv = left.filter((p) => p.args[0]?.endsWith("runsv"));
    control(folder, "dx");
    if (when.idle() || !when.patient()) for (const one of runsv) signalProcess(one, "SIGKILL");
    // Only then, since a runsv would start its log again.
    if (!when.patient() && runsv.length === 0) for (const one of left) signalProcess(one, "SIGKILL");
    await pause();
  }
}
