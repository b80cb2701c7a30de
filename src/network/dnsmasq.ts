// The command lines of the VPC's DNS server (Debian's dnsmasq), and whom it asks for names that are not ours. Pure.
import { DNS_ADDRESS } from "./ranges.ts";

/** Names below it are ours alone: an unknown one does not exist, and nobody else is asked. */
export const PRIVATE_DOMAIN = "estiba.internal";
/** Where the forwarder listens, on the VPC's endpoint address. */
export const FORWARDER_PORT = 4553;

/** The file that names resolvers which the VPC's namespace reaches, or a forwarder in the root namespace. */
export type Upstream = { readonly resolvFile: string } | { readonly forwarder: string };

/**
 * A resolver on the machine's loopback (systemd-resolved, Docker's 127.0.0.11) or with an IPv6 address can not be asked
 * from the VPC's namespace: then a forwarder in the root namespace asks it.
 */
export function needsForwarder(resolvConf: string): boolean {
  const servers = [...resolvConf.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address]) => address ?? "");
  return servers.some((address) => address.startsWith("127.") || address.includes(":"));
}

export interface DnsServer {
  readonly program: string;
  readonly user: string;
  readonly namesDirectory: string;
  readonly upstream: Upstream;
  /** Options of the VPC's private zones. */
  readonly zones?: readonly string[];
}

/** Answers from the names directory, which it watches; it needs nobody to be told of changes. Queries are not logged. */
export function dnsCommand(server: DnsServer): readonly [string, ...string[]] {
  return [
    ...common(server),
    `--listen-address=${DNS_ADDRESS}`,
    `--hostsdir=${server.namesDirectory}`,
    `--local=/${PRIVATE_DOMAIN}/`,
    ...(server.zones ?? []),
    "--domain-needed",
    "--local-ttl=5",
    ...("forwarder" in server.upstream
      ? ["--no-resolv", `--server=${server.upstream.forwarder}#${FORWARDER_PORT}`]
      : [`--resolv-file=${server.upstream.resolvFile}`]),
  ];
}

/** In the root namespace: asks whom the machine asks. */
export function forwarderCommand(server: {
  readonly program: string;
  readonly user: string;
  readonly listen: string;
  readonly resolvFile: string;
}): readonly [string, ...string[]] {
  return [
    ...common(server),
    `--listen-address=${server.listen}`,
    `--port=${FORWARDER_PORT}`,
    `--resolv-file=${server.resolvFile}`,
  ];
}

const common = (server: { readonly program: string; readonly user: string }): [string, ...string[]] => [
  server.program,
  "--keep-in-foreground",
  "--conf-file=/dev/null",
  "--no-hosts",
  "--bind-interfaces",
  "--pid-file=",
  "--log-facility=-",
  `--user=${server.user}`,
  "--cache-size=1000",
  "--dns-forward-max=1000",
];

const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** Whether the name, in lower case, can be published: labels of letters, digits, hyphens and underscores, 253 characters. */
export const isDnsName = (name: string): boolean => name.includes(".") && isDnsLabels(name);

/** As `isDnsName`, or a single label, which a private zone may be called. */
export const isDnsLabels = (name: string): boolean =>
  name.length <= 253 && name.split(".").every((part) => label.test(part));
