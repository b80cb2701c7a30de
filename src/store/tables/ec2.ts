// The EC2 tables: instances, the VPC records around them, and addresses in use. Keys: region/id.
import { defineTable } from "#store/store.ts";
import { poolPlace } from "#domain/ecs/fargate.ts";
import type { NetworkInterfaceRow } from "#domain/ec2/network-interface.ts";
import type { AddressRow, InstanceRow, SubnetRow, VpcRow } from "#domain/ec2/instance.ts";
import { referencedGroups, type SecurityGroupRow, withDefaultRules } from "#domain/ec2/security-group.ts";
import type { ElasticAddressRow, NatGatewayRow } from "#domain/ec2/nat.ts";
import type { InternetGatewayRow, RouteTableRow } from "#domain/ec2/vpc-parts.ts";

export const instances = defineTable<InstanceRow>({
  name: "ec2-instances",
  indexes: {
    /** Ids are unique over all regions. */
    id: (row) => [row.id],
    clientToken: (row) => (row.clientToken === undefined ? [] : [`${row.region}/${row.clientToken}`]),
    /** vpc id/address → the instance that asks (IMDS). */
    address: (row) => (row.state === "terminated" ? [] : [`${row.vpcId}/${row.privateIp}`]),
    state: (row) => [row.state],
    vpc: (row) => (row.state === "terminated" ? [] : [row.vpcId]),
    /** Hosts of Fargate's pool that may take tasks, by region, zone and the size of the tasks. */
    pool: ({ fargate, region, availabilityZone, state }) =>
      fargate === undefined || (state !== "pending" && state !== "running")
        ? []
        : [poolPlace(region, availabilityZone, fargate)],
    spotRequest: (row) => (row.spot === undefined ? [] : [`${row.region}/${row.spot.requestId}`]),
  },
});
export const vpcs = defineTable<VpcRow>({ name: "ec2-vpcs" });
export const subnets = defineTable<SubnetRow>({
  name: "ec2-subnets",
  version: 2,
  // Default subnets give public addresses; those of earlier releases did not say so.
  upgrade: (row) => {
    const subnet = row as SubnetRow;
    return subnet.defaultForAz ? { ...subnet, mapPublicIpOnLaunch: true } : subnet;
  },
  indexes: { vpc: (row) => [row.vpcId] },
});
export const natGateways = defineTable<NatGatewayRow>({
  name: "ec2-nat-gateways",
  indexes: {
    vpc: (row) => [row.vpcId],
    subnet: (row) => [row.subnetId],
    allocation: (row) => (row.allocationId === undefined ? [] : [row.allocationId]),
    clientToken: (row) => (row.clientToken === undefined ? [] : [`${row.region}/${row.clientToken}`]),
  },
});
export const elasticAddresses = defineTable<ElasticAddressRow>({
  name: "ec2-elastic-addresses",
  indexes: {},
});
export const securityGroups = defineTable<SecurityGroupRow>({
  name: "ec2-security-groups",
  version: 2,
  upgrade: (row) => withDefaultRules(row as SecurityGroupRow),
  indexes: {
    vpc: (row) => [row.vpcId],
    rule: (row) => row.rules.map(({ id }) => id),
    /** The groups whose rules refer to a group, itself among them. */
    referenced: (row) => [...referencedGroups(row)],
  },
});
export const internetGateways = defineTable<InternetGatewayRow>({
  name: "ec2-internet-gateways",
  indexes: { vpc: (row) => (row.vpcId === undefined ? [] : [row.vpcId]) },
});
export const routeTables = defineTable<RouteTableRow>({
  name: "ec2-route-tables",
  indexes: {
    vpc: (row) => [row.vpcId],
    association: (row) => row.associations.map(({ id }) => id),
    subnet: (row) => row.associations.flatMap(({ subnetId }) => subnetId ?? []),
  },
});
/** subnet id/address */
export const addresses = defineTable<AddressRow>({
  name: "ec2-addresses",
  indexes: { owner: (row) => [row.owner] },
});
/** Interfaces of tasks; an instance's primary one is in the instance's row. */
export const networkInterfaces = defineTable<NetworkInterfaceRow>({
  name: "ec2-network-interfaces",
  indexes: {
    instance: (row) => [row.instanceId],
    task: (row) => [row.taskKey],
    vpc: (row) => [row.vpcId],
    /** For whoever would delete the group. */
    securityGroup: (row) => row.securityGroupIds,
    /** vpc id/address → the instance that it is on (IMDS). */
    address: (row) => [`${row.vpcId}/${row.privateIp}`],
  },
});
