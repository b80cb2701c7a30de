// Spot Instances for tests of a whole Estiba: launched into the demo's cluster, their agents told to drain on a notice.
import { DescribeImagesCommand, RunInstancesCommand } from "@aws-sdk/client-ec2";
import * as stack from "#cli/demo/stack.ts";

/** One Spot Instance in the place's subnet of that number; answers its id. */
export async function runSpotInstance(
  { ec2 }: stack.Clients,
  place: stack.Place,
  subnet = 0,
): Promise<string> {
  const { Images } = await ec2.send(new DescribeImagesCommand({ Owners: ["amazon"] }));
  const userData = [
    "#!/bin/bash",
    `echo ECS_CLUSTER=${stack.NAME} >> /etc/ecs/ecs.config`,
    "echo ECS_ENABLE_SPOT_INSTANCE_DRAINING=true >> /etc/ecs/ecs.config",
    "",
  ].join("\n");
  const { Instances } = await ec2.send(
    new RunInstancesCommand({
      ImageId: Images?.[0]?.ImageId,
      InstanceType: "t3.small",
      MinCount: 1,
      MaxCount: 1,
      SubnetId: place.subnets[subnet]?.id,
      ...(place.groups === undefined ? {} : { SecurityGroupIds: [place.groups.hosts] }),
      IamInstanceProfile: { Name: "ecsInstanceRole" },
      UserData: Buffer.from(userData).toString("base64"),
      InstanceMarketOptions: {
        MarketType: "spot",
        SpotOptions: { SpotInstanceType: "one-time", InstanceInterruptionBehavior: "terminate" },
      },
    }),
  );
  return Instances?.[0]?.InstanceId ?? "";
}
