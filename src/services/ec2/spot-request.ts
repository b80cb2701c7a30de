// What a caller may ask of Spot: one-time requests that end with their instance. There is no market here, so prices, times and
// other behaviours are refused by name.
import type { RequestSpotInstancesRequest, RunInstancesRequest } from "@aws-sdk/client-ec2";
import { ServiceError } from "#lib/errors.ts";
import { notImplemented } from "./errors.ts";
import { refuse } from "./refused.ts";

const SPOT_OPTIONS: Readonly<Record<string, string>> = {
  SpotInstanceType: '"one-time"',
  InstanceInterruptionBehavior: '"terminate"',
};

/** RunInstances' InstanceMarketOptions: whether they ask for Spot. @throws UnsupportedOperation naming the member */
export function readMarketOptions(given: RunInstancesRequest["InstanceMarketOptions"]): boolean {
  if (given === undefined) return false;
  const { MarketType: market, SpotOptions: options = {} } = given;
  if (market === undefined)
    throw new ServiceError("MissingParameter", "The request must contain the parameter MarketType");
  if (market !== "spot") throw notImplemented(`InstanceMarketOptions.MarketType other than "spot"`);
  for (const [member, value] of Object.entries(options))
    refuse(`InstanceMarketOptions.SpotOptions.${member}`, value, SPOT_OPTIONS[member]);
  return true;
}

const REQUEST: Readonly<Record<string, string>> = {
  Type: '"one-time"',
  InstanceInterruptionBehavior: '"terminate"',
};
const READ = ["LaunchSpecification", "InstanceCount", "ClientToken", "DryRun"];
/** Members of LaunchSpecification that RunInstances has under the same name; it refuses those that it does not honour. */
const SHARED = [
  ...["ImageId", "InstanceType", "KeyName", "SecurityGroupIds", "SecurityGroups", "SubnetId", "UserData"],
  ...["IamInstanceProfile", "Placement", "BlockDeviceMappings", "EbsOptimized", "KernelId", "Monitoring"],
  ...["NetworkInterfaces", "RamdiskId"],
];

/** RequestSpotInstances as the RunInstances that it comes to here. @throws UnsupportedOperation naming the member */
export function asRunInstances(input: RequestSpotInstancesRequest): RunInstancesRequest {
  for (const [member, value] of Object.entries(input))
    if (!READ.includes(member)) refuse(member, value, REQUEST[member]);
  const { LaunchSpecification: specification, InstanceCount: count = 1, ClientToken } = input;
  if (specification === undefined)
    throw new ServiceError("MissingParameter", "The request must contain the parameter LaunchSpecification");
  for (const [member, value] of Object.entries(specification))
    if (!SHARED.includes(member)) refuse(`LaunchSpecification.${member}`, value);
  return {
    ...specification,
    MinCount: count,
    MaxCount: count,
    InstanceMarketOptions: { MarketType: "spot" },
    ...(ClientToken === undefined ? {} : { ClientToken }),
  };
}
