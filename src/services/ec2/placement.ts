// Where RunInstances puts instances: subnet, security groups, addresses, instance profile.
import type { IamInstanceProfileSpecification, RunInstancesRequest } from "@aws-sdk/client-ec2";
import { ServiceError } from "#lib/errors.ts";
import { ec2Key, type SubnetRow } from "#domain/ec2/instance.ts";
import type { SecurityGroupRow } from "#domain/ec2/security-group.ts";
import { blockContains, firstFree, isUsable, parseBlock, parseIpv4 } from "#domain/ec2/ipv4.ts";
import type { Reader, Transaction } from "#store/store.ts";
import { addresses, securityGroups, subnets } from "#store/tables/ec2.ts";
import { instanceProfiles } from "#store/tables/iam.ts";
import { defaultVpcOf } from "./default-vpc.ts";
import { checkId, invalidCombination, invalidParameter, invalidValue, notFound } from "./errors.ts";

/** How many security groups one network interface may have (Amazon VPC quotas). */
const MOST_GROUPS = 5;

const takenIn = (reader: Reader, subnet: SubnetRow): ReadonlySet<string> =>
  new Set(Array.from(reader.scan(addresses, { prefix: `${subnet.id}/` }), ([, row]) => row.address));

/** The subnet named, or the default VPC's in the zone named, or its emptiest. */
export function readSubnet(reader: Reader, region: string, input: RunInstancesRequest): SubnetRow {
  const zone = input.Placement?.AvailabilityZone;
  if (input.SubnetId !== undefined) {
    const row = reader.get(subnets, ec2Key(region, checkId("subnet", input.SubnetId)));
    if (row === undefined) throw notFound("subnet", [input.SubnetId]);
    if (zone !== undefined && zone !== row.availabilityZone) {
      throw invalidParameter(
        zone,
        "availabilityZone",
        `The subnet '${row.id}' is in the availability zone ${row.availabilityZone}`,
      );
    }
    return row;
  }
  const vpc = defaultVpcOf(reader, region);
  const all = vpc === undefined ? [] : reader.find(subnets, "vpc", vpc.id).map(([, row]) => row);
  const defaults = all
    .filter((row) => row.defaultForAz)
    .sort((a, b) => (a.availabilityZone < b.availabilityZone ? -1 : 1));
  const candidates = zone === undefined ? defaults : defaults.filter((row) => row.availabilityZone === zone);
  let best: { readonly row: SubnetRow; readonly taken: number } | undefined;
  for (const row of candidates) {
    const taken = takenIn(reader, row).size;
    if (best === undefined || taken < best.taken) best = { row, taken };
  }
  if (best !== undefined) return best.row;
  throw zone === undefined
    ? new ServiceError("MissingInput", "No subnets found for the default VPC. Please specify a subnet.")
    : invalidValue(`Invalid availability zone: [${zone}]`);
}

/** The groups named by id or by name, or the VPC's default one. */
export function readSecurityGroups(
  reader: Reader,
  region: string,
  subnet: SubnetRow,
  { SecurityGroupIds: ids = [], SecurityGroups: names = [], SubnetId: subnetId }: RunInstancesRequest,
): readonly string[] {
  if (names.length > 0 && subnetId !== undefined)
    throw invalidCombination("The parameter groupName cannot be used with the parameter subnet");
  const inVpc = reader.find(securityGroups, "vpc", subnet.vpcId).map(([, row]) => row);
  const byName = (name: string): SecurityGroupRow => {
    const row = inVpc.find((r) => r.name === name);
    if (row !== undefined) return row;
    throw new ServiceError(
      "InvalidGroup.NotFound",
      `The security group '${name}' does not exist in default VPC '${subnet.vpcId}'`,
    );
  };
  const byId = (id: string): SecurityGroupRow => {
    const row = reader.get(securityGroups, ec2Key(region, checkId("security-group", id)));
    if (row === undefined) throw notFound("security-group", [id]);
    if (row.vpcId === subnet.vpcId) return row;
    throw new ServiceError(
      "InvalidParameter",
      `Security group ${id} and subnet ${subnet.id} belong to different networks.`,
    );
  };
  const found = new Set([...ids.map(byId), ...names.map(byName)].map((row) => row.id));
  if (found.size > MOST_GROUPS) {
    throw new ServiceError(
      "SecurityGroupsPerInterfaceLimitExceeded",
      `The maximum number of security groups per interface has been reached: ${MOST_GROUPS}`,
    );
  }
  return found.size > 0 ? [...found] : [byName("default").id];
}

/** The profile's ARN. @throws InvalidParameterValue when there is no such profile, or it has no role */
export function readInstanceProfile(
  reader: Reader,
  given: IamInstanceProfileSpecification | undefined,
): string | undefined {
  if (given?.Name === undefined && given?.Arn === undefined) return undefined;
  if (given.Name !== undefined && given.Arn !== undefined) {
    throw invalidCombination(
      "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'",
    );
  }
  const row =
    given.Name !== undefined
      ? reader.get(instanceProfiles, given.Name)
      : reader.find(instanceProfiles, "arn", given.Arn ?? "")[0]?.[1];
  if (row === undefined) {
    throw given.Name !== undefined
      ? invalidParameter(given.Name, "iamInstanceProfile.name", "Invalid IAM Instance Profile name")
      : invalidParameter(given.Arn, "iamInstanceProfile.arn", "Invalid IAM Instance Profile ARN");
  }
  if (row.roleNames.length === 0)
    throw invalidValue(`IAM Instance Profile "${row.arn}" has no associated IAM Roles`);
  return row.arn;
}

/** Takes the lowest free address, or the one asked for. Undefined: the subnet is full. @throws InvalidParameterValue, InvalidIPAddress.InUse */
export function takeAddress(
  tx: Transaction,
  subnet: SubnetRow,
  owner: string,
  asked: string | undefined,
): string | undefined {
  const taken = takenIn(tx, subnet);
  const address =
    asked === undefined ? firstFree(subnet.cidrBlock, taken) : checkAddress(subnet, asked, taken);
  if (address !== undefined)
    tx.put(addresses, `${subnet.id}/${address}`, { subnetId: subnet.id, address, owner });
  return address;
}

function checkAddress(subnet: SubnetRow, asked: string, taken: ReadonlySet<string>): string {
  const block = parseBlock(subnet.cidrBlock);
  const number = parseIpv4(asked);
  if (number === undefined) throw invalidParameter(asked, "PrivateIpAddress", "It is not an IPv4 address.");
  if (block === undefined || !blockContains(block, number))
    throw invalidValue(`Address ${asked} does not fall within the subnet's address range`);
  if (!isUsable(block, number)) throw invalidValue(`Address ${asked} is in subnet's reserved address range`);
  if (taken.has(asked)) throw new ServiceError("InvalidIPAddress.InUse", `Address ${asked} is in use.`);
  return asked;
}
