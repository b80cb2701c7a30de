// What belongs to a VPC besides its subnets and groups: route tables and internet gateways, as stored. Inside the VPC
// everybody has a route to everybody; what leaves it follows these routes (outside.ts). Key: region/id.
import { newEc2Id } from "#lib/ids.ts";
import type { Random } from "#lib/random.ts";
import type { Tags } from "../tags.ts";
import type { VpcRow } from "./instance.ts";

export interface InternetGatewayRow {
  readonly id: string;
  readonly region: string;
  /** Absent while it is detached. */
  readonly vpcId?: string;
  readonly tags: Tags;
}

export interface RouteTableRow {
  readonly id: string;
  readonly region: string;
  readonly vpcId: string;
  /** Besides the VPC's own range, which every table has and nobody changes. */
  readonly routes: readonly RouteRow[];
  readonly associations: readonly RouteTableAssociation[];
  readonly tags: Tags;
}

export interface RouteRow {
  readonly destination: string;
  /** An internet gateway's id, or a NAT gateway's. */
  readonly gatewayId: string;
}

/** Without a subnet: the VPC's main table, which subnets without an association of their own have. */
export interface RouteTableAssociation {
  readonly id: string;
  readonly subnetId?: string;
}

export function newRouteTable(
  { region, id: vpcId }: Pick<VpcRow, "region" | "id">,
  tags: Tags,
  random: Random,
): RouteTableRow {
  return { id: newEc2Id("rtb", random), region, vpcId, routes: [], associations: [], tags };
}

/** The table that comes with a VPC. */
export function newMainRouteTable(vpc: VpcRow, random: Random): RouteTableRow {
  const association = { id: newEc2Id("rtbassoc", random) };
  return { ...newRouteTable(vpc, {}, random), associations: [association] };
}

export const isMain = (table: RouteTableRow): boolean =>
  table.associations.some(({ subnetId }) => subnetId === undefined);

/** Replaces the route to the same destination, if there is one. */
export const putRoute = (table: RouteTableRow, route: RouteRow): RouteTableRow => ({
  ...table,
  routes: [...table.routes.filter(({ destination }) => destination !== route.destination), route],
});

export const removeRoute = (table: RouteTableRow, destination: string): RouteTableRow => ({
  ...table,
  routes: table.routes.filter((route) => route.destination !== destination),
});

export const addAssociation = (table: RouteTableRow, association: RouteTableAssociation): RouteTableRow => ({
  ...table,
  associations: [...table.associations, association],
});

export const removeAssociation = (table: RouteTableRow, id: string): RouteTableRow => ({
  ...table,
  associations: table.associations.filter((association) => association.id !== id),
});

export const attachGateway = (gateway: InternetGatewayRow, vpcId: string): InternetGatewayRow => ({
  ...gateway,
  vpcId,
});

export function detachGateway({ vpcId: _, ...gateway }: InternetGatewayRow): InternetGatewayRow {
  return gateway;
}
