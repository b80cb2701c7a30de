// A Spot request as the API shows it, from the instance that it is a part of. States and status codes: EC2 User Guide, "State
// changes for a Spot request". An interruption is one that somebody asked for, as with AWS FIS.
import type { SpotInstanceRequest } from "@aws-sdk/client-ec2";
import type { InstanceRow, SpotRequest } from "#domain/ec2/instance.ts";
import { SPOT_TERMINATION } from "#domain/ec2/spot.ts";
import type { Fields } from "./filters.ts";

export interface SpotRow extends InstanceRow {
  readonly spot: SpotRequest;
}

interface Status {
  readonly state: "active" | "closed" | "cancelled";
  readonly code: string;
  readonly message: string;
  /** Epoch milliseconds. */
  readonly since: number;
}

export function spotStatus(row: SpotRow): Status {
  const { spot, launchTime } = row;
  if (row.state === "terminated") {
    const state = spot.cancelledAt === undefined ? "closed" : "cancelled";
    return { state, ...endOf(row), since: row.terminatedAt ?? launchTime };
  }
  if (spot.interruption !== undefined) {
    return {
      state: spot.cancelledAt === undefined ? "active" : "cancelled",
      code: "marked-for-termination",
      message: "Your Spot Instance is marked for termination because its interruption was initiated.",
      since: spot.interruption.noticedAt,
    };
  }
  if (spot.cancelledAt !== undefined) {
    return {
      state: "cancelled",
      code: "request-canceled-and-instance-running",
      message: "Your Spot request was canceled; the instance runs on.",
      since: spot.cancelledAt,
    };
  }
  return {
    state: "active",
    code: "fulfilled",
    message: "Your Spot request is fulfilled.",
    since: launchTime,
  };
}

function endOf({ stateReason }: SpotRow): Pick<Status, "code" | "message"> {
  if (stateReason?.code === SPOT_TERMINATION.code) {
    return {
      code: "instance-terminated-by-experiment",
      message: "Your Spot Instance was terminated because its interruption was initiated.",
    };
  }
  if (stateReason?.code.startsWith("Server.") === true)
    return { code: "system-error", message: stateReason.message };
  return {
    code: "instance-terminated-by-user",
    message: "Your Spot Instance was terminated by a user.",
  };
}

export function showSpotRequest(row: SpotRow): SpotInstanceRequest {
  const { state, code, message, since } = spotStatus(row);
  return {
    SpotInstanceRequestId: row.spot.requestId,
    Type: "one-time",
    State: state,
    Status: { Code: code, Message: message, UpdateTime: new Date(since) },
    CreateTime: new Date(row.launchTime),
    InstanceId: row.id,
    InstanceInterruptionBehavior: "terminate",
    LaunchedAvailabilityZone: row.availabilityZone,
    ProductDescription: "Linux/UNIX",
    LaunchSpecification: {
      ImageId: row.imageId,
      InstanceType: row.instanceType as NonNullable<
        SpotInstanceRequest["LaunchSpecification"]
      >["InstanceType"],
      SubnetId: row.subnetId,
      SecurityGroups: row.securityGroupIds.map((GroupId) => ({ GroupId })),
      Placement: { AvailabilityZone: row.availabilityZone },
      Monitoring: { Enabled: false },
      ...(row.instanceProfileArn === undefined
        ? {}
        : { IamInstanceProfile: { Arn: row.instanceProfileArn } }),
    },
    Tags: [],
  };
}

export const spotFields: Fields<SpotRow> = {
  "spot-instance-request-id": (row) => row.spot.requestId,
  "instance-id": (row) => row.id,
  state: (row) => spotStatus(row).state,
  "status-code": (row) => spotStatus(row).code,
  type: () => "one-time",
  "create-time": (row) => new Date(row.launchTime).toISOString(),
  "launched-availability-zone": (row) => row.availabilityZone,
  "product-description": () => "Linux/UNIX",
  "launch.image-id": (row) => row.imageId,
  "launch.instance-type": (row) => row.instanceType,
  "launch.group-id": (row) => row.securityGroupIds,
  "network-interface.subnet-id": (row) => row.subnetId,
};
