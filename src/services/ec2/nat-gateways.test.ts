// NAT gateways and the Elastic IP addresses that they are made with, through the official SDK.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  AllocateAddressCommand,
  CreateNatGatewayCommand,
  CreateRouteCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DeleteNatGatewayCommand,
  DeleteSubnetCommand,
  DescribeAddressesCommand,
  DescribeNatGatewaysCommand,
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeTagsCommand,
  ReleaseAddressCommand,
} from "@aws-sdk/client-ec2";
import { createFixture, type Fixture, refusal } from "./fixture.suite.ts";

let f: Fixture;
let subnet = "";
let vpc = "";
beforeAll(async () => {
  f = await createFixture();
  const { Subnets } = await f.ec2.send(new DescribeSubnetsCommand({}));
  subnet = Subnets?.[0]?.SubnetId ?? "";
  vpc = Subnets?.[0]?.VpcId ?? "";
});
afterAll(() => f.close());

const allocate = async () =>
  (await f.ec2.send(new AllocateAddressCommand({ Domain: "vpc" }))).AllocationId ?? "";
const create = (input: object) => f.ec2.send(new CreateNatGatewayCommand({ SubnetId: subnet, ...input }));
const release = (AllocationId: string) => f.ec2.send(new ReleaseAddressCommand({ AllocationId }));

describe("an Elastic IP address", () => {
  it("is one that can be told from real ones, at most five in a region, and comes back when it is released", async () => {
    const ids = [];
    for (let i = 0; i < 5; i += 1) ids.push(await allocate());
    expect((await refusal(allocate())).code).toBe("AddressLimitExceeded");
    const { Addresses = [] } = await f.ec2.send(new DescribeAddressesCommand({ AllocationIds: ids }));
    expect(new Set(Addresses.map((a) => a.PublicIp)).size).toBe(5);
    for (const { PublicIp } of Addresses) expect(PublicIp).toMatch(/^203\.0\.113\.\d+$/);
    for (const id of ids) await release(id);
    expect((await f.ec2.send(new DescribeAddressesCommand({}))).Addresses).toEqual([]);
    expect(await refusal(release(ids[0] ?? ""))).toEqual({
      code: "InvalidAllocationID.NotFound",
      message: `The allocation ID '${ids[0]}' does not exist`,
    });
  });
});

describe("a NAT gateway", () => {
  it("takes an Elastic IP address and one of its subnet, and gives both back", async () => {
    const AllocationId = await allocate();
    const tags = [{ ResourceType: "natgateway" as const, Tags: [{ Key: "team", Value: "blue" }] }];
    const { NatGateway } = await create({ AllocationId, TagSpecifications: tags, ClientToken: "once" });
    const again = await create({ AllocationId, TagSpecifications: tags, ClientToken: "once" });
    expect(again.NatGateway?.NatGatewayId).toBe(NatGateway?.NatGatewayId);
    const NatGatewayId = NatGateway?.NatGatewayId ?? "";
    const found = await f.ec2.send(
      new DescribeNatGatewaysCommand({ Filter: [{ Name: "vpc-id", Values: [vpc] }] }),
    );
    expect(found.NatGateways).toMatchObject([
      {
        NatGatewayId,
        SubnetId: subnet,
        VpcId: vpc,
        State: "available",
        ConnectivityType: "public",
        NatGatewayAddresses: [{ AllocationId, PublicIp: expect.stringMatching(/^203\./) as string }],
        Tags: [{ Key: "team", Value: "blue" }],
      },
    ]);
    expect((await f.ec2.send(new DescribeTagsCommand({}))).Tags).toMatchObject([
      { ResourceId: NatGatewayId, ResourceType: "natgateway" },
    ]);
    expect((await refusal(release(AllocationId))).code).toBe("InvalidIPAddress.InUse");
    expect((await refusal(create({ AllocationId }))).code).toBe("Resource.AlreadyAssociated");
    expect((await refusal(f.ec2.send(new DeleteSubnetCommand({ SubnetId: subnet })))).code).toBe(
      "DependencyViolation",
    );
    await f.ec2.send(new DeleteNatGatewayCommand({ NatGatewayId }));
    await release(AllocationId);
    expect(
      await refusal(f.ec2.send(new DescribeNatGatewaysCommand({ NatGatewayIds: [NatGatewayId] }))),
    ).toEqual({
      code: "NatGatewayNotFound",
      message: `NatGateway ${NatGatewayId} was not found`,
    });
  });

  it("is where a route leads, which ends in nothing when it is deleted", async () => {
    const { NatGateway } = await create({ AllocationId: await allocate() });
    const NatGatewayId = NatGateway?.NatGatewayId ?? "";
    const { RouteTables } = await f.ec2.send(new DescribeRouteTablesCommand({}));
    const RouteTableId = RouteTables?.[0]?.RouteTableId ?? "";
    await f.ec2.send(
      new CreateRouteCommand({ RouteTableId, DestinationCidrBlock: "198.51.100.0/24", NatGatewayId }),
    );
    const state = async () => {
      const shown = await f.ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [RouteTableId] }));
      return shown.RouteTables?.[0]?.Routes?.find((r) => r.NatGatewayId === NatGatewayId)?.State;
    };
    expect(await state()).toBe("active");
    await f.ec2.send(new DeleteNatGatewayCommand({ NatGatewayId }));
    expect(await state()).toBe("blackhole");
  });

  it("is refused without an address, with one that is not there, and where no internet gateway is", async () => {
    expect((await refusal(create({}))).code).toBe("MissingParameter");
    expect((await refusal(create({ AllocationId: "eipalloc-00000000" }))).code).toBe(
      "InvalidAllocationID.NotFound",
    );
    expect((await refusal(create({ SubnetId: "subnet-00000000" }))).code).toBe("InvalidSubnetID.NotFound");
    const { Vpc } = await f.ec2.send(new CreateVpcCommand({ CidrBlock: "10.201.0.0/16" }));
    const made = await f.ec2.send(new CreateSubnetCommand({ VpcId: Vpc?.VpcId, CidrBlock: "10.201.0.0/24" }));
    const AllocationId = await allocate();
    const SubnetId = made.Subnet?.SubnetId;
    expect((await refusal(create({ SubnetId, AllocationId }))).code).toBe("Gateway.NotAttached");
    const { NatGateway } = await create({ SubnetId, ConnectivityType: "private" });
    expect(NatGateway).toMatchObject({ ConnectivityType: "private" });
    await release(AllocationId);
  });
});
