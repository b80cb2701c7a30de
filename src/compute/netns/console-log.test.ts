// The console's file stays within its bound and keeps the newest lines.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { TestClock } from "#lib/test-clock.ts";
import { consoleBytes, newest, readConsole, writeConsole } from "./console-log.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "console-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("shows each line with its time", async () => {
  const file = join(folder, "console.log");
  await writeConsole(file, new TestClock(0), "network");
  expect(await readConsole(file)).toBe("[1970-01-01T00:00:00.000Z] network\n");
});

it("is empty where there is no host", async () => {
  expect(await readConsole(join(folder, "none"))).toBe("");
});

it("drops the oldest lines when it has grown too long", async () => {
  const file = join(folder, "console.log");
  for (let i = 0; i < 900; i++) await writeConsole(file, new TestClock(0), `${i} ${"x".repeat(100)}`);
  const text = await readConsole(file);
  expect(statSync(file).size).toBeLessThan(consoleBytes + 200);
  expect(text).toContain("899 x");
  expect(text).not.toContain(" 0 x");
  expect(text.startsWith("[1970")).toBe(true);
});

it("cuts a text at the beginning of a line", () => {
  expect(newest("one\ntwo\nthree\n", 8)).toBe("three\n");
  expect(newest("short\n", 100)).toBe("short\n");
});
