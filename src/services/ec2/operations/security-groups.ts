// Security groups: made, shown, removed. Their rules are in security-group-rules.ts.
import type { SecurityGroup } from "@aws-sdk/client-ec2";
import { ServiceError } from "#lib/errors.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import {
  DEFAULT_GROUP,
  newSecurityGroup,
  type SecurityGroupRow,
  type SecurityGroupRule,
} from "#domain/ec2/security-group.ts";
import type { Reader } from "#store/store.ts";
import { instances, networkInterfaces, securityGroups, vpcs } from "#store/tables/ec2.ts";
import { loadBalancers } from "#store/tables/elbv2.ts";
import { defaultVpcOf, ensureDefaultVpc } from "../default-vpc.ts";
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { checkId, invalidValue, notFound } from "../errors.ts";
import { type Fields, filterRows } from "../filters.ts";
import { arnOf, inRegion, named, required, rowOf } from "../lookup.ts";
import { page } from "../paging.ts";
import { showPermissions } from "../permissions.ts";
import { readTagSpecifications, showTags } from "../tags.ts";

/** Amazon VPC quotas, "Security groups": VPC security groups per Region. */
const MOST_GROUPS = 2500;
const CHARACTERS = /^[a-zA-Z0-9 ._\-:/()#,@[\]+=&;{}!$*]{1,255}$/;

export function securityGroupOperations(deps: Ec2Dependencies) {
  const { store, account, random } = deps;
  return {
    async CreateSecurityGroup(input, { region }) {
      const name = checkText(required(input.GroupName, "groupName"), "GroupName");
      const description = checkText(required(input.Description, "groupDescription"), "GroupDescription");
      if (name.toLowerCase().startsWith("sg-"))
        throw invalidValue(
          `Value (${name}) for parameter GroupName is invalid. Group names may not be in the format sg-*.`,
        );
      if (name === DEFAULT_GROUP)
        throw invalidValue(`Cannot use reserved security group name: ${DEFAULT_GROUP}`);
      const tags = readTagSpecifications(input.TagSpecifications, "security-group");
      const defaultVpc = await ensureDefaultVpc(deps, region);
      const row = await store.transact((tx) => {
        const vpc = rowOf(tx, vpcs, region, "vpc", input.VpcId ?? defaultVpc.id, "vpcId");
        if (tx.find(securityGroups, "vpc", vpc.id).some(([, other]) => other.name === name)) {
          throw new ServiceError(
            "InvalidGroup.Duplicate",
            `The security group '${name}' already exists for VPC '${vpc.id}'`,
          );
        }
        if (inRegion(tx, securityGroups, region).length >= MOST_GROUPS) {
          throw new ServiceError(
            "SecurityGroupLimitExceeded",
            "The maximum number of security groups has been reached.",
          );
        }
        const made = newSecurityGroup({ region, vpcId: vpc.id, name, description, tags }, random);
        tx.put(securityGroups, ec2Key(region, made.id), made);
        return made;
      });
      return {
        GroupId: row.id,
        SecurityGroupArn: arnOf(row, "security-group", account),
        Tags: showTags(row.tags),
      };
    },

    async DeleteSecurityGroup(input, { region }) {
      const id = await store.transact((tx) => {
        const row = findGroup(tx, region, input);
        if (row.name === DEFAULT_GROUP) {
          throw new ServiceError(
            "CannotDelete",
            `the specified group: "${row.id}" name: "${row.name}" cannot be deleted by a user`,
          );
        }
        if (isUsed(tx, row))
          throw new ServiceError("DependencyViolation", `resource ${row.id} has a dependent object`);
        tx.delete(securityGroups, ec2Key(region, row.id));
        return row.id;
      });
      return { Return: true, GroupId: id };
    },

    async DescribeSecurityGroups(input, context) {
      const { region } = context;
      const vpc = await ensureDefaultVpc(deps, region);
      const all = named(store, securityGroups, region, "security-group", input.GroupIds);
      const names = input.GroupNames ?? [];
      for (const name of names)
        if (!all.some((row) => row.name === name && row.vpcId === vpc.id)) throw noSuchName(name, vpc.id);
      const chosen = names.length === 0 ? all : all.filter((row) => names.includes(row.name));
      const rows = filterRows(chosen, input.Filters, fields(store, account), (row) => row.tags);
      const { items, rest } = page(rows, (r) => r.id, context, input);
      return { SecurityGroups: items.map((row) => showGroup(row, account)), ...rest };
    },
  } satisfies Ec2Operations;
}

function checkText(text: string, parameter: string): string {
  if (CHARACTERS.test(text)) return text;
  throw invalidValue(
    `Value (${text}) for parameter ${parameter} is invalid. Character sets beyond ASCII are not supported.`,
  );
}

/** The group named by id, or by its name in the default VPC. */
export function findGroup(
  reader: Reader,
  region: string,
  given: { readonly GroupId?: string | undefined; readonly GroupName?: string | undefined },
): SecurityGroupRow {
  if (given.GroupId !== undefined) {
    const row = reader.get(securityGroups, ec2Key(region, checkId("security-group", given.GroupId)));
    if (row === undefined) throw notFound("security-group", [given.GroupId]);
    return row;
  }
  const name = given.GroupName;
  if (name === undefined)
    throw new ServiceError("MissingParameter", "The request must contain the parameter groupName or groupId");
  const vpc = defaultVpcOf(reader, region);
  const rows = vpc === undefined ? [] : reader.find(securityGroups, "vpc", vpc.id);
  const row = rows.find(([, one]) => one.name === name)?.[1];
  if (row === undefined) throw noSuchName(name, vpc?.id ?? "");
  return row;
}

const noSuchName = (name: string, vpcId: string) =>
  new ServiceError(
    "InvalidGroup.NotFound",
    `The security group '${name}' does not exist in default VPC '${vpcId}'`,
  );

/** By an interface of an instance, a task or a load balancer, or by another group's rules. */
function isUsed(reader: Reader, { id, vpcId }: SecurityGroupRow): boolean {
  const inGroup = ([, row]: readonly [string, { readonly securityGroupIds: readonly string[] }]) =>
    row.securityGroupIds.includes(id);
  return (
    reader.find(instances, "vpc", vpcId).some(inGroup) ||
    reader.find(networkInterfaces, "securityGroup", id).length > 0 ||
    reader.find(loadBalancers, "vpc", vpcId).some(inGroup) ||
    reader.find(securityGroups, "referenced", id).some(([, other]) => other.id !== id)
  );
}

function fields(reader: Reader, account: string): Fields<SecurityGroupRow> {
  const rules = (prefix: string, direction: SecurityGroupRule["direction"]): Fields<SecurityGroupRow> => {
    const of = (value: (rule: SecurityGroupRule) => string | undefined) => (row: SecurityGroupRow) =>
      row.rules.filter((rule) => rule.direction === direction).flatMap((rule) => value(rule) ?? []);
    const port = (value: number, { protocol }: SecurityGroupRule) =>
      ["tcp", "udp", "icmp"].includes(protocol) ? String(value) : undefined;
    const groupOf = ({ peer }: SecurityGroupRule) => ("groupId" in peer ? peer.groupId : undefined);
    return {
      [`${prefix}.cidr`]: of(({ peer }) => ("cidr" in peer ? peer.cidr : undefined)),
      [`${prefix}.from-port`]: of((rule) => port(rule.fromPort, rule)),
      [`${prefix}.to-port`]: of((rule) => port(rule.toPort, rule)),
      [`${prefix}.protocol`]: of(({ protocol }) => protocol),
      [`${prefix}.group-id`]: of(groupOf),
      [`${prefix}.group-name`]: (row) =>
        of(groupOf)(row).flatMap((id) => reader.get(securityGroups, ec2Key(row.region, id))?.name ?? []),
      [`${prefix}.user-id`]: of((rule) => (groupOf(rule) === undefined ? undefined : account)),
      [`${prefix}.ipv6-cidr`]: () => undefined,
      [`${prefix}.prefix-list-id`]: () => undefined,
    };
  };
  return {
    "group-id": (row) => row.id,
    "group-name": (row) => row.name,
    "vpc-id": (row) => row.vpcId,
    description: (row) => row.description,
    "owner-id": () => account,
    ...rules("ip-permission", "ingress"),
    ...rules("egress.ip-permission", "egress"),
  };
}

const showGroup = (row: SecurityGroupRow, account: string): SecurityGroup => ({
  GroupId: row.id,
  GroupName: row.name,
  Description: row.description,
  OwnerId: account,
  VpcId: row.vpcId,
  SecurityGroupArn: arnOf(row, "security-group", account),
  IpPermissions: showPermissions(row, "ingress", account),
  IpPermissionsEgress: showPermissions(row, "egress", account),
  Tags: showTags(row.tags),
});
