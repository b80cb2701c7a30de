// NAT gateways: by a route to one, instances and tasks without a public address reach the outside, as far as the gateway's own
// subnet leads there (domain/ec2/outside.ts). Each is there as soon as it is made, and gone as soon as it is deleted.
import type { NatGateway } from "@aws-sdk/client-ec2";
import { ServiceError } from "#lib/errors.ts";
import { newEc2Id } from "#lib/ids.ts";
import { ec2Key, type SubnetRow } from "#domain/ec2/instance.ts";
import type { NatGatewayRow } from "#domain/ec2/nat.ts";
import type { Reader, Transaction } from "#store/store.ts";
import { addresses, elasticAddresses, internetGateways, natGateways, subnets } from "#store/tables/ec2.ts";
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { invalidCombination } from "../errors.ts";
import { type Fields, filterRows } from "../filters.ts";
import { named, rowOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { takeAddress } from "../placement.ts";
import { refuseMembers } from "../refused.ts";
import { readTagSpecifications, showTags } from "../tags.ts";

/** Amazon VPC quotas, "Gateways": per Availability Zone. */
const MOST_GATEWAYS = 5;

export function natGatewayOperations({ store, random, clock }: Ec2Dependencies) {
  return {
    async CreateNatGateway(input, { region }) {
      const { SubnetId, AllocationId, ConnectivityType, PrivateIpAddress, ClientToken, ...others } = input;
      const { TagSpecifications, ...rest } = others;
      refuseMembers(rest, { DryRun: "false", AvailabilityMode: '"zonal"' });
      const tags = readTagSpecifications(TagSpecifications, "natgateway");
      const isPrivate = ConnectivityType === "private";
      if (isPrivate && AllocationId !== undefined)
        throw invalidCombination("An AllocationId cannot be given for a private NAT gateway.");
      const row = await store.transact((tx) => {
        const before =
          ClientToken === undefined
            ? undefined
            : tx.find(natGateways, "clientToken", `${region}/${ClientToken}`)[0]?.[1];
        if (before !== undefined) return before;
        const subnet = rowOf(tx, subnets, region, "subnet", SubnetId, "subnetId");
        checkRoom(tx, subnet);
        const allocationId = isPrivate ? undefined : readAllocation(tx, region, AllocationId);
        if (!isPrivate && tx.find(internetGateways, "vpc", subnet.vpcId).length === 0)
          throw new ServiceError(
            "Gateway.NotAttached",
            `Network ${subnet.vpcId} has no Internet gateway attached`,
          );
        const id = newEc2Id("nat", random);
        const privateIp = takeAddress(tx, subnet, id, PrivateIpAddress);
        if (privateIp === undefined)
          throw new ServiceError(
            "InsufficientFreeAddressesInSubnet",
            `There are not enough free addresses in subnet '${subnet.id}'.`,
          );
        const made: NatGatewayRow = {
          id,
          region,
          vpcId: subnet.vpcId,
          subnetId: subnet.id,
          privateIp,
          networkInterfaceId: newEc2Id("eni", random),
          ...(allocationId === undefined ? {} : { allocationId }),
          createdAt: clock.now(),
          ...(ClientToken === undefined ? {} : { clientToken: ClientToken }),
          tags,
        };
        tx.put(natGateways, ec2Key(region, id), made);
        return made;
      });
      return {
        NatGateway: show(store, row),
        ...(ClientToken === undefined ? {} : { ClientToken }),
      };
    },

    /** Routes to it lead nowhere from now on. */
    async DeleteNatGateway({ NatGatewayId, ...rest }, { region }) {
      refuseMembers(rest, { DryRun: "false" });
      const id = await store.transact((tx) => {
        const row = rowOf(tx, natGateways, region, "natgateway", NatGatewayId, "natGatewayId");
        for (const [key] of tx.find(addresses, "owner", row.id)) tx.delete(addresses, key);
        tx.delete(natGateways, ec2Key(region, row.id));
        return row.id;
      });
      return { NatGatewayId: id };
    },

    DescribeNatGateways({ NatGatewayIds, Filter, MaxResults, NextToken, ...rest }, context) {
      refuseMembers(rest, { DryRun: "false" });
      const all = named(store, natGateways, context.region, "natgateway", NatGatewayIds);
      const rows = filterRows(all, Filter, fields, (row) => row.tags);
      const { items, rest: more } = page(rows, (r) => r.id, context, { MaxResults, NextToken });
      return { NatGateways: items.map((row) => show(store, row)), ...more };
    },
  } satisfies Ec2Operations;
}

/** @throws NatGatewayLimitExceeded */
function checkRoom(tx: Transaction, { vpcId, availabilityZone, region }: SubnetRow): void {
  const zoneOf = (row: NatGatewayRow) => tx.get(subnets, ec2Key(region, row.subnetId))?.availabilityZone;
  const inZone = tx.find(natGateways, "vpc", vpcId).filter(([, row]) => zoneOf(row) === availabilityZone);
  if (inZone.length >= MOST_GATEWAYS)
    throw new ServiceError("NatGatewayLimitExceeded", "The maximum number of NAT gateways has been reached.");
}

function readAllocation(tx: Transaction, region: string, given: string | undefined): string {
  if (given === undefined)
    throw new ServiceError(
      "MissingParameter",
      "The request must include the AllocationId parameter. Add the required parameter and retry the request.",
    );
  const { id } = rowOf(tx, elasticAddresses, region, "elastic-ip", given, "allocationId");
  if (tx.find(natGateways, "allocation", id).length > 0)
    throw new ServiceError("Resource.AlreadyAssociated", `Elastic IP address [${id}] is already associated`);
  return id;
}

const fields: Fields<NatGatewayRow> = {
  "nat-gateway-id": (row) => row.id,
  "vpc-id": (row) => row.vpcId,
  "subnet-id": (row) => row.subnetId,
  state: () => "available",
};

function show(reader: Reader, row: NatGatewayRow): NatGateway {
  const { allocationId } = row;
  const elastic =
    allocationId === undefined ? undefined : reader.get(elasticAddresses, ec2Key(row.region, allocationId));
  return {
    NatGatewayId: row.id,
    VpcId: row.vpcId,
    SubnetId: row.subnetId,
    State: "available",
    ConnectivityType: allocationId === undefined ? "private" : "public",
    CreateTime: new Date(row.createdAt),
    NatGatewayAddresses: [
      {
        ...(elastic === undefined ? {} : { AllocationId: elastic.id, PublicIp: elastic.publicIp }),
        PrivateIp: row.privateIp,
        NetworkInterfaceId: row.networkInterfaceId,
        IsPrimary: true,
        Status: "succeeded",
      },
    ],
    Tags: showTags(row.tags),
  };
}
