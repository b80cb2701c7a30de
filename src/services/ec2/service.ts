// EC2, as much of it as container instances need: instances as rows that the instance controller makes hosts of, the default
// VPCs, one image, tags. What is not here answers as an unknown operation.
import type { EC2 } from "@aws-sdk/client-ec2";
import type { PermissionTable, ServiceDefinition } from "#gateway/service-definition.ts";
import { ec2Permissions } from "./call-permissions.ts";
import type { Ec2Dependencies, Ec2Operations } from "./dependencies.ts";
import { imageOperations } from "./operations/images.ts";
import { instanceTypeOperations } from "./operations/instance-types.ts";
import { instanceOperations } from "./operations/instances.ts";
import { networkInterfaceOperations } from "./operations/network-interfaces.ts";
import { internetGatewayOperations } from "./operations/internet-gateways.ts";
import { elasticAddressOperations } from "./operations/elastic-addresses.ts";
import { natGatewayOperations } from "./operations/nat-gateways.ts";
import { networkAclOperations } from "./operations/network-acls.ts";
import { placeOperations } from "./operations/places.ts";
import { runInstancesOperation } from "./operations/run-instances.ts";
import { spotOperations } from "./operations/spot.ts";
import { routeTableOperations } from "./operations/route-tables.ts";
import { securityGroupRuleOperations } from "./operations/security-group-rules.ts";
import { securityGroupOperations } from "./operations/security-groups.ts";
import { subnetOperations } from "./operations/subnets.ts";
import { tagOperations } from "./operations/tags.ts";
import { vpcOperations } from "./operations/vpcs.ts";

export function ec2Operations(deps: Ec2Dependencies) {
  return {
    ...runInstancesOperation(deps),
    ...instanceOperations(deps),
    ...imageOperations(deps),
    ...instanceTypeOperations(),
    ...vpcOperations(deps),
    ...subnetOperations(deps),
    ...internetGatewayOperations(deps),
    ...routeTableOperations(deps),
    ...natGatewayOperations(deps),
    ...elasticAddressOperations(deps),
    ...networkAclOperations(deps),
    ...networkInterfaceOperations(deps),
    ...securityGroupOperations(deps),
    ...securityGroupRuleOperations(deps),
    ...placeOperations(deps),
    ...spotOperations(deps),
    ...tagOperations(deps),
  } satisfies Ec2Operations;
}

export function createEc2Service(deps: Ec2Dependencies): ServiceDefinition {
  return {
    name: "ec2",
    signingName: "ec2",
    protocol: "ec2",
    wireName: "2016-11-15",
    loadSchemas: () => import("@aws-sdk/client-ec2"),
    operations: ec2Operations(deps),
    permissions: ec2Permissions(deps.store) satisfies PermissionTable<
      EC2,
      keyof ReturnType<typeof ec2Operations>
    >,
  };
}
