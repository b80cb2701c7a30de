// Which addresses of a VPC are the network's own, and whether its range is free on this machine. Pure.
import { blockContains, formatIpv4, parseBlock, parseIpv4, type Ipv4Block } from "#domain/ec2/ipv4.ts";

/** The same in every VPC; EC2 has the first two at these addresses as well. */
export const METADATA_ADDRESS = "169.254.169.254";
export const DNS_ADDRESS = "169.254.169.253";
/** Next hops on the veths: the VPC for hosts and for the root namespace, the root namespace for the VPC. */
export const VPC_HOP = "169.254.1.1";
export const ROOT_HOP = "169.254.1.2";

/** The range can not be used on this machine, or by this VPC. */
export class VpcRangeRefused extends Error {
  override readonly name = "VpcRangeRefused";
}

export interface VpcAddresses {
  readonly cidr: string;
  /** The range's second address, the namespace's own: EC2 keeps it for the VPC's router. */
  readonly router: string;
  /**
   * The range's third address, where the control plane listens in the root namespace. EC2 keeps it for the resolver, and
   * so do we: port 53 of it, asked by a host, is the VPC's DNS server. It is never handed out (VPC User Guide, "Subnet
   * CIDR blocks").
   */
  readonly endpoint: string;
}

/** @throws VpcRangeRefused when it is not a network of at least eight addresses */
export function vpcAddresses(cidr: string): VpcAddresses {
  const block = parseBlock(cidr);
  if (block === undefined || block.prefix > 29)
    throw new VpcRangeRefused(`"${cidr}" is not a VPC's network.`);
  return { cidr, router: formatIpv4(block.base + 1), endpoint: formatIpv4(block.base + 2) };
}

/** Whether an address can be a host's or a load balancer's: inside the range and not the network's own. */
export function isAssignable(addresses: VpcAddresses, address: string): boolean {
  const block = parseBlock(addresses.cidr);
  const value = parseIpv4(address);
  return block !== undefined && value !== undefined && blockContains(block, value) && value - block.base >= 4;
}

/** One line of `ip -4 -j route show table all`. */
export interface Route {
  /** `default`, an address or a network. */
  readonly dst: string;
  readonly dev?: string;
}

/** What the machine or every host's engine uses already, whatever the routes say. */
const alwaysTaken: readonly (readonly [string, string])[] = [
  ["127.0.0.0/8", "loopback"],
  ["169.254.0.0/16", "link-local addresses such as the metadata service"],
  ["172.17.0.0/16", "the default bridge of each host's container engine"],
];

/**
 * Who uses a part of the range already: `via` the device of a route, or `what`. Routes of `ownDevice` are the VPC's own.
 * Routes for half of all addresses or more are default routes by another name.
 */
export function rangeUser(
  cidr: string,
  routes: readonly Route[],
  ownDevice: string,
): { readonly range: string; readonly device?: string; readonly what?: string } | undefined {
  const block = parseBlock(cidr);
  if (block === undefined) return undefined;
  for (const [range, what] of alwaysTaken) if (overlaps(block, range)) return { range, what };
  const route = routes.find(({ dst, dev }) => dev !== ownDevice && overlaps(block, dst));
  return route && { range: route.dst, ...(route.dev === undefined ? {} : { device: route.dev }) };
}

function overlaps(block: Ipv4Block, network: string): boolean {
  const other = parseBlock(network.includes("/") ? network : `${network}/32`);
  if (other === undefined || other.prefix <= 1) return false;
  return other.base < block.base + block.size && block.base < other.base + other.size;
}
