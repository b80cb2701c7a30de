// Elastic IP addresses: records that NAT gateways are made with. What leaves a VPC leaves by the machine's own address, and nothing
// outside reaches in by one of these, so they cannot be associated with instances.
import type { Address } from "@aws-sdk/client-ec2";
import { ServiceError } from "#lib/errors.ts";
import { newEc2Id } from "#lib/ids.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import { type ElasticAddressRow, freeElasticIp } from "#domain/ec2/nat.ts";
import type { Reader } from "#store/store.ts";
import { elasticAddresses, natGateways } from "#store/tables/ec2.ts";
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { notImplemented } from "../errors.ts";
import { type Fields, filterRows } from "../filters.ts";
import { inRegion, named, rowOf } from "../lookup.ts";
import { refuseMembers } from "../refused.ts";
import { readTagSpecifications, showTags } from "../tags.ts";

/** Amazon VPC quotas, "Elastic IP addresses", per Region. */
const MOST_ADDRESSES = 5;

export function elasticAddressOperations({ store, random }: Ec2Dependencies) {
  return {
    async AllocateAddress({ TagSpecifications, Domain, NetworkBorderGroup, ...rest }, { region }) {
      refuseMembers(rest, { DryRun: "false", PublicIpv4Pool: '"amazon"' });
      if (Domain !== undefined && Domain !== "vpc") throw notImplemented("Domain other than 'vpc'");
      if (NetworkBorderGroup !== undefined && NetworkBorderGroup !== region)
        throw notImplemented(`The network border group '${NetworkBorderGroup}'`);
      const tags = readTagSpecifications(TagSpecifications, "elastic-ip");
      const row = await store.transact((tx) => {
        const taken = Array.from(tx.scan(elasticAddresses), ([, one]) => one.publicIp);
        const publicIp = freeElasticIp(new Set(taken));
        if (publicIp === undefined || inRegion(tx, elasticAddresses, region).length >= MOST_ADDRESSES)
          throw new ServiceError("AddressLimitExceeded", "The maximum number of addresses has been reached.");
        const made: ElasticAddressRow = { id: newEc2Id("eipalloc", random), region, publicIp, tags };
        tx.put(elasticAddresses, ec2Key(region, made.id), made);
        return made;
      });
      return {
        AllocationId: row.id,
        PublicIp: row.publicIp,
        Domain: "vpc",
        PublicIpv4Pool: "amazon",
        NetworkBorderGroup: region,
      };
    },

    async ReleaseAddress({ AllocationId, NetworkBorderGroup, ...rest }, { region }) {
      refuseMembers(rest, { DryRun: "false" });
      if (NetworkBorderGroup !== undefined && NetworkBorderGroup !== region)
        throw notImplemented(`The network border group '${NetworkBorderGroup}'`);
      await store.transact((tx) => {
        const row = rowOf(tx, elasticAddresses, region, "elastic-ip", AllocationId, "allocationId");
        if (tx.find(natGateways, "allocation", row.id).length > 0)
          throw new ServiceError("InvalidIPAddress.InUse", `Address ${row.publicIp} is in use.`);
        tx.delete(elasticAddresses, ec2Key(region, row.id));
      });
      return {};
    },

    DescribeAddresses({ AllocationIds, PublicIps = [], Filters, ...rest }, { region }) {
      refuseMembers(rest, { DryRun: "false" });
      const all = named(store, elasticAddresses, region, "elastic-ip", AllocationIds);
      for (const given of PublicIps)
        if (!all.some((row) => row.publicIp === given))
          throw new ServiceError("InvalidAddress.NotFound", `Address '${given}' not found.`);
      const chosen = all.filter((row) => PublicIps.length === 0 || PublicIps.includes(row.publicIp));
      const rows = filterRows(chosen, Filters, fields(store), (row) => row.tags);
      return { Addresses: rows.map((row) => show(store, row)) };
    },
  } satisfies Ec2Operations;
}

const gatewayWith = (reader: Reader, row: ElasticAddressRow) =>
  reader.find(natGateways, "allocation", row.id)[0]?.[1];

const fields = (reader: Reader): Fields<ElasticAddressRow> => ({
  "allocation-id": (row) => row.id,
  "public-ip": (row) => row.publicIp,
  domain: () => "vpc",
  "private-ip-address": (row) => gatewayWith(reader, row)?.privateIp,
  "network-interface-id": (row) => gatewayWith(reader, row)?.networkInterfaceId,
  "network-border-group": (row) => row.region,
});

function show(reader: Reader, row: ElasticAddressRow): Address {
  const gateway = gatewayWith(reader, row);
  return {
    AllocationId: row.id,
    PublicIp: row.publicIp,
    Domain: "vpc",
    PublicIpv4Pool: "amazon",
    NetworkBorderGroup: row.region,
    ...(gateway === undefined
      ? {}
      : {
          PrivateIpAddress: gateway.privateIp,
          NetworkInterfaceId: gateway.networkInterfaceId,
          AssociationId: `eipassoc-${row.id.slice("eipalloc-".length)}`,
        }),
    Tags: showTags(row.tags),
  };
}
