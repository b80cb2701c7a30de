// The data folder: its layout, the lock that keeps a second server out, and the secrets made at the first start (files 0600).
import { hkdfSync, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  openSync,
  fsyncSync,
  closeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { BadConfiguration } from "./config.ts";

export interface StateFolder {
  readonly root: string;
  readonly rows: string;
  readonly hosts: string;
  readonly images: string;
  readonly services: string;
  readonly haproxy: string;
  readonly logs: string;
  readonly lockFile: string;
  readonly rootCredentialsFile: string;
  readonly keysFile: string;
  /** Where a running server tells how it is reached. */
  readonly runFile: string;
}

export function stateFolder(root: string): StateFolder {
  return {
    root,
    rows: join(root, "rows"),
    hosts: join(root, "hosts"),
    images: join(root, "images"),
    services: join(root, "services"),
    haproxy: join(root, "haproxy"),
    logs: join(root, "logs"),
    lockFile: join(root, "server.lock"),
    rootCredentialsFile: join(root, "root-credentials.json"),
    keysFile: join(root, "keys.json"),
    runFile: join(root, "server.json"),
  };
}

export interface RootCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What a running server writes about itself. */
export interface RunFile {
  readonly pid: number;
  readonly endpoint: string;
  /** Where other machines join, if they can. */
  readonly joinEndpoint?: string;
  readonly region: string;
  readonly account: string;
  readonly engine: "docker" | "sim";
}

/** Root's keys: from the environment when both variables are set, else those of the first start. */
export function rootCredentials(
  folder: StateFolder,
  environment: Readonly<Record<string, string | undefined>>,
): RootCredentials {
  const accessKeyId = environment["ESTIBA_ROOT_ACCESS_KEY_ID"];
  const secretAccessKey = environment["ESTIBA_ROOT_SECRET_ACCESS_KEY"];
  if (accessKeyId && secretAccessKey) {
    const given = { accessKeyId, secretAccessKey };
    writePrivate(folder.rootCredentialsFile, given);
    return given;
  }
  const stored = readJson<RootCredentials>(folder.rootCredentialsFile);
  if (stored !== undefined) return stored;
  const made = {
    accessKeyId: `AKIA${base32(10)}`,
    secretAccessKey: randomBytes(30).toString("base64"),
  };
  writePrivate(folder.rootCredentialsFile, made);
  return made;
}

export interface ServerKeys {
  /** Seals session tokens and, each under a key derived for its purpose, whatever rows keep secret. */
  readonly session: Buffer;
  /** Signs identity documents. */
  readonly identity: Buffer;
}

interface StoredKeys {
  readonly session: string;
  readonly identity: string;
}

/**
 * The keys of the first start, or those of ESTIBA_MASTER_KEY (64 hexadecimal digits), which are written nowhere: of them the
 * folder keeps a fingerprint only: what was sealed under one key opens with no other. @throws BadConfiguration
 */
export function serverKeys(
  folder: StateFolder,
  environment: Readonly<Record<string, string | undefined>> = {},
): ServerKeys {
  const stored = readJson<StoredKeys | { readonly fingerprint: string }>(folder.keysFile);
  const given = environment["ESTIBA_MASTER_KEY"];
  if (given === undefined || given === "") {
    if (stored !== undefined && "fingerprint" in stored)
      throw new BadConfiguration("This data folder was made with a master key: set ESTIBA_MASTER_KEY.");
    const keys = stored ?? {
      session: randomBytes(32).toString("hex"),
      identity: randomBytes(32).toString("hex"),
    };
    if (stored === undefined) writePrivate(folder.keysFile, keys);
    return { session: Buffer.from(keys.session, "hex"), identity: Buffer.from(keys.identity, "hex") };
  }
  if (!/^[0-9a-f]{64}$/i.test(given))
    throw new BadConfiguration("ESTIBA_MASTER_KEY must be 64 hexadecimal digits: openssl rand -hex 32");
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync("sha256", Buffer.from(given, "hex"), "", `estiba master ${purpose}`, 32));
  const fingerprint = derive("fingerprint").toString("hex");
  if (stored === undefined) writePrivate(folder.keysFile, { fingerprint });
  else if (!("fingerprint" in stored))
    throw new BadConfiguration(
      `This data folder has keys of its own in ${folder.keysFile}: start it without ESTIBA_MASTER_KEY.`,
    );
  else if (stored.fingerprint !== fingerprint)
    throw new BadConfiguration("ESTIBA_MASTER_KEY is not the key that this data folder was made with.");
  return { session: derive("session"), identity: derive("identity") };
}

export class AlreadyRunning extends Error {
  override readonly name = "AlreadyRunning";
}

/** Takes the folder for this process; a lock whose owner is dead is taken over. @throws AlreadyRunning */
export function lockFolder(folder: StateFolder): () => void {
  // Others may pass through to what is made for them (the DNS server's names, engines' files), and see nothing else.
  mkdirSync(folder.root, { recursive: true, mode: 0o711 });
  for (const own of [folder.rows, folder.images, folder.services, folder.haproxy, folder.logs])
    mkdirSync(own, { recursive: true, mode: 0o700 });
  const owner = readJson<{ pid: number; startTime: string }>(folder.lockFile);
  if (owner !== undefined && owner.pid !== process.pid && startTimeOf(owner.pid) === owner.startTime) {
    throw new AlreadyRunning(
      `A server with the data folder ${folder.root} is running already (pid ${owner.pid}).`,
    );
  }
  writePrivate(folder.lockFile, { pid: process.pid, startTime: startTimeOf(process.pid) ?? "" });
  return () => rmSync(folder.lockFile, { force: true });
}

/** A process's start time in clock ticks since boot: with the pid it names a process for good. */
export function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

export function readJson<T>(file: string): T | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as T) : undefined;
}

/** Whole or not at all, readable by its owner only. */
export function writePrivate(file: string, value: unknown): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o711 });
  const temporary = `${file}.new`;
  writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  const handle = openSync(temporary, "r");
  fsyncSync(handle);
  closeSync(handle);
  renameSync(temporary, file);
}

function base32(bytes: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  return [...randomBytes(16)]
    .slice(0, Math.max(16, bytes))
    .map((b) => alphabet[b % 32])
    .join("");
}
