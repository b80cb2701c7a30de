// The parts that act on this machine for one data folder: the supervisor, the networks and the hosts; and their removal in order.
import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createNetnsProvider } from "#compute/netns/netns-provider.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/logger.ts";
import { createVpcNetwork } from "#network/vpc-network.ts";
import type { StateFolder } from "./state-folder.ts";
import { createSupervisor } from "./supervisor.ts";

/** Where the metadata service listens at a VPC's reserved address; hosts reach it as 169.254.169.254:80. */
export const IMDS_PORT = 80;

export interface MachineOptions {
  readonly folder: StateFolder;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly endpointPort: number;
  readonly cidrOf: (vpcId: string) => string | undefined;
  /** Called before a host joins a VPC. */
  readonly beforeAttach?: (vpcId: string) => Promise<void>;
}

export type Machine = ReturnType<typeof createMachine>;

export function createMachine(options: MachineOptions) {
  const { folder, clock, logger } = options;
  const scope = scopeOf(folder);
  const supervisor = createSupervisor(folder, clock);
  const network = createVpcNetwork({
    supervisor,
    clock,
    logger,
    directory: join(folder.root, "network"),
    cidrOf: options.cidrOf,
    endpointPort: options.endpointPort,
    imdsPort: IMDS_PORT,
    scope,
    hostsFile: "/etc/hosts",
  });
  const compute = createNetnsProvider({
    directory: folder.hosts,
    imagesDirectory: folder.images,
    supervisor,
    network: {
      ...network,
      async attachHost(attachment) {
        await options.beforeAttach?.(attachment.vpcId);
        return network.attachHost(attachment);
      },
    },
    agent: { node: process.execPath, bundle: fileURLToPath(new URL("agent.mjs", import.meta.url)) },
    clock,
    logger,
    scope,
  });
  return {
    supervisor,
    network,
    compute,
    async close() {
      await compute.close();
      await network.close();
    },
  };
}

/** Hosts with their tasks first, then the proxies, then what carried them. `disks`: whether hosts can be switched on again. */
export async function endMachine(
  { compute, network, supervisor }: Machine,
  disks: "keep" | "remove",
): Promise<void> {
  await (disks === "keep" ? compute.stopEverything() : compute.removeEverything());
  for (const name of await supervisor.list()) if (name.startsWith("haproxy-")) await supervisor.remove(name);
  await network.removeEverything();
}

/** Tells the namespaces, cgroups and tables of this data folder from those of another. */
export function scopeOf(folder: StateFolder): string {
  return createHash("sha256").update(realpathSync(folder.root)).digest("hex").slice(0, 6);
}
