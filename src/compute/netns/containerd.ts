// The one containerd that serves all engines of a data folder: its configuration, and the cleaning of an engine's namespaces.
// The machine's own containerd, if there is one, is neither used nor changed.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { ServiceSpec } from "#domain/ports/supervisor.ts";
import type { SharedLayout } from "./layout.ts";
import { run } from "./run.ts";

/** CRI is Kubernetes's; `opt` would make /opt/containerd; the snapshotters are not used by Docker Engine and only cost time. */
const disabledPlugins = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.internal.v1.opt",
  ...["aufs", "btrfs", "devmapper", "zfs"].map((name) => `io.containerd.snapshotter.v1.${name}`),
];

export async function writeContainerdConfig(layout: SharedLayout): Promise<string> {
  await mkdir(layout.containerd, { recursive: true, mode: 0o700 });
  const file = join(layout.containerd, "config.toml");
  const text = (value: string) => JSON.stringify(value);
  await writeFile(
    file,
    [
      "version = 2",
      `root = ${text(join(layout.containerd, "root"))}`,
      `state = ${text(join(layout.containerd, "state"))}`,
      `disabled_plugins = [${disabledPlugins.map(text).join(", ")}]`,
      "[grpc]",
      `  address = ${text(layout.containerdSocket)}`,
      "",
    ].join("\n"),
  );
  return file;
}

export function containerdService(layout: SharedLayout, program: string, config: string): ServiceSpec {
  return {
    name: "containerd",
    command: [program, "--config", config, "--log-level", "warn"],
    environment: {},
    cgroup: layout.containerdCgroup,
    stopTimeoutSeconds: 10,
  };
}

/** True once something accepts connections at the socket; undefined while not. */
export function accepts(socketPath: string): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(undefined));
  });
}

/** Removes all that an engine left in its namespace: tasks with their shims, containers, the namespace. Safe twice. */
export async function removeContainerdNamespace(layout: SharedLayout, namespace: string): Promise<void> {
  const ctr = (...args: string[]) =>
    run(["ctr", "--address", layout.containerdSocket, "--namespace", namespace, ...args]);
  const names = async (...list: string[]) =>
    (await ctr(...list, "--quiet")).split("\n").filter((line) => line !== "");
  const known = (await ctr("namespaces", "list", "--quiet")).split("\n").includes(namespace);
  if (known) {
    for (const task of await names("tasks", "list"))
      await ctr("tasks", "delete", "--force", task).catch(ignoreMissing);
    for (const container of await names("containers", "list"))
      await ctr("containers", "delete", container).catch(ignoreMissing);
    await ctr("namespaces", "remove", namespace).catch(ignoreMissing);
  }
  for (const pid of await shimsOf(layout, namespace)) endShim(pid);
}

/** Shims that containerd lost sight of, by their own command line. */
async function shimsOf(layout: SharedLayout, namespace: string): Promise<number[]> {
  const found: number[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const words = (await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "")).split("\0");
    const after = (flag: string) => words[words.indexOf(flag) + 1];
    if (!words[0]?.includes("containerd-shim")) continue;
    if (after("-namespace") === namespace && after("-address") === layout.containerdSocket)
      found.push(Number(entry));
  }
  return found;
}

function endShim(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended in between.
  }
}

function ignoreMissing(error: Error): void {
  if (!error.message.includes("not found")) throw error;
}
