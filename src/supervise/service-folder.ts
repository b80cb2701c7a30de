// A service's folder: what is written into it for runsv, and what the scripts left in it to be read.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ServiceSpec } from "#domain/ports/supervisor.ts";
import type { ProcessId } from "./processes.ts";
import { files, logConfig, renderEnvironment, renderFinish, renderLogRun, renderRun } from "./render.ts";

export interface ServiceFolder {
  readonly path: string;
  /** The spec of the last `writeSpec`; undefined when the service was never wholly written. */
  readSpec(): string | undefined;
  /** The scripts. A running script goes on with the text it was started with. */
  writeScripts(spec: ServiceSpec): void;
  /** Last, since it says that the rest is there. */
  writeSpec(spec: ServiceSpec): void;
  /** Forgets terminal code, failures and the wish to be down: what follows is a new start. */
  forgetPast(): void;
  program(): (ProcessId & { readonly startedAt: number }) | undefined;
  terminalExitCode(): number | undefined;
  /** Why the last start did not come as far as the program. */
  refusal(): string | undefined;
  /** Seconds since boot when the program ended last. */
  endedAt(): number | undefined;
  /** The newest lines of the log, oldest first, without the time that stands before each. */
  tail(lines: number): readonly string[];
  forgetFailures(): void;
  /** runsv says that neither program nor scripts run. */
  isDown(): boolean;
  remove(): void;
}

export function serviceFolder(path: string, cgroups: readonly string[]): ServiceFolder {
  const at = (name: string) => join(path, name);
  const read = (name: string): string | undefined => {
    try {
      return readFileSync(at(name), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  };
  const write = (name: string, text: string, mode: number) => {
    if (read(name) === text) return;
    writeFileSync(at(`${name}.new`), text, { mode });
    renameSync(at(`${name}.new`), at(name));
  };
  const number = (name: string) => {
    const text = read(name)?.trim();
    return text === undefined || text === "" ? undefined : Number(text);
  };

  return {
    path,
    readSpec: () => read("spec.json"),
    writeScripts(spec) {
      mkdirSync(at("log/main"), { recursive: true, mode: 0o700 });
      write(files.environment, renderEnvironment(spec.environment), 0o600);
      write("log/main/config", logConfig, 0o600);
      write("log/run", renderLogRun(at("log/main")), 0o700);
      write("finish", renderFinish(spec), 0o700);
      write("run", renderRun(spec, cgroups), 0o700);
    },
    writeSpec: (spec) => write("spec.json", canonical(spec), 0o600),
    forgetPast() {
      for (const name of [files.program, files.terminal, files.failures, files.ended, files.refused, "down"])
        rmSync(at(name), { force: true });
    },
    program() {
      const [pid, startTime, startedAt] = read(files.program)?.trim().split(" ") ?? [];
      if (pid === undefined || startTime === undefined) return undefined;
      return { pid: Number(pid), startTime, startedAt: Number(startedAt) };
    },
    terminalExitCode: () => number(files.terminal),
    refusal: () => read(files.refused)?.trim(),
    endedAt: () => number(files.ended),
    tail(lines) {
      const count = (texts: readonly string[]) => texts.reduce((sum, t) => sum + t.split("\n").length, 0);
      const texts = [read("log/main/current") ?? ""];
      // svlogd names finished files by their time: the newest is the last.
      for (const name of finishedLogs(at("log/main")).reverse()) {
        if (count(texts) > lines) break;
        texts.unshift(read(`log/main/${name}`) ?? "");
      }
      const all = texts
        .join("")
        .split("\n")
        .filter((line) => line !== "");
      return all
        .slice(Math.max(0, all.length - lines))
        .map((line) => line.replace(/^\d{4}-\d\d-\d\d_[\d:.]+ /, ""));
    },
    forgetFailures() {
      for (const name of [files.failures, files.refused]) rmSync(at(name), { force: true });
    },
    isDown: () => read("supervise/stat")?.startsWith("down") ?? true,
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

const finishedLogs = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.startsWith("@"))
        .sort()
    : [];

/** The same text for equal specs, in whatever order their members were given. */
export function canonical(spec: ServiceSpec): string {
  return JSON.stringify(spec, (_key, value: unknown) =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
