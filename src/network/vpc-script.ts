// What makes a VPC: its namespace as a router of /32s, and the root namespace's side of it. Hosts are added by host-script.ts.
// No bridge anywhere, so no bridge-netfilter; traffic between hosts never enters the root namespace and its firewalls. Pure.
import { UPLINK } from "./names.ts";
import { DNS_ADDRESS, METADATA_ADDRESS, ROOT_HOP, VPC_HOP, type VpcAddresses } from "./ranges.ts";
import type { Port } from "./firewall-rules.ts";
import { ensureNamespace, ensureVeth, sysctl, type NamespaceScript } from "./script.ts";

/** Every veth end that hosts and the root namespace see as their next hop has this address; a veth has two ends only. */
export const VPC_MAC = "02:00:a9:fe:01:01";
const rootMac = "02:00:a9:fe:01:02";

export interface VpcPlan {
  readonly vpcId: string;
  readonly namespace: string;
  readonly rootInterface: string;
  readonly rootTable: string;
  readonly addresses: VpcAddresses;
  readonly imdsPort: number;
  /** All that hosts may reach of the root namespace at the endpoint's address. */
  readonly ports: readonly Port[];
}

/** The table in the VPC's namespace. `from` and `to` lead to a chain for each interface, by name of the interface. */
export const vpcTable = "inet vpc";
export const vpcTableLines: readonly string[] = [
  `add table ${vpcTable}`,
  `add map ${vpcTable} from { type ifname : verdict; }`,
  `add map ${vpcTable} to { type ifname : verdict; }`,
];

/** In the VPC's namespace. Chains and map elements of hosts that are there stay. */
export function vpcScript(plan: VpcPlan): NamespaceScript {
  const { cidr, router, endpoint } = plan.addresses;
  const chain = (name: string, hook: string, rules: readonly string[]) => [
    `add chain ${vpcTable} ${name} { ${hook}; }`,
    `flush chain ${vpcTable} ${name}`,
    ...rules.map((rule) => `add rule ${vpcTable} ${name} ${rule}`),
  ];
  return {
    // A new namespace inherits the root namespace's values, whatever they are: all that matters is said.
    sysctls: [
      sysctl("ipv4/ip_forward", 1),
      sysctl("ipv4/conf/all/rp_filter", 1),
      sysctl("ipv4/conf/default/rp_filter", 1),
      sysctl("ipv4/conf/all/send_redirects", 0),
      sysctl("ipv4/conf/default/send_redirects", 0),
      sysctl("ipv4/conf/all/route_localnet", 0),
      sysctl("ipv6/conf/all/disable_ipv6", 1),
      sysctl("ipv6/conf/default/disable_ipv6", 1),
    ],
    ip: [
      "link set lo up",
      ...[router, DNS_ADDRESS, VPC_HOP].map((address) => `addr replace ${address}/32 dev lo`),
      `link set ${UPLINK} up`,
      `neigh replace ${ROOT_HOP} lladdr ${rootMac} nud permanent dev ${UPLINK}`,
      `route replace default via ${ROOT_HOP} dev ${UPLINK} onlink src ${router}`,
      `route replace ${endpoint} via ${ROOT_HOP} dev ${UPLINK} onlink src ${router}`,
      // An address nobody has would go to the root namespace and be sent back until its TTL ends. And this machine may have
      // a metadata service of its own, with credentials that are no task's business.
      `route replace blackhole ${cidr}`,
      "route replace blackhole 169.254.0.0/16",
    ],
    nft: [
      ...vpcTableLines,
      // Before connection tracking: a packet with another's source address leaves no trace. Unknown interfaces are mute.
      ...chain("prerouting", "type filter hook prerouting priority -300", [
        `iifname { "lo", "${UPLINK}" } accept`,
        "meta nfproto ipv6 drop",
        "iifname vmap @from",
        "drop",
      ]),
      ...chain("dstnat", "type nat hook prerouting priority -100", [
        `ip daddr ${METADATA_ADDRESS} tcp dport 80 dnat ip to ${endpoint}:${plan.imdsPort}`,
        `iifname != "${UPLINK}" ip daddr ${endpoint} meta l4proto { tcp, udp } th dport 53 dnat ip to ${DNS_ADDRESS}`,
      ]),
      ...chain("forward", "type filter hook forward priority 0", ["oifname vmap @to"]),
    ],
  };
}

/** In the root namespace: the namespace, the veth, the endpoint's address, the way into the VPC and out of it. */
export function rootScript(plan: VpcPlan): NamespaceScript {
  const { rootInterface: device, rootTable: table } = plan;
  const { cidr, endpoint } = plan.addresses;
  return {
    before: [
      ensureNamespace(plan.namespace),
      ensureVeth({ name: device, mac: rootMac }, { name: UPLINK, mac: VPC_MAC, namespace: plan.namespace }),
    ],
    sysctls: [
      sysctl(`ipv4/conf/${device}/forwarding`, 1),
      sysctl(`ipv4/conf/${device}/rp_filter`, 1),
      sysctl(`ipv4/conf/${device}/send_redirects`, 0),
      sysctl(`ipv6/conf/${device}/disable_ipv6`, 1),
    ],
    ip: [
      `link set ${device} alias estiba:${plan.vpcId} up`,
      `addr replace ${endpoint}/32 dev ${device}`,
      `neigh replace ${VPC_HOP} lladdr ${VPC_MAC} nud permanent dev ${device}`,
      `route replace ${cidr} via ${VPC_HOP} dev ${device} onlink src ${endpoint}`,
    ],
    nft: [
      `add table ip ${table}`,
      `delete table ip ${table}`,
      `table ip ${table} {`,
      "chain postrouting { type nat hook postrouting priority 100;",
      `ip saddr ${cidr} oifname != { "${device}", "lo" } masquerade;`,
      "}",
      // The machine itself reaches the VPC; what the machine only forwards does not: other VPCs, its network's neighbours.
      "chain forward { type filter hook forward priority 0;",
      `oifname "${device}" ct state { established, related } accept;`,
      `oifname "${device}" drop;`,
      "}",
      "chain input { type filter hook input priority 0;",
      // What else listens on every address of this machine is not for hosts to reach by ours.
      `ip daddr ${endpoint} iifname "lo" accept;`,
      `ip daddr ${endpoint} iifname != "${device}" drop;`,
      `ip daddr ${endpoint} ct state { established, related } accept;`,
      `ip daddr ${endpoint} icmp type echo-request accept;`,
      ...plan.ports.map(({ protocol, port }) => `ip daddr ${endpoint} ${protocol} dport ${port} accept;`),
      `ip daddr ${endpoint} drop;`,
      "}",
      "}",
    ],
  };
}

/** In the VPC's namespace: an address that a proxy in it serves. */
export const addressScript = (address: string): NamespaceScript => ({
  ip: [`addr replace ${address}/32 dev lo`],
});

export const removeAddressScript = (address: string): NamespaceScript => ({
  before: [`[ -z "$(ip -o addr show dev lo to ${address}/32)" ] || ip addr del ${address}/32 dev lo`],
});
