import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  DescribeInstancesCommand,
  DescribeSubnetsCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  type Subnet,
} from "@aws-sdk/client-ec2";
import { ec2Key, instanceTerminated } from "#domain/ec2/instance.ts";
import { addresses, instances } from "#store/tables/ec2.ts";
import { createFixture, type Fixture, PROFILE, profileArn, refusal, REGION } from "./fixture.suite.ts";
import { PUBLIC_IMAGE_ID } from "./image.ts";

let f: Fixture;
beforeEach(async () => {
  f = await createFixture();
});
afterEach(() => f.close());

const subnetsOf = async (): Promise<readonly Subnet[]> => {
  const { Subnets } = await f.ec2.send(new DescribeSubnetsCommand({}));
  return [...(Subnets ?? [])].sort((a, b) =>
    (a.AvailabilityZone ?? "").localeCompare(b.AvailabilityZone ?? ""),
  );
};
const base64 = (text: string) => Buffer.from(text).toString("base64");
const rowOf = (id: string | undefined) => f.store.get(instances, ec2Key(REGION, id ?? ""));

describe("RunInstances", () => {
  it("answers pending instances of the default VPC, in one reservation, with addresses from .4 on", async () => {
    const answer = await f.ec2.send(
      new RunInstancesCommand({
        ImageId: PUBLIC_IMAGE_ID,
        InstanceType: "t3.medium",
        MinCount: 2,
        MaxCount: 3,
        UserData: base64("#!/bin/bash\necho ECS_CLUSTER=web >> /etc/ecs/ecs.config\n"),
        IamInstanceProfile: { Name: PROFILE },
        TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key: "Name", Value: "web" }] }],
      }),
    );
    expect(answer.ReservationId).toMatch(/^r-[0-9a-f]{17}$/);
    expect(answer.Instances?.map((i) => [i.State?.Name, i.PrivateIpAddress, i.AmiLaunchIndex])).toEqual([
      ["pending", "10.64.0.4", 0],
      ["pending", "10.64.0.5", 1],
      ["pending", "10.64.0.6", 2],
    ]);
    const [first] = answer.Instances ?? [];
    expect(first).toMatchObject({
      InstanceType: "t3.medium",
      ImageId: PUBLIC_IMAGE_ID,
      Architecture: "x86_64",
      Placement: { AvailabilityZone: "eu-west-1a", Tenancy: "default" },
      PrivateDnsName: "ip-10-64-0-4.eu-west-1.compute.internal",
      IamInstanceProfile: { Arn: profileArn(PROFILE) },
      MetadataOptions: {
        HttpTokens: "required",
        HttpPutResponseHopLimit: 2,
        HttpEndpoint: "enabled",
        State: "pending",
      },
      Tags: [{ Key: "Name", Value: "web" }],
      LaunchTime: new Date(f.clock.now()),
    });
    expect(first?.SecurityGroups?.[0]?.GroupName).toBe("default");
    expect(first?.NetworkInterfaces?.[0]).toMatchObject({
      PrivateIpAddress: "10.64.0.4",
      Attachment: { DeviceIndex: 0 },
    });
    expect(rowOf(first?.InstanceId)).toMatchObject({
      state: "pending",
      networkInterfaceId: first?.NetworkInterfaces?.[0]?.NetworkInterfaceId,
    });
    expect(Array.from(f.store.scan(addresses), ([, row]) => [row.address, row.owner])[0]).toEqual([
      "10.64.0.4",
      first?.InstanceId,
    ]);
  });

  it("takes the subnet named, the zone named, or the emptiest zone", async () => {
    const [a, b, c] = await subnetsOf();
    const place = async (input: Partial<RunInstancesCommandInput>) => {
      const [id] = await f.run(input);
      return rowOf(id)?.subnetId;
    };
    expect(await place({ SubnetId: b?.SubnetId })).toBe(b?.SubnetId);
    expect(await place({ Placement: { AvailabilityZone: "eu-west-1c" } })).toBe(c?.SubnetId);
    expect(await place({})).toBe(a?.SubnetId);
    expect(await place({})).toBe(a?.SubnetId);
    expect(await place({})).toBe(b?.SubnetId);
  });

  it("takes a security group by id or by its name in the default VPC", async () => {
    const [id] = await f.run();
    const [group] = rowOf(id)?.securityGroupIds ?? [];
    const [byId] = await f.run({ SecurityGroupIds: [group ?? ""] });
    const [byName] = await f.run({ SecurityGroups: ["default"] });
    expect(rowOf(byId)?.securityGroupIds).toEqual([group]);
    expect(rowOf(byName)?.securityGroupIds).toEqual([group]);
  });

  it("takes the private address asked for, unless it is taken, reserved or elsewhere", async () => {
    const [a] = await subnetsOf();
    const SubnetId = a?.SubnetId;
    const [id] = await f.run({ SubnetId, PrivateIpAddress: "10.64.0.9" });
    expect(rowOf(id)?.privateIp).toBe("10.64.0.9");
    const ask = (PrivateIpAddress: string) => refusal(f.run({ SubnetId, PrivateIpAddress }));
    expect(await ask("10.64.0.9")).toEqual({
      code: "InvalidIPAddress.InUse",
      message: "Address 10.64.0.9 is in use.",
    });
    for (const reserved of ["10.64.0.0", "10.64.0.1", "10.64.0.2", "10.64.0.3", "10.64.0.255"])
      expect((await ask(reserved)).message).toBe(`Address ${reserved} is in subnet's reserved address range`);
    expect((await ask("10.64.1.4")).message).toContain("does not fall within the subnet's address range");
    expect((await ask("nonsense")).code).toBe("InvalidParameterValue");
  });

  it("launches as many as there are addresses for, and none when that is fewer than the minimum", async () => {
    const [a] = await subnetsOf();
    const subnetId = a?.SubnetId ?? "";
    // .4 to .254 can be handed out: all but three are taken.
    for (let from = 4; from < 252; from += 62) {
      await f.store.transact((tx) => {
        for (let n = from; n < from + 62; n += 1) {
          const address = `10.64.0.${n}`;
          tx.put(addresses, `${subnetId}/${address}`, { subnetId, address, owner: "eni" });
        }
      });
    }
    expect(await f.run({ SubnetId: subnetId, MinCount: 1, MaxCount: 5 })).toHaveLength(3);
    expect((await refusal(f.run({ SubnetId: subnetId }))).code).toBe("InsufficientFreeAddressesInSubnet");
    expect([...f.store.scan(instances)]).toHaveLength(3);
  });

  it("launches once for one client token, and refuses another request with it", async () => {
    const ask = (more: Partial<RunInstancesCommandInput> = {}) =>
      f.run({ ClientToken: "token", MaxCount: 2, ...more });
    const [first, second] = await Promise.all([ask(), ask()]);
    expect(second).toEqual(first);
    expect(await ask()).toEqual(first);
    expect([...f.store.scan(instances)]).toHaveLength(2);
    expect(await refusal(ask({ InstanceType: "t3.large" }))).toEqual({
      code: "IdempotentParameterMismatch",
      message:
        "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
    });
    for (const id of first) await f.change(id, (row) => instanceTerminated(row, 1));
    expect(await ask()).toEqual(first);
  });

  it("says that a dry run would have succeeded, and launches nothing", async () => {
    expect((await refusal(f.run({ DryRun: true }))).code).toBe("DryRunOperation");
    expect([...f.store.scan(instances)]).toHaveLength(0);
  });

  const large = base64("x".repeat(16 * 1024 + 1));
  const refusals: [string, Partial<RunInstancesCommandInput>, string, string | RegExp][] = [
    [
      "an unknown image",
      { ImageId: "ami-12345678" },
      "InvalidAMIID.NotFound",
      "The image id '[ami-12345678]' does not exist",
    ],
    [
      "a malformed image id",
      { ImageId: "ubuntu" },
      "InvalidAMIID.Malformed",
      'Invalid id: "ubuntu" (expecting "ami-...")',
    ],
    [
      "no image",
      { ImageId: undefined },
      "MissingParameter",
      "The request must contain the parameter ImageId",
    ],
    [
      "an unknown type",
      { InstanceType: "t9.huge" as never },
      "InvalidParameterValue",
      "Invalid value 't9.huge' for InstanceType.",
    ],
    [
      "a type of another architecture",
      { InstanceType: "t4g.micro" },
      "InvalidParameterValue",
      /^The architecture 'arm64' of the specified instance type does not match/,
    ],
    ["no instance", { MinCount: 0 }, "InvalidParameterValue", /minCount/],
    ["more at least than at most", { MinCount: 3, MaxCount: 2 }, "InvalidParameterValue", /maxCount/],
    ["more than one call can launch", { MinCount: 41, MaxCount: 41 }, "InstanceLimitExceeded", /41/],
    [
      "an unknown subnet",
      { SubnetId: "subnet-12345678" },
      "InvalidSubnetID.NotFound",
      "The subnet ID 'subnet-12345678' does not exist",
    ],
    [
      "an unknown zone",
      { Placement: { AvailabilityZone: "eu-west-1z" } },
      "InvalidParameterValue",
      "Invalid availability zone: [eu-west-1z]",
    ],
    [
      "an unknown security group",
      { SecurityGroupIds: ["sg-12345678"] },
      "InvalidGroup.NotFound",
      "The security group 'sg-12345678' does not exist",
    ],
    [
      "an unknown security group's name",
      { SecurityGroups: ["web"] },
      "InvalidGroup.NotFound",
      /^The security group 'web' does not exist in default VPC 'vpc-/,
    ],
    [
      "an unknown instance profile",
      { IamInstanceProfile: { Name: "nobody" } },
      "InvalidParameterValue",
      "Value (nobody) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
    ],
    [
      "an unknown instance profile's ARN",
      { IamInstanceProfile: { Arn: profileArn("nobody") } },
      "InvalidParameterValue",
      /Invalid IAM Instance Profile ARN$/,
    ],
    [
      "a profile without role",
      { IamInstanceProfile: { Name: "empty" } },
      "InvalidParameterValue",
      /has no associated IAM Roles$/,
    ],
    [
      "user data that is not base64",
      { UserData: "#!/bin/bash" },
      "InvalidUserData.Malformed",
      "Invalid BASE64 encoding of user data.",
    ],
    [
      "too much user data",
      { UserData: large },
      "InvalidParameterValue",
      "User data is limited to 16384 bytes",
    ],
    ["a key pair", { KeyName: "mine" }, "InvalidKeyPair.NotFound", "The key pair 'mine' does not exist"],
    [
      "a hop limit of 65",
      { MetadataOptions: { HttpPutResponseHopLimit: 65 } },
      "InvalidParameterValue",
      /HttpPutResponseHopLimit/,
    ],
    [
      "a reserved tag",
      { TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key: "aws:x" }] }] },
      "InvalidParameterValue",
      /reserved/,
    ],
    [
      "tags for volumes",
      { TagSpecifications: [{ ResourceType: "volume", Tags: [{ Key: "x" }] }] },
      "UnsupportedOperation",
      /'volume'/,
    ],
    [
      "capacity blocks",
      { InstanceMarketOptions: { MarketType: "capacity-block" } },
      "UnsupportedOperation",
      'InstanceMarketOptions.MarketType other than "spot" is not implemented by Estiba',
    ],
    [
      "network interfaces",
      { NetworkInterfaces: [{ DeviceIndex: 0 }] },
      "UnsupportedOperation",
      /NetworkInterfaces/,
    ],
    [
      "block devices",
      { BlockDeviceMappings: [{ DeviceName: "/dev/xvda" }] },
      "UnsupportedOperation",
      /BlockDeviceMappings/,
    ],
    ["EBS optimization", { EbsOptimized: true }, "UnsupportedOperation", /EbsOptimized/],
    [
      "a launch template",
      { LaunchTemplate: { LaunchTemplateName: "x" } },
      "UnsupportedOperation",
      /LaunchTemplate/,
    ],
    ["a placement group", { Placement: { GroupName: "x" } }, "UnsupportedOperation", /Placement\.GroupName/],
    [
      "tags in instance metadata",
      { MetadataOptions: { InstanceMetadataTags: "enabled" } },
      "UnsupportedOperation",
      /MetadataOptions\.InstanceMetadataTags/,
    ],
  ];
  it.each(refusals)("refuses %s", async (_what, input, code, message) => {
    const refused = await refusal(f.run(input));
    expect(refused.code).toBe(code);
    if (typeof message === "string") expect(refused.message).toBe(message);
    else expect(refused.message).toMatch(message);
    expect([...f.store.scan(instances)]).toHaveLength(0);
    expect([...f.store.scan(addresses)]).toHaveLength(0);
  });

  it("takes members that ask for what happens anyway", async () => {
    const ids = await f.run({
      EbsOptimized: false,
      DisableApiTermination: false,
      Monitoring: { Enabled: false },
      Placement: { Tenancy: "default" },
      InstanceInitiatedShutdownBehavior: "stop",
      MetadataOptions: {
        HttpTokens: "optional",
        HttpPutResponseHopLimit: 1,
        InstanceMetadataTags: "disabled",
      },
    });
    expect(rowOf(ids[0])?.metadataOptions).toEqual({
      httpTokens: "optional",
      httpPutResponseHopLimit: 1,
      httpEndpoint: "enabled",
    });
  });

  it("keeps regions apart, each with a default VPC of its own network", async () => {
    const [here] = await f.run();
    const other = f.client("us-east-1");
    const there = await other.send(
      new RunInstancesCommand({
        ImageId: PUBLIC_IMAGE_ID,
        InstanceType: "t3.micro",
        MinCount: 1,
        MaxCount: 1,
      }),
    );
    expect(there.Instances?.[0]?.PrivateIpAddress).toBe("10.65.0.4");
    const { Reservations } = await other.send(new DescribeInstancesCommand({}));
    expect(Reservations?.flatMap((r) => r.Instances ?? []).map((i) => i.InstanceId)).not.toContain(here);
    expect(
      (await refusal(other.send(new DescribeInstancesCommand({ InstanceIds: [here ?? ""] })))).code,
    ).toBe("InvalidInstanceID.NotFound");
    other.destroy();
  });
});
