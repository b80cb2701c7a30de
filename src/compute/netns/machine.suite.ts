// Hosts with a network of their own making, for the tests of this folder, and a picture of what is on the machine.
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { request } from "node:http";
import { dirname, join } from "node:path";
import { tmpdir } from "node:os";
import type { HostNetwork } from "#domain/ports/host-network.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/logger.ts";
import { createRunitSupervisor } from "#supervise/supervisor.ts";
import { createDirectSupervisor } from "#tests/support/direct-supervisor.ts";
import { writeBusyboxImage } from "#tests/support/busybox-image.ts";
import type { HostSpec } from "../port.ts";
import { createNetnsProvider, type NetnsProviderOptions } from "./netns-provider.ts";

const shell = (script: string) => execFileSync("/bin/sh", ["-ec", script], { encoding: "utf8" });

/** An agent that only tells what it sees, as JSON in its data folder, and ends when it is asked to. */
const stubAgent = `
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { get } from "node:http";
const read = (file) => { try { return readFileSync(file, "utf8"); } catch (error) { return error.code; } };
console.log("stub agent " + read(process.env.ESTIBA_ECS_CONFIG).trim());
get({ socketPath: process.env.DOCKER_HOST.slice("unix://".length), path: "/_ping" }, (answer) => {
  writeFileSync(process.env.ECS_DATADIR + "/seen.json", JSON.stringify({
    hostname: hostname(), ping: answer.statusCode, root: readdirSync("/").sort(), dev: readdirSync("/dev").sort(),
    processes: readdirSync("/proc").filter((name) => /^\d+$/.test(name)).length,
    resolv: read("/etc/resolv.conf"), config: read("/etc/ecs/ecs.config"), shadow: read("/etc/shadow"),
    images: readdirSync(process.env.ESTIBA_IMAGES), links: readdirSync("/sys/class/net").sort(), env: process.env,
    machineNet: read(process.env.ESTIBA_PROC + "/1/comm").trim(), cgroup: read("/proc/self/cgroup"),
  }));
});
process.on("SIGTERM", () => process.exit(0));
setInterval(() => {}, 60000);
`;

export interface StubSight {
  readonly hostname: string;
  readonly ping: number;
  readonly root: readonly string[];
  readonly dev: readonly string[];
  readonly processes: number;
  readonly resolv: string;
  readonly config: string;
  readonly shadow: string;
  readonly images: readonly string[];
  readonly links: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly machineNet: string;
  readonly cgroup: string;
}

/** A namespace with a veth to the root namespace, in 10.213.0.0/16. */
export function createTestNetwork(prefix: string): HostNetwork {
  const name = (instanceId: string) => `${prefix}-${instanceId}`;
  const known = () =>
    shell("ip netns list")
      .split("\n")
      .map((line) => line.split(" ")[0] ?? "");
  return {
    async attachHost({ instanceId, privateIp }) {
      const namespace = name(instanceId);
      const link = `v${createHash("sha256").update(namespace).digest("hex").slice(0, 10)}`;
      if (!known().includes(namespace))
        shell(`ip netns add ${namespace}
ip -n ${namespace} link set lo up
ip link add ${link} type veth peer name eth0 netns ${namespace}
ip link set ${link} up
ip -n ${namespace} address add ${privateIp}/32 dev eth0
ip -n ${namespace} link set eth0 up`);
      return { namespace, dnsServer: "10.213.0.2", vpcCidr: "10.213.0.0/16" };
    },
    async detachHost(instanceId) {
      if (known().includes(name(instanceId))) {
        // The veth first: the kernel takes its time with a namespace, and its name must be free at once.
        shell(`ip -n ${name(instanceId)} link delete eth0; ip netns delete ${name(instanceId)}`);
      }
    },
    attachInterface: () => Promise.reject(new Error("This network has no interfaces of tasks.")),
    detachInterface: () => Promise.reject(new Error("This network has no interfaces of tasks.")),
    async listHosts() {
      return known()
        .filter((found) => found.startsWith(`${prefix}-`))
        .map((found) => found.slice(prefix.length + 1));
    },
  };
}

/** Under runit, as in production, or under the tests' own supervisor, which ends what it started with the test process. */
export function createTestMachine(label: string, supervisedBy: "runit" | "test" = "test") {
  const folder = mkdtempSync(join(tmpdir(), "nn-"));
  const bundle = join(folder, "agent.mjs");
  const images = join(folder, "images");
  const hosts = join(folder, "hosts");
  mkdirSync(images);
  writeFileSync(bundle, stubAgent);
  const scope = `t${process.pid}${label}`;
  const direct = createDirectSupervisor();
  const supervisor =
    supervisedBy === "test"
      ? direct
      : createRunitSupervisor({ directory: join(folder, "services"), clock: systemClock });
  const network = createTestNetwork(scope);
  const newProvider = (change: Partial<NetnsProviderOptions> = {}) =>
    createNetnsProvider({
      directory: hosts,
      imagesDirectory: images,
      supervisor,
      network,
      agent: { node: process.execPath, bundle },
      clock: systemClock,
      logger: silentLogger,
      scope,
      ...change,
    });
  const provider = newProvider();
  return {
    folder,
    hosts,
    images,
    scope,
    supervisor,
    network,
    provider,
    newProvider,
    spec: (n: number, change: Partial<HostSpec> = {}): HostSpec => ({
      instanceId: `i-0000000000000000${n}`,
      region: "eu-west-1",
      availabilityZone: "eu-west-1a",
      instanceType: "t3.small",
      vcpus: 2,
      memoryMiB: 2048,
      vpcId: "vpc-1",
      privateIp: `10.213.0.${10 + n}`,
      macAddress: `02:00:00:00:00:0${n}`,
      metadataHopLimit: 2,
      userData: "",
      endpoint: "http://10.213.0.2:4566",
      ...change,
    }),
    hostFile: (spec: HostSpec, path: string) => join(hosts, spec.instanceId, "root", path),
    /** Processor time of everything in the host so far. */
    cpuSeconds(spec: HostSpec): number {
      const group = `estiba/${scope}/${spec.instanceId}`;
      const v1 = `/sys/fs/cgroup/cpuacct/${group}/cpuacct.usage`;
      if (existsSync(v1)) return Number(readFileSync(v1, "utf8")) / 1e9;
      const stat = readFileSync(`/sys/fs/cgroup/${group}/cpu.stat`, "utf8");
      return Number(/usage_usec (\d+)/.exec(stat)?.[1]) / 1e6;
    },
    engine: (spec: HostSpec) =>
      createEngineCalls(join(hosts, spec.instanceId, "root/var/lib/estiba/docker.sock")),
    async dispose() {
      await provider.removeEverything();
      await provider.close();
      await direct.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Calls of the Docker Engine API, without a version. */
export function createEngineCalls(socketPath: string) {
  const call = (method: string, path: string, body?: Buffer | object): Promise<string> =>
    new Promise((resolve, reject) => {
      const raw = Buffer.isBuffer(body);
      const headers = { "content-type": raw ? "application/x-tar" : "application/json" };
      const outgoing = request({ socketPath, method, path, headers }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (part: string) => (text += part));
        answer.on("end", () =>
          (answer.statusCode ?? 500) < 400 ? resolve(text) : reject(new Error(`${method} ${path}: ${text}`)),
        );
      });
      outgoing.on("error", reject);
      outgoing.end(raw || body === undefined ? body : JSON.stringify(body));
    });
  return {
    call,
    /** Loads an image `busybox` made of this machine's static busybox. */
    loadBusybox() {
      const archive = `${dirname(socketPath)}/busybox.tar`;
      writeBusyboxImage(archive, { tags: ["busybox:latest"] });
      return call("POST", "/images/load", readFileSync(archive));
    },
    async run(name: string, command: readonly string[], hostConfig: object = {}): Promise<string> {
      const made = await call("POST", `/containers/create?name=${name}`, {
        Image: "busybox:latest",
        Cmd: command,
        HostConfig: hostConfig,
      });
      const { Id } = JSON.parse(made) as { Id: string };
      await call("POST", `/containers/${Id}/start`);
      return Id;
    },
    async inspect(id: string) {
      return JSON.parse(await call("GET", `/containers/${id}/json`)) as {
        State: { Running: boolean; Pid: number; StartedAt: string };
      };
    },
  };
}

/** What a test machine's hosts could leave behind, by name; empty when there is nothing. */
export function leftovers(machine: { readonly folder: string; readonly scope: string }): string[] {
  const mounts = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .filter((line) => line.includes(machine.folder));
  const cgroups = shell(`find /sys/fs/cgroup -type d -path '*/${machine.scope}*'`)
    .split("\n")
    .filter(Boolean);
  const namespaces = shell("ip netns list")
    .split("\n")
    .filter((line) => line.includes(machine.scope));
  const processes = readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      // A zombie is gone but for its parent's notice.
      if (/^State:\tZ/m.test(readFileSync(`/proc/${entry}/status`, "utf8"))) return [];
      const command = readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " ");
      const groups = readFileSync(`/proc/${entry}/cgroup`, "utf8");
      return command.includes(machine.folder) || groups.includes(machine.scope)
        ? [`${entry} ${command}`]
        : [];
    } catch {
      return [];
    }
  });
  return [...mounts, ...cgroups, ...namespaces, ...processes];
}
