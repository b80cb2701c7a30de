// EC2's refusals in AWS's codes and words (EC2 API reference, "Error codes").
import { ServiceError } from "#lib/errors.ts";

export const invalidValue = (message: string): ServiceError =>
  new ServiceError("InvalidParameterValue", message);

/** `Value (x) for parameter subnetId is invalid. …`, as most of EC2's checks word it. */
export const invalidParameter = (value: unknown, parameter: string, why: string): ServiceError =>
  invalidValue(`Value (${String(value)}) for parameter ${parameter} is invalid. ${why}`);

export const invalidCombination = (message: string): ServiceError =>
  new ServiceError("InvalidParameterCombination", message);

/** What the API has and Estiba has not: said by name instead of accepted and ignored. */
export const notImplemented = (what: string): ServiceError =>
  new ServiceError("UnsupportedOperation", `${what} is not implemented by Estiba`);

/** `The subnet 'subnet-…' has dependencies and cannot be deleted.` */
export const hasDependencies = (what: string, id: string): ServiceError =>
  new ServiceError("DependencyViolation", `The ${what} '${id}' has dependencies and cannot be deleted.`);

interface Kind {
  /** As in `InvalidSubnetID.NotFound`. */
  readonly code: string;
  /** The id's prefix. */
  readonly prefix: string;
  /** How the message names one of them. */
  readonly words: string;
}

const kinds = {
  instance: { code: "InvalidInstanceID", prefix: "i", words: "instance ID" },
  image: { code: "InvalidAMIID", prefix: "ami", words: "image id" },
  vpc: { code: "InvalidVpcID", prefix: "vpc", words: "vpc ID" },
  subnet: { code: "InvalidSubnetID", prefix: "subnet", words: "subnet ID" },
  "spot-request": {
    code: "InvalidSpotInstanceRequestID",
    prefix: "sir",
    words: "spot instance request ID",
  },
  "network-interface": { code: "InvalidNetworkInterfaceID", prefix: "eni", words: "networkInterface ID" },
  "security-group": { code: "InvalidGroup", prefix: "sg", words: "security group" },
  "security-group-rule": {
    code: "InvalidSecurityGroupRuleId",
    prefix: "sgr",
    words: "security group rule ID",
  },
  "internet-gateway": { code: "InvalidInternetGatewayID", prefix: "igw", words: "internetGateway ID" },
  "route-table": { code: "InvalidRouteTableID", prefix: "rtb", words: "routeTable ID" },
  natgateway: { code: "NatGateway", prefix: "nat", words: "NatGateway" },
  "elastic-ip": { code: "InvalidAllocationID", prefix: "eipalloc", words: "allocation ID" },
  "network-acl": { code: "InvalidNetworkAclID", prefix: "acl", words: "networkAcl ID" },
} as const satisfies Record<string, Kind>;

export type ResourceKind = keyof typeof kinds;

/** The kind of resource that an id names by its prefix; undefined for ids of things that Estiba has not. */
export function kindOfId(id: string): ResourceKind | undefined {
  const prefix = /^([a-z]+)-/.exec(id)?.[1];
  for (const [kind, { prefix: known }] of Object.entries(kinds)) {
    if (known === prefix) return kind as ResourceKind;
  }
  return undefined;
}

export function notFound(kind: ResourceKind, ids: readonly string[]): ServiceError {
  const { code, words } = kinds[kind];
  if (kind === "natgateway")
    return new ServiceError("NatGatewayNotFound", `NatGateway ${ids.join(", ")} was not found`);
  const message =
    kind === "image"
      ? `The image id '[${ids.join(", ")}]' does not exist`
      : ids.length === 1
        ? `The ${words} '${ids[0]}' does not exist`
        : `The ${words}s '${ids.join(", ")}' do not exist`;
  return new ServiceError(`${code}.NotFound`, message);
}

/** @throws Invalid….Malformed when the text cannot be an id of that kind */
export function checkId(kind: ResourceKind, id: string): string {
  const { code, prefix } = kinds[kind];
  if (!new RegExp(`^${prefix}-([0-9a-f]{8}|[0-9a-f]{17})$`).test(id)) {
    // An allocation has no form of its own in AWS's words.
    if (kind === "elastic-ip") throw notFound(kind, [id]);
    if (kind === "natgateway") throw new ServiceError("NatGatewayMalformed", `NatGateway ${id} is malformed`);
    const full = kind === "security-group" ? "InvalidGroupId" : code;
    throw new ServiceError(`${full}.Malformed`, `Invalid id: "${id}"${hint(kind, prefix)}`);
  }
  return id;
}

const hint = (kind: ResourceKind, prefix: string) =>
  kind === "instance" || kind === "spot-request" ? "" : ` (expecting "${prefix}-...")`;
