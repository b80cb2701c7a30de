// NAT gateways and Elastic IP addresses, as stored. They say which subnets reach the outside; what goes out leaves by the machine's
// own address, so an Elastic IP address is a record that nobody out there answers to. Keys: region/id.
import { formatIpv4, parseIpv4 } from "./ipv4.ts";
import type { Tags } from "../tags.ts";

export interface NatGatewayRow {
  readonly id: string;
  readonly region: string;
  readonly vpcId: string;
  readonly subnetId: string;
  readonly privateIp: string;
  readonly networkInterfaceId: string;
  /** Of its Elastic IP address; a private NAT gateway, which leads nowhere outside, has none. */
  readonly allocationId?: string;
  readonly createdAt: number;
  readonly clientToken?: string;
  readonly tags: Tags;
}

export interface ElasticAddressRow {
  /** `eipalloc-…` */
  readonly id: string;
  readonly region: string;
  readonly publicIp: string;
  readonly tags: Tags;
}

/** Reserved for documentation (RFC 5737): nobody takes one of these for an address that can be reached. */
const FIRST = parseIpv4("203.0.113.1") ?? 0;
const COUNT = 254;

/** Undefined when all are taken. */
export function freeElasticIp(taken: ReadonlySet<string>): string | undefined {
  for (let i = 0; i < COUNT; i += 1) {
    const address = formatIpv4(FIRST + i);
    if (!taken.has(address)) return address;
  }
  return undefined;
}
