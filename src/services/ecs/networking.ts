// The network configuration of awsvpc tasks (API reference, "AwsVpcConfiguration"), checked against EC2's rows, in AWS's words.
import type { AwsVpcConfiguration, NetworkConfiguration } from "@aws-sdk/client-ecs";
import { ec2Key, type SubnetRow } from "#domain/ec2/instance.ts";
import type { AwsvpcConfiguration } from "#domain/ecs/service.ts";
import type { TaskDefinitionRow } from "#domain/ecs/task-definition.ts";
import type { Reader } from "#store/store.ts";
import { securityGroups, subnets } from "#store/tables/ec2.ts";
import { invalidParameter } from "./errors.ts";
import { honourOnly } from "./refuse.ts";

const MOST_SUBNETS = 16;
const MOST_GROUPS = 5;

/** Undefined for a definition of another network mode. @throws InvalidParameterException */
export function readNetworking(
  rows: Reader,
  region: string,
  definition: TaskDefinitionRow,
  given: NetworkConfiguration | undefined,
  launchType: "EC2" | "EXTERNAL" | "FARGATE",
): AwsvpcConfiguration | undefined {
  const asked = given?.awsvpcConfiguration;
  if (definition.body.networkMode !== "awsvpc") {
    if (asked === undefined) return undefined;
    throw invalidParameter(
      "Network Configuration is not valid for the given networkMode of this task definition.",
    );
  }
  if (asked === undefined)
    throw invalidParameter("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
  honourOnly(
    asked,
    ["subnets", "securityGroups", "assignPublicIp"],
    "InvalidParameterException",
    "networkConfiguration.awsvpcConfiguration.",
  );
  const found = readSubnets(rows, region, asked);
  const vpcId = found[0]?.vpcId ?? "";
  return {
    vpcId,
    subnetIds: found.map((s) => s.id),
    securityGroupIds: readGroups(rows, region, asked.securityGroups ?? [], vpcId),
    assignPublicIp: readPublicIp(asked.assignPublicIp, launchType),
  };
}

function readSubnets(
  rows: Reader,
  region: string,
  { subnets: given = [] }: AwsVpcConfiguration,
): readonly SubnetRow[] {
  if (given.length === 0) throw invalidParameter("subnets can not be empty.");
  if (given.length > MOST_SUBNETS) throw invalidParameter(`subnets can have at most ${MOST_SUBNETS} items.`);
  const found = [...new Set(given)].map((id) => {
    const row = rows.get(subnets, ec2Key(region, id));
    if (row !== undefined) return row;
    throw invalidParameter(
      `Error retrieving subnet information for [${id}]: The subnet ID '${id}' does not exist (ErrorCode: InvalidSubnetID.NotFound)`,
    );
  });
  if (new Set(found.map((s) => s.vpcId)).size > 1)
    throw invalidParameter("The subnets specified do not belong to the same VPC.");
  return found;
}

/** The VPC's default group when none is named. */
function readGroups(
  rows: Reader,
  region: string,
  given: readonly string[],
  vpcId: string,
): readonly string[] {
  if (given.length > MOST_GROUPS)
    throw invalidParameter(`securityGroups can have at most ${MOST_GROUPS} items.`);
  if (given.length === 0) {
    const inVpc = rows.find(securityGroups, "vpc", vpcId).map(([, row]) => row);
    return inVpc.flatMap((row) => (row.name === "default" ? [row.id] : []));
  }
  for (const id of given) {
    const row = rows.get(securityGroups, ec2Key(region, id));
    if (row === undefined)
      throw invalidParameter(
        `Error retrieving security group information for [${id}]: The security group '${id}' does not exist (ErrorCode: InvalidGroup.NotFound)`,
      );
    if (row.vpcId !== vpcId)
      throw invalidParameter(
        `Security Group ${id} does not appear to belong to the same VPC as the input subnets.`,
      );
  }
  return [...new Set(given)];
}

/**
 * Instances have no public addresses to give, on AWS neither. On Fargate it says that the task reaches the outside by its subnet's
 * internet gateway; nobody outside reaches it (docs/decisions/0009).
 */
function readPublicIp(given: string | undefined, launchType: string): "ENABLED" | "DISABLED" {
  if (given === undefined || given === "DISABLED") return "DISABLED";
  if (given === "ENABLED" && launchType === "FARGATE") return "ENABLED";
  if (given === "ENABLED") throw invalidParameter("Assign public IP is not supported for this launch type.");
  throw invalidParameter(`Invalid value '${given}' for assignPublicIp.`);
}

export const showNetworking = (network: AwsvpcConfiguration | undefined): NetworkConfiguration | undefined =>
  network === undefined
    ? undefined
    : {
        awsvpcConfiguration: {
          subnets: [...network.subnetIds],
          securityGroups: [...network.securityGroupIds],
          assignPublicIp: network.assignPublicIp,
        },
      };
