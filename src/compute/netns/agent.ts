// The agent of one host: process 1's child in the private root, in the host's network namespace and control group.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { AttachedHost } from "#domain/ports/host-network.ts";
import type { ServiceSpec } from "#domain/ports/supervisor.ts";
import type { HostSpec } from "../port.ts";
import type { HostLayout } from "./layout.ts";
import { machineProc, noRootExitCode } from "./root-scripts.ts";
import { searchPath } from "./run.ts";

/** An agent that ends so shall not be started again: its registration was refused for good. */
export const refusedExitCode = 5;

export async function agentService(
  layout: HostLayout,
  spec: HostSpec,
  attached: AttachedHost,
): Promise<ServiceSpec> {
  const scripts = (await readFile(layout.enterScript, "utf8")) + (await readFile(layout.initScript, "utf8"));
  return {
    name: layout.agentService,
    command: ["/bin/sh", layout.enterScript],
    environment: {
      PATH: searchPath,
      HOME: "/root",
      LANG: "C.UTF-8",
      AWS_DEFAULT_REGION: spec.region,
      ECS_BACKEND_HOST: spec.endpoint,
      ECS_DATADIR: "/var/lib/ecs/data",
      DOCKER_HOST: "unix:///var/run/docker.sock",
      ESTIBA_ECS_CONFIG: "/etc/ecs/ecs.config",
      ESTIBA_CGROUP_PARENT: layout.tasksCgroup,
      // Before a path of the host, it is the engine's path: for volumes of tasks with a source path.
      ESTIBA_HOST_ROOT: layout.root,
      ESTIBA_IMAGES: "/var/lib/estiba/images",
      ESTIBA_INSTANCE_ID: spec.instanceId,
      ESTIBA_MEMORY_MIB: String(spec.memoryMiB),
      ESTIBA_PROC: machineProc,
      // Scripts that changed (a new Estiba) change the service, so that the supervisor starts the root anew.
      ESTIBA_ROOT: createHash("sha256").update(scripts).digest("hex").slice(0, 16),
      ...(attached.trunk === undefined ? {} : { ESTIBA_TRUNK: attached.trunk }),
      ESTIBA_VCPUS: String(spec.vcpus),
    },
    networkNamespace: attached.namespace,
    cgroup: layout.systemCgroup,
    terminalExitCodes: [refusedExitCode, noRootExitCode],
    stopTimeoutSeconds: 5,
  };
}
