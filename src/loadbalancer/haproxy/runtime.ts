// A typed client of the HAProxy master's socket (management guide, "Master CLI"): every worker is reached through it.
import { connect } from "node:net";
import type { Clock } from "#lib/clock.ts";

export interface ProxyProcesses {
  readonly masterPid: number;
  /** The worker that takes new connections; absent while there is none. */
  readonly current?: number;
  /** Workers of earlier configurations that still hold connections. */
  readonly old: readonly number[];
}

export interface ServerStat {
  readonly backend: string;
  readonly server: string;
  /** For instance `UP`, `UP 1/3`, `DOWN`, `MAINT`, `no check`. */
  readonly status: string;
  /** For instance `L7OK`, `L7STS`, `L4CON`, `L4TOUT`, `L7TOUT`, `INI`. */
  readonly checkStatus: string;
  readonly checkCode: string;
  readonly sessions: number;
  readonly queued: number;
  readonly address: string;
}

export class RuntimeUnreachable extends Error {
  override readonly name = "RuntimeUnreachable";
}

export interface HaproxyRuntime {
  processes(): Promise<ProxyProcesses>;
  /** Runs commands in one worker, in order, over one connection; the answers joined. */
  worker(pid: number, commands: readonly string[]): Promise<string>;
  servers(pid: number): Promise<readonly ServerStat[]>;
  /** The text after `estiba-` in the worker's description. */
  fingerprint(pid: number): Promise<string | undefined>;
  /** Ends the sessions of these servers, `backend/server` each, in a worker that takes no command about servers any more. */
  endSessions(pid: number, paths: readonly string[]): Promise<void>;
  reload(): Promise<void>;
}

const answerTimeoutMs = 5000;
/** The CLI reads lines of up to a buffer (16 KiB); batches stay well below. */
const batchLength = 8000;

export function createHaproxyRuntime(socketPath: string, clock: Clock): HaproxyRuntime {
  const ask = (line: string) => askSocket(socketPath, line, clock);
  const worker = async (pid: number, commands: readonly string[]): Promise<string> => {
    let answers = "";
    for (const line of batches(commands)) answers += await ask(`@!${pid}; ${line}`);
    return answers;
  };
  return {
    worker,
    processes: async () => parseProcesses(await ask("show proc")),
    servers: async (pid) => parseStat(await worker(pid, ["show stat -1 4 -1"])),
    fingerprint: async (pid) => /^description: estiba-(\S+)/m.exec(await worker(pid, ["show info"]))?.[1],
    async endSessions(pid, paths) {
      const sessions = parseSessions(await worker(pid, ["show sess"]));
      const ending = sessions.filter((s) => paths.includes(`${s.backend}/${s.server}`));
      await worker(
        pid,
        ending.map((s) => `shutdown session ${s.id}`),
      );
    },
    reload: async () => void (await ask("reload")),
  };
}

function batches(commands: readonly string[]): string[] {
  const lines: string[] = [];
  for (const command of commands) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + command.length < batchLength)
      lines[lines.length - 1] = `${last}; ${command}`;
    else lines.push(command);
  }
  return lines;
}

function askSocket(path: string, line: string, clock: Clock): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = "";
    const timer = clock.after(answerTimeoutMs, () => socket.destroy(new Error("no answer in time")));
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => (text += chunk));
    socket.on("error", (error) => {
      timer.cancel();
      reject(new RuntimeUnreachable(`${path}: ${error.message}`));
    });
    socket.on("close", () => {
      timer.cancel();
      resolve(text);
    });
    // The master answers, then closes only once our side is closed.
    socket.end(`${line}\n`);
  });
}

export function parseProcesses(text: string): ProxyProcesses {
  let masterPid = 0;
  let section = "";
  const workers: number[] = [];
  const old: number[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("#")) section = line.slice(1).trim();
    const [pid, type] = line.split(/\s+/);
    if (type === "master") masterPid = Number(pid);
    if (type === "worker") (section === "old workers" ? old : workers).push(Number(pid));
  }
  if (masterPid === 0) throw new RuntimeUnreachable("the master's answer names no master");
  return { masterPid, old, ...(workers[0] === undefined ? {} : { current: workers[0] }) };
}

/** `show stat` is CSV with a header line; check descriptions may be quoted, what we read comes before or is plain. */
export function parseStat(text: string): ServerStat[] {
  const lines = text.split("\n");
  const header = lines
    .find((line) => line.startsWith("# "))
    ?.slice(2)
    .split(",");
  if (header === undefined) return [];
  return lines
    .filter((line) => line !== "" && !line.startsWith("# "))
    .map((line) => {
      const cells = line.match(/("([^"]|"")*"|[^,]*)(,|$)/g)?.map((c) => c.replace(/,$/, "")) ?? [];
      const cell = (name: string) => cells[header.indexOf(name)] ?? "";
      return {
        backend: cell("pxname"),
        server: cell("svname"),
        status: cell("status"),
        checkStatus: cell("check_status").replace(/^\* /, ""),
        checkCode: cell("check_code"),
        sessions: Number(cell("scur") || 0),
        queued: Number(cell("qcur") || 0),
        address: cell("addr"),
      };
    });
}

export interface Session {
  /** The pointer by which the worker knows it. */
  readonly id: string;
  readonly backend: string;
  readonly server: string;
}

/** Of `show sess`: a line for each session, `0x…: proto=… be=<backend> srv=<server> …`. */
export function parseSessions(text: string): Session[] {
  return text.split("\n").flatMap((line) => {
    const match = /^(0x[0-9a-f]+): .* be=(\S+) srv=(\S+) /.exec(line);
    return match === null ? [] : [{ id: match[1] ?? "", backend: match[2] ?? "", server: match[3] ?? "" }];
  });
}
