// When a rule with a schedule is due (EventBridge User Guide, "Creating a rule that runs on a schedule"): `rate(5 minutes)` from
// the moment the rule was made, `cron(0 12 ? * MON-FRI *)` in UTC. Epoch milliseconds throughout. Cron's fields stand in cron.ts.
import { nextCron, readCron, type Cron } from "./cron.ts";

export type Schedule =
  { readonly kind: "rate"; readonly everyMs: number } | { readonly kind: "cron"; readonly cron: Cron };

const MINUTE_MS = 60_000;
const UNITS: Readonly<Record<string, number>> = {
  minute: MINUTE_MS,
  hour: 60 * MINUTE_MS,
  day: 24 * 60 * MINUTE_MS,
};
/** EventBridge API reference, PutRule. */
const LONGEST = 256;

/** Undefined for what is no schedule. */
export function readSchedule(text: string): Schedule | undefined {
  if (text.length > LONGEST) return undefined;
  const rate = /^rate\((\d{1,9}) (minute|hour|day)(s?)\)$/.exec(text);
  if (rate !== null) {
    const [, digits = "", unit = "", plural] = rate;
    const value = Number(digits);
    // "rate(1 minutes)" and "rate(5 minute)" are refused by AWS, too.
    const isRight = value > 0 && (value === 1) === (plural === "");
    return isRight ? { kind: "rate", everyMs: value * (UNITS[unit] ?? MINUTE_MS) } : undefined;
  }
  const fields = /^cron\((.*)\)$/.exec(text)?.[1];
  const cron = fields === undefined ? undefined : readCron(fields);
  return cron === undefined ? undefined : { kind: "cron", cron };
}

/** The first time it is due after `time`; undefined when it never is again. `since`: from when a rate counts. */
export function dueAfter(schedule: Schedule, since: number, time: number): number | undefined {
  if (schedule.kind === "cron") return nextCron(schedule.cron, time);
  const { everyMs } = schedule;
  return since + (Math.floor(Math.max(0, time - since) / everyMs) + 1) * everyMs;
}
