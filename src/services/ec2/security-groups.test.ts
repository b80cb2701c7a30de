// Security groups through the official SDK: what is made is shown, and every refusal has AWS's code.
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  type AuthorizeSecurityGroupIngressCommandInput,
  CreateSecurityGroupCommand,
  CreateTagsCommand,
  DeleteSecurityGroupCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand,
  DescribeTagsCommand,
  type Filter,
  type IpPermission,
  ModifySecurityGroupRulesCommand,
  paginateDescribeSecurityGroupRules,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
  UpdateSecurityGroupRuleDescriptionsIngressCommand,
} from "@aws-sdk/client-ec2";
import { ec2Key, instanceTerminated } from "#domain/ec2/instance.ts";
import { securityGroups, vpcs } from "#store/tables/ec2.ts";
import { ACCOUNT, createFixture, type Fixture, refusal, REGION } from "./fixture.suite.ts";

let f: Fixture;
let count = 0;
let group = "";
let other = "";
beforeAll(async () => {
  f = await createFixture();
});
afterAll(() => f.close());
beforeEach(async () => {
  [group, other] = [await create(), await create()];
});

const create = async (name = `g${++count}`) => {
  const made = await f.ec2.send(
    new CreateSecurityGroupCommand({ GroupName: name, Description: "of a test" }),
  );
  return made.GroupId ?? "";
};
const describeGroup = async (id: string) => {
  const { SecurityGroups } = await f.ec2.send(new DescribeSecurityGroupsCommand({ GroupIds: [id] }));
  return SecurityGroups?.[0];
};
const tcp = (port: number, cidr = "0.0.0.0/0"): IpPermission => ({
  IpProtocol: "tcp",
  FromPort: port,
  ToPort: port,
  IpRanges: [{ CidrIp: cidr }],
});
const authorize = (...permissions: IpPermission[]) =>
  f.ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: group, IpPermissions: permissions }));
const revoke = (...permissions: IpPermission[]) =>
  f.ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId: group, IpPermissions: permissions }));
const ingress = async () => (await describeGroup(group))?.IpPermissions;
const nothing = { Ipv6Ranges: [], PrefixListIds: [] };

describe("a new group", () => {
  it("lets nothing in and everything out", async () => {
    expect(await describeGroup(group)).toMatchObject({
      GroupId: group,
      Description: "of a test",
      OwnerId: ACCOUNT,
      SecurityGroupArn: `arn:aws:ec2:${REGION}:${ACCOUNT}:security-group/${group}`,
      IpPermissions: [],
      IpPermissionsEgress: [
        { IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }], UserIdGroupPairs: [], ...nothing },
      ],
    });
  });

  it("is in the default VPC, unique there by its name, with the tags of its call", async () => {
    const input = {
      GroupName: "unique",
      Description: "d",
      TagSpecifications: [{ ResourceType: "security-group" as const, Tags: [{ Key: "a", Value: "b" }] }],
    };
    const made = await f.ec2.send(new CreateSecurityGroupCommand(input));
    expect(made.Tags).toEqual([{ Key: "a", Value: "b" }]);
    const vpc = Array.from(f.store.scan(vpcs), ([, row]) => row)[0];
    expect((await describeGroup(made.GroupId ?? ""))?.VpcId).toBe(vpc?.id);
    expect(await refusal(f.ec2.send(new CreateSecurityGroupCommand(input)))).toEqual({
      code: "InvalidGroup.Duplicate",
      message: `The security group 'unique' already exists for VPC '${vpc?.id}'`,
    });
  });

  it.each([
    [{ GroupName: "default", Description: "d" }, "InvalidParameterValue"],
    [{ GroupName: "sg-mine", Description: "d" }, "InvalidParameterValue"],
    [{ GroupName: "naïve", Description: "d" }, "InvalidParameterValue"],
    [{ GroupName: "n".repeat(256), Description: "d" }, "InvalidParameterValue"],
    [{ GroupName: "n", Description: "<b>" }, "InvalidParameterValue"],
    [{ GroupName: "n", Description: "d", VpcId: "vpc-12345678" }, "InvalidVpcID.NotFound"],
    [{ GroupName: "n", Description: "d", VpcId: "what" }, "InvalidVpcID.Malformed"],
  ])("%j is refused with %s", async (input, code) => {
    expect((await refusal(f.ec2.send(new CreateSecurityGroupCommand(input)))).code).toBe(code);
  });
});

describe("AuthorizeSecurityGroupIngress", () => {
  it("answers the rules that it made, which are shown by their traffic and one by one", async () => {
    const answer = await authorize(
      { ...tcp(80), IpRanges: [{ CidrIp: "0.0.0.0/0", Description: "web" }, { CidrIp: "10.0.0.77/8" }] },
      { ...tcp(80), IpRanges: [], UserIdGroupPairs: [{ GroupId: other, Description: "peers" }] },
    );
    expect(answer.Return).toBe(true);
    const rule = {
      GroupId: group,
      GroupOwnerId: ACCOUNT,
      IsEgress: false,
      IpProtocol: "tcp",
      FromPort: 80,
      ToPort: 80,
      Tags: [],
    };
    const id = expect.stringMatching(/^sgr-[0-9a-f]{17}$/) as string;
    const SecurityGroupRuleArn = expect.stringContaining(":security-group-rule/sgr-") as string;
    const made = [
      { ...rule, SecurityGroupRuleId: id, SecurityGroupRuleArn, CidrIpv4: "0.0.0.0/0", Description: "web" },
      { ...rule, SecurityGroupRuleId: id, SecurityGroupRuleArn, CidrIpv4: "10.0.0.0/8" },
      {
        ...rule,
        SecurityGroupRuleId: id,
        SecurityGroupRuleArn,
        ReferencedGroupInfo: { GroupId: other, UserId: ACCOUNT },
        Description: "peers",
      },
    ];
    expect(answer.SecurityGroupRules).toEqual(made);
    expect(await ingress()).toEqual([
      {
        IpProtocol: "tcp",
        FromPort: 80,
        ToPort: 80,
        IpRanges: [{ CidrIp: "0.0.0.0/0", Description: "web" }, { CidrIp: "10.0.0.0/8" }],
        UserIdGroupPairs: [{ GroupId: other, UserId: ACCOUNT, Description: "peers" }],
        ...nothing,
      },
    ]);
    const { SecurityGroupRules: shown } = await f.ec2.send(
      new DescribeSecurityGroupRulesCommand({ Filters: [{ Name: "group-id", Values: [group] }] }),
    );
    expect(shown?.filter((r) => r.IsEgress === false)).toHaveLength(3);
    expect(shown?.filter((r) => r.IsEgress === false)).toEqual(expect.arrayContaining(made));
  });

  it.each<[string, IpPermission, IpPermission]>([
    ["6", { IpProtocol: "6", FromPort: 1, ToPort: 2 }, { IpProtocol: "tcp", FromPort: 1, ToPort: 2 }],
    [
      "UDP",
      { IpProtocol: "UDP", FromPort: 0, ToPort: 65_535 },
      { IpProtocol: "udp", FromPort: 0, ToPort: 65_535 },
    ],
    [
      "icmp",
      { IpProtocol: "icmp", FromPort: 8, ToPort: -1 },
      { IpProtocol: "icmp", FromPort: 8, ToPort: -1 },
    ],
    ["all with ports", { IpProtocol: "-1", FromPort: 0, ToPort: 0 }, { IpProtocol: "-1" }],
    ["a number", { IpProtocol: "50", FromPort: 7, ToPort: 7 }, { IpProtocol: "50" }],
  ])("takes the protocol %s", async (_name, given, shown) => {
    await authorize({ ...given, IpRanges: [{ CidrIp: "10.0.0.0/8" }] });
    expect(await ingress()).toEqual([
      { ...shown, IpRanges: [{ CidrIp: "10.0.0.0/8" }], UserIdGroupPairs: [], ...nothing },
    ]);
  });

  it("takes the one permission that older callers give without a list, and a group by its name", async () => {
    const name = (await describeGroup(other))?.GroupName ?? "";
    const flat = (input: Partial<AuthorizeSecurityGroupIngressCommandInput>) =>
      f.ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: group, ...input }));
    await flat({ IpProtocol: "tcp", FromPort: 22, ToPort: 22, CidrIp: "10.0.0.0/8" });
    await flat({ SourceSecurityGroupName: name });
    expect(
      (await ingress())?.map((p) => [
        p.IpProtocol,
        p.IpRanges?.[0]?.CidrIp ?? p.UserIdGroupPairs?.[0]?.GroupId,
      ]),
    ).toEqual([
      ["tcp", "10.0.0.0/8"],
      ["-1", other],
    ]);
  });

  it.each<[string, Partial<IpPermission>, string]>([
    ["no ports", { FromPort: undefined, ToPort: undefined }, "InvalidParameterValue"],
    ["a port too high", { ToPort: 65_536 }, "InvalidParameterValue"],
    ["a port below zero", { FromPort: -1 }, "InvalidParameterValue"],
    ["ports in the wrong order", { FromPort: 81 }, "InvalidParameterValue"],
    ["an unknown protocol", { IpProtocol: "sctp!" }, "InvalidParameterValue"],
    ["a protocol's number too high", { IpProtocol: "256" }, "InvalidParameterValue"],
    ["no protocol", { IpProtocol: undefined }, "MissingParameter"],
    ["an ICMP code without a type", { IpProtocol: "icmp", FromPort: -1, ToPort: 3 }, "InvalidParameterValue"],
    ["a malformed network", { IpRanges: [{ CidrIp: "10.0.0.0/33" }] }, "InvalidParameterValue"],
    ["an address without a prefix", { IpRanges: [{ CidrIp: "10.0.0.1" }] }, "InvalidParameterValue"],
    ["nobody", { IpRanges: [] }, "MissingParameter"],
    ["IPv6", { Ipv6Ranges: [{ CidrIpv6: "::/0" }] }, "UnsupportedOperation"],
    ["IPv6's ICMP", { IpProtocol: "icmpv6" }, "UnsupportedOperation"],
    ["a prefix list", { PrefixListIds: [{ PrefixListId: "pl-1" }] }, "UnsupportedOperation"],
    ["an unknown group", { UserIdGroupPairs: [{ GroupId: "sg-00000000" }] }, "InvalidGroup.NotFound"],
    ["a malformed group", { UserIdGroupPairs: [{ GroupId: "sg-x" }] }, "InvalidGroupId.Malformed"],
    [
      "another account's group",
      { UserIdGroupPairs: [{ GroupId: "sg-00000000", UserId: "999999999999" }] },
      "UnsupportedOperation",
    ],
    [
      "a description of other characters",
      { IpRanges: [{ CidrIp: "10.0.0.0/8", Description: "ä" }] },
      "InvalidParameterValue",
    ],
  ])("refuses %s and adds nothing", async (_name, change, code) => {
    expect((await refusal(authorize(tcp(443), { ...tcp(80), ...change }))).code).toBe(code);
    expect(await ingress()).toEqual([]);
  });

  it("refuses a rule that is there already, in AWS's words, and one given twice", async () => {
    await authorize(tcp(80));
    expect(await refusal(authorize(tcp(81), tcp(80)))).toEqual({
      code: "InvalidPermission.Duplicate",
      message: 'the specified rule "peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW" already exists',
    });
    expect((await refusal(authorize(tcp(82), tcp(82)))).code).toBe("InvalidParameterValue");
    expect(await ingress()).toHaveLength(1);
  });

  it("refuses the sixty-first rule of a direction", async () => {
    await authorize(...Array.from({ length: 60 }, (_, i) => tcp(i)));
    expect((await refusal(authorize(tcp(60)))).code).toBe("RulesPerSecurityGroupLimitExceeded");
    const egress = new AuthorizeSecurityGroupEgressCommand({ GroupId: group, IpPermissions: [tcp(60)] });
    expect((await f.ec2.send(egress)).SecurityGroupRules?.[0]?.IsEgress).toBe(true);
  });

  it("changes nothing in a dry run", async () => {
    const dry = new AuthorizeSecurityGroupIngressCommand({
      GroupId: group,
      IpPermissions: [tcp(80)],
      DryRun: true,
    });
    expect((await refusal(f.ec2.send(dry))).code).toBe("DryRunOperation");
    expect(await ingress()).toEqual([]);
  });
});

describe("RevokeSecurityGroupIngress", () => {
  it("takes rules by what they match or by their ids, all or none", async () => {
    const { SecurityGroupRules: rules } = await authorize(tcp(80), tcp(81), tcp(82));
    expect((await refusal(revoke(tcp(80), tcp(99)))).code).toBe("InvalidPermission.NotFound");
    expect(await ingress()).toHaveLength(3);
    const revoked = await revoke(tcp(80));
    expect(revoked.RevokedSecurityGroupRules?.map((r) => [r.SecurityGroupRuleId, r.CidrIpv4])).toEqual([
      [rules?.[0]?.SecurityGroupRuleId, "0.0.0.0/0"],
    ]);
    const ids = [rules?.[1]?.SecurityGroupRuleId ?? "", rules?.[2]?.SecurityGroupRuleId ?? ""];
    await f.ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId: group, SecurityGroupRuleIds: ids }));
    expect(await ingress()).toEqual([]);
    const again = new RevokeSecurityGroupIngressCommand({ GroupId: group, SecurityGroupRuleIds: ids });
    expect((await refusal(f.ec2.send(again))).code).toBe("InvalidSecurityGroupRuleId.NotFound");
  });

  it("of egress takes the rule that every new group has, as Terraform does first", async () => {
    const egress = (permission: IpPermission) =>
      f.ec2.send(new RevokeSecurityGroupEgressCommand({ GroupId: group, IpPermissions: [permission] }));
    await egress({ IpProtocol: "-1", FromPort: 0, ToPort: 0, IpRanges: [{ CidrIp: "0.0.0.0/0" }] });
    expect((await describeGroup(group))?.IpPermissionsEgress).toEqual([]);
    const v6 = egress({ IpProtocol: "-1", FromPort: 0, ToPort: 0, Ipv6Ranges: [{ CidrIpv6: "::/0" }] });
    expect((await refusal(v6)).code).toBe("InvalidPermission.NotFound");
  });

  it("undoes what was authorized, whatever it was", async () => {
    const port = fc.integer({ min: 0, max: 65_535 });
    const cidr = fc
      .tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }))
      .map(([address, prefix]) => `${address}/${prefix}`);
    const permission = fc.oneof(
      fc.tuple(fc.constantFrom("tcp", "udp"), port, port, cidr).map(([IpProtocol, a, b, CidrIp]) => ({
        IpProtocol,
        FromPort: Math.min(a, b),
        ToPort: Math.max(a, b),
        IpRanges: [{ CidrIp }],
      })),
      fc
        .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: -1, max: 255 }), cidr)
        .map(([type, code, CidrIp]) => ({
          IpProtocol: "icmp",
          FromPort: type,
          ToPort: code,
          IpRanges: [{ CidrIp }],
        })),
      cidr.map((CidrIp) => ({ IpProtocol: "-1", IpRanges: [{ CidrIp }] })),
    );
    await fc.assert(
      fc.asyncProperty(permission, async (one) => {
        const before = await describeGroup(group);
        await authorize(one);
        expect((await refusal(authorize(one))).code).toBe("InvalidPermission.Duplicate");
        await revoke(one);
        expect(await describeGroup(group)).toEqual(before);
      }),
      { numRuns: 40 },
    );
  });
});

describe("a rule", () => {
  it("gets another description by what it matches or by its id, and loses it", async () => {
    const { SecurityGroupRules: rules } = await authorize(tcp(80));
    const id = rules?.[0]?.SecurityGroupRuleId ?? "";
    const update = (input: object) =>
      f.ec2.send(new UpdateSecurityGroupRuleDescriptionsIngressCommand({ GroupId: group, ...input }));
    const text = async () => (await ingress())?.[0]?.IpRanges?.[0]?.Description;
    await update({
      IpPermissions: [{ ...tcp(80), IpRanges: [{ CidrIp: "0.0.0.0/0", Description: "one" }] }],
    });
    expect(await text()).toBe("one");
    await update({ SecurityGroupRuleDescriptions: [{ SecurityGroupRuleId: id, Description: "two" }] });
    expect(await text()).toBe("two");
    await update({ SecurityGroupRuleDescriptions: [{ SecurityGroupRuleId: id }] });
    expect(await text()).toBeUndefined();
    expect((await refusal(update({ IpPermissions: [tcp(81)] }))).code).toBe("InvalidPermission.NotFound");
    expect((await refusal(update({}))).code).toBe("MissingParameter");
  });

  it("is modified in its place, keeping its id, and never into one that is there", async () => {
    const { SecurityGroupRules: rules } = await authorize(tcp(80), tcp(81));
    const id = rules?.[0]?.SecurityGroupRuleId ?? "";
    const modify = (port: number) =>
      f.ec2.send(
        new ModifySecurityGroupRulesCommand({
          GroupId: group,
          SecurityGroupRules: [
            {
              SecurityGroupRuleId: id,
              SecurityGroupRule: { IpProtocol: "tcp", FromPort: port, ToPort: port, CidrIpv4: "0.0.0.0/0" },
            },
          ],
        }),
      );
    await modify(8080);
    const { SecurityGroupRules: shown } = await f.ec2.send(
      new DescribeSecurityGroupRulesCommand({ SecurityGroupRuleIds: [id] }),
    );
    expect(shown).toMatchObject([{ SecurityGroupRuleId: id, FromPort: 8080, IsEgress: false }]);
    expect((await refusal(modify(81))).code).toBe("InvalidPermission.Duplicate");
  });

  it("has tags of its own, from its making or later, and is found by them", async () => {
    const { SecurityGroupRules: rules } = await f.ec2.send(
      new AuthorizeSecurityGroupIngressCommand({
        GroupId: group,
        IpPermissions: [tcp(80)],
        TagSpecifications: [{ ResourceType: "security-group-rule", Tags: [{ Key: "made", Value: "1" }] }],
      }),
    );
    const id = rules?.[0]?.SecurityGroupRuleId ?? "";
    await f.ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: "later", Value: "2" }] }));
    const { SecurityGroupRules: shown } = await f.ec2.send(
      new DescribeSecurityGroupRulesCommand({ Filters: [{ Name: "tag:later", Values: ["2"] }] }),
    );
    expect(shown?.map((r) => [r.SecurityGroupRuleId, r.Tags])).toEqual([
      [
        id,
        [
          { Key: "made", Value: "1" },
          { Key: "later", Value: "2" },
        ],
      ],
    ]);
    const { Tags } = await f.ec2.send(
      new DescribeTagsCommand({
        Filters: [
          { Name: "resource-type", Values: ["security-group-rule"] },
          { Name: "key", Values: ["later"] },
        ],
      }),
    );
    expect(Tags?.map((t) => t.ResourceId)).toEqual([id]);
  });

  it("is shown page by page", async () => {
    await authorize(...Array.from({ length: 12 }, (_, i) => tcp(i)));
    const Filters = [{ Name: "group-id", Values: [group] }];
    const pages = paginateDescribeSecurityGroupRules({ client: f.ec2, pageSize: 5 }, { Filters });
    const sizes: (number | undefined)[] = [];
    const ids = new Set<string | undefined>();
    for await (const page of pages) {
      sizes.push(page.SecurityGroupRules?.length);
      for (const rule of page.SecurityGroupRules ?? []) ids.add(rule.SecurityGroupRuleId);
    }
    expect([sizes, ids.size]).toEqual([[5, 5, 3], 13]);
  });
});

describe("groups are found", () => {
  it.each<[string, (at: { group: string; other: string }) => Filter[]]>([
    ["ip-permission.cidr", () => [{ Name: "ip-permission.cidr", Values: ["203.0.113.0/24"] }]],
    ["ip-permission.from-port", () => [{ Name: "ip-permission.from-port", Values: ["4711"] }]],
    [
      "ip-permission.protocol",
      ({ group: id }) => [
        { Name: "ip-permission.protocol", Values: ["tcp"] },
        { Name: "group-id", Values: [id] },
      ],
    ],
    ["ip-permission.group-id", ({ other: id }) => [{ Name: "ip-permission.group-id", Values: [id] }]],
    [
      "egress.ip-permission.cidr",
      ({ group: id }) => [
        { Name: "egress.ip-permission.cidr", Values: ["0.0.0.0/0"] },
        { Name: "group-id", Values: [id] },
      ],
    ],
  ])("by %s", async (_name, filters) => {
    await authorize({ ...tcp(4711, "203.0.113.0/24"), UserIdGroupPairs: [{ GroupId: other }] });
    const { SecurityGroups } = await f.ec2.send(
      new DescribeSecurityGroupsCommand({ Filters: filters({ group, other }) }),
    );
    expect(SecurityGroups?.map((g) => g.GroupId)).toEqual([group]);
    await revoke({ ...tcp(4711, "203.0.113.0/24"), UserIdGroupPairs: [{ GroupId: other }] });
  });
});

describe("DeleteSecurityGroup", () => {
  const remove = (id: string) => f.ec2.send(new DeleteSecurityGroupCommand({ GroupId: id }));
  const dependency = () => ({
    code: "DependencyViolation",
    message: `resource ${group} has a dependent object`,
  });

  it("removes a group by id or by name", async () => {
    expect(await remove(group)).toMatchObject({ Return: true, GroupId: group });
    expect((await refusal(remove(group))).code).toBe("InvalidGroup.NotFound");
    const name = (await describeGroup(other))?.GroupName;
    await f.ec2.send(new DeleteSecurityGroupCommand({ GroupName: name }));
    expect((await refusal(describeGroup(other))).code).toBe("InvalidGroup.NotFound");
    expect((await refusal(f.ec2.send(new DeleteSecurityGroupCommand({})))).code).toBe("MissingParameter");
  });

  it("refuses the default group", async () => {
    const own = Array.from(f.store.scan(securityGroups), ([, row]) => row).find(
      (row) => row.name === "default",
    );
    expect(await refusal(remove(own?.id ?? ""))).toEqual({
      code: "CannotDelete",
      message: `the specified group: "${own?.id}" name: "default" cannot be deleted by a user`,
    });
  });

  it("refuses a group that another's rules refer to, not one that refers to itself", async () => {
    await authorize({ IpProtocol: "-1", UserIdGroupPairs: [{ GroupId: group }] });
    const rule = { IpProtocol: "-1", UserIdGroupPairs: [{ GroupId: group }] };
    await f.ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: other, IpPermissions: [rule] }));
    expect(await refusal(remove(group))).toEqual(dependency());
    await f.ec2.send(new RevokeSecurityGroupIngressCommand({ GroupId: other, IpPermissions: [rule] }));
    await remove(group);
  });

  it("refuses a group that an instance is in, until nothing of the instance is left", async () => {
    const [id = ""] = await f.run({ SecurityGroupIds: [group] });
    expect(await refusal(remove(group))).toEqual(dependency());
    await f.change(id, (row) => instanceTerminated(row, f.clock.now()));
    await remove(group);
  });
});

it("a stored default group of before there were rules reads as one with AWS's", () => {
  const { upgrade } = securityGroups;
  const row = upgrade?.(
    {
      id: "sg-0123456789abcdef0",
      region: REGION,
      vpcId: "vpc-1",
      name: "default",
      description: "d",
      tags: {},
    },
    1,
  );
  expect(row?.rules.map((r) => [r.direction, r.protocol, r.peer])).toEqual([
    ["ingress", "-1", { groupId: "sg-0123456789abcdef0" }],
    ["egress", "-1", { cidr: "0.0.0.0/0" }],
  ]);
  expect(new Set(row?.rules.map((r) => r.id)).size).toBe(2);
  expect(ec2Key(REGION, row?.id ?? "")).toBe(`${REGION}/sg-0123456789abcdef0`);
});
