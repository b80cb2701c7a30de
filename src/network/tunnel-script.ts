// What joins another machine's host to its VPC: a VXLAN link between the two machines, one for each host, which takes the place of
// the veth that a host of this machine has. Its network identifier is the host's alone, and what comes through it must bear a MAC
// and an address that the host or one of its tasks was given. Pure.
import type { VpcAddresses } from "./ranges.ts";
import type { NamespaceScript } from "./script.ts";
import { vpcTable, vpcTableLines } from "./vpc-script.ts";

/** One end of a tunnel: the addresses are of the two machines, outside of every VPC. */
export interface TunnelEnd {
  readonly local: string;
  readonly remote: string;
  /** UDP, the same on both sides. */
  readonly port: number;
  readonly vni: number;
}

/** An outer Ethernet, IPv4, UDP and VXLAN header. */
const OVERHEAD = 50;

/**
 * In the machine's own namespace, where the tunnel's packets go: the link is made there and moved to where it is used. A link whose
 * ends are others is replaced; its description tells what it is.
 */
export function tunnelScript(
  end: TunnelEnd,
  link: { readonly name: string; readonly mac: string; readonly namespace: string; readonly first: string },
): string {
  const what = `estiba-tunnel:${end.vni}:${checked(end.local)}:${checked(end.remote)}:${end.port}`;
  const there = `ip -n ${link.namespace} link show dev ${link.name} 2>/dev/null`;
  return `${there} | grep -q 'alias ${what}$' || {
  ip -n ${link.namespace} link del ${link.name} 2>/dev/null || true
  ip link del ${link.first} 2>/dev/null || true
  out=$(ip -o route get ${end.remote} from ${end.local} | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p')
  mtu=$(ip -o link show dev "$out" | sed -n 's/.* mtu \\([0-9]*\\) .*/\\1/p')
  ip link add ${link.first} mtu $((mtu - ${OVERHEAD})) address ${link.mac} type vxlan id ${end.vni} local ${end.local} remote ${end.remote} dstport ${end.port} nolearning
  ip link set ${link.first} netns ${link.namespace} name ${link.name}
  ip -n ${link.namespace} link set ${link.name} alias ${what}
}`;
}

/** In the machine's own namespace: tunnels of this port are for the machines that are known. */
export function peersScript(table: string, end: TunnelEnd): NamespaceScript {
  const own = `ip ${table}`;
  return {
    nft: [
      `add table ${own}`,
      `add set ${own} peers { type ipv4_addr; }`,
      `add element ${own} peers { ${checked(end.remote)} }`,
      `add chain ${own} input { type filter hook input priority 0; }`,
      `flush chain ${own} input`,
      `add rule ${own} input udp dport ${end.port} ip saddr != @peers drop`,
    ],
  };
}

export interface TunnelledHost {
  /** The VPC namespace's end. */
  readonly link: string;
  readonly privateIp: string;
  readonly macAddress: string;
  readonly metadataHopLimit: number;
  readonly vpc: VpcAddresses;
  readonly imdsPort: number;
}

/** In the VPC's namespace, as for a host of this machine (host-script.ts). */
export function joinHostScript(host: TunnelledHost): NamespaceScript {
  const { link, vpc } = host;
  return {
    nft: [
      ...vpcTableLines,
      `add set ${vpcTable} ${ownSet(link)} { type ether_addr . ipv4_addr; }`,
      ...chain(`${link}-from`, [`ether saddr . ip saddr @${ownSet(link)} accept`, "drop"]),
      ...chain(`${link}-to`, [
        `ip saddr ${vpc.endpoint} tcp sport ${host.imdsPort} ip ttl set ${host.metadataHopLimit}`,
      ]),
      ...(["from", "to"] as const).map(
        (direction) => `add element ${vpcTable} ${direction} { "${link}" : jump ${link}-${direction} }`,
      ),
    ],
    ip: [`link set ${link} up`],
  };
}

/** In the VPC's namespace: an address behind the tunnel, the host's own or a task's. */
export function joinAddressScript(
  host: Pick<TunnelledHost, "link" | "privateIp" | "macAddress" | "vpc">,
): NamespaceScript {
  const { link, privateIp, macAddress, vpc } = host;
  return {
    nft: [`add element ${vpcTable} ${ownSet(link)} { ${macAddress} . ${privateIp} }`],
    ip: [
      `neigh replace ${privateIp} lladdr ${macAddress} nud permanent dev ${link}`,
      `route replace ${privateIp}/32 dev ${link} src ${vpc.router}`,
    ],
  };
}

/** In the VPC's namespace; no error when any of it is gone. */
export function leaveAddressScript(host: {
  readonly link: string;
  readonly privateIp: string;
  readonly macAddress: string;
}): NamespaceScript {
  const { link, privateIp, macAddress } = host;
  const element = `${vpcTable} ${ownSet(link)} '{ ${macAddress} . ${privateIp} }'`;
  return {
    before: [
      `ip route del ${privateIp}/32 dev ${link} 2>/dev/null || true`,
      `ip neigh del ${privateIp} dev ${link} 2>/dev/null || true`,
      `nft delete element ${element} 2>/dev/null || true`,
    ],
  };
}

/** In the VPC's namespace: the set of its addresses, once the host's chains are gone. */
export const leaveHostScript = (link: string): NamespaceScript => ({
  nft: [
    ...vpcTableLines,
    `add set ${vpcTable} ${ownSet(link)} { type ether_addr . ipv4_addr; }`,
    `delete set ${vpcTable} ${ownSet(link)}`,
  ],
});

/** In the other machine's host: containers behind its bridge know nothing of the tunnel's smaller packets. */
export const smallPacketsScript: NamespaceScript = {
  nft: [
    "add table ip estiba-mtu",
    "add chain ip estiba-mtu forward { type filter hook forward priority -150; }",
    "flush chain ip estiba-mtu forward",
    'add rule ip estiba-mtu forward oifname "eth0" tcp flags syn tcp option maxseg size set rt mtu',
  ],
};

const ownSet = (link: string): string => `${link}-own`;

const chain = (name: string, rules: readonly string[]): readonly string[] => [
  `add chain ${vpcTable} ${name}`,
  `flush chain ${vpcTable} ${name}`,
  ...rules.map((rule) => `add rule ${vpcTable} ${name} ${rule}`),
];

function checked(address: string): string {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(address)) throw new RangeError(`Not an IPv4 address: "${address}"`);
  return address;
}
