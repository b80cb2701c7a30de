// Who reaches what beyond the VPC, by the routes of its subnet (VPC User Guide, "Route tables", "Internet gateways", "NAT
// gateways"): by an internet gateway who has a public address, by a NAT gateway whoever, if the gateway's own subnet leads on. Pure.
import { blockContains, type Ipv4Block, parseBlock } from "./ipv4.ts";
import type { NatGatewayRow } from "./nat.ts";
import { isMain, type InternetGatewayRow, type RouteRow, type RouteTableRow } from "./vpc-parts.ts";

export interface OutsideRoute {
  readonly destination: string;
  /** Where the route ends in nothing, packets do, too. */
  readonly passes: boolean;
}

/** Rows of one VPC. */
export interface VpcRoutes {
  readonly tables: readonly RouteTableRow[];
  readonly internetGateways: readonly InternetGatewayRow[];
  readonly natGateways: readonly NatGatewayRow[];
}

/** The most specific first: the first that fits a destination is its route. What fits none does not leave the VPC. */
export function outsideRoutes(
  vpc: VpcRoutes,
  subnetId: string,
  hasPublicAddress: boolean,
): readonly OutsideRoute[] {
  const passes = ({ gatewayId, destination }: RouteRow): boolean => {
    if (isAttached(vpc, gatewayId)) return hasPublicAddress;
    const gateway = vpc.natGateways.find(({ id }) => id === gatewayId);
    return gateway?.allocationId !== undefined && leadsOut(vpc, gateway.subnetId, destination);
  };
  return sorted(vpc, subnetId).map((route) => ({ destination: route.destination, passes: passes(route) }));
}

const isAttached = ({ internetGateways }: VpcRoutes, gatewayId: string): boolean =>
  internetGateways.some(({ id }) => id === gatewayId);

/** The route of a NAT gateway's subnet that fits the whole destination goes to an internet gateway. */
function leadsOut(vpc: VpcRoutes, subnetId: string, destination: string): boolean {
  const wanted = blockOf(destination);
  const route = sorted(vpc, subnetId).find((one) => {
    const block = blockOf(one.destination);
    return block.prefix <= wanted.prefix && blockContains(block, wanted.base);
  });
  return route !== undefined && isAttached(vpc, route.gatewayId);
}

function sorted({ tables }: VpcRoutes, subnetId: string): readonly RouteRow[] {
  const table =
    tables.find(({ associations }) => associations.some((a) => a.subnetId === subnetId)) ??
    tables.find(isMain);
  return [...(table?.routes ?? [])].sort(
    (a, b) => blockOf(b.destination).prefix - blockOf(a.destination).prefix,
  );
}

/** What is stored was checked. */
const blockOf = (cidr: string): Ipv4Block => parseBlock(cidr) ?? { base: 0, prefix: 33, size: 0 };
