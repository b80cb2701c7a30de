// Route tables: what of the outside the instances and tasks of a subnet reach, by an internet gateway or a NAT gateway (the
// controller of security groups tells the network). Routes to what Estiba has not are refused by name.
import type {
  CreateRouteRequest,
  RouteTable,
  RouteTableAssociation as ShownAssociation,
} from "@aws-sdk/client-ec2";
import { ServiceError } from "#lib/errors.ts";
import { newEc2Id } from "#lib/ids.ts";
import { ec2Key, type SubnetRow } from "#domain/ec2/instance.ts";
import { parseBlock } from "#domain/ec2/ipv4.ts";
import {
  addAssociation,
  isMain,
  newRouteTable,
  putRoute,
  removeAssociation,
  removeRoute,
  type RouteTableAssociation,
  type RouteTableRow,
} from "#domain/ec2/vpc-parts.ts";
import type { Reader, Transaction } from "#store/store.ts";
import { internetGateways, natGateways, routeTables, subnets, vpcs } from "#store/tables/ec2.ts";
import { ensureDefaultVpc } from "../default-vpc.ts";
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { hasDependencies, invalidParameter, invalidValue } from "../errors.ts";
import { type Fields, filterRows } from "../filters.ts";
import { named, required, rowOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { refuseMembers } from "../refused.ts";
import { readTagSpecifications, showTags } from "../tags.ts";

/** Amazon VPC quotas, "Route tables": per VPC, and routes per table. */
const MOST_TABLES = 200;
const MOST_ROUTES = 500;

export function routeTableOperations(deps: Ec2Dependencies) {
  const { store, account, random } = deps;
  const tableOf = (reader: Reader, region: string, id: string | undefined) =>
    rowOf(reader, routeTables, region, "route-table", id, "routeTableId");
  const put = (tx: Transaction, table: RouteTableRow) =>
    tx.put(routeTables, ec2Key(table.region, table.id), table);
  const cidrOf = (reader: Reader, { region, vpcId }: RouteTableRow) =>
    reader.get(vpcs, ec2Key(region, vpcId))?.cidrBlock ?? "";

  const changeRoute = async (
    region: string,
    { RouteTableId, DestinationCidrBlock, GatewayId, NatGatewayId, ...rest }: CreateRouteRequest,
    replaces: boolean,
  ) => {
    refuseMembers(rest, { DryRun: "false", LocalTarget: "false" });
    const destination = readDestination(DestinationCidrBlock);
    await store.transact((tx) => {
      const table = tableOf(tx, region, RouteTableId);
      const known = table.routes.some((route) => route.destination === destination);
      if (destination === cidrOf(tx, table) || (known && !replaces)) {
        throw new ServiceError(
          "RouteAlreadyExists",
          `The route identified by ${destination} already exists.`,
        );
      }
      if (!known && replaces) throw noRoute(table, destination);
      if (!known && table.routes.length + 1 >= MOST_ROUTES)
        throw new ServiceError("RouteLimitExceeded", "The maximum number of routes has been reached.");
      if (GatewayId !== undefined && NatGatewayId !== undefined)
        throw invalidValue("Only one of gatewayId and natGatewayId can be given.");
      const gateway =
        NatGatewayId === undefined
          ? rowOf(tx, internetGateways, region, "internet-gateway", GatewayId, "gatewayId")
          : rowOf(tx, natGateways, region, "natgateway", NatGatewayId, "natGatewayId");
      if (gateway.vpcId !== table.vpcId) {
        throw invalidValue(
          `route table ${table.id} and network gateway ${gateway.id} belong to different networks`,
        );
      }
      put(tx, putRoute(table, { destination, gatewayId: gateway.id }));
    });
  };

  return {
    async CreateRouteTable(input, { region }) {
      const tags = readTagSpecifications(input.TagSpecifications, "route-table");
      const row = await store.transact((tx) => {
        const vpc = rowOf(tx, vpcs, region, "vpc", input.VpcId, "vpcId");
        if (tx.find(routeTables, "vpc", vpc.id).length >= MOST_TABLES) {
          throw new ServiceError(
            "RouteTableLimitExceeded",
            "The maximum number of route tables has been reached.",
          );
        }
        const made = newRouteTable(vpc, tags, random);
        put(tx, made);
        return made;
      });
      return { RouteTable: show(store, row, account) };
    },

    async DeleteRouteTable(input, { region }) {
      await store.transact((tx) => {
        const table = tableOf(tx, region, input.RouteTableId);
        if (table.associations.length > 0) throw hasDependencies("routeTable", table.id);
        tx.delete(routeTables, ec2Key(region, table.id));
      });
      return {};
    },

    async CreateRoute(input, { region }) {
      await changeRoute(region, input, false);
      return { Return: true };
    },

    async ReplaceRoute(input, { region }) {
      await changeRoute(region, input, true);
      return {};
    },

    async DeleteRoute({ RouteTableId, DestinationCidrBlock, ...rest }, { region }) {
      refuseMembers(rest, { DryRun: "false" });
      const destination = readDestination(DestinationCidrBlock);
      await store.transact((tx) => {
        const table = tableOf(tx, region, RouteTableId);
        if (destination === cidrOf(tx, table))
          throw invalidValue(`cannot remove local route ${destination} in route table ${table.id}`);
        if (!table.routes.some((route) => route.destination === destination))
          throw noRoute(table, destination);
        put(tx, removeRoute(table, destination));
      });
      return {};
    },

    async AssociateRouteTable({ RouteTableId, SubnetId, ...rest }, { region }) {
      refuseMembers(rest, { DryRun: "false" });
      const id = await store.transact((tx) => {
        const table = tableOf(tx, region, RouteTableId);
        const subnet = sameNetwork(table, rowOf(tx, subnets, region, "subnet", SubnetId, "subnetId"));
        const known = tx.find(routeTables, "subnet", subnet.id)[0]?.[1];
        const own = known?.associations.find(({ subnetId }) => subnetId === subnet.id);
        // What is so already is no error, as on AWS.
        if (known?.id === table.id && own !== undefined) return own.id;
        if (known !== undefined) {
          throw new ServiceError(
            "Resource.AlreadyAssociated",
            `the specified association for route table ${table.id} conflicts with an existing association`,
          );
        }
        const made = { id: newEc2Id("rtbassoc", random), subnetId: subnet.id };
        put(tx, addAssociation(table, made));
        return made.id;
      });
      return { AssociationId: id, AssociationState: { State: "associated" } };
    },

    async DisassociateRouteTable(input, { region }) {
      await store.transact((tx) => {
        const { table, association } = findAssociation(tx, region, input.AssociationId);
        if (association.subnetId === undefined) {
          throw invalidParameter(
            association.id,
            "associationId",
            "The main route table cannot be disassociated.",
          );
        }
        put(tx, removeAssociation(table, association.id));
      });
      return {};
    },

    /** Of a subnet, or of the VPC's main table: the association moves to another table under a new id. */
    async ReplaceRouteTableAssociation(input, { region }) {
      const id = await store.transact((tx) => {
        const { table, association } = findAssociation(tx, region, input.AssociationId);
        const next = tableOf(tx, region, input.RouteTableId);
        if (next.vpcId !== table.vpcId) throw differentNetworks(next.id, table.id);
        if (next.id === table.id) return association.id;
        const made = { ...association, id: newEc2Id("rtbassoc", random) };
        put(tx, removeAssociation(table, association.id));
        put(tx, addAssociation(next, made));
        return made.id;
      });
      return { NewAssociationId: id, AssociationState: { State: "associated" } };
    },

    async DescribeRouteTables(input, context) {
      const { region } = context;
      await ensureDefaultVpc(deps, region);
      const all = named(store, routeTables, region, "route-table", input.RouteTableIds);
      const rows = filterRows(all, input.Filters, fields(cidrOf, store, account), (row) => row.tags);
      const { items, rest } = page(rows, (r) => r.id, context, input);
      return { RouteTables: items.map((row) => show(store, row, account)), ...rest };
    },
  } satisfies Ec2Operations;
}

function readDestination(text: string | undefined): string {
  const given = required(text, "destinationCidrBlock");
  if (parseBlock(given) === undefined)
    throw invalidParameter(given, "destinationCidrBlock", "This is not a valid CIDR block.");
  return given;
}

const isNat = (gatewayId: string): boolean => gatewayId.startsWith("nat-");

const noRoute = (table: RouteTableRow, destination: string) =>
  new ServiceError(
    "InvalidRoute.NotFound",
    `no route with destination-cidr-block ${destination} in route table ${table.id}`,
  );

const differentNetworks = (a: string, b: string) =>
  new ServiceError("InvalidParameterValue", `route table ${a} and ${b} belong to different networks`);

function sameNetwork(table: RouteTableRow, subnet: SubnetRow): SubnetRow {
  if (subnet.vpcId !== table.vpcId) throw differentNetworks(table.id, `subnet ${subnet.id}`);
  return subnet;
}

function findAssociation(
  reader: Reader,
  region: string,
  given: string | undefined,
): { readonly table: RouteTableRow; readonly association: RouteTableAssociation } {
  const id = required(given, "associationId");
  const table = reader.find(routeTables, "association", id)[0]?.[1];
  const association = table?.associations.find((one) => one.id === id);
  if (table === undefined || association === undefined || table.region !== region) {
    throw new ServiceError("InvalidAssociationID.NotFound", `The association ID '${id}' does not exist`);
  }
  return { table, association };
}

const fields = (
  cidrOf: (reader: Reader, table: RouteTableRow) => string,
  reader: Reader,
  account: string,
): Fields<RouteTableRow> => ({
  "route-table-id": (row) => row.id,
  "vpc-id": (row) => row.vpcId,
  "owner-id": () => account,
  "association.main": isMain,
  "association.route-table-id": (row) => (row.associations.length > 0 ? row.id : undefined),
  "association.subnet-id": (row) => row.associations.flatMap(({ subnetId }) => subnetId ?? []),
  "association.route-table-association-id": (row) => row.associations.map(({ id }) => id),
  "route.destination-cidr-block": (row) => [
    cidrOf(reader, row),
    ...row.routes.map(({ destination }) => destination),
  ],
  "route.gateway-id": (row) => [
    "local",
    ...row.routes.flatMap(({ gatewayId }) => (isNat(gatewayId) ? [] : gatewayId)),
  ],
  "route.nat-gateway-id": (row) => row.routes.flatMap(({ gatewayId }) => (isNat(gatewayId) ? gatewayId : [])),
  "route.state": () => "active",
});

function show(reader: Reader, row: RouteTableRow, account: string): RouteTable {
  const attached = (gatewayId: string) =>
    (isNat(gatewayId)
      ? reader.get(natGateways, ec2Key(row.region, gatewayId))
      : reader.get(internetGateways, ec2Key(row.region, gatewayId))
    )?.vpcId === row.vpcId;
  return {
    RouteTableId: row.id,
    VpcId: row.vpcId,
    OwnerId: account,
    PropagatingVgws: [],
    Associations: row.associations.map(({ id, subnetId }): ShownAssociation => ({
      RouteTableAssociationId: id,
      RouteTableId: row.id,
      Main: subnetId === undefined,
      ...(subnetId === undefined ? {} : { SubnetId: subnetId }),
      AssociationState: { State: "associated" },
    })),
    Routes: [
      {
        DestinationCidrBlock: reader.get(vpcs, ec2Key(row.region, row.vpcId))?.cidrBlock ?? "",
        GatewayId: "local",
        Origin: "CreateRouteTable",
        State: "active",
      },
      ...row.routes.map(({ destination, gatewayId }) => ({
        DestinationCidrBlock: destination,
        ...(isNat(gatewayId) ? { NatGatewayId: gatewayId } : { GatewayId: gatewayId }),
        Origin: "CreateRoute" as const,
        State: attached(gatewayId) ? ("active" as const) : ("blackhole" as const),
      })),
    ],
    Tags: showTags(row.tags),
  };
}
