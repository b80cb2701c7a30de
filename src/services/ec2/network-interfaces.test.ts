import {
  DeleteNetworkInterfaceCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  type DescribeNetworkInterfacesCommandOutput,
  DetachNetworkInterfaceCommand,
  type Filter,
  ModifyNetworkInterfaceAttributeCommand,
} from "@aws-sdk/client-ec2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ec2Key, type InstanceRow } from "#domain/ec2/instance.ts";
import type { NetworkInterfaceRow } from "#domain/ec2/network-interface.ts";
import { instances, networkInterfaces } from "#store/tables/ec2.ts";
import { ACCOUNT, createFixture, refusal, REGION, type Fixture } from "./fixture.suite.ts";

const ID = "eni-0123456789abcdef0";
const ATTACHMENT = "eni-attach-0123456789abcdef0";

let f: Fixture;
let host: InstanceRow;
beforeEach(async () => {
  f = await createFixture();
  const [id = ""] = await f.run();
  host = f.store.get(instances, ec2Key(REGION, id)) as InstanceRow;
  await put({});
});
afterEach(() => f.close());

const put = (more: Partial<NetworkInterfaceRow>) => {
  const row: NetworkInterfaceRow = {
    id: ID,
    region: REGION,
    ownerId: ACCOUNT,
    vpcId: host.vpcId,
    subnetId: host.subnetId,
    availabilityZone: host.availabilityZone,
    privateIp: "10.64.0.99",
    macAddress: "02:00:00:00:00:99",
    securityGroupIds: host.securityGroupIds,
    description: "arn:aws:ecs:eu-west-1:123456789012:attachment/a1",
    status: "in-use",
    attachmentId: ATTACHMENT,
    instanceId: host.id,
    deviceIndex: 1,
    attachTime: f.clock.now(),
    taskKey: "eu-west-1/main/t1",
    tags: {},
    ...more,
  };
  return f.store.transact((tx) => tx.put(networkInterfaces, ec2Key(REGION, row.id), row));
};

const found = async (...Filters: Filter[]) => {
  const { NetworkInterfaces } = await f.ec2.send(new DescribeNetworkInterfacesCommand({ Filters }));
  return (NetworkInterfaces ?? []).map((i) => i.NetworkInterfaceId).sort();
};

describe("DescribeNetworkInterfaces", () => {
  it("shows a task's interface as managed by ECS, and the instance's own", async () => {
    const { NetworkInterfaces: [task] = [] } = await f.ec2.send(
      new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [ID] }),
    );
    expect(task).toMatchObject({
      Status: "in-use",
      RequesterManaged: true,
      InterfaceType: "interface",
      PrivateIpAddress: "10.64.0.99",
      PrivateDnsName: "ip-10-64-0-99.eu-west-1.compute.internal",
      MacAddress: "02:00:00:00:00:99",
      Groups: [{ GroupName: "default" }],
      Attachment: {
        AttachmentId: ATTACHMENT,
        InstanceId: host.id,
        DeviceIndex: 1,
        DeleteOnTermination: false,
        Status: "attached",
      },
    });
    expect(await found({ Name: "requester-managed", Values: ["false"] })).toEqual([host.networkInterfaceId]);
    expect(await found()).toEqual([ID, host.networkInterfaceId].sort());
  });

  it.each<readonly [string, () => string, number]>([
    ["subnet-id", () => host.subnetId, 2],
    ["vpc-id", () => host.vpcId, 2],
    ["attachment.instance-id", () => host.id, 2],
    ["attachment.device-index", () => "1", 1],
    ["group-name", () => "default", 2],
    ["mac-address", () => "02:00:00:00:00:99", 1],
    ["addresses.private-ip-address", () => "10.64.0.99", 1],
    ["description", () => "*attachment/a1", 1],
    ["status", () => "available", 0],
    ["association.public-ip", () => "*", 0],
  ])("filters by %s", async (Name, value, count) => {
    expect(await found({ Name, Values: [value()] })).toHaveLength(count);
  });

  it("pages, refuses unknown ids and filters, and forgets what ended", async () => {
    for (let n = 1; n < 8; n += 1) await put({ id: `eni-0000000000000000${n}` });
    const seen: (string | undefined)[] = [];
    let NextToken: string | undefined;
    do {
      const page: DescribeNetworkInterfacesCommandOutput = await f.ec2.send(
        new DescribeNetworkInterfacesCommand({ MaxResults: 5, NextToken }),
      );
      seen.push(...(page.NetworkInterfaces ?? []).map((i) => i.NetworkInterfaceId));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    expect(new Set(seen).size).toBe(9);
    expect(seen).toHaveLength(9);
    const unknown = new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: ["eni-00000000000000009"] });
    expect(await refusal(f.ec2.send(unknown))).toEqual({
      code: "InvalidNetworkInterfaceID.NotFound",
      message: "The networkInterface ID 'eni-00000000000000009' does not exist",
    });
    expect((await refusal(found({ Name: "colour", Values: ["red"] }))).code).toBe("InvalidParameterValue");
    await f.change(host.id, (row) => ({ ...row, state: "terminated" }));
    expect(await found({ Name: "network-interface-id", Values: [host.networkInterfaceId] })).toEqual([]);
  });

  it("is mirrored by the instance that has them, while it has them", async () => {
    const shown = async () => {
      const { Reservations } = await f.ec2.send(new DescribeInstancesCommand({ InstanceIds: [host.id] }));
      return Reservations?.[0]?.Instances?.[0]?.NetworkInterfaces?.map((i) => [
        i.NetworkInterfaceId,
        i.Attachment?.DeviceIndex,
      ]);
    };
    expect(await shown()).toEqual([
      [host.networkInterfaceId, 0],
      [ID, 1],
    ]);
    await put({ status: "detached" });
    expect(await shown()).toEqual([[host.networkInterfaceId, 0]]);
  });
});

describe("what others may do with a network interface", () => {
  it.each<readonly [string, () => object, string, string]>([
    [
      "delete a task's",
      () => new DeleteNetworkInterfaceCommand({ NetworkInterfaceId: ID }),
      "InvalidParameterValue",
      `Network interface '${ID}' is currently in use.`,
    ],
    [
      "detach a task's",
      () => new DetachNetworkInterfaceCommand({ AttachmentId: ATTACHMENT, Force: true }),
      "AuthFailure",
      "You do not have permission to access the specified resource.",
    ],
    [
      "change a task's",
      () => new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: ID, Groups: [] }),
      "AuthFailure",
      "You do not have permission to access the specified resource.",
    ],
    [
      "detach an instance's own",
      () =>
        new DetachNetworkInterfaceCommand({
          AttachmentId: host.networkInterfaceId.replace("eni-", "eni-attach-"),
        }),
      "OperationNotPermitted",
      "The network interface at device index 0 cannot be detached.",
    ],
    [
      "detach what is not attached",
      () => new DetachNetworkInterfaceCommand({ AttachmentId: "eni-attach-00000000000000001" }),
      "InvalidAttachmentID.NotFound",
      "The attachment 'eni-attach-00000000000000001' does not exist",
    ],
  ])("nobody may %s", async (_what, command, code, message) => {
    expect(await refusal(f.ec2.send(command() as DeleteNetworkInterfaceCommand))).toEqual({ code, message });
  });
});
