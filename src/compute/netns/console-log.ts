// A host's console: set-up steps and user data's output in one file of bounded size, which two programs append to.
import { appendFile, readFile, stat, writeFile } from "node:fs/promises";
import type { Clock } from "#lib/clock.ts";

/** What GetConsoleOutput answers at most, in bytes. */
export const consoleBytes = 64 * 1024;

/** Adds a line with its time; a file that grew too long keeps its newest half. */
export async function writeConsole(file: string, clock: Clock, line: string): Promise<void> {
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  );
  if (size > consoleBytes) await writeFile(file, newest(await readFile(file, "utf8"), consoleBytes / 2));
  await appendFile(file, `[${new Date(clock.now()).toISOString()}] ${line}\n`);
}

/** Empty when there is no such host. */
export async function readConsole(file: string): Promise<string> {
  return readFile(file, "utf8").catch(() => "");
}

/** The last `bytes` of a text, from the beginning of a line on. */
export function newest(text: string, bytes: number): string {
  const all = Buffer.from(text);
  if (all.length <= bytes) return text;
  const tail = all.subarray(all.length - bytes).toString();
  return tail.slice(tail.indexOf("\n") + 1);
}
