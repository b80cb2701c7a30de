// What a machine must have to run real hosts, looked at without changing anything. The texts are `estiba doctor`'s.
import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { cgroupHierarchies } from "#supervise/cgroups.ts";
import { networkNames } from "#network/names.ts";
import { rangeUser, type Route } from "#network/ranges.ts";
import type { ServerConfig } from "#server/config.ts";
import { scopeOf } from "#server/machine.ts";
import { stateFolder } from "#server/state-folder.ts";
import { readRunFile } from "../connection.ts";
import { findProgram, gvisor, programs } from "./programs.ts";

export interface Requirement {
  readonly name: string;
  /** Why it is needed and what is wrong with it. */
  readonly explanation: string;
  /** What to do about it. */
  readonly remedy: string;
}

export interface Finding extends Requirement {
  readonly met: boolean;
}

/** Images, containers' files and state begin with this much; less makes the first task fail half-way. */
const DISK_BYTES = 1024 ** 3;

export async function findings(config: ServerConfig): Promise<readonly Finding[]> {
  const root = process.getuid?.() === 0;
  const rest = root ? [await namespaces(), await firewall(), await addressRange(config), hostsFile()] : [];
  return [
    finding("root", root, "Hosts are namespaces, cgroups and mounts of this machine.", "Run it as root."),
    ...[...programs, ...(config.fargateRuntime === "runsc" ? [gvisor] : [])].map((program) =>
      finding(
        program.command,
        findProgram(program.command) !== undefined,
        program.purpose,
        `Debian: apt-get install ${program.package}, or npm run setup.`,
      ),
    ),
    cgroups(),
    ...rest,
    await port(config),
    disk(config.dataDirectory),
  ];
}

const finding = (name: string, met: boolean, explanation: string, remedy: string): Finding => ({
  name,
  met,
  explanation,
  remedy,
});

function cgroups(): Finding {
  const all = cgroupHierarchies();
  const writable = all.filter((folder) => {
    try {
      accessSync(folder, constants.W_OK);
      return true;
    } catch {
      return false;
    }
  });
  const unified = writable.filter((folder) => existsSync(`${folder}/cgroup.controllers`));
  const offered = new Set([
    ...writable.flatMap((folder) => folder.split("/").at(-1)?.split(",") ?? []),
    ...unified.flatMap((folder) => readFileSync(`${folder}/cgroup.controllers`, "utf8").trim().split(/\s+/)),
  ]);
  const lacking = ["cpu", "memory", "pids"].filter((controller) => !offered.has(controller));
  return finding(
    "cgroups",
    lacking.length === 0,
    lacking.length === 0
      ? "Control groups size hosts and tasks."
      : `Control groups size hosts and tasks; no writable one offers: ${lacking.join(", ")}.`,
    "Mount them writable (in a container: run it privileged, with the host's cgroup namespace).",
  );
}

async function namespaces(): Promise<Finding> {
  const problem = await attempt("unshare", [
    ...["--net", "--mount", "--uts", "--ipc", "--pid", "--fork"],
    ...["ip", "link", "add", "estiba0", "type", "veth", "peer", "name", "estiba1"],
  ]);
  return finding(
    "namespaces",
    problem === undefined,
    `A host is a set of namespaces, joined by veth links${problem === undefined ? "." : `; the kernel says: ${problem}`}`,
    "Use a kernel with namespaces and veth; in a container, run it privileged.",
  );
}

async function firewall(): Promise<Finding> {
  const rules =
    "table inet estiba { chain forward { type filter hook forward priority 0; ct state established accept; ip ttl 1 drop; }; }";
  const problem = await attempt("unshare", ["--net", "nft", rules]);
  return finding(
    "nftables",
    problem === undefined,
    `Security groups are nftables rules with connection tracking${problem === undefined ? "." : `; the kernel says: ${problem}`}`,
    "Load the modules nf_tables and nf_conntrack, or use a kernel that has them.",
  );
}

async function addressRange(config: ServerConfig): Promise<Finding> {
  const folder = stateFolder(config.dataDirectory);
  const own = existsSync(folder.root) ? networkNames(scopeOf(folder)).rootInterfacePrefix : undefined;
  const routes = await output("ip", ["-4", "-j", "route", "show", "table", "all"]).then(
    (text) => JSON.parse(text) as readonly Route[],
    () => [],
  );
  const others = routes.filter(({ dev }) => own === undefined || dev?.startsWith(own) !== true);
  const user = rangeUser(config.defaultVpcCidr, others, "");
  const by = user?.device === undefined ? user?.what : `the device ${user.device}`;
  return finding(
    "VPC range",
    user === undefined,
    user === undefined
      ? `The default VPC's range ${config.defaultVpcCidr} is free.`
      : `The default VPC's range ${config.defaultVpcCidr} overlaps ${user.range}, used by ${by ?? "a route of this machine"}.`,
    "Choose another: --vpc-cidr 10.65.0.0/16 or ESTIBA_VPC_CIDR.",
  );
}

function hostsFile(): Finding {
  let met = true;
  try {
    accessSync("/etc/hosts", constants.W_OK);
  } catch {
    met = false;
  }
  return finding(
    "/etc/hosts",
    met,
    "Load balancers' names are kept there while Estiba runs, in a marked block.",
    "Make the file writable.",
  );
}

/** Taken by this data folder's own server is as good as free. */
async function port({ host, port: wanted, dataDirectory }: ServerConfig): Promise<Finding> {
  const own = readRunFile(dataDirectory)?.endpoint === `http://${host}:${wanted}`;
  const problem = own || wanted === 0 ? undefined : await cannotListen(host, wanted);
  return finding(
    `port ${wanted}`,
    problem === undefined,
    problem === undefined
      ? `The endpoint is ${host}:${wanted}${own ? ", where this data folder's server runs" : ""}.`
      : `The endpoint cannot be ${host}:${wanted}: ${problem}.`,
    "Stop what uses it, or choose another: --port or ESTIBA_PORT.",
  );
}

function cannotListen(host: string, wanted: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code === "EADDRINUSE" ? "another program listens there" : error.message),
    );
    server.listen(wanted, host, () => server.close(() => resolve(undefined)));
  });
}

function disk(dataDirectory: string): Finding {
  let folder = dataDirectory;
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  return finding(
    "disk space",
    free >= DISK_BYTES,
    `${dataDirectory} holds images, containers' files and the state; ${(free / 1024 ** 3).toFixed(1)} GiB are free there.`,
    "Free at least 1 GiB, or choose another folder: --data or ESTIBA_DATA.",
  );
}

const output = (command: string, args: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const file = findProgram(command);
    if (file === undefined) return reject(new Error(`there is no ${command}`));
    const env = { ...process.env, LC_ALL: "C", PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };
    execFile(file, [...args], { timeout: 10_000, env }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      reject(new Error(stderr.trim().split("\n")[0] || error.message));
    });
  });

/** What the program says when it fails. */
const attempt = (command: string, args: readonly string[]): Promise<string | undefined> =>
  output(command, args).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
