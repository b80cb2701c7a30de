// The Docker Engine of one host: in the host's network namespace, on the shared containerd, tasks below the host's control group.
// With live restore its containers outlive its restarts.
import { mkdir, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { dirname } from "node:path";
import type { AttachedHost } from "#domain/ports/host-network.ts";
import type { ServiceSpec } from "#domain/ports/supervisor.ts";
import type { HostLayout, SharedLayout } from "./layout.ts";
import { exists } from "./private-root.ts";
import { run } from "./run.ts";

export async function prepareEngine(layout: HostLayout, program: string): Promise<void> {
  for (const folder of [layout.dataRoot, layout.execRoot])
    await mkdir(folder, { recursive: true, mode: 0o711 });
  await mkdir(dirname(layout.socket), { recursive: true });
  // Engines before version 23 write a key to /etc/docker unless told another place; later ones may not know the setting.
  const key = { "deprecated-key-path": `${layout.folder}/key.json` };
  const settings = { ...((await engineMajor(program)) < 23 ? key : {}), ...(await runtimes()) };
  await writeFile(layout.daemonConfig, JSON.stringify(settings));
}

/** The command line without a configuration of the machine: neither /etc/docker/daemon.json nor the system's containerd counts. */
export function engineService(
  shared: SharedLayout,
  layout: HostLayout,
  attached: AttachedHost,
  program: string,
): ServiceSpec {
  const [namespace, plugins] = layout.containerdNamespaces;
  return {
    name: layout.engineService,
    command: [
      program,
      ...["--config-file", layout.daemonConfig],
      ...["--data-root", layout.dataRoot],
      ...["--exec-root", layout.execRoot],
      ...["--pidfile", layout.pidFile],
      ...["--host", `unix://${layout.socket}`],
      ...["--containerd", shared.containerdSocket],
      ...["--containerd-namespace", namespace],
      ...["--containerd-plugins-namespace", plugins],
      ...["--exec-opt", "native.cgroupdriver=cgroupfs"],
      ...["--cgroup-parent", layout.tasksCgroup],
      "--live-restore",
      "--userland-proxy=false",
      ...["--dns", attached.dnsServer],
      ...["--insecure-registry", attached.vpcCidr],
      ...["--log-opt", "max-size=10m", "--log-opt", "max-file=3"],
      ...["--log-level", "warn"],
    ],
    environment: {},
    networkNamespace: attached.namespace,
    cgroup: layout.systemCgroup,
    pidFiles: [layout.pidFile],
    stopTimeoutSeconds: 10,
  };
}

/** True once the engine answers its ping; undefined while not. */
export function engineAnswers(socketPath: string): Promise<true | undefined> {
  return new Promise((resolve) => {
    const request = get({ socketPath, path: "/_ping", timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? true : undefined);
    });
    request.once("timeout", () => request.destroy());
    request.once("error", () => resolve(undefined));
    request.once("close", () => resolve(undefined));
  });
}

/** gVisor's, where it is installed. In the task's own network, so that its containers share one localhost (docs/decisions). */
async function runtimes(): Promise<object> {
  for (const path of ["/usr/local/bin/runsc", "/usr/bin/runsc"])
    if (await exists(path)) return { runtimes: { runsc: { path, runtimeArgs: ["--network=host"] } } };
  return {};
}

async function engineMajor(program: string): Promise<number> {
  const version = /version (\d+)\./.exec(await run([program, "--version"]));
  return Number(version?.[1] ?? 0);
}
