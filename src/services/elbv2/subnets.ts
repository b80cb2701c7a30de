// Which subnets and security groups a load balancer may have: one per zone, at least two zones, one VPC.
import { ServiceError } from "#lib/errors.ts";
import type { LoadBalancerRow } from "#domain/elbv2/load-balancer.ts";
import { ec2Key, type SubnetRow } from "#domain/ec2/instance.ts";
import { firstFree } from "#domain/ec2/ipv4.ts";
import type { Reader, Transaction } from "#store/store.ts";
import { addresses, securityGroups, subnets } from "#store/tables/ec2.ts";
import { invalidConfiguration, notImplemented, validationError } from "./errors.ts";

interface SubnetInput {
  readonly Subnets?: readonly string[] | undefined;
  readonly SubnetMappings?:
    | readonly {
        readonly SubnetId?: string | undefined;
        readonly AllocationId?: string | undefined;
        readonly PrivateIPv4Address?: string | undefined;
        readonly IPv6Address?: string | undefined;
      }[]
    | undefined;
}

/** The subnets named, in the caller's order. @throws ValidationError, SubnetNotFound, InvalidConfigurationRequest */
export function readSubnets(reader: Reader, region: string, input: SubnetInput): readonly SubnetRow[] {
  if (input.Subnets !== undefined && input.SubnetMappings !== undefined)
    throw validationError("You can specify either subnets or subnet mappings, not both");
  for (const mapping of input.SubnetMappings ?? []) {
    for (const member of ["AllocationId", "PrivateIPv4Address", "IPv6Address"] as const)
      if (mapping[member] !== undefined) throw notImplemented(`SubnetMappings.${member}`);
  }
  const ids = input.Subnets ?? (input.SubnetMappings ?? []).map((m) => m.SubnetId ?? "");
  if (ids.length === 0) throw validationError("At least one subnet must be specified");
  const rows = [...new Set(ids)].map((id) => {
    const row = reader.get(subnets, ec2Key(region, id));
    if (row === undefined) throw new ServiceError("SubnetNotFound", `The subnet ID '${id}' is not valid`);
    return row;
  });
  if (new Set(rows.map((r) => r.vpcId)).size > 1)
    throw invalidConfiguration("Subnets must belong to the same VPC");
  const zones = new Set(rows.map((r) => r.availabilityZone));
  if (zones.size < rows.length)
    throw invalidConfiguration(
      "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
    );
  if (zones.size < 2)
    throw validationError("At least two subnets in two different Availability Zones must be specified");
  return rows;
}

export const subnetsOfRow = (rows: readonly SubnetRow[]): LoadBalancerRow["subnets"] =>
  rows.map((r) => ({ subnetId: r.id, availabilityZone: r.availabilityZone }));

/** The groups named, or the VPC's default one. @throws InvalidSecurityGroup, InvalidConfigurationRequest */
export function readSecurityGroups(
  reader: Reader,
  region: string,
  vpcId: string,
  given: readonly string[] | undefined,
): readonly string[] {
  if (given === undefined || given.length === 0) {
    return reader
      .find(securityGroups, "vpc", vpcId)
      .flatMap(([, row]) => (row.name === "default" ? [row.id] : []));
  }
  if (new Set(given).size > 5)
    throw invalidConfiguration("A load balancer cannot have more than 5 security groups");
  for (const id of given) {
    const row = reader.get(securityGroups, ec2Key(region, id));
    if (row === undefined)
      throw new ServiceError("InvalidSecurityGroup", `Security group '${id}' does not exist`);
    if (row.vpcId !== vpcId)
      throw invalidConfiguration(`Security group '${id}' does not belong to VPC '${vpcId}'`);
  }
  return [...new Set(given)];
}

/** Takes the lowest free address of the subnet. @throws InvalidSubnet when there is none */
export function takeAddress(tx: Transaction, subnet: SubnetRow, owner: string): string {
  const taken = new Set(
    Array.from(tx.scan(addresses, { prefix: `${subnet.id}/` }), ([, row]) => row.address),
  );
  const address = firstFree(subnet.cidrBlock, taken);
  if (address === undefined)
    throw new ServiceError("InvalidSubnet", `Not enough IP space available in ${subnet.id}`);
  tx.put(addresses, `${subnet.id}/${address}`, { subnetId: subnet.id, address, owner });
  return address;
}
