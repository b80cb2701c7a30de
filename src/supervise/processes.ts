// What the kernel says about processes. A process is known by its pid and its start time: a pid alone may be another's by now.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** What names a process for good. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTime: string;
}

/** The start time of a living process; undefined when there is none, or only its zombie. */
export function startTimeOf(pid: number): string | undefined {
  const fields = statOf(pid);
  const state = fields?.[0];
  return state === undefined || state === "Z" || state === "X" ? undefined : fields?.[19];
}

export const isAlive = ({ pid, startTime }: ProcessId): boolean => startTimeOf(pid) === startTime;

export const isSame = (a: ProcessId, b: ProcessId): boolean => a.pid === b.pid && a.startTime === b.startTime;

/** Signals the process if it still is the one named. Answers whether it was. */
export function signalProcess(id: ProcessId, signal: NodeJS.Signals): boolean {
  if (!isAlive(id)) return false;
  try {
    process.kill(id.pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

export interface SeenProcess extends ProcessId {
  readonly args: readonly string[];
  readonly cwd: string | undefined;
}

/** All living processes that `wanted` picks by their arguments. */
export function findProcesses(wanted: (process: SeenProcess) => boolean): readonly SeenProcess[] {
  const found: SeenProcess[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const startTime = startTimeOf(pid);
    if (startTime === undefined) continue;
    const seen = { pid, startTime, args: argsOf(pid), cwd: cwdOf(pid) };
    if (wanted(seen)) found.push(seen);
  }
  return found;
}

/** Seconds since boot: a clock that the machine's shell scripts share with us. */
export function uptimeSeconds(): number {
  return Number(readFileSync("/proc/uptime", "utf8").split(" ", 1)[0]);
}

/** The fields of /proc/PID/stat after the name, which may itself hold spaces and parentheses. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

function argsOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  } catch {
    return [];
  }
}

function cwdOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}
