// The rules of security groups: authorized, revoked, changed, shown. The network follows the rows.
import type {
  AuthorizeSecurityGroupIngressRequest,
  IpPermission,
  RevokeSecurityGroupIngressRequest,
  SecurityGroupRule as ShownRule,
  SecurityGroupRuleRequest,
  UpdateSecurityGroupRuleDescriptionsIngressRequest,
} from "@aws-sdk/client-ec2";
import { ServiceError } from "#lib/errors.ts";
import { newEc2Id } from "#lib/ids.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import {
  addRules,
  changeRule,
  describeRule,
  removeRules,
  type RuleDirection,
  ruleKey,
  type RuleMatch,
  type RulePeer,
  type SecurityGroupRow,
  type SecurityGroupRule,
} from "#domain/ec2/security-group.ts";
import type { Reader, Transaction } from "#store/store.ts";
import { securityGroups } from "#store/tables/ec2.ts";
import { ensureDefaultVpc } from "../default-vpc.ts";
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { checkId, invalidCombination, invalidValue, notFound, notImplemented } from "../errors.ts";
import { type Fields, filterRows } from "../filters.ts";
import { inRegion, required } from "../lookup.ts";
import { page } from "../paging.ts";
import {
  checkDescription,
  readCidr,
  readPermissions,
  readReference,
  readTraffic,
  ruleWords,
  type RuleSpec,
} from "../permissions.ts";
import { readTagSpecifications, showTags } from "../tags.ts";
import { findGroup } from "./security-groups.ts";

/** Amazon VPC quotas, "Security groups": inbound or outbound rules per security group. */
const MOST_RULES = 60;

/** A rule with the group that it is in. */
interface Found {
  readonly group: SecurityGroupRow;
  readonly rule: SecurityGroupRule;
}

export function securityGroupRuleOperations(deps: Ec2Dependencies) {
  const { store, account, random } = deps;

  const change = async (
    region: string,
    given: { readonly GroupId?: string | undefined; readonly GroupName?: string | undefined },
    next: (tx: Transaction, group: SecurityGroupRow) => SecurityGroupRow,
  ): Promise<{ readonly before: SecurityGroupRow; readonly after: SecurityGroupRow }> => {
    await ensureDefaultVpc(deps, region);
    return store.transact((tx) => {
      const before = findGroup(tx, region, given);
      const after = next(tx, before);
      tx.put(securityGroups, ec2Key(region, after.id), after);
      return { before, after };
    });
  };

  const authorize = async (
    direction: RuleDirection,
    input: AuthorizeSecurityGroupIngressRequest,
    region: string,
  ) => {
    const permissions = permissionsOf(direction, input);
    const tags = readTagSpecifications(input.TagSpecifications, "security-group-rule");
    const { before, after } = await change(region, input, (tx, group) => {
      const specs = readPermissions({ reader: tx, account, group, direction }, permissions);
      checkNew(group, specs);
      return addRules(
        group,
        specs.map((spec) => ({ ...spec, id: newEc2Id("sgr", random), tags })),
      );
    });
    const added = after.rules.slice(before.rules.length);
    return {
      Return: true,
      SecurityGroupRules: added.map((rule) => showRule({ group: after, rule }, account)),
    };
  };

  const revoke = async (
    direction: RuleDirection,
    input: RevokeSecurityGroupIngressRequest,
    region: string,
  ) => {
    const { SecurityGroupRuleIds: ids = [] } = input;
    const permissions = ids.length > 0 ? [] : permissionsOf(direction, input);
    let gone: readonly Found[] = [];
    await change(region, input, (tx, group) => {
      const rules =
        ids.length > 0
          ? ids.map((id) => ruleIn(group, id, direction))
          : revokedBy(permissions, { reader: tx, account, group, direction });
      gone = rules.map((rule) => ({ group, rule }));
      return removeRules(group, new Set(rules.map(({ id }) => id)));
    });
    return {
      Return: true,
      UnknownIpPermissions: [],
      RevokedSecurityGroupRules: gone.map(({ group, rule }) => ({
        SecurityGroupRuleId: rule.id,
        GroupId: group.id,
        IsEgress: rule.direction === "egress",
        ...showMatch(rule),
      })),
    };
  };

  const describeRules = async (
    direction: RuleDirection,
    input: UpdateSecurityGroupRuleDescriptionsIngressRequest,
    region: string,
  ) => {
    const { IpPermissions: permissions = [], SecurityGroupRuleDescriptions: given = [] } = input;
    if (permissions.length > 0 && given.length > 0)
      throw invalidCombination(
        "The parameter ipPermissions cannot be used with the parameter securityGroupRuleDescriptions",
      );
    if (permissions.length === 0 && given.length === 0) throw missingPermissions();
    await change(region, input, (tx, group) => {
      const texts =
        given.length > 0
          ? given.map(({ SecurityGroupRuleId: id, Description: text }) => ({
              id: ruleIn(group, required(id, "securityGroupRuleId"), direction).id,
              text: text === undefined ? undefined : checkDescription(text),
            }))
          : readPermissions({ reader: tx, account, group, direction }, permissions).map((spec) => ({
              id: matching(group, spec).id,
              text: spec.description,
            }));
      return texts.reduce(
        (row, { id, text }) => changeRule(row, id, (rule) => describeRule(rule, text)),
        group,
      );
    });
    return { Return: true };
  };

  return {
    AuthorizeSecurityGroupIngress: (input, { region }) => authorize("ingress", input, region),
    AuthorizeSecurityGroupEgress: (input, { region }) => authorize("egress", input, region),
    RevokeSecurityGroupIngress: (input, { region }) => revoke("ingress", input, region),
    RevokeSecurityGroupEgress: (input, { region }) => revoke("egress", input, region),
    UpdateSecurityGroupRuleDescriptionsIngress: (input, { region }) =>
      describeRules("ingress", input, region),
    UpdateSecurityGroupRuleDescriptionsEgress: (input, { region }) => describeRules("egress", input, region),

    async ModifySecurityGroupRules(input, { region }) {
      const updates = input.SecurityGroupRules ?? [];
      if (updates.length === 0) throw missingPermissions();
      await change(region, { GroupId: required(input.GroupId, "groupId") }, (tx, group) => {
        const changed = updates.reduce((row, { SecurityGroupRuleId: id, SecurityGroupRule: to }) => {
          const { direction, id: known } = ruleIn(row, required(id, "securityGroupRuleId"));
          const spec = readRequest(tx, row, required(to, "securityGroupRule"));
          return changeRule(row, known, ({ tags }) => ({ ...spec, id: known, direction, tags }));
        }, group);
        checkDistinct(changed.rules);
        return changed;
      });
      return { Return: true };
    },

    async DescribeSecurityGroupRules(input, context) {
      const { region } = context;
      await ensureDefaultVpc(deps, region);
      const ids = input.SecurityGroupRuleIds ?? [];
      const all =
        ids.length > 0
          ? [...new Set(ids)].map((id) => findRule(store, region, id))
          : inRegion(store, securityGroups, region).flatMap((group) =>
              group.rules.map((rule) => ({ group, rule })),
            );
      const rows = filterRows(all, input.Filters, fields, ({ rule }) => rule.tags);
      const { items, rest } = page(rows, ({ rule }) => rule.id, context, input);
      return { SecurityGroupRules: items.map((found) => showRule(found, account)), ...rest };
    },
  } satisfies Ec2Operations;
}

/** The list, or the one permission that older callers give by members of the call itself. */
function permissionsOf(
  direction: RuleDirection,
  input: AuthorizeSecurityGroupIngressRequest,
): readonly IpPermission[] {
  const { IpProtocol, FromPort, ToPort, CidrIp, SourceSecurityGroupName: name } = input;
  const single = [IpProtocol, FromPort, ToPort, CidrIp, name, input.SourceSecurityGroupOwnerId];
  const list = input.IpPermissions ?? [];
  if (single.every((value) => value === undefined)) {
    if (list.length === 0) throw missingPermissions();
    return list;
  }
  // The API reference: "Use a set of IP permissions" for the source group and everything else of an egress rule.
  if (direction === "egress")
    throw notImplemented("An egress rule given by other parameters than IpPermissions");
  if (list.length > 0)
    throw invalidCombination("The parameter ipPermissions cannot be used with the parameter ipProtocol");
  return [
    {
      IpProtocol: IpProtocol ?? (name === undefined ? undefined : "-1"),
      FromPort,
      ToPort,
      ...(CidrIp === undefined ? {} : { IpRanges: [{ CidrIp }] }),
      ...(name === undefined
        ? {}
        : { UserIdGroupPairs: [{ GroupName: name, UserId: input.SourceSecurityGroupOwnerId }] }),
    },
  ];
}

const missingPermissions = () =>
  new ServiceError("MissingParameter", "The request must contain the parameter ipPermissions");

function checkNew(group: SecurityGroupRow, specs: readonly RuleSpec[]): void {
  const keys = new Set(specs.map(ruleKey));
  if (keys.size < specs.length) throw invalidValue("The same permission must not appear multiple times");
  const known = new Set(group.rules.map(ruleKey));
  const twice = specs.find((spec) => known.has(ruleKey(spec)));
  if (twice !== undefined) throw duplicate(twice);
  const direction = specs[0]?.direction;
  const before = group.rules.filter((rule) => rule.direction === direction).length;
  if (before + specs.length > MOST_RULES) {
    throw new ServiceError(
      "RulesPerSecurityGroupLimitExceeded",
      "The maximum number of rules per security group has been reached.",
    );
  }
}

function checkDistinct(rules: readonly SecurityGroupRule[]): void {
  const seen = new Set<string>();
  for (const rule of rules) {
    if (seen.has(ruleKey(rule))) throw duplicate(rule);
    seen.add(ruleKey(rule));
  }
}

const duplicate = (rule: RuleMatch) =>
  new ServiceError("InvalidPermission.Duplicate", `the specified rule "${ruleWords(rule)}" already exists`);

/** What can never have been authorized is not found, as on AWS for a VPC without IPv6: Terraform revokes such a rule first. */
function revokedBy(
  permissions: readonly IpPermission[],
  asked: Parameters<typeof readPermissions>[0],
): readonly SecurityGroupRule[] {
  for (const { Ipv6Ranges: v6 = [], PrefixListIds: lists = [] } of permissions)
    if (v6.length > 0 || lists.length > 0) throw noSuchRule();
  return readPermissions(asked, permissions).map((spec) => matching(asked.group, spec));
}

function matching(group: SecurityGroupRow, spec: RuleMatch): SecurityGroupRule {
  const found = group.rules.find((rule) => ruleKey(rule) === ruleKey(spec));
  if (found === undefined) throw noSuchRule();
  return found;
}

const noSuchRule = () =>
  new ServiceError("InvalidPermission.NotFound", "The specified rule does not exist in this security group.");

function ruleIn(group: SecurityGroupRow, id: string, direction?: RuleDirection): SecurityGroupRule {
  checkId("security-group-rule", id);
  const found = group.rules.find((rule) => rule.id === id);
  if (found === undefined || (direction !== undefined && found.direction !== direction))
    throw notFound("security-group-rule", [id]);
  return found;
}

function findRule(reader: Reader, region: string, id: string): Found {
  checkId("security-group-rule", id);
  const group = reader.find(securityGroups, "rule", id)[0]?.[1];
  const rule = group?.rules.find((one) => one.id === id);
  if (group === undefined || rule === undefined || group.region !== region)
    throw notFound("security-group-rule", [id]);
  return { group, rule };
}

/** A rule whole: what the request leaves out the rule has no longer. */
function readRequest(
  reader: Reader,
  group: SecurityGroupRow,
  request: SecurityGroupRuleRequest,
): Omit<RuleSpec, "direction"> {
  if (request.CidrIpv6 !== undefined) throw notImplemented("SecurityGroupRule.CidrIpv6");
  if (request.PrefixListId !== undefined) throw notImplemented("SecurityGroupRule.PrefixListId");
  const { CidrIpv4: cidr, ReferencedGroupId: id, Description: text } = request;
  if ((cidr === undefined) === (id === undefined))
    throw invalidCombination("Exactly one of cidrIpv4 and referencedGroupId must be specified");
  const peer: RulePeer =
    cidr !== undefined
      ? readCidr(cidr)
      : readReference(
          group,
          reader.get(securityGroups, ec2Key(group.region, checkId("security-group", id ?? ""))),
          id ?? "",
        );
  return {
    ...readTraffic(request),
    peer,
    ...(text === undefined || text === "" ? {} : { description: checkDescription(text) }),
  };
}

const fields: Fields<Found> = {
  "group-id": ({ group }) => group.id,
  "security-group-rule-id": ({ rule }) => rule.id,
};

const showMatch = ({ protocol, fromPort, toPort, peer, description }: SecurityGroupRule) => ({
  IpProtocol: protocol,
  FromPort: fromPort,
  ToPort: toPort,
  ...("cidr" in peer ? { CidrIpv4: peer.cidr } : {}),
  ...("groupId" in peer ? { ReferencedGroupId: peer.groupId } : {}),
  ...(description === undefined ? {} : { Description: description }),
});

function showRule({ group, rule }: Found, account: string): ShownRule {
  const { ReferencedGroupId: referenced, ...rest } = showMatch(rule) as ReturnType<typeof showMatch> & {
    readonly ReferencedGroupId?: string;
  };
  return {
    SecurityGroupRuleId: rule.id,
    SecurityGroupRuleArn: `arn:aws:ec2:${group.region}:${account}:security-group-rule/${rule.id}`,
    GroupId: group.id,
    GroupOwnerId: account,
    IsEgress: rule.direction === "egress",
    ...rest,
    ...(referenced === undefined ? {} : { ReferencedGroupInfo: { GroupId: referenced, UserId: account } }),
    Tags: showTags(rule.tags),
  };
}
