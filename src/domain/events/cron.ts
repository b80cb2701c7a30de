// AWS's cron of six fields: minutes, hours, day of month, month, day of week, year (EventBridge User Guide, "Cron expressions").
// UTC. Of the two days one is `?`. `L` is the last day, `15W` the weekday nearest to the 15th, `6#3` the third Friday.

export interface Cron {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly months: readonly number[];
  readonly years: readonly number[];
  readonly isDay: (day: Day) => boolean;
}

interface Day {
  readonly dayOfMonth: number;
  /** 1 is Sunday. */
  readonly dayOfWeek: number;
  readonly daysInMonth: number;
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** `fields`: what stands between the parentheses. Undefined for what is no cron expression. */
export function readCron(fields: string): Cron | undefined {
  const parts = fields.trim().split(/\s+/);
  if (parts.length !== 6) return undefined;
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = "", year = ""] = parts;
  // AWS: one of the two says which days, the other is "?".
  if ((dayOfMonth === "?") === (dayOfWeek === "?")) return undefined;
  const minutes = readField(minute, 0, 59);
  const hours = readField(hour, 0, 23);
  const months = readField(month, 1, 12, MONTHS);
  const years = readField(year, 1970, 2199);
  const isDay = dayOfWeek === "?" ? readDayOfMonth(dayOfMonth) : readDayOfWeek(dayOfWeek);
  if (!minutes || !hours || !months || !years || !isDay) return undefined;
  return { minutes, hours, months, years, isDay };
}

/** The first minute after `time` that the expression names; undefined when there is none. */
export function nextCron(cron: Cron, time: number): number | undefined {
  const first = (Math.floor(time / MINUTE_MS) + 1) * MINUTE_MS;
  const from = new Date(first);
  for (const year of cron.years) {
    if (year < from.getUTCFullYear()) continue;
    for (const month of cron.months) {
      const start = Date.UTC(year, month - 1, 1);
      const daysInMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
      if (start + daysInMonth * DAY_MS <= first) continue;
      for (let dayOfMonth = 1; dayOfMonth <= daysInMonth; dayOfMonth += 1) {
        const day = start + (dayOfMonth - 1) * DAY_MS;
        if (day + DAY_MS <= first) continue;
        const dayOfWeek = new Date(day).getUTCDay() + 1;
        if (!cron.isDay({ dayOfMonth, dayOfWeek, daysInMonth })) continue;
        const due = firstInDay(cron, day, first);
        if (due !== undefined) return due;
      }
    }
  }
  return undefined;
}

function firstInDay({ hours, minutes }: Cron, day: number, first: number): number | undefined {
  for (const hour of hours) {
    for (const minute of minutes) {
      const time = day + (hour * 60 + minute) * MINUTE_MS;
      if (time >= first) return time;
    }
  }
  return undefined;
}

/** The values, ascending; undefined for what cannot be read. */
function readField(
  text: string,
  least: number,
  most: number,
  names: readonly string[] = [],
): readonly number[] | undefined {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const [range = "", step, ...more] = part.split("/");
    const [from, to, ...rest] = range === "*" ? [String(least), String(most)] : range.split("-");
    const low = readNumber(from ?? "", least, most, names);
    // `5/15` goes on to the end, `5` alone does not.
    const high = to === undefined ? (step === undefined ? low : most) : readNumber(to, least, most, names);
    const by = step === undefined ? 1 : readNumber(step, 1, most, []);
    const isRead = low !== undefined && high !== undefined && by !== undefined;
    if (!isRead || low > high || more.length > 0 || rest.length > 0) return undefined;
    for (let value = low; value <= high; value += by) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}

function readNumber(text: string, least: number, most: number, names: readonly string[]): number | undefined {
  const named = names.indexOf(text.toUpperCase());
  if (named >= 0) return named + least;
  const value = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  return value >= least && value <= most ? value : undefined;
}

type IsDay = Cron["isDay"];

/** Any of the list's parts. */
function anyOf(text: string, read: (part: string) => IsDay | undefined): IsDay | undefined {
  const parts = text.split(",").map(read);
  const known = parts.filter((part) => part !== undefined);
  return known.length === parts.length ? (day) => known.some((part) => part(day)) : undefined;
}

const readDayOfMonth = (text: string): IsDay | undefined =>
  anyOf(text, (part) => {
    if (part === "L") return ({ dayOfMonth, daysInMonth }) => dayOfMonth === daysInMonth;
    const near = /^(\d{1,2})W$/.exec(part)?.[1];
    if (near !== undefined) {
      const wanted = readNumber(near, 1, 31, []);
      return wanted === undefined ? undefined : (day) => isNearestWeekday(day, wanted);
    }
    const values = readField(part, 1, 31);
    return values === undefined ? undefined : ({ dayOfMonth }) => values.includes(dayOfMonth);
  });

/** The weekday nearest to the `wanted` day of the month, within the month. */
function isNearestWeekday({ dayOfMonth, dayOfWeek, daysInMonth }: Day, wanted: number): boolean {
  if (wanted > daysInMonth) return false;
  const weekdayOf = (day: number) => (((dayOfWeek - 1 + day - dayOfMonth) % 7) + 7) % 7;
  const on = weekdayOf(wanted);
  if (on !== 0 && on !== 6) return dayOfMonth === wanted;
  const before = on === 6 ? wanted - 1 : wanted - 2;
  const after = on === 6 ? wanted + 2 : wanted + 1;
  if (on === 6) return dayOfMonth === (before < 1 ? after : before);
  return dayOfMonth === (after > daysInMonth ? before : after);
}

const readDayOfWeek = (text: string): IsDay | undefined =>
  anyOf(text, (part) => {
    if (part === "L") return ({ dayOfWeek }) => dayOfWeek === 7;
    const [, dayText = "", which = ""] = /^(\w+?)(L|#[1-5])$/.exec(part) ?? [];
    if (which !== "") {
      const wanted = readNumber(dayText, 1, 7, DAYS);
      if (wanted === undefined) return undefined;
      if (which === "L")
        return ({ dayOfWeek, dayOfMonth, daysInMonth }) =>
          dayOfWeek === wanted && dayOfMonth > daysInMonth - 7;
      const nth = Number(which.slice(1));
      return ({ dayOfWeek, dayOfMonth }) => dayOfWeek === wanted && Math.ceil(dayOfMonth / 7) === nth;
    }
    const values = readField(part, 1, 7, DAYS);
    return values === undefined ? undefined : ({ dayOfWeek }) => values.includes(dayOfWeek);
  });
