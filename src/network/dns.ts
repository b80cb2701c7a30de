// Keeps the VPC's DNS server running under the supervisor; it answers while the control plane is away.
import { readFile } from "node:fs/promises";
import type { Supervisor } from "#domain/ports/supervisor.ts";
import type { Logger } from "#lib/logger.ts";
import { dnsCommand, forwarderCommand, needsForwarder } from "./dnsmasq.ts";
import { dnsUser } from "./names-directory.ts";
import { dnsService, forwarderService } from "./names.ts";
import { zoneArguments, type ZoneOptions } from "./zones.ts";

export interface DnsPlan {
  readonly vpcId: string;
  readonly namespace: string;
  readonly namesDirectory: string;
  readonly endpoint: string;
  /** The machine's resolvers, `/etc/resolv.conf`. */
  readonly resolvFile: string;
  readonly program: string;
  readonly zones: ZoneOptions;
}

export async function ensureDns(supervisor: Supervisor, plan: DnsPlan, logger: Logger): Promise<void> {
  const { vpcId, program, resolvFile } = plan;
  const user = await dnsUser(plan.namesDirectory);
  if (user === "root")
    logger.warn("the DNS server keeps running as root: a folder above its names is closed to others", {
      directory: plan.namesDirectory,
    });
  const forward = needsForwarder(await readFile(resolvFile, "utf8").catch(() => ""));
  if (forward) {
    await supervisor.ensure({
      name: forwarderService(vpcId),
      command: forwarderCommand({ program, user: "nobody", listen: plan.endpoint, resolvFile }),
      environment: {},
    });
  } else {
    await supervisor.remove(forwarderService(vpcId));
  }
  const upstream = forward ? { forwarder: plan.endpoint } : { resolvFile };
  await supervisor.ensure({
    name: dnsService(vpcId),
    command: dnsCommand({
      program,
      user,
      namesDirectory: plan.namesDirectory,
      upstream,
      zones: zoneArguments(plan.zones),
    }),
    environment: {},
    networkNamespace: plan.namespace,
  });
}
