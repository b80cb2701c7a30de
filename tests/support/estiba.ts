// A whole Estiba of a test's own: its data folder, port and VPC range, started and stopped through the command line.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { clientsFor, connect, type Clients, type Connection } from "#cli/connection.ts";

const run = promisify(execFile);
const program = resolve("bin/estiba.js");

export interface Estiba {
  readonly dataDirectory: string;
  readonly connection: Connection;
  readonly clients: Clients;
  /** Runs a command of the command line; answers what it printed. */
  command(...args: string[]): Promise<string>;
  /** `estiba up -d` with the settings of the first start, and more. */
  up(...more: string[]): Promise<void>;
  /** The control plane's process id as the run file tells it. */
  pid(): number;
  /** Stops everything and removes the data folder. */
  destroy(): Promise<void>;
}

export interface EstibaOptions {
  /** Second octet of the VPC's range; each test file that runs beside another takes its own. */
  readonly vpc?: number;
  readonly flags?: readonly string[];
  /** Settings beyond those of every test. */
  readonly environment?: Readonly<Record<string, string>>;
}

export async function startEstiba({
  vpc = 65,
  flags = [],
  environment: more = {},
}: EstibaOptions = {}): Promise<Estiba> {
  const dataDirectory = mkdtempSync(join(tmpdir(), "estiba-e2e-"));
  const environment = { ...process.env, ESTIBA_STEADY_AFTER_MS: "1000", ...more };
  const command = async (...args: string[]) => {
    const { stdout } = await run(process.execPath, [program, "--data", dataDirectory, ...args], {
      env: environment,
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  };
  const destroy = async () => {
    await command("down").catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
    rmSync(dataDirectory, { recursive: true, force: true });
  };
  const port = String(await freePort());
  const up = (...others: string[]) =>
    command("up", "-d", "--port", port, "--vpc-cidr", `10.${vpc}.0.0/16`, ...flags, ...others);
  try {
    await up();
  } catch (error) {
    await destroy();
    throw error;
  }
  const connection = connect(dataDirectory);
  const clients = clientsFor(connection);
  return {
    dataDirectory,
    connection,
    clients,
    command,
    up: async (...others) => void (await up(...others)),
    pid: () => (JSON.parse(readFileSync(join(dataDirectory, "server.json"), "utf8")) as { pid: number }).pid,
    async destroy() {
      clients.close();
      await destroy();
    },
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolvePort(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Asks until the answer is not undefined. Fails after `seconds` with `what`. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  seconds = 60,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`Not within ${seconds} s: ${what}`);
    await new Promise((next) => setTimeout(next, 100));
  }
}
