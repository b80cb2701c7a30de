import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeAccountAttributesCommand,
  DescribeAvailabilityZonesCommand,
  DescribeImagesCommand,
  type DescribeImagesCommandInput,
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  DescribeRegionsCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeTagsCommand,
  type Filter,
  paginateDescribeInstanceTypes,
  DescribeVpcsCommand,
} from "@aws-sdk/client-ec2";
import { instanceTypes } from "#domain/ec2/instance-types.ts";
import { vpcs } from "#store/tables/ec2.ts";
import { ACCOUNT, createFixture, type Fixture, refusal } from "./fixture.suite.ts";
import { PUBLIC_IMAGE_ID } from "./image.ts";
import { wildcard } from "./wildcard.ts";

let f: Fixture;
beforeAll(async () => {
  f = await createFixture("10.64.0.0/20");
});
afterAll(() => f.close());

describe("a region's default VPC", () => {
  it("has three subnets in three zones and a default security group", async () => {
    const { Vpcs } = await f.ec2.send(
      new DescribeVpcsCommand({ Filters: [{ Name: "is-default", Values: ["true"] }] }),
    );
    expect(Vpcs).toHaveLength(1);
    const vpc = Vpcs?.[0];
    expect(vpc).toMatchObject({
      CidrBlock: "10.64.0.0/20",
      IsDefault: true,
      OwnerId: ACCOUNT,
      State: "available",
    });
    const inVpc = { Filters: [{ Name: "vpc-id", Values: [vpc?.VpcId ?? ""] }] };
    const { Subnets } = await f.ec2.send(new DescribeSubnetsCommand(inVpc));
    expect(
      Subnets?.map((s) => [
        s.AvailabilityZone,
        s.AvailabilityZoneId,
        s.CidrBlock,
        s.AvailableIpAddressCount,
      ]).sort(),
    ).toEqual([
      ["eu-west-1a", "euw1-az1", "10.64.0.0/24", 251],
      ["eu-west-1b", "euw1-az2", "10.64.1.0/24", 251],
      ["eu-west-1c", "euw1-az3", "10.64.2.0/24", 251],
    ]);
    const { SecurityGroups } = await f.ec2.send(new DescribeSecurityGroupsCommand(inVpc));
    expect(
      SecurityGroups?.map((g) => [g.GroupName, g.IpPermissions?.[0]?.UserIdGroupPairs?.[0]?.GroupId]),
    ).toEqual([["default", SecurityGroups?.[0]?.GroupId]]);
  });

  it("comes with the first look at a region, in the next free network, once", async () => {
    const regions = ["us-east-1", "ap-south-1", "us-east-1"];
    const blocks = await Promise.all(
      regions.map(async (region) => {
        const client = f.client(region);
        const { Vpcs } = await client.send(new DescribeVpcsCommand({}));
        client.destroy();
        return Vpcs?.map((v) => v.CidrBlock);
      }),
    );
    expect(blocks[0]).toEqual(blocks[2]);
    expect(Array.from(f.store.scan(vpcs), ([, row]) => row.cidrBlock).sort()).toEqual([
      "10.64.0.0/20",
      "10.64.16.0/20",
      "10.64.32.0/20",
    ]);
  });

  it("is not made for what cannot be a region", async () => {
    const client = f.client("nonsense");
    expect((await refusal(client.send(new DescribeVpcsCommand({})))).code).toBe("AuthFailure");
    client.destroy();
  });

  it.each([
    ["vpc", () => new DescribeVpcsCommand({ VpcIds: ["vpc-12345678"] }), "InvalidVpcID.NotFound"],
    [
      "subnet",
      () => new DescribeSubnetsCommand({ SubnetIds: ["subnet-12345678"] }),
      "InvalidSubnetID.NotFound",
    ],
    [
      "security group",
      () => new DescribeSecurityGroupsCommand({ GroupIds: ["sg-12345678"] }),
      "InvalidGroup.NotFound",
    ],
    ["group name", () => new DescribeSecurityGroupsCommand({ GroupNames: ["web"] }), "InvalidGroup.NotFound"],
    ["malformed vpc", () => new DescribeVpcsCommand({ VpcIds: ["x"] }), "InvalidVpcID.Malformed"],
    [
      "malformed group",
      () => new DescribeSecurityGroupsCommand({ GroupIds: ["x"] }),
      "InvalidGroupId.Malformed",
    ],
  ] as const)("has no unknown %s", async (_what, command, code) => {
    expect((await refusal(f.ec2.send(command()))).code).toBe(code);
  });
});

describe("DescribeImages", () => {
  const images = async (input: DescribeImagesCommandInput) =>
    (await f.ec2.send(new DescribeImagesCommand(input))).Images?.map((i) => i.ImageId);
  it.each<[string, DescribeImagesCommandInput, number]>([
    ["everything", {}, 1],
    ["Amazon's", { Owners: ["amazon"] }, 1],
    ["one's own", { Owners: ["self"] }, 1],
    ["somebody else's", { Owners: ["111111111111"] }, 0],
    ["by id", { ImageIds: [PUBLIC_IMAGE_ID] }, 1],
    ["by name", { Filters: [{ Name: "name", Values: ["*-ecs-*"] }] }, 1],
    ["by architecture", { Filters: [{ Name: "architecture", Values: ["arm64"] }] }, 0],
    ["Windows", { Filters: [{ Name: "platform", Values: ["windows"] }] }, 0],
  ])("shows %s", async (_what, input, count) => {
    expect(await images(input)).toEqual(count === 1 ? [PUBLIC_IMAGE_ID] : []);
  });
  it("refuses an unknown image and an unknown filter", async () => {
    expect((await refusal(images({ ImageIds: ["ami-12345678"] }))).code).toBe("InvalidAMIID.NotFound");
    expect((await refusal(images({ Filters: [{ Name: "x", Values: [] }] }))).code).toBe(
      "InvalidParameterValue",
    );
  });
});

describe("instance types", () => {
  it("are described by name and filter, in pages", async () => {
    const one = await f.ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes: ["t3.small"] }));
    expect(one.InstanceTypes?.[0]).toMatchObject({
      VCpuInfo: { DefaultVCpus: 2 },
      MemoryInfo: { SizeInMiB: 2048 },
      NetworkInfo: { MaximumNetworkInterfaces: 3 },
      ProcessorInfo: { SupportedArchitectures: ["x86_64"] },
    });
    const Filters: Filter[] = [{ Name: "vcpu-info.default-vcpus", Values: ["192"] }];
    const large = await f.ec2.send(new DescribeInstanceTypesCommand({ Filters }));
    expect(large.InstanceTypes?.map((t) => t.InstanceType)).toContain("m7i.48xlarge");
    const all: (string | undefined)[] = [];
    for await (const answer of paginateDescribeInstanceTypes({ client: f.ec2, pageSize: 50 }, {}))
      all.push(...(answer.InstanceTypes ?? []).map((t) => t.InstanceType));
    expect(all.sort()).toEqual(instanceTypes.map((t) => t.name).sort());
  });
  it("that do not exist are named", async () => {
    const asked = new DescribeInstanceTypesCommand({ InstanceTypes: ["t9.huge" as never, "t3.small"] });
    expect(await refusal(f.ec2.send(asked))).toEqual({
      code: "InvalidInstanceType",
      message: "The following supplied instance types do not exist: [t9.huge]",
    });
  });
  it("are offered in every zone", async () => {
    const { InstanceTypeOfferings } = await f.ec2.send(
      new DescribeInstanceTypeOfferingsCommand({
        LocationType: "availability-zone",
        Filters: [{ Name: "instance-type", Values: ["t3.small"] }],
      }),
    );
    expect(InstanceTypeOfferings?.map((o) => o.Location)).toEqual(["eu-west-1a", "eu-west-1b", "eu-west-1c"]);
  });
});

describe("regions, zones and the account", () => {
  it("name this server as every region's endpoint", async () => {
    const { Regions } = await f.ec2.send(new DescribeRegionsCommand({ RegionNames: ["us-east-1"] }));
    expect(Regions).toEqual([
      {
        RegionName: "us-east-1",
        Endpoint: new URL(f.gateway.url).host,
        OptInStatus: "opt-in-not-required",
      },
    ]);
    expect((await refusal(f.ec2.send(new DescribeRegionsCommand({ RegionNames: ["mars-1"] })))).message).toBe(
      "Invalid region provided: [mars-1]",
    );
  });
  it("tell three available zones", async () => {
    const { AvailabilityZones } = await f.ec2.send(
      new DescribeAvailabilityZonesCommand({ Filters: [{ Name: "state", Values: ["available"] }] }),
    );
    expect(AvailabilityZones?.map((z) => [z.ZoneName, z.ZoneId])).toEqual([
      ["eu-west-1a", "euw1-az1"],
      ["eu-west-1b", "euw1-az2"],
      ["eu-west-1c", "euw1-az3"],
    ]);
    const unknown = new DescribeAvailabilityZonesCommand({ ZoneNames: ["eu-west-1z"] });
    expect((await refusal(f.ec2.send(unknown))).message).toBe("Invalid availability zone: [eu-west-1z]");
  });
  it("tell that there is no EC2-Classic", async () => {
    const { AccountAttributes } = await f.ec2.send(
      new DescribeAccountAttributesCommand({ AttributeNames: ["supported-platforms"] }),
    );
    expect(AccountAttributes).toEqual([
      { AttributeName: "supported-platforms", AttributeValues: [{ AttributeValue: "VPC" }] },
    ]);
  });
});

describe("tags", () => {
  const tagsOf = async (...filters: Filter[]) => {
    const { Tags } = await f.ec2.send(new DescribeTagsCommand({ Filters: filters }));
    return Tags?.map((t) => [t.ResourceType, t.ResourceId, t.Key, t.Value]);
  };
  it("are created, found, overwritten and deleted, on instances and on networks", async () => {
    const [id = ""] = await f.run();
    const { Vpcs } = await f.ec2.send(new DescribeVpcsCommand({}));
    const vpcId = Vpcs?.[0]?.VpcId ?? "";
    const tag = (Key: string, Value: string, ...Resources: string[]) =>
      f.ec2.send(new CreateTagsCommand({ Resources, Tags: [{ Key, Value }] }));
    await tag("team", "blue", id, vpcId);
    await tag("team", "red", id);
    await tag("other", "x", id);
    expect(await tagsOf({ Name: "resource-id", Values: [id] }, { Name: "key", Values: ["team"] })).toEqual([
      ["instance", id, "team", "red"],
    ]);
    expect(await tagsOf({ Name: "resource-type", Values: ["vpc"] })).toEqual([
      ["vpc", vpcId, "team", "blue"],
    ]);
    expect(await tagsOf({ Name: "tag:team", Values: ["*"] })).toHaveLength(2);
    const remove = (...Tags: { Key: string; Value?: string }[]) =>
      f.ec2.send(new DeleteTagsCommand({ Resources: [id], Tags }));
    await remove({ Key: "team", Value: "blue" });
    expect(await tagsOf({ Name: "resource-id", Values: [id] })).toHaveLength(2);
    await remove({ Key: "team" });
    expect(await tagsOf({ Name: "resource-id", Values: [id] })).toEqual([["instance", id, "other", "x"]]);
    await f.ec2.send(new DeleteTagsCommand({ Resources: [id] }));
    expect(await tagsOf({ Name: "resource-id", Values: [id] })).toEqual([]);
  });

  it.each([
    ["an unknown instance", ["i-12345678"], [{ Key: "a", Value: "b" }], "InvalidInstanceID.NotFound"],
    ["what is no id", ["web"], [{ Key: "a", Value: "b" }], "InvalidID"],
    ["an image", [PUBLIC_IMAGE_ID], [{ Key: "a", Value: "b" }], "UnsupportedOperation"],
    ["a reserved key", ["vpc"], [{ Key: "aws:a", Value: "b" }], "InvalidParameterValue"],
    ["a key twice", ["vpc"], [{ Key: "a" }, { Key: "a" }], "InvalidParameterValue"],
    ["a long value", ["vpc"], [{ Key: "a", Value: "x".repeat(257) }], "InvalidParameterValue"],
    [
      "more than fifty tags",
      ["vpc"],
      Array.from({ length: 51 }, (_, n) => ({ Key: `k${n}`, Value: "" })),
      "TagLimitExceeded",
    ],
  ])("are refused on %s", async (_what, given, Tags, code) => {
    const { Vpcs } = await f.ec2.send(new DescribeVpcsCommand({}));
    const Resources = given.map((id) => (id === "vpc" ? (Vpcs?.[0]?.VpcId ?? "") : id));
    expect((await refusal(f.ec2.send(new CreateTagsCommand({ Resources, Tags })))).code).toBe(code);
  });
});

describe("wildcards of filters", () => {
  it("match what a regular expression made of them matches", () => {
    const part = fc.constantFrom("a", "b", "*", "?", "\\*", "\\?", "\\\\", ".", "+");
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 6 }),
        fc.string({ unit: fc.constantFrom("a", "b", "*", "?", "\\", "."), maxLength: 8 }),
        (parts, text) => {
          const source = parts
            .map((p) =>
              p === "*"
                ? "[^]*"
                : p === "?"
                  ? "[^]"
                  : p.startsWith("\\")
                    ? p
                    : `\\${p}`.replace(/^\\([ab])$/, "$1"),
            )
            .join("");
          expect(wildcard(parts.join(""))(text)).toBe(new RegExp(`^${source}$`).test(text));
        },
      ),
    );
  });
  it("take linear time for a pattern that would hang a regular expression", () => {
    expect(wildcard("*a".repeat(60) + "*c")("a".repeat(256))).toBe(false);
  });
});
