// How an awsvpc task's namespace is wired: its interface as eth0, and a second link to the host's `ecs-bridge`, by which the
// credentials and metadata endpoint is reached and knows the task by its address (agent protocol, "Networking"). Pure texts; every
// line may be run again.
import { METADATA_ADDRESS, VPC_HOP } from "#network/ranges.ts";
import { VPC_MAC } from "#network/vpc-script.ts";

/** The network between the host and its awsvpc tasks: the host has the first address. */
const BRIDGE = "ecs-bridge";
const BRIDGE_ADDRESS = "169.254.172.1";
const BRIDGE_PREFIX = 22;
const TASK_ENDPOINT = "169.254.170.2";
/** Places of tasks on the bridge: all addresses of the network but its own two and the host's. */
const FIRST_PLACE = 2;
const LAST_PLACE = 2 ** (32 - BRIDGE_PREFIX) - 2;

/** The host's end of a task's link bears its place, so that what is taken can be seen. */
export const bridgePort = (place: number): string => `ecs${place}`;

/** The task's address on the bridge. */
export const placeAddress = (place: number): string => `169.254.${172 + (place >> 8)}.${place & 255}`;

/** The place behind such an address; undefined for any other text. */
export function placeOf(address: string): number | undefined {
  const [, third, fourth] = (/^169\.254\.(\d+)\.(\d+)$/.exec(address) ?? []).map(Number);
  const place = ((third ?? 0) - 172) * 256 + (fourth ?? 0);
  return third !== undefined && place >= FIRST_PLACE && place <= LAST_PLACE ? place : undefined;
}

/** @param links names of the host's interfaces. Undefined when every place is taken. */
export function freePlace(links: readonly string[]): number | undefined {
  const taken = new Set(links);
  for (let place = FIRST_PLACE; place <= LAST_PLACE; place++) if (!taken.has(bridgePort(place))) return place;
  return undefined;
}

/** On the host. Tasks reach the host over it and not one another: those meet in the VPC, where its rules apply. */
export const bridgeScript = `
ip link show dev ${BRIDGE} >/dev/null 2>&1 || ip link add ${BRIDGE} type bridge || ip link show dev ${BRIDGE} >/dev/null
[ ! -e /proc/sys/net/ipv6/conf/${BRIDGE}/disable_ipv6 ] || echo 1 >/proc/sys/net/ipv6/conf/${BRIDGE}/disable_ipv6
ip addr replace ${BRIDGE_ADDRESS}/${BRIDGE_PREFIX} dev ${BRIDGE}
ip link set ${BRIDGE} up
`;

/** On the host: the interface becomes the namespace's eth0. */
export const moveScript = (link: string, namespace: string): string =>
  `ip link set ${link} netns ${namespace} name eth0`;

/**
 * On the host: an interface on the one that all share, told apart by its MAC. Private: tasks of one host meet where the rules of the
 * VPC apply. One that was cut short before it was moved is made anew.
 */
export function trunkScript(trunk: string, macAddress: string, namespace: string): string {
  const link = `t${macAddress.replaceAll(":", "").toLowerCase()}`;
  return `
ip link del ${link} 2>/dev/null || true
ip link add ${link} link ${trunk} address ${macAddress} type macvlan mode private
ip link set ${link} netns ${namespace} name eth0
`;
}

/** On the host. Fails when the place was taken meanwhile. */
export function portScript(place: number, namespace: string): string {
  const port = bridgePort(place);
  return `
ip link add ${port} type veth peer name ecs-eth0 netns ${namespace}
ip link set ${port} master ${BRIDGE}
ip link set ${port} type bridge_slave isolated on
ip link set ${port} up
`;
}

/** In the task's namespace. A host's next hop is the same in every VPC of this provider. */
export function interfaceScript(privateIp: string, blockMetadata: boolean): string {
  return `
ip link set lo up
ip addr replace ${privateIp}/32 dev eth0
ip link set eth0 up
ip neigh replace ${VPC_HOP} lladdr ${VPC_MAC} nud permanent dev eth0
ip route replace default via ${VPC_HOP} dev eth0 onlink src ${privateIp}
${blockMetadata ? `ip route replace blackhole ${METADATA_ADDRESS}/32` : ""}
`;
}

/** In the task's namespace. */
export const endpointScript = (place: number): string => `
ip addr replace ${placeAddress(place)}/${BRIDGE_PREFIX} dev ecs-eth0
ip link set ecs-eth0 up
ip route replace ${TASK_ENDPOINT}/32 via ${BRIDGE_ADDRESS} dev ecs-eth0
`;
