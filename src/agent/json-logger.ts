// The agent's log: JSON lines on standard error, in the shape of the control plane's. Written without a logging package, whose
// weight the agent's memory goal has no room for.
import type { Logger, LogFields } from "#lib/logger.ts";
import type { Clock } from "#lib/clock.ts";

const LEVELS = { debug: 20, info: 30, warn: 40, error: 50 } as const;

export function createJsonLogger(
  level: keyof typeof LEVELS,
  clock: Clock,
  write: (line: string) => void,
  bound: LogFields = {},
): Logger {
  const log = (name: keyof typeof LEVELS) => (message: string, fields?: LogFields) => {
    if (LEVELS[name] < LEVELS[level]) return;
    const time = new Date(clock.now()).toISOString();
    const line = { level: LEVELS[name], time, ...bound, ...fields, msg: message };
    write(`${JSON.stringify(line, (_, value: unknown) => describe(value))}\n`);
  };
  return {
    debug: log("debug"),
    info: log("info"),
    warn: log("warn"),
    error: log("error"),
    with: (fields) => createJsonLogger(level, clock, write, { ...bound, ...fields }),
  };
}

const describe = (value: unknown): unknown =>
  value instanceof Error ? { name: value.name, message: value.message, stack: value.stack } : value;
