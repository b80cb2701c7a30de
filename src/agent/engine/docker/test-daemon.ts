// A Docker Engine of a test's own: containerd and dockerd over a temporary folder, in a network namespace and cgroup of their
// own. Neither the machine's Docker nor its firewall is touched; `dispose` leaves nothing behind.
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { openSync, closeSync, readFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readdir, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { sleep, systemClock } from "#lib/clock.ts";
import { DockerClient } from "./client.ts";

const run = promisify(execFile);

export interface TestDaemon {
  readonly socketPath: string;
  readonly folder: string;
  readonly namespace: string;
  /** Slash-separated, below every hierarchy's root. */
  readonly cgroup: string;
  /** Runs a command inside the namespace; answers its output. */
  inside(...command: [string, ...string[]]): Promise<string>;
  /** Process ids of dockerd alone. */
  readonly pid: () => number;
  /** SIGKILL to dockerd; resolves when it is gone. containerd and the containers live on. */
  kill(): Promise<void>;
  /** Starts dockerd again over the same folders; resolves when it answers. */
  start(): Promise<void>;
  dispose(): Promise<void>;
}

/** @throws Error with the daemon's last words when it does not answer within 60 seconds */
export async function startTestDaemon(): Promise<TestDaemon> {
  const folder = mkdtempSync(join(tmpdir(), "estiba-engine-"));
  const namespace = `estiba-${folder.slice(-6)}`;
  const cgroup = `/estiba-test/${folder.slice(-6)}`;
  const at = (name: string) => join(folder, name);
  const socketPath = at("docker.sock");
  const inside = async (...command: [string, ...string[]]) =>
    (await run("nsenter", [`--net=/run/netns/${namespace}`, ...command])).stdout;

  await run("ip", ["netns", "add", namespace]);
  let containerd: ChildProcess | undefined;
  let dockerd: ChildProcess | undefined;
  const start = async () => {
    rmSync(at("docker.pid"), { force: true });
    dockerd = launch(at("dockerd.log"), [
      "nsenter",
      `--net=/run/netns/${namespace}`,
      "dockerd",
      ...[
        "--config-file",
        at("daemon.json"),
        "--host",
        `unix://${socketPath}`,
        "--pidfile",
        at("docker.pid"),
      ],
      ...["--data-root", at("data"), "--exec-root", at("exec"), "--cgroup-parent", cgroup],
      ...["--containerd", at("containerd.sock"), "--containerd-namespace", "engine"],
      ...["--containerd-plugins-namespace", "engine-plugins"],
      ...["--live-restore", "--userland-proxy=false", "--exec-opt", "native.cgroupdriver=cgroupfs"],
      ...["--log-opt", "max-size=10m", "--log-opt", "max-file=3"],
    ]);
    await answering(socketPath, dockerd, at("dockerd.log"));
  };
  const dispose = async () => {
    if (dockerd?.exitCode === null && dockerd.signalCode === null) await removeContainers(socketPath);
    await end(dockerd, "SIGTERM");
    await end(containerd, "SIGTERM");
    await run("ip", ["netns", "delete", namespace]);
    await unmountBelow(folder);
    rmSync(folder, { recursive: true, force: true });
    await removeCgroups(cgroup);
  };
  try {
    await inside("ip", "link", "set", "lo", "up");
    writeFileSync(
      at("containerd.toml"),
      `version = 2\nroot = "${at("containerd-root")}"\nstate = "${at("containerd-state")}"\n` +
        `disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "${at("containerd.sock")}"\n`,
    );
    writeFileSync(at("daemon.json"), "{}");
    containerd = launch(at("containerd.log"), ["containerd", "--config", at("containerd.toml")]);
    await start();
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    socketPath,
    folder,
    namespace,
    cgroup,
    inside,
    pid: () => Number(readFileSync(at("docker.pid"), "utf8")),
    kill: () => end(dockerd, "SIGKILL"),
    start,
    dispose,
  };
}

function launch(log: string, [program, ...args]: readonly [string, ...string[]]): ChildProcess {
  const output = openSync(log, "a");
  try {
    return spawn(program, args, { stdio: ["ignore", output, output], detached: true });
  } finally {
    closeSync(output);
  }
}

async function answering(socketPath: string, daemon: ChildProcess, log: string): Promise<void> {
  for (const end = systemClock.monotonic() + 60_000; systemClock.monotonic() < end;) {
    const client = new DockerClient({ socketPath, clock: systemClock });
    const answers = await client.version().then(
      () => true,
      () => false,
    );
    client.close();
    if (answers) return;
    if (daemon.exitCode !== null) break;
    await sleep(systemClock, 50);
  }
  throw new Error(`dockerd does not answer:\n${readFileSync(log, "utf8").split("\n").slice(-15).join("\n")}`);
}

async function removeContainers(socketPath: string): Promise<void> {
  const client = new DockerClient({ socketPath, clock: systemClock });
  const { body } = await client.send({ method: "GET", path: "/containers/json", query: { all: "1" } });
  for (const { Id } of body as readonly { readonly Id: string }[])
    await client.send({ method: "DELETE", path: `/containers/${Id}`, query: { force: "1", v: "1" } });
  client.close();
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill(signal);
  await ended;
}

async function unmountBelow(folder: string): Promise<void> {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const below = mounts
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${folder}/`));
  for (const path of below.reverse()) await run("umount", ["--lazy", path]);
}

/** In every hierarchy of cgroup v1, or the one of v2; the shared folder above only when nobody else uses it. */
async function removeCgroups(cgroup: string): Promise<void> {
  const hierarchies = ["", ...(await readdir("/sys/fs/cgroup"))].map((name) => join("/sys/fs/cgroup", name));
  for (const hierarchy of hierarchies) {
    await removeTree(join(hierarchy, cgroup));
    await rmdir(join(hierarchy, cgroup, "..")).catch(() => undefined);
  }
}

async function removeTree(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(path, entry.name));
  await rmdir(path).catch(() => undefined);
}
