// The private DNS zones of a VPC as its DNS server takes them: addresses as files that it watches, the rest as its options.
// Pure; whose names they are is decided by others.
import { isIPv4 } from "node:net";
import { isDnsLabels } from "./dnsmasq.ts";

/** A domain that the VPC's DNS server alone answers for: a name in it that is not here does not exist. */
export interface DnsZone {
  readonly domain: string;
  readonly addresses: readonly { readonly name: string; readonly addresses: readonly string[] }[];
  readonly services: readonly DnsService[];
}

/** An SRV record. */
export interface DnsService {
  readonly name: string;
  readonly target: string;
  readonly port: number;
}

/** What the server reads only when it starts. */
export interface ZoneOptions {
  readonly domains: readonly string[];
  readonly services: readonly DnsService[];
}

export const NO_ZONES: ZoneOptions = { domains: [], services: [] };

export interface ZoneFiles {
  /** Name → the text of its file. */
  readonly files: ReadonlyMap<string, string>;
  readonly options: ZoneOptions;
}

/** Equal zones make equal files and options, in whatever order they are given. @throws RangeError for what is no name or address */
export function zoneFiles(zones: readonly DnsZone[]): ZoneFiles {
  const found = new Map<string, Set<string>>();
  const services = new Map<string, DnsService>();
  for (const zone of zones) {
    requireName(zone.domain);
    for (const { name, addresses } of zone.addresses) {
      requireName(name);
      const known = found.get(name) ?? new Set<string>();
      found.set(name, known);
      for (const address of addresses) {
        if (!isIPv4(address)) throw new RangeError(`Not an IPv4 address: "${address}"`);
        known.add(address);
      }
    }
    for (const { name, target, port } of zone.services) {
      requireName(name);
      requireName(target);
      if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new RangeError(`Not a port: ${port}`);
      services.set(`${name} ${target} ${port}`, { name, target, port });
    }
  }
  const files = new Map<string, string>();
  for (const [name, addresses] of found) {
    const lines = [...addresses].sort().map((address) => `${address} ${name}\n`);
    if (lines.length > 0) files.set(name, lines.join(""));
  }
  return {
    files,
    options: {
      domains: [...new Set(zones.map((zone) => zone.domain))].sort(),
      services: [...services.keys()].sort().flatMap((key) => services.get(key) ?? []),
    },
  };
}

/** Priority 1 and weight 1 are those of Cloud Map. */
export const zoneArguments = ({ domains, services }: ZoneOptions): readonly string[] => [
  ...domains.map((domain) => `--local=/${domain}/`),
  ...services.map(({ name, target, port }) => `--srv-host=${name},${target},${port},1,1`),
];

function requireName(name: string): void {
  if (!isDnsLabels(name)) throw new RangeError(`Not a DNS name: "${name}"`);
}
