import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dueAfter, readSchedule } from "./schedule.ts";

const MINUTE = 60_000;
const at = (text: string) => Date.parse(`${text}:00Z`);
const due = (expression: string, after: string, since = after): string | undefined => {
  const schedule = readSchedule(expression);
  if (schedule === undefined) throw new Error(`${expression} is no schedule`);
  const time = dueAfter(schedule, at(since), at(after));
  return time === undefined ? undefined : new Date(time).toISOString().slice(0, 16);
};

describe("rate", () => {
  it.each([
    ["rate(1 minute)", "2026-01-01T00:00", "2026-01-01T00:01"],
    ["rate(5 minutes)", "2026-01-01T00:07", "2026-01-01T00:10"],
    ["rate(1 hour)", "2026-01-01T00:00", "2026-01-01T01:00"],
    ["rate(7 days)", "2026-01-09T00:00", "2026-01-15T00:00"],
  ])("%s counts from when the rule was made", (expression, after, expected) => {
    expect(due(expression, after, "2026-01-01T00:00")).toBe(expected);
  });

  it.each([
    "rate(1 minutes)",
    "rate(5 minute)",
    "rate(0 minutes)",
    "rate(-1 minute)",
    "rate(5 weeks)",
    "rate(1.5 hours)",
  ])("%s is refused", (expression) => expect(readSchedule(expression)).toBeUndefined());

  it("is due once in each interval, whenever it is asked", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 500 }), fc.nat(1e9), fc.nat(1e9), (every, since, later) => {
        const schedule = readSchedule(`rate(${every} minutes)`);
        const next = dueAfter(schedule as never, since, since + later) ?? 0;
        expect(next).toBeGreaterThan(since + later);
        expect(next - (since + later)).toBeLessThanOrEqual(every * MINUTE);
        expect((next - since) % (every * MINUTE)).toBe(0);
      }),
    );
  });
});

describe("cron", () => {
  it.each([
    ["cron(0 10 * * ? *)", "2026-01-01T10:00", "2026-01-02T10:00"],
    ["cron(15 12 * * ? *)", "2026-01-01T10:00", "2026-01-01T12:15"],
    ["cron(0 18 ? * MON-FRI *)", "2026-01-02T18:00", "2026-01-05T18:00"],
    ["cron(0 8 1 * ? *)", "2026-01-02T00:00", "2026-02-01T08:00"],
    ["cron(0/15 * * * ? *)", "2026-01-01T00:16", "2026-01-01T00:30"],
    ["cron(0/10 * ? * MON-FRI *)", "2026-01-02T23:55", "2026-01-05T00:00"],
    ["cron(0 0 L * ? *)", "2026-02-01T00:00", "2026-02-28T00:00"],
    ["cron(0 0 L 2 ? *)", "2026-03-01T00:00", "2027-02-28T00:00"],
    ["cron(0 0 29 2 ? *)", "2026-01-01T00:00", "2028-02-29T00:00"],
    ["cron(0 9 ? * 6#3 *)", "2026-01-01T00:00", "2026-01-16T09:00"],
    ["cron(0 9 ? * 6L *)", "2026-01-01T00:00", "2026-01-30T09:00"],
    ["cron(0 9 ? * L *)", "2026-01-01T00:00", "2026-01-03T09:00"],
    ["cron(0 9 3W * ? *)", "2026-01-01T00:00", "2026-01-02T09:00"],
    ["cron(0 9 1W 8 ? *)", "2026-01-01T00:00", "2026-08-03T09:00"],
    ["cron(0 9 31W 5 ? *)", "2026-01-01T00:00", "2026-05-29T09:00"],
    ["cron(0 0 1 JAN ? 2030)", "2026-01-01T00:00", "2030-01-01T00:00"],
    ["cron(5,35 14 * * ? *)", "2026-01-01T14:05", "2026-01-01T14:35"],
  ])("%s after %s is due at %s", (expression, after, expected) => {
    expect(due(expression, after)).toBe(expected);
  });

  it.each(["cron(0 0 31 2 ? *)", "cron(0 0 1 1 ? 2025)"])("%s is never due", (expression) => {
    expect(due(expression, "2026-01-01T00:00")).toBeUndefined();
  });

  it.each([
    "cron(0 10 * * * *)",
    "cron(0 10 ? * ? *)",
    "cron(0 10 * * ?)",
    "cron(60 10 * * ? *)",
    "cron(0 24 * * ? *)",
    "cron(0 10 0 * ? *)",
    "cron(0 10 32W * ? *)",
    "cron(0 10 ? * 8 *)",
    "cron(0 10 ? * 2#6 *)",
    "cron(5-1 10 * * ? *)",
    "cron(0/0 10 * * ? *)",
    "cron(a 10 * * ? *)",
    "cron(0 10 * FOO ? *)",
    "cron(0 10 * * ? 2200)",
    "0 10 * * ? *",
  ])("%s is refused", (expression) => expect(readSchedule(expression)).toBeUndefined());

  /** One field as text, and what it means, by a plain test of each value. */
  const field = (least: number, most: number) =>
    fc.oneof(
      fc.constant({ text: "*", has: () => true }),
      fc.uniqueArray(fc.integer({ min: least, max: most }), { minLength: 1, maxLength: 3 }).map((values) => ({
        text: values.join(","),
        has: (value: number) => values.includes(value),
      })),
      fc
        .tuple(
          fc.integer({ min: least, max: most }),
          fc.integer({ min: 1, max: Math.max(1, Math.floor(most / 2)) }),
        )
        .map(([from, by]) => ({
          text: `${from}/${by}`,
          has: (value: number) => value >= from && (value - from) % by === 0,
        })),
    );

  it("is due at the first minute that its fields name, and at none in between", () => {
    const start = fc.integer({ min: at("2026-01-01T00:00") / MINUTE, max: at("2029-01-01T00:00") / MINUTE });
    fc.assert(
      fc.property(field(0, 59), field(0, 23), field(1, 28), start, (minute, hour, day, from) => {
        const schedule = readSchedule(`cron(${minute.text} ${hour.text} ${day.text} * ? *)`);
        const found = dueAfter(schedule as never, 0, from * MINUTE + 1);
        let expected: number | undefined;
        for (let m = from + 1; expected === undefined; m += 1) {
          const time = new Date(m * MINUTE);
          if (!day.has(time.getUTCDate())) m += 1439 - (m % 1440);
          else if (!hour.has(time.getUTCHours())) m += 59 - (m % 60);
          else if (minute.has(time.getUTCMinutes())) expected = m * MINUTE;
        }
        expect(found).toBe(expected);
      }),
    );
  });

  it("the nearest weekday is one, in the month, and no weekday is nearer", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 31 }), fc.integer({ min: 0, max: 600 }), (day, month) => {
        const schedule = readSchedule(`cron(0 0 ${day}W * ? *)`);
        const start = Date.UTC(2026, month, 1);
        const length = new Date(Date.UTC(2026, month + 1, 0)).getUTCDate();
        const time = dueAfter(schedule as never, 0, start - 1) ?? 0;
        if (day > length) {
          expect(time).toBeGreaterThanOrEqual(start + length * 1440 * MINUTE);
          return;
        }
        const found = new Date(time);
        expect([0, 6]).not.toContain(found.getUTCDay());
        const distances = Array.from({ length }, (_, i) => i + 1)
          .filter((d) => ![0, 6].includes(new Date(start + (d - 1) * 1440 * MINUTE).getUTCDay()))
          .map((d) => Math.abs(d - day));
        expect(Math.abs(found.getUTCDate() - day)).toBe(Math.min(...distances));
      }),
    );
  });
});
