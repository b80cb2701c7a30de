// VPCs and what they are made of, through the official SDK, in the order in which Terraform makes and removes them.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  AssociateRouteTableCommand,
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  type CreateSubnetCommandInput,
  CreateTagsCommand,
  CreateVpcCommand,
  DeleteInternetGatewayCommand,
  DeleteRouteCommand,
  DeleteRouteTableCommand,
  DeleteSecurityGroupCommand,
  DeleteSubnetCommand,
  DeleteVpcCommand,
  DescribeInternetGatewaysCommand,
  DescribeNetworkAclsCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcAttributeCommand,
  DescribeVpcsCommand,
  DetachInternetGatewayCommand,
  DisassociateRouteTableCommand,
  ModifySubnetAttributeCommand,
  ModifyVpcAttributeCommand,
  ReplaceRouteCommand,
  ReplaceRouteTableAssociationCommand,
} from "@aws-sdk/client-ec2";
import { instanceTerminated } from "#domain/ec2/instance.ts";
import { addresses, routeTables, internetGateways, subnets } from "#store/tables/ec2.ts";
import { createFixture, type Fixture, refusal, REGION } from "./fixture.suite.ts";

let f: Fixture;
let vpc = "";
beforeAll(async () => {
  f = await createFixture();
});
afterAll(() => f.close());
beforeEach(async () => {
  vpc = (await create("10.200.0.0/16")).VpcId ?? "";
});
afterEach(async () => {
  const inVpc = [{ Name: "vpc-id", Values: [vpc] }];
  const { Subnets } = await f.ec2.send(new DescribeSubnetsCommand({ Filters: inVpc }));
  for (const { SubnetId } of Subnets ?? []) await f.ec2.send(new DeleteSubnetCommand({ SubnetId }));
  const { InternetGateways } = await f.ec2.send(
    new DescribeInternetGatewaysCommand({ Filters: [{ Name: "attachment.vpc-id", Values: [vpc] }] }),
  );
  for (const { InternetGatewayId } of InternetGateways ?? []) {
    await f.ec2.send(new DetachInternetGatewayCommand({ InternetGatewayId, VpcId: vpc }));
    await f.ec2.send(new DeleteInternetGatewayCommand({ InternetGatewayId }));
  }
  const { RouteTables } = await f.ec2.send(new DescribeRouteTablesCommand({ Filters: inVpc }));
  for (const { RouteTableId, Associations } of RouteTables ?? [])
    if (Associations?.length === 0) await f.ec2.send(new DeleteRouteTableCommand({ RouteTableId }));
  await f.ec2.send(new DeleteVpcCommand({ VpcId: vpc }));
});

const create = async (CidrBlock: string) => (await f.ec2.send(new CreateVpcCommand({ CidrBlock }))).Vpc ?? {};
const createSubnet = async (CidrBlock = "10.200.1.0/24", more: Partial<CreateSubnetCommandInput> = {}) =>
  (await f.ec2.send(new CreateSubnetCommand({ VpcId: vpc, CidrBlock, ...more }))).Subnet ?? {};
const gateway = async (attached = true) => {
  const { InternetGateway } = await f.ec2.send(new CreateInternetGatewayCommand({}));
  const InternetGatewayId = InternetGateway?.InternetGatewayId ?? "";
  if (attached) await f.ec2.send(new AttachInternetGatewayCommand({ InternetGatewayId, VpcId: vpc }));
  return InternetGatewayId;
};
const tables = async (name: string, value: string) => {
  const Filters = [
    { Name: name, Values: [value] },
    { Name: "vpc-id", Values: [vpc] },
  ];
  return (await f.ec2.send(new DescribeRouteTablesCommand({ Filters }))).RouteTables ?? [];
};

describe("a new VPC", () => {
  it("comes with a group, a main route table and a network ACL, as Terraform reads them", async () => {
    const { Vpcs } = await f.ec2.send(new DescribeVpcsCommand({ VpcIds: [vpc] }));
    expect(Vpcs).toMatchObject([
      { VpcId: vpc, CidrBlock: "10.200.0.0/16", IsDefault: false, State: "available" },
    ]);
    const [main, ...others] = await tables("association.main", "true");
    expect(others).toEqual([]);
    expect(main?.Routes).toEqual([
      {
        DestinationCidrBlock: "10.200.0.0/16",
        GatewayId: "local",
        Origin: "CreateRouteTable",
        State: "active",
      },
    ]);
    const { SecurityGroups } = await f.ec2.send(
      new DescribeSecurityGroupsCommand({
        Filters: [
          { Name: "group-name", Values: ["default"] },
          { Name: "vpc-id", Values: [vpc] },
        ],
      }),
    );
    expect(SecurityGroups?.map((g) => g.IpPermissions?.[0]?.UserIdGroupPairs?.[0]?.GroupId)).toEqual([
      SecurityGroups?.[0]?.GroupId,
    ]);
    const { NetworkAcls } = await f.ec2.send(
      new DescribeNetworkAclsCommand({
        Filters: [
          { Name: "default", Values: ["true"] },
          { Name: "vpc-id", Values: [vpc] },
        ],
      }),
    );
    expect(NetworkAcls).toMatchObject([{ VpcId: vpc, IsDefault: true, Associations: [] }]);
    expect(NetworkAcls?.[0]?.Entries?.map((e) => [e.Egress, e.RuleNumber, e.RuleAction])).toEqual([
      [true, 100, "allow"],
      [true, 32_767, "deny"],
      [false, 100, "allow"],
      [false, 32_767, "deny"],
    ]);
  });

  it("answers its attributes, and keeps host names when told", async () => {
    const attribute = (
      Attribute: "enableDnsHostnames" | "enableDnsSupport" | "enableNetworkAddressUsageMetrics",
    ) => f.ec2.send(new DescribeVpcAttributeCommand({ VpcId: vpc, Attribute }));
    expect((await attribute("enableDnsHostnames")).EnableDnsHostnames?.Value).toBe(false);
    expect((await attribute("enableDnsSupport")).EnableDnsSupport?.Value).toBe(true);
    expect(
      (await attribute("enableNetworkAddressUsageMetrics")).EnableNetworkAddressUsageMetrics?.Value,
    ).toBe(false);
    await f.ec2.send(new ModifyVpcAttributeCommand({ VpcId: vpc, EnableDnsHostnames: { Value: true } }));
    expect((await attribute("enableDnsHostnames")).EnableDnsHostnames?.Value).toBe(true);
    for (const refused of [
      { EnableDnsSupport: { Value: false } },
      { EnableNetworkAddressUsageMetrics: { Value: true } },
    ])
      expect(
        (await refusal(f.ec2.send(new ModifyVpcAttributeCommand({ VpcId: vpc, ...refused })))).code,
      ).toBe("UnsupportedOperation");
  });

  it.each([
    [{ CidrBlock: "10.201.0.0/15" }, "InvalidVpc.Range"],
    [{ CidrBlock: "10.201.0.0/29" }, "InvalidVpc.Range"],
    [{ CidrBlock: "172.17.0.0/16" }, "InvalidVpc.Range"],
    [{ CidrBlock: "10.201.0/16" }, "InvalidParameterValue"],
    [{ CidrBlock: "10.201.0.0/99" }, "InvalidParameterValue"],
    [{}, "MissingParameter"],
    [{ CidrBlock: "10.201.0.0/16", AmazonProvidedIpv6CidrBlock: true }, "UnsupportedOperation"],
    [{ CidrBlock: "10.201.0.0/16", InstanceTenancy: "dedicated" as const }, "UnsupportedOperation"],
    // One machine reaches both: two hosts with one address have no place on it.
    [{ CidrBlock: "10.200.128.0/20" }, "UnsupportedOperation"],
    [{ CidrBlock: "10.64.0.0/16" }, "UnsupportedOperation"],
  ])("is not made of %j: %s", async (input, code) => {
    expect((await refusal(f.ec2.send(new CreateVpcCommand(input)))).code).toBe(code);
  });

  it("has the range that its address and prefix name", async () => {
    const made = await create("10.202.3.4/24");
    expect(made.CidrBlock).toBe("10.202.3.0/24");
    await f.ec2.send(new DeleteVpcCommand({ VpcId: made.VpcId }));
  });

  it("is the fifth of its region at most", async () => {
    const made = [];
    for (const third of [1, 2, 3]) made.push(await create(`10.210.${third}.0/24`));
    expect((await refusal(create("10.210.9.0/24"))).code).toBe("VpcLimitExceeded");
    for (const { VpcId } of made) await f.ec2.send(new DeleteVpcCommand({ VpcId }));
  });
});

describe("DeleteVpc", () => {
  it("waits for everything in it, and takes its group and main table along", async () => {
    const gone = () => refusal(f.ec2.send(new DeleteVpcCommand({ VpcId: vpc })));
    const refused = {
      code: "DependencyViolation",
      message: `The vpc '${vpc}' has dependencies and cannot be deleted.`,
    };
    const { SubnetId } = await createSubnet();
    expect(await gone()).toEqual(refused);
    await f.ec2.send(new DeleteSubnetCommand({ SubnetId }));
    const { GroupId } = await f.ec2.send(
      new CreateSecurityGroupCommand({ GroupName: "g", Description: "d", VpcId: vpc }),
    );
    expect(await gone()).toEqual(refused);
    await f.ec2.send(new DeleteSecurityGroupCommand({ GroupId }));
    const InternetGatewayId = await gateway();
    expect(await gone()).toEqual(refused);
    await f.ec2.send(new DetachInternetGatewayCommand({ InternetGatewayId, VpcId: vpc }));
    await f.ec2.send(new DeleteInternetGatewayCommand({ InternetGatewayId }));
    const { RouteTable } = await f.ec2.send(new CreateRouteTableCommand({ VpcId: vpc }));
    expect(await gone()).toEqual(refused);
    await f.ec2.send(new DeleteRouteTableCommand({ RouteTableId: RouteTable?.RouteTableId }));
    await f.ec2.send(new DeleteVpcCommand({ VpcId: vpc }));
    expect(f.store.find(routeTables, "vpc", vpc)).toEqual([]);
    expect((await gone()).code).toBe("InvalidVpcID.NotFound");
    vpc = (await create("10.200.0.0/16")).VpcId ?? "";
  });
});

describe("a subnet", () => {
  it("is in the zone named, or the first, and takes instances", async () => {
    const made = await createSubnet("10.200.1.0/24", { AvailabilityZoneId: "euw1-az2" });
    expect(made).toMatchObject({
      AvailabilityZone: `${REGION}b`,
      AvailableIpAddressCount: 251,
      DefaultForAz: false,
    });
    expect((await createSubnet("10.200.2.0/24")).AvailabilityZone).toBe(`${REGION}a`);
    const [id = ""] = await f.run({ SubnetId: made.SubnetId });
    const removal = () => f.ec2.send(new DeleteSubnetCommand({ SubnetId: made.SubnetId }));
    expect((await refusal(removal())).code).toBe("DependencyViolation");
    await f.change(id, (row) => instanceTerminated(row, f.clock.now()));
    await f.store.transact((tx) => {
      for (const [key] of tx.find(addresses, "owner", id)) tx.delete(addresses, key);
    });
    await removal();
    expect([...f.store.scan(subnets)].some(([, row]) => row.id === made.SubnetId)).toBe(false);
  });

  it.each<[Partial<CreateSubnetCommandInput>, string]>([
    [{ CidrBlock: "10.199.0.0/24" }, "InvalidSubnet.Range"],
    [{ CidrBlock: "10.200.0.0/15" }, "InvalidSubnet.Range"],
    [{ CidrBlock: "10.200.3.0/29" }, "InvalidSubnet.Range"],
    [{ CidrBlock: "10.200.1.128/25" }, "InvalidSubnet.Conflict"],
    [{ CidrBlock: "10.200.0.0/16" }, "InvalidSubnet.Conflict"],
    [{ CidrBlock: "10.200.3.1/24" }, "InvalidParameterValue"],
    [{ CidrBlock: undefined }, "MissingParameter"],
    [{ CidrBlock: "10.200.3.0/24", AvailabilityZone: "us-east-1a" }, "InvalidParameterValue"],
    [{ CidrBlock: "10.200.3.0/24", VpcId: "vpc-00000000" }, "InvalidVpcID.NotFound"],
    [{ CidrBlock: "10.200.3.0/24", Ipv6CidrBlock: "fd00::/64" }, "UnsupportedOperation"],
    [{ CidrBlock: "10.200.3.0/24", OutpostArn: "arn" }, "UnsupportedOperation"],
  ])("is not made of %j: %s", async (input, code) => {
    await createSubnet();
    expect((await refusal(createSubnet(undefined, input))).code).toBe(code);
  });

  it("gives public addresses where it is told to, and refuses other attributes by name", async () => {
    const { SubnetId } = await createSubnet();
    const modify = (input: object) => f.ec2.send(new ModifySubnetAttributeCommand({ SubnetId, ...input }));
    const maps = async () => {
      const { Subnets } = await f.ec2.send(new DescribeSubnetsCommand({ SubnetIds: [SubnetId ?? ""] }));
      return Subnets?.[0]?.MapPublicIpOnLaunch;
    };
    expect(await maps()).toBe(false);
    await modify({ MapPublicIpOnLaunch: { Value: true } });
    expect(await maps()).toBe(true);
    await modify({ MapPublicIpOnLaunch: { Value: false } });
    expect(await maps()).toBe(false);
    expect((await refusal(modify({ EnableDns64: { Value: true } }))).code).toBe("UnsupportedOperation");
  });
});

describe("an internet gateway", () => {
  it("is attached to one VPC, which has one, and is deleted when it is detached", async () => {
    const [first, second] = [await gateway(), await gateway(false)];
    const attach = (InternetGatewayId: string) =>
      refusal(f.ec2.send(new AttachInternetGatewayCommand({ InternetGatewayId, VpcId: vpc })));
    expect(await attach(first)).toEqual({
      code: "Resource.AlreadyAssociated",
      message: `resource ${first} is already attached to network ${vpc}`,
    });
    expect((await attach(second)).message).toBe(`Network ${vpc} already has an internet gateway attached`);
    const { InternetGateways } = await f.ec2.send(
      new DescribeInternetGatewaysCommand({ InternetGatewayIds: [first] }),
    );
    expect(InternetGateways?.[0]?.Attachments).toEqual([{ VpcId: vpc, State: "available" }]);
    const remove = (InternetGatewayId: string) =>
      f.ec2.send(new DeleteInternetGatewayCommand({ InternetGatewayId }));
    expect((await refusal(remove(first))).code).toBe("DependencyViolation");
    const detach = new DetachInternetGatewayCommand({ InternetGatewayId: second, VpcId: vpc });
    expect((await refusal(f.ec2.send(detach))).code).toBe("Gateway.NotAttached");
    await remove(second);
    expect((await refusal(remove(second))).code).toBe("InvalidInternetGatewayID.NotFound");
  });
});

describe("a route table", () => {
  const route = (RouteTableId: string, GatewayId: string, DestinationCidrBlock = "0.0.0.0/0") =>
    f.ec2.send(new CreateRouteCommand({ RouteTableId, GatewayId, DestinationCidrBlock }));
  const createTable = async () =>
    (await f.ec2.send(new CreateRouteTableCommand({ VpcId: vpc }))).RouteTable?.RouteTableId ?? "";

  it("takes routes to an internet gateway of its VPC, each destination once", async () => {
    const [id, igw] = [await createTable(), await gateway()];
    await f.ec2.send(
      new CreateTagsCommand({ Resources: [id, igw], Tags: [{ Key: "Name", Value: "public" }] }),
    );
    await route(id, igw);
    expect((await refusal(route(id, igw))).code).toBe("RouteAlreadyExists");
    expect((await refusal(route(id, igw, "10.200.0.0/16"))).code).toBe("RouteAlreadyExists");
    const replaced = new ReplaceRouteCommand({
      RouteTableId: id,
      GatewayId: igw,
      DestinationCidrBlock: "0.0.0.0/0",
    });
    await f.ec2.send(replaced);
    const [shown] = await tables("tag:Name", "public");
    expect(shown?.Routes?.map((r) => [r.DestinationCidrBlock, r.GatewayId, r.State])).toEqual([
      ["10.200.0.0/16", "local", "active"],
      ["0.0.0.0/0", igw, "active"],
    ]);
    const removal = (DestinationCidrBlock: string) =>
      f.ec2.send(new DeleteRouteCommand({ RouteTableId: id, DestinationCidrBlock }));
    await removal("0.0.0.0/0");
    expect((await refusal(removal("0.0.0.0/0"))).code).toBe("InvalidRoute.NotFound");
    expect((await refusal(removal("10.200.0.0/16"))).code).toBe("InvalidParameterValue");
    expect((await refusal(f.ec2.send(replaced))).code).toBe("InvalidRoute.NotFound");
  });

  it("refuses ways that Estiba has not, by name", async () => {
    const [id, igw] = [await createTable(), await gateway(false)];
    const transit = {
      RouteTableId: id,
      DestinationCidrBlock: "0.0.0.0/0",
      TransitGatewayId: "tgw-00000000",
    };
    expect(await refusal(f.ec2.send(new CreateRouteCommand(transit)))).toEqual({
      code: "UnsupportedOperation",
      message: "The parameter TransitGatewayId is not implemented by Estiba",
    });
    expect((await refusal(route(id, igw))).code).toBe("InvalidParameterValue");
    await f.ec2.send(new DeleteInternetGatewayCommand({ InternetGatewayId: igw }));
  });

  it("is a subnet's by association, and the main one by another", async () => {
    const [first, second, { SubnetId = "" }] = [
      await createTable(),
      await createTable(),
      await createSubnet(),
    ];
    const associate = (RouteTableId: string) =>
      f.ec2.send(new AssociateRouteTableCommand({ RouteTableId, SubnetId }));
    const { AssociationId } = await associate(first);
    expect((await associate(first)).AssociationId).toBe(AssociationId);
    expect((await refusal(associate(second))).code).toBe("Resource.AlreadyAssociated");
    const remove = new DeleteRouteTableCommand({ RouteTableId: first });
    expect((await refusal(f.ec2.send(remove))).code).toBe("DependencyViolation");
    const replace = (AssociationId: string | undefined, RouteTableId: string) =>
      f.ec2.send(new ReplaceRouteTableAssociationCommand({ AssociationId, RouteTableId }));
    const moved = await replace(AssociationId, second);
    expect((await tables("association.subnet-id", SubnetId)).map((t) => t.RouteTableId)).toEqual([second]);
    await f.ec2.send(new DisassociateRouteTableCommand({ AssociationId: moved.NewAssociationId }));
    expect((await refusal(replace(moved.NewAssociationId, first))).code).toBe(
      "InvalidAssociationID.NotFound",
    );

    const [main] = await tables("association.main", "true");
    const own = main?.Associations?.[0]?.RouteTableAssociationId;
    const disassociate = new DisassociateRouteTableCommand({ AssociationId: own });
    expect((await refusal(f.ec2.send(disassociate))).code).toBe("InvalidParameterValue");
    const { NewAssociationId } = await replace(own, first);
    expect((await tables("association.main", "true")).map((t) => t.RouteTableId)).toEqual([first]);
    await replace(NewAssociationId, main?.RouteTableId ?? "");
  });
});

it("a default VPC leads out by an internet gateway, also one that was stored without", async () => {
  const { Vpcs } = await f.ec2.send(
    new DescribeVpcsCommand({ Filters: [{ Name: "is-default", Values: ["true"] }] }),
  );
  const id = Vpcs?.[0]?.VpcId ?? "";
  const out = async () => {
    const { RouteTables } = await f.ec2.send(
      new DescribeRouteTablesCommand({ Filters: [{ Name: "vpc-id", Values: [id] }] }),
    );
    return RouteTables?.map((t) => t.Routes?.map((r) => [r.DestinationCidrBlock, r.State]));
  };
  const expected = [
    [
      ["10.64.0.0/16", "active"],
      ["0.0.0.0/0", "active"],
    ],
  ];
  expect(await out()).toEqual(expected);
  await f.store.transact((tx) => {
    for (const table of [routeTables, internetGateways])
      for (const [key] of tx.find(table as typeof routeTables, "vpc", id))
        tx.delete(table as typeof routeTables, key);
  });
  expect(await out()).toEqual(expected);
});
