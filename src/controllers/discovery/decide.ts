// Private namespaces of a VPC, their services and instances → the zones that the VPC's DNS server answers for (Cloud Map
// Developer Guide, "Service DNS configuration"). Pure.
import type {
  DiscoveryInstanceRow,
  DiscoveryServiceRow,
  NamespaceRow,
} from "#domain/servicediscovery/records.ts";
import { isDnsLabels } from "#network/dnsmasq.ts";
import type { DnsZone } from "#network/zones.ts";

export interface DiscoveryService {
  readonly service: DiscoveryServiceRow;
  readonly instances: readonly DiscoveryInstanceRow[];
}

/** Route 53 answers eight of a name's addresses, chosen anew each time; this server answers all, and starts with another each time. */
export function decideZone(namespace: NamespaceRow, services: readonly DiscoveryService[]): DnsZone {
  const domain = namespace.name.toLowerCase();
  const addresses: { name: string; addresses: readonly string[] }[] = [];
  const records: { name: string; target: string; port: number }[] = [];
  for (const { service, instances } of services) {
    const name = `${service.name}.${domain}`.toLowerCase();
    const has = (type: "A" | "SRV") => service.dnsRecords.some((record) => record.type === type);
    // A service may be called what no DNS name can be; DiscoverInstances finds it all the same.
    if (!isDnsLabels(name)) continue;
    const answered = answers(instances);
    if (has("A")) addresses.push({ name, addresses: answered.map(({ address }) => address) });
    if (!has("SRV")) continue;
    for (const { id, address, port } of answered) {
      const target = `${id}.${name}`.toLowerCase();
      if (port === undefined || !isDnsLabels(target)) continue;
      addresses.push({ name: target, addresses: [address] });
      records.push({ name, target, port });
    }
  }
  return { domain, addresses, services: records };
}

/** The healthy ones; when none is, all: Route 53 treats them as healthy then. */
function answers(instances: readonly DiscoveryInstanceRow[]) {
  const reachable = instances.flatMap(({ id, attributes, health }) => {
    const address = attributes["AWS_INSTANCE_IPV4"];
    const port = attributes["AWS_INSTANCE_PORT"];
    return address === undefined
      ? []
      : [{ id, address, health, ...(port === undefined ? {} : { port: Number(port) }) }];
  });
  const healthy = reachable.filter(({ health }) => health === "HEALTHY");
  return healthy.length > 0 ? healthy : reachable;
}
