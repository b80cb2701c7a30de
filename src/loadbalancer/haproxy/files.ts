// The driver's folder (0700): configuration, map, state and error pages, each replaced in one step; and `haproxy -c`.
import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { StructureRefused } from "../port.ts";
import { errorPage, errorStatuses } from "./error-pages.ts";

export interface ProxyFiles {
  readonly configPath: string;
  readonly masterSocket: string;
  prepare(): Promise<void>;
  write(name: string, text: string): Promise<void>;
  read(name: string): Promise<string>;
  /** @throws StructureRefused with HAProxy's words. */
  check(config: string): Promise<void>;
}

export const configName = "haproxy.cfg";

export function createProxyFiles(directory: string, haproxyPath: string): ProxyFiles {
  const write = async (name: string, text: string) => {
    await writeFile(join(directory, `${name}.new`), text, { mode: 0o600 });
    await rename(join(directory, `${name}.new`), join(directory, name));
  };
  return {
    configPath: join(directory, configName),
    masterSocket: join(directory, "master.sock"),
    write,
    read: (name) => readFile(join(directory, name), "utf8").catch(() => ""),
    async prepare() {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await chmod(directory, 0o700);
      for (const status of errorStatuses) await write(`${status}.http`, errorPage(status));
    },
    async check(config) {
      const candidate = join(directory, "candidate.cfg");
      await writeFile(candidate, config, { mode: 0o600 });
      try {
        await run(haproxyPath, ["-c", "-f", candidate]);
      } finally {
        await rm(candidate, { force: true });
      }
    },
  };
}

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: 20_000 }, (error, _stdout, stderr) => {
      if (error === null) resolve();
      else
        reject(
          new StructureRefused(
            stderr
              .split("\n")
              .filter((line) => line.startsWith("[ALERT]"))
              .join(" ") || error.message,
          ),
        );
    });
  });
}
