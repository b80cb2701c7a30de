// The programs that real hosts need, Debian's package of each, and how each tells its version.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

export interface Program {
  readonly command: string;
  readonly package: string;
  readonly purpose: string;
  /** Arguments that make it print its version; absent when it cannot. */
  readonly version?: readonly string[];
}

export const programs: readonly Program[] = [
  {
    command: "dockerd",
    package: "docker.io",
    purpose: "Each instance runs an engine of its own.",
    version: ["--version"],
  },
  {
    command: "containerd",
    package: "containerd",
    purpose: "All engines keep their containers in one.",
    version: ["--version"],
  },
  {
    command: "containerd-shim-runc-v2",
    package: "containerd",
    purpose: "Keeps containers while an engine restarts.",
  },
  { command: "runc", package: "runc", purpose: "Starts containers.", version: ["--version"] },
  { command: "haproxy", package: "haproxy", purpose: "The load balancer.", version: ["-v"] },
  { command: "ip", package: "iproute2", purpose: "Makes the networks.", version: ["-V"] },
  { command: "nft", package: "nftables", purpose: "Enforces security groups.", version: ["--version"] },
  {
    command: "iptables",
    package: "iptables",
    purpose: "Engines publish ports with it.",
    version: ["--version"],
  },
  { command: "dnsmasq", package: "dnsmasq-base", purpose: "Answers names in VPCs.", version: ["--version"] },
  { command: "runsv", package: "runit", purpose: "Keeps everything running without the control plane." },
  { command: "svlogd", package: "runit", purpose: "Keeps the logs." },
  {
    command: "nsenter",
    package: "util-linux",
    purpose: "Starts programs inside hosts.",
    version: ["--version"],
  },
  { command: "unshare", package: "util-linux", purpose: "Makes hosts' namespaces.", version: ["--version"] },
];

/** Not needed, unless it is asked for. */
export const gvisor: Program = {
  command: "runsc",
  package: "runsc",
  purpose:
    "Gives containers of Fargate tasks a kernel of their own (gVisor), as --fargate-runtime runsc asks for.",
  version: ["--version"],
};

const systemFolders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Where the program is, among the system's folders and PATH. */
export function findProgram(command: string, path = process.env["PATH"] ?? ""): string | undefined {
  return [...path.split(":"), ...systemFolders]
    .filter((folder) => folder.startsWith("/"))
    .map((folder) => join(folder, command))
    .find((file) => existsSync(file));
}

/** The first version number in what the program prints. */
export function versionOf(file: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(file, [...args], { timeout: 10_000 }, (_error, stdout, stderr) =>
      resolve(/\d+\.\d+[\w.+~-]*/.exec(`${stdout}${stderr}`)?.[0]),
    );
  });
}
