// Which permissions each operation of EC2 needs (Service Authorization Reference, "Amazon EC2"): on every resource that it names
// or makes. Describe operations have no resources; `ec2:` condition keys are those of tags and of creation.
import type { EC2, RunInstancesRequest, TagSpecification } from "@aws-sdk/client-ec2";
import { formatArn } from "#lib/arn.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import type { Tags } from "#domain/tags.ts";
import type { CallScope, Permission, PermissionTable } from "#gateway/service-definition.ts";
import type { Reader, Row, Table } from "#store/store.ts";
import {
  elasticAddresses,
  instances,
  internetGateways,
  natGateways,
  networkInterfaces,
  routeTables,
  securityGroups,
  subnets,
  vpcs,
} from "#store/tables/ec2.ts";
import { instanceProfiles, roles } from "#store/tables/iam.ts";
import { kindOfId } from "./errors.ts";

type Context = NonNullable<Permission["context"]>;
type Ids = string | undefined | readonly string[];

const tables = {
  instance: instances,
  vpc: vpcs,
  subnet: subnets,
  "security-group": securityGroups,
  "internet-gateway": internetGateways,
  "route-table": routeTables,
  natgateway: natGateways,
  "elastic-ip": elasticAddresses,
  "network-interface": networkInterfaces,
} as unknown as Readonly<Record<string, Table<Row & { readonly tags: Tags }>>>;

interface Creating {
  readonly TagSpecifications?: readonly TagSpecification[] | undefined;
}

export function ec2Permissions(reader: Reader) {
  const arnOf = ({ region, account }: CallScope, kind: string, id: string) =>
    // Images are public: nobody's account stands in their ARNs.
    formatArn({
      service: "ec2",
      region,
      account: kind === "image" ? "" : account,
      resource: `${kind}/${id}`,
    });

  const on = (scope: CallScope, kind: string, ids: Ids, context: Context = {}): Permission[] =>
    [ids ?? []].flat().map((id) => ({
      resource: arnOf(scope, kind, id),
      context: { ...tagsOf(reader, scope, kind, id), ...context },
    }));
  const anything = (): Permission[] => [{ resource: "*" }];
  /** Tags given at creation need the permission to tag, too. */
  const made = (scope: CallScope, kind: string, input: Creating, creating: string): Permission[] => {
    const resource = arnOf(scope, kind, "*");
    const tags = (input.TagSpecifications ?? []).flatMap(({ Tags: given = [] }) => given);
    const tagging: Permission = {
      action: "ec2:CreateTags",
      resource,
      context: { ...requestTags(tags), "ec2:CreateAction": creating },
    };
    return [{ resource, context: requestTags(tags) }, ...(tags.length === 0 ? [] : [tagging])];
  };
  const group = (input: { GroupId?: string | undefined }, scope: CallScope): Permission[] =>
    on(scope, "security-group", input.GroupId ?? "*");
  const vpc = (input: { VpcId: string | undefined }, scope: CallScope) => on(scope, "vpc", input.VpcId);
  const subnet = (input: { SubnetId: string | undefined }, scope: CallScope) =>
    on(scope, "subnet", input.SubnetId);
  const instance = (input: { InstanceId: string | undefined }, scope: CallScope) =>
    on(scope, "instance", input.InstanceId);
  const table = (input: { RouteTableId: string | undefined }, scope: CallScope) =>
    on(scope, "route-table", input.RouteTableId);
  const gateway = (input: { InternetGatewayId: string | undefined }, scope: CallScope) =>
    on(scope, "internet-gateway", input.InternetGatewayId);
  const tagged = (input: { Resources: string[] | undefined; Tags?: Given | undefined }, scope: CallScope) =>
    (input.Resources ?? []).flatMap((id) => on(scope, typeOf(id), id, requestTags(input.Tags ?? [])));

  /** The role of a profile is handed to the instances. */
  const passed = (given: RunInstancesRequest["IamInstanceProfile"], account: string): Permission[] => {
    if (given?.Name === undefined && given?.Arn === undefined) return [];
    const name = given.Name ?? given.Arn?.split("/").at(-1) ?? "";
    const roleNames = reader.get(instanceProfiles, name)?.roleNames ?? [];
    return roleNames.map((roleName) => ({
      action: "iam:PassRole",
      resource:
        reader.get(roles, roleName)?.arn ??
        formatArn({ service: "iam", region: "", account, resource: `role/${roleName}` }),
      context: { "iam:PassedToService": "ec2.amazonaws.com" },
    }));
  };
  const launch = (input: RunInstancesRequest, scope: CallScope): Permission[] => [
    ...made(scope, "instance", input, "RunInstances"),
    ...on(scope, "image", input.ImageId),
    ...on(scope, "subnet", input.SubnetId ?? "*"),
    ...on(scope, "security-group", input.SecurityGroupIds ?? "*"),
    ...on(scope, "network-interface", "*"),
    ...on(scope, "volume", "*"),
    ...passed(input.IamInstanceProfile, scope.account),
  ];

  return {
    RunInstances: (input, scope) =>
      launch(input, scope).map((permission) =>
        permission.action === undefined && permission.resource.endsWith(":instance/*")
          ? { ...permission, context: { ...permission.context, "ec2:InstanceType": input.InstanceType } }
          : permission,
      ),
    TerminateInstances: (input, scope) => on(scope, "instance", input.InstanceIds),
    ModifyInstanceMetadataOptions: instance,
    GetConsoleOutput: instance,
    DescribeInstanceAttribute: instance,
    DescribeInstances: anything,
    DescribeInstanceStatus: anything,
    DescribeInstanceTypes: anything,
    DescribeInstanceTypeOfferings: anything,
    DescribeImages: anything,
    RequestSpotInstances: (input, scope) => [
      ...made(scope, "spot-instances-request", input, "RequestSpotInstances"),
      ...on(scope, "image", input.LaunchSpecification?.ImageId),
      ...on(scope, "subnet", input.LaunchSpecification?.SubnetId ?? "*"),
      ...passed(input.LaunchSpecification?.IamInstanceProfile, scope.account),
    ],
    CancelSpotInstanceRequests: (input, scope) =>
      on(scope, "spot-instances-request", input.SpotInstanceRequestIds),
    DescribeSpotInstanceRequests: anything,

    CreateVpc: (input, scope) => made(scope, "vpc", input, "CreateVpc"),
    DeleteVpc: vpc,
    DescribeVpcs: anything,
    DescribeVpcAttribute: vpc,
    ModifyVpcAttribute: vpc,
    CreateSubnet: (input, scope) => [...made(scope, "subnet", input, "CreateSubnet"), ...vpc(input, scope)],
    DeleteSubnet: subnet,
    DescribeSubnets: anything,
    ModifySubnetAttribute: subnet,
    CreateInternetGateway: (input, scope) => made(scope, "internet-gateway", input, "CreateInternetGateway"),
    AttachInternetGateway: (input, scope) => [...gateway(input, scope), ...vpc(input, scope)],
    DetachInternetGateway: (input, scope) => [...gateway(input, scope), ...vpc(input, scope)],
    DeleteInternetGateway: gateway,
    DescribeInternetGateways: anything,
    CreateRouteTable: (input, scope) => [
      ...made(scope, "route-table", input, "CreateRouteTable"),
      ...vpc(input, scope),
    ],
    DeleteRouteTable: table,
    DescribeRouteTables: anything,
    CreateRoute: table,
    ReplaceRoute: table,
    DeleteRoute: table,
    AssociateRouteTable: (input, scope) => [
      ...table(input, scope),
      ...on(scope, "subnet", input.SubnetId),
      ...on(scope, "internet-gateway", input.GatewayId),
    ],
    // An association has no ARN; its table and its subnet have.
    DisassociateRouteTable: (input, scope) => ofAssociation(reader, scope, input.AssociationId, on),
    ReplaceRouteTableAssociation: (input, scope) => [
      ...table(input, scope),
      ...ofAssociation(reader, scope, input.AssociationId, on),
    ],
    DescribeNetworkAcls: anything,

    CreateNatGateway: (input, scope) => [
      ...made(scope, "natgateway", input, "CreateNatGateway"),
      ...on(scope, "subnet", input.SubnetId),
      ...on(scope, "elastic-ip", input.AllocationId),
    ],
    DeleteNatGateway: (input, scope) => on(scope, "natgateway", input.NatGatewayId),
    DescribeNatGateways: anything,
    AllocateAddress: (input, scope) => made(scope, "elastic-ip", input, "AllocateAddress"),
    ReleaseAddress: (input, scope) => on(scope, "elastic-ip", input.AllocationId ?? "*"),
    DescribeAddresses: anything,

    CreateSecurityGroup: (input, scope) => [
      ...made(scope, "security-group", input, "CreateSecurityGroup"),
      ...on(scope, "vpc", input.VpcId),
    ],
    DeleteSecurityGroup: group,
    DescribeSecurityGroups: anything,
    DescribeSecurityGroupRules: anything,
    AuthorizeSecurityGroupIngress: group,
    AuthorizeSecurityGroupEgress: group,
    RevokeSecurityGroupIngress: group,
    RevokeSecurityGroupEgress: group,
    UpdateSecurityGroupRuleDescriptionsIngress: group,
    UpdateSecurityGroupRuleDescriptionsEgress: group,
    ModifySecurityGroupRules: (input, scope) => [
      ...group(input, scope),
      ...on(
        scope,
        "security-group-rule",
        (input.SecurityGroupRules ?? []).map(({ SecurityGroupRuleId: id = "*" }) => id),
      ),
    ],

    DescribeNetworkInterfaces: anything,
    ModifyNetworkInterfaceAttribute: (input, scope) =>
      on(scope, "network-interface", input.NetworkInterfaceId),
    DeleteNetworkInterface: (input, scope) => on(scope, "network-interface", input.NetworkInterfaceId),
    // The attachment's id names neither: policies that allow it do so for all.
    DetachNetworkInterface: (_input, scope) => [
      ...on(scope, "instance", "*"),
      ...on(scope, "network-interface", "*"),
    ],

    CreateTags: tagged,
    DeleteTags: tagged,
    DescribeTags: anything,
    DescribeAccountAttributes: anything,
    DescribeAvailabilityZones: anything,
    DescribeRegions: anything,
  } satisfies Partial<PermissionTable<EC2>>;
}

type Given = readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[];

/** The resource type in the ARN behind an id: IAM's name of spot requests is another than ours. */
function typeOf(id: string): string {
  const kind = kindOfId(id);
  return kind === "spot-request" ? "spot-instances-request" : (kind ?? "*");
}

function ofAssociation(
  reader: Reader,
  scope: CallScope,
  id: string | undefined,
  on: (scope: CallScope, kind: string, ids: Ids) => Permission[],
): Permission[] {
  const row = reader.find(routeTables, "association", id ?? "")[0]?.[1];
  if (row === undefined) return on(scope, "route-table", "*");
  const subnetId = row.associations.find((association) => association.id === id)?.subnetId;
  return [...on(scope, "route-table", row.id), ...on(scope, "subnet", subnetId)];
}

const requestTags = (tags: Given): Context => ({
  ...Object.fromEntries(tags.map(({ Key: key = "", Value: value = "" }) => [`aws:RequestTag/${key}`, value])),
  "aws:TagKeys": tags.length === 0 ? undefined : tags.map(({ Key: key = "" }) => key),
});

function tagsOf(reader: Reader, { region }: CallScope, kind: string, id: string): Context {
  const table = tables[kind];
  const tags = table === undefined ? {} : (reader.get(table, ec2Key(region, id))?.tags ?? {});
  return Object.fromEntries(
    Object.entries(tags).flatMap(([key, value]) => [
      [`aws:ResourceTag/${key}`, value],
      [`ec2:ResourceTag/${key}`, value],
    ]),
  );
}
