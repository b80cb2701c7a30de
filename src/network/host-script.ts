// What places a host in its VPC: its namespace, its veth, what its packets may say, how far metadata answers go, and the
// redirection of 169.254.170.2 to the agent that ecs-init makes on an EC2 instance. Pure.
import { ensureVeth, onceVeth, sysctl, type NamespaceScript } from "./script.ts";
import { VPC_HOP, type VpcAddresses } from "./ranges.ts";
import { VPC_MAC, vpcTable, vpcTableLines } from "./vpc-script.ts";

export interface HostPlan {
  readonly namespace: string;
  /** The VPC namespace's end of the veth; the host's is `eth0`. */
  readonly interfaceName: string;
  readonly privateIp: string;
  readonly macAddress: string;
  readonly metadataHopLimit: number;
  readonly vpc: VpcAddresses;
  readonly imdsPort: number;
}

/** The agent's credentials and metadata server (amazon-ecs-agent's fixed port) and its introspection server. */
const AGENT_PORT = 51_679;
const INTROSPECTION_PORT = 51_678;
const TASK_ENDPOINT = "169.254.170.2";

/** In the VPC's namespace. The rules come before the link is up. */
export function attachScript(plan: HostPlan): NamespaceScript {
  const { interfaceName: name, macAddress: mac, namespace } = plan;
  const veth = ensureVeth({ name, mac: VPC_MAC }, { name: "eth0", mac, namespace });
  return { before: [veth], ...vpcSide(plan) };
}

/** In the VPC's namespace, for a task's interface: what the host's agent finds by its MAC has the same name there. */
export function attachInterfaceScript(plan: HostPlan): NamespaceScript {
  const { interfaceName: name, macAddress: mac, namespace } = plan;
  return { before: [onceVeth({ name, mac: VPC_MAC }, { name, mac, namespace })], ...vpcSide(plan) };
}

/** What the interface's packets may say, and the way to it. */
function vpcSide(plan: HostPlan): NamespaceScript {
  const { interfaceName: link, privateIp, macAddress } = plan;
  return {
    nft: [
      ...vpcTableLines,
      ...hostChain(link, "from", [`ip saddr ${privateIp} accept`, "drop"]),
      ...hostChain(link, "to", [
        // MetadataOptions.HttpPutResponseHopLimit: the TTL that the host's own stack sees. The answers still carry the
        // control plane's address here; the translation back comes after this hook.
        `ip saddr ${plan.vpc.endpoint} tcp sport ${plan.imdsPort} ip ttl set ${plan.metadataHopLimit}`,
      ]),
    ],
    ip: [
      `link set ${link} up`,
      `neigh replace ${privateIp} lladdr ${macAddress} nud permanent dev ${link}`,
      `route replace ${privateIp}/32 dev ${link} src ${plan.vpc.router}`,
    ],
  };
}

/** In the VPC's namespace; no error when any of it is gone. */
export function detachScript(link: string): NamespaceScript {
  return {
    before: [`! ip link show dev ${link} >/dev/null 2>&1 || ip link del ${link}`],
    nft: [
      ...vpcTableLines,
      ...(["from", "to"] as const).flatMap((direction) => [
        ...hostChain(link, direction, []),
        `delete element ${vpcTable} ${direction} { "${link}" }`,
        `delete chain ${vpcTable} ${chainOf(link, direction)}`,
      ]),
    ],
  };
}

/** What ecs-init makes on an EC2 instance: the endpoint of tasks' credentials and metadata leads to the agent. */
const taskEndpoint: readonly string[] = [
  "add table ip estiba",
  "delete table ip estiba",
  "table ip estiba {",
  "chain prerouting { type nat hook prerouting priority -100;",
  `ip daddr ${TASK_ENDPOINT} tcp dport 80 dnat to 127.0.0.1:${AGENT_PORT};`,
  "}",
  "chain output { type nat hook output priority -100;",
  `ip daddr ${TASK_ENDPOINT} tcp dport 80 redirect to :${AGENT_PORT};`,
  "}",
  "chain input { type filter hook input priority 0;",
  `tcp dport ${INTROSPECTION_PORT} iifname != "lo" drop;`,
  // route_localnet would let others speak to what listens on this host's loopback.
  "ip daddr != 127.0.0.0/8 accept;",
  "ip saddr 127.0.0.0/8 accept;",
  "ct state { established, related } accept;",
  "ct status dnat accept;",
  "drop;",
  "}",
  "}",
];

/** In the host's namespace. A table of our own: the host's engine rewrites iptables' tables and leaves this one. */
export function hostScript(plan: HostPlan): NamespaceScript {
  return {
    sysctls: [
      sysctl("ipv4/ip_forward", 1),
      sysctl("ipv4/conf/all/route_localnet", 1),
      sysctl("ipv4/conf/all/rp_filter", 0),
      sysctl("ipv4/conf/default/rp_filter", 0),
      sysctl("ipv4/conf/eth0/rp_filter", 1),
      // The VPC is IPv4; the host's loopback keeps IPv6, which containers expect.
      sysctl("ipv6/conf/eth0/disable_ipv6", 1),
    ],
    ip: [
      "link set lo up",
      `addr replace ${plan.privateIp}/32 dev eth0`,
      "link set eth0 up",
      `neigh replace ${VPC_HOP} lladdr ${VPC_MAC} nud permanent dev eth0`,
      `route replace default via ${VPC_HOP} dev eth0 onlink src ${plan.privateIp}`,
    ],
    nft: taskEndpoint,
  };
}

/** Of a machine that is a host itself. Loopback addresses can be routed from now on; the rules let nobody but the machine use it. */
export const taskEndpointScript: NamespaceScript = {
  sysctls: [sysctl("ipv4/conf/all/route_localnet", 1)],
  nft: taskEndpoint,
};
export const removeTaskEndpoint = "nft delete table ip estiba 2>/dev/null || true";

const chainOf = (link: string, direction: "from" | "to"): string => `${link}-${direction}`;

function hostChain(link: string, direction: "from" | "to", rules: readonly string[]): string[] {
  const chain = chainOf(link, direction);
  return [
    `add chain ${vpcTable} ${chain}`,
    `flush chain ${vpcTable} ${chain}`,
    ...rules.map((rule) => `add rule ${vpcTable} ${chain} ${rule}`),
    `add element ${vpcTable} ${direction} { "${link}" : jump ${chain} }`,
  ];
}
