// What RunInstances asks for, checked as far as that goes without places and addresses (those: placement.ts).
import type { RunInstancesRequest } from "@aws-sdk/client-ec2";
import { createHash } from "node:crypto";
import { ServiceError } from "#lib/errors.ts";
import type { InstanceRow } from "#domain/ec2/instance.ts";
import { instanceType, isArmFamily, type InstanceType } from "#domain/ec2/instance-types.ts";
import type { Tags } from "#domain/tags.ts";
import { ARCHITECTURE, checkImage } from "./image.ts";
import { invalidParameter, invalidValue } from "./errors.ts";
import { refuseMetadataOptions, refuseWhatIsNotHonoured } from "./refused.ts";
import { readMarketOptions } from "./spot-request.ts";
import { readTagSpecifications } from "./tags.ts";

/** One call is one transaction, whose size is bounded. */
export const MOST_AT_ONCE = 40;
/** EC2 User Guide, "Run commands when you launch an instance": before encoding. */
const LARGEST_USER_DATA = 16 * 1024;
/** EC2 API reference: what RunInstances takes when no type is named. */
const DEFAULT_TYPE = "m1.small";

export interface LaunchRequest {
  readonly minimum: number;
  readonly maximum: number;
  readonly imageId: string;
  readonly type: InstanceType;
  readonly metadataOptions: InstanceRow["metadataOptions"];
  readonly userData?: string;
  readonly isSpot: boolean;
  readonly tags: Tags;
  readonly clientToken?: string;
  /** Digest of everything asked for. */
  readonly digest: string;
}

/** @throws ServiceError with EC2's code for what is wrong, UnsupportedOperation for what is not honoured */
export function readLaunchRequest(input: RunInstancesRequest): LaunchRequest {
  refuseWhatIsNotHonoured(input);
  const [minimum, maximum] = readCounts(input);
  if (input.ImageId === undefined || input.ImageId === "")
    throw new ServiceError("MissingParameter", "The request must contain the parameter ImageId");
  const { ClientToken: clientToken, DryRun: _dryRun, ...asked } = input;
  if (clientToken !== undefined && !/^[\x20-\x7e]{1,64}$/.test(clientToken))
    throw invalidParameter(clientToken, "clientToken", "It must be 1 to 64 ASCII characters.");
  if (input.KeyName !== undefined && input.KeyName !== "")
    throw new ServiceError("InvalidKeyPair.NotFound", `The key pair '${input.KeyName}' does not exist`);
  return {
    minimum,
    maximum,
    imageId: checkImage(input.ImageId),
    type: readType(input.InstanceType ?? DEFAULT_TYPE),
    metadataOptions: readMetadataOptions(input.MetadataOptions),
    ...readUserData(input.UserData),
    isSpot: readMarketOptions(input.InstanceMarketOptions),
    tags: readTagSpecifications(input.TagSpecifications, "instance"),
    ...(clientToken === undefined ? {} : { clientToken }),
    digest: createHash("sha256").update(JSON.stringify(asked)).digest("hex"),
  };
}

function readCounts({ MinCount: minimum = 0, MaxCount: maximum = 0 }: RunInstancesRequest): [number, number] {
  if (!Number.isInteger(minimum) || minimum < 1)
    throw invalidParameter(minimum, "minCount", "Expecting a positive integer.");
  if (!Number.isInteger(maximum) || maximum < minimum)
    throw invalidParameter(maximum, "maxCount", "It must be greater than or equal to minCount.");
  if (minimum > MOST_AT_ONCE) {
    throw new ServiceError(
      "InstanceLimitExceeded",
      `You have requested more instances (${minimum}) than one call can launch (${MOST_AT_ONCE}).`,
    );
  }
  return [minimum, Math.min(maximum, MOST_AT_ONCE)];
}

function readType(name: string): InstanceType {
  const type = instanceType(name);
  if (type !== undefined) return type;
  if (!isArmFamily(name)) throw invalidValue(`Invalid value '${name}' for InstanceType.`);
  throw invalidValue(
    `The architecture 'arm64' of the specified instance type does not match the architecture '${ARCHITECTURE}' of the specified AMI. ` +
      "Specify an instance type and an AMI that have matching architectures, and try again. You can use 'describe-instance-types' or " +
      "'describe-images' to discover the architecture of the instance type or AMI.",
  );
}

function readUserData(userData: string | undefined): { userData?: string } {
  if (userData === undefined || userData === "") return {};
  const compact = userData.replace(/\s/g, "");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(compact) || compact.length % 4 !== 0)
    throw new ServiceError("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.");
  if (Buffer.from(compact, "base64").length > LARGEST_USER_DATA)
    throw invalidValue(`User data is limited to ${LARGEST_USER_DATA} bytes`);
  return { userData: compact };
}

/** IMDSv2 only, two hops: the defaults of today's Amazon Linux images. */
function readMetadataOptions(
  given: RunInstancesRequest["MetadataOptions"] = {},
): InstanceRow["metadataOptions"] {
  refuseMetadataOptions(given, "MetadataOptions.");
  return {
    httpTokens: readHttpTokens(given.HttpTokens ?? "required"),
    httpPutResponseHopLimit: readHopLimit(given.HttpPutResponseHopLimit ?? 2),
    httpEndpoint: readHttpEndpoint(given.HttpEndpoint ?? "enabled"),
  };
}

export function readHttpTokens(value: string): "required" | "optional" {
  if (value === "required" || value === "optional") return value;
  throw invalidParameter(value, "HttpTokens", "It must be one of 'optional', 'required'.");
}

export function readHttpEndpoint(value: string): "enabled" | "disabled" {
  if (value === "enabled" || value === "disabled") return value;
  throw invalidParameter(value, "HttpEndpoint", "It must be one of 'disabled', 'enabled'.");
}

export function readHopLimit(value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= 64) return value;
  throw invalidParameter(value, "HttpPutResponseHopLimit", "It must be from 1 to 64.");
}
