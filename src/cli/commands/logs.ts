// `estiba logs <service>`: what all tasks of a service write, in one stream, read through the public APIs as anybody could.
import {
  CloudWatchLogsClient,
  paginateFilterLogEvents,
  ResourceNotFoundException,
  type FilteredLogEvent,
} from "@aws-sdk/client-cloudwatch-logs";
import { sleep, systemClock, type Clock } from "#lib/clock.ts";
import { clientsFor, type Connection } from "../connection.ts";
import { logSources, taskIdsOf, type LogSource } from "./log-sources.ts";

export interface LogsOptions {
  readonly cluster?: string;
  readonly follow?: boolean;
  /** `90s`, `10m`, `2h`, `3d`, or a time as ISO 8601 writes it. */
  readonly since?: string;
  /** A filter pattern of CloudWatch Logs. */
  readonly filter?: string;
}

export interface LogsOutput {
  readonly print: (line: string) => void;
  /** Something to say that is no log line. */
  readonly warn: (line: string) => void;
  readonly colours: boolean;
}

const POLL_MS = 1000;
/** Events of several sources arrive out of order: each look goes back as far, and leaves out what was printed. */
const LATE_MS = 10_000;

/** Ends when all is printed or, when it follows, when `signal` says so. @throws Error in words for whoever typed it */
export async function logs(
  connection: Connection,
  service: string,
  { cluster = "default", follow = false, since = "10m", filter }: LogsOptions,
  output: LogsOutput,
  signal: AbortSignal = new AbortController().signal,
  clock: Clock = systemClock,
): Promise<void> {
  const clients = clientsFor(connection);
  const readers = new Map<string, CloudWatchLogsClient>();
  const readerOf = (region: string): CloudWatchLogsClient => {
    const known = readers.get(region) ?? new CloudWatchLogsClient({ ...connection, region, maxAttempts: 3 });
    readers.set(region, known);
    return known;
  };
  try {
    const format = createFormat(output.colours);
    let from = readSince(since, clock.now());
    const printed = new Map<string, number>();
    let missing: string[] = [];
    for (;;) {
      const sources = await logSources(clients.ecs, cluster, service);
      const tasks = await taskIdsOf(clients.ecs, cluster, service);
      const found: Line[] = [];
      const absent: string[] = [];
      for (const [key, containers] of byPrefix(sources)) {
        const { region, group, prefix } = JSON.parse(key) as Omit<LogSource, "container">;
        const wanted = { region, group, prefix, containers, tasks };
        const lines = await read(readerOf(region), wanted, from, filter);
        if (lines === undefined) absent.push(group);
        else found.push(...lines);
      }
      for (const group of absent.filter((g) => !missing.includes(g)))
        output.warn(`The log group ${group} does not exist yet.`);
      missing = absent;
      found.sort((a, b) => a.timestamp - b.timestamp || (a.id < b.id ? -1 : 1));
      for (const line of found) {
        if (printed.has(line.id)) continue;
        printed.set(line.id, line.timestamp);
        output.print(format(line));
      }
      if (!follow) return;
      const newest = found.at(-1)?.timestamp ?? from;
      from = Math.max(from, newest - LATE_MS);
      for (const [id, timestamp] of printed) if (timestamp < from) printed.delete(id);
      if (
        await sleep(clock, POLL_MS, signal).then(
          () => false,
          () => true,
        )
      )
        return;
    }
  } finally {
    clients.close();
    for (const reader of readers.values()) reader.destroy();
  }
}

interface Line {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly container: string;
  readonly task: string;
  readonly message: string;
}

interface Wanted {
  readonly group: string;
  readonly prefix: string;
  readonly containers: ReadonlySet<string>;
  readonly tasks: ReadonlySet<string>;
}

const byPrefix = (sources: readonly LogSource[]): Map<string, Set<string>> => {
  const out = new Map<string, Set<string>>();
  for (const { region, group, prefix, container } of sources) {
    const key = JSON.stringify({ region, group, prefix });
    out.set(key, (out.get(key) ?? new Set()).add(container));
  }
  return out;
};

/** Undefined: there is no such group. */
async function read(
  client: CloudWatchLogsClient,
  { group, prefix, containers, tasks }: Wanted,
  startTime: number,
  filterPattern: string | undefined,
): Promise<Line[] | undefined> {
  const lines: Line[] = [];
  try {
    const input = { logGroupName: group, logStreamNamePrefix: `${prefix}/`, startTime, filterPattern };
    for await (const page of paginateFilterLogEvents({ client }, input))
      for (const event of page.events ?? []) {
        const [container = "", task = ""] = (event.logStreamName ?? "").slice(prefix.length + 1).split("/");
        // Other services may write to the same group with the same prefix.
        if (containers.has(container) && tasks.has(task)) lines.push(lineOf(event, group, container, task));
      }
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
  return lines;
}

const lineOf = (event: FilteredLogEvent, group: string, container: string, task: string): Line => ({
  id: `${event.eventId ?? ""} ${group}`,
  timestamp: event.timestamp ?? 0,
  container,
  task,
  message: (event.message ?? "").replace(/\r?\n$/, ""),
});

/** ANSI colours that can be read on light and on dark. */
const COLOURS = [36, 32, 33, 35, 34, 31, 96, 92, 93, 95];

function createFormat(colours: boolean): (line: Line) => string {
  const colourOf = new Map<string, number>();
  return ({ timestamp, container, task, message }) => {
    const known = colourOf.get(task) ?? COLOURS[colourOf.size % COLOURS.length] ?? 0;
    colourOf.set(task, known);
    const date = new Date(timestamp);
    const time = [date.getHours(), date.getMinutes(), date.getSeconds()]
      .map((n) => String(n).padStart(2, "0"))
      .join(":");
    const name = `${container}/${task.slice(0, 8)}`;
    return `${time} ${colours ? `\u001b[${known}m${name}\u001b[0m` : name} ${message}`;
  };
}

/** @throws Error that names what it cannot read */
export function readSince(text: string, now: number): number {
  const [, amount, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const units = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
  if (amount !== undefined) return now - Number(amount) * units[unit as keyof typeof units];
  const time = Date.parse(text);
  if (Number.isNaN(time))
    throw new Error(`--since ${text} is neither a duration as 10m nor a time as 2026-01-31T12:00:00Z.`);
  return time;
}
