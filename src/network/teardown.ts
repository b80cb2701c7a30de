// Removes a data folder's network, found by its names alone: also what a control plane that was killed left half made.
import type { Supervisor } from "#domain/ports/supervisor.ts";
import { closePassages } from "./firewall.ts";
import { restoreForwarding } from "./forwarding.ts";
import { links, namespaces, tables } from "./kernel.ts";
import { dnsService, forwarderService, isNetworkService, type NetworkNames } from "./names.ts";
import { inNamespace, inRoot, type Run } from "./run.ts";
import { shell } from "./script.ts";

export interface Teardown {
  readonly run: Run;
  readonly supervisor: Supervisor;
  readonly names: NetworkNames;
  readonly forwardingNotes: string;
}

export async function removeNetwork({ run, supervisor, names, forwardingNotes }: Teardown): Promise<void> {
  for (const service of (await supervisor.list()).filter(isNetworkService)) await supervisor.remove(service);

  const own = (await namespaces()).filter((namespace) => namespace.startsWith(names.prefix));
  const vpcs = own.filter((namespace) => names.vpcOf(namespace) !== undefined);
  // A process left in a namespace keeps it alive without a name; without interfaces it is a closed room.
  for (const vpc of vpcs) await inNamespace(run, vpc, cutLinks).catch(() => undefined);
  for (const namespace of own) await run("ip", ["netns", "del", namespace]);

  const rootLinks = await links(run);
  const ends = rootLinks.filter(({ ifname }) => ifname.startsWith(names.rootInterfacePrefix));
  for (const { ifname } of ends)
    await inRoot(run, shell({ before: [`ip link del ${ifname} 2>/dev/null || true`] }));

  await closePassages(run, names.rootInterfacePrefix);
  const ownTables = (await tables(run)).filter((table) => table.startsWith(names.prefix));
  if (ownTables.length > 0)
    await inRoot(run, shell({ nft: ownTables.map((table) => `delete table ip ${table}`) }));

  const others = rootLinks.some(({ ifalias }) => ifalias?.startsWith("estiba:") === true && !isOwn(ifalias));
  await restoreForwarding(run, forwardingNotes, others);

  function isOwn(alias: string): boolean {
    return ends.some((end) => end.ifalias === alias);
  }
}

/** One VPC of several; what they share, the machine's forwarding, stays. */
export async function removeVpcNetwork({
  run,
  supervisor,
  names,
  vpcId,
}: Omit<Teardown, "forwardingNotes"> & { readonly vpcId: string }): Promise<void> {
  const services = [dnsService(vpcId), forwarderService(vpcId)];
  for (const service of await supervisor.list())
    if (services.includes(service)) await supervisor.remove(service);
  const [namespace, end] = [names.vpcNamespace(vpcId), names.rootInterface(vpcId)];
  if ((await namespaces()).includes(namespace)) {
    await inNamespace(run, namespace, cutLinks).catch(() => undefined);
    await run("ip", ["netns", "del", namespace]);
  }
  await inRoot(run, shell({ before: [`ip link del ${end} 2>/dev/null || true`] }));
  await closePassages(run, end);
  const table = names.rootTable(vpcId);
  if ((await tables(run)).includes(table)) await inRoot(run, shell({ nft: [`delete table ip ${table}`] }));
}

const cutLinks =
  "for kind in veth vxlan; do for link in $(ip -o link show type $kind | sed 's/^[0-9]*: //; s/[@:].*//'); do ip link del $link; done; done";
