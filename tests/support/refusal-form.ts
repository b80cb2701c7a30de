// How AWS refuses: the form of each protocol, and the codes that its services may use.
import type { BuiltOperation } from "./operation-inputs.ts";
import type { Answer } from "./signed-request.ts";

/** Codes that every service of a protocol may answer (each API reference's "Common Errors"). */
const common: Readonly<Record<BuiltOperation["protocol"], ReadonlySet<string>>> = {
  awsJson1_1: new Set([
    "SerializationException",
    "RequestEntityTooLargeException",
    "ValidationException",
    "AccessDeniedException",
  ]),
  query: new Set(["AccessDenied", "ValidationError", "MalformedQueryString", "RequestEntityTooLarge"]),
  // EC2's model declares no errors: the client errors of its reference page, "Error codes".
  ec2: new Set([
    "InvalidParameter",
    "InvalidParameterValue",
    "InvalidParameterCombination",
    "MissingParameter",
    "UnknownParameter",
    "UnsupportedOperation",
    "MalformedQueryString",
    "RequestEntityTooLarge",
    "DryRunOperation",
    "IdempotentParameterMismatch",
    "IncorrectInstanceState",
    "InstanceLimitExceeded",
    "InsufficientFreeAddressesInSubnet",
    "TagLimitExceeded",
    "InvalidID",
    "InvalidPaginationToken",
    "InvalidInstanceType",
    "InvalidAMIID.NotFound",
    "InvalidAMIID.Malformed",
    "InvalidInstanceID.NotFound",
    "InvalidInstanceID.Malformed",
    "InvalidVpcID.NotFound",
    "InvalidVpcID.Malformed",
    "InvalidSubnetID.NotFound",
    "InvalidSubnetID.Malformed",
    "InvalidGroup.NotFound",
    "InvalidGroupId.Malformed",
    "InvalidKeyPair.NotFound",
    "InvalidUserData.Malformed",
    "InvalidIPAddress.InUse",
    "InvalidIamInstanceProfileArn.Malformed",
    "DependencyViolation",
    "CannotDelete",
    "OperationNotPermitted",
    "AuthFailure",
    "Resource.AlreadyAssociated",
    "Gateway.NotAttached",
    "RouteAlreadyExists",
    "InternetGatewayLimitExceeded",
    "RouteLimitExceeded",
    "RouteTableLimitExceeded",
    "RulesPerSecurityGroupLimitExceeded",
    "SecurityGroupLimitExceeded",
    "SecurityGroupsPerInterfaceLimitExceeded",
    "SubnetLimitExceeded",
    "VpcLimitExceeded",
    "AddressLimitExceeded",
    "InvalidAddress.NotFound",
    "InvalidAllocationID.NotFound",
    "NatGatewayLimitExceeded",
    "NatGatewayMalformed",
    "NatGatewayNotFound",
    "InvalidAssociationID.NotFound",
    "InvalidAttachmentID.NotFound",
    "InvalidGroup.Duplicate",
    "InvalidInternetGatewayID.NotFound",
    "InvalidInternetGatewayID.Malformed",
    "InvalidNetworkAclID.NotFound",
    "InvalidNetworkAclID.Malformed",
    "InvalidNetworkInterfaceID.NotFound",
    "InvalidNetworkInterfaceID.Malformed",
    "InvalidPermission.Duplicate",
    "InvalidPermission.NotFound",
    "InvalidRoute.NotFound",
    "InvalidRouteTableID.NotFound",
    "InvalidRouteTableID.Malformed",
    "InvalidSecurityGroupRuleId.NotFound",
    "InvalidSecurityGroupRuleId.Malformed",
    "InvalidSpotInstanceRequestID.NotFound",
    "InvalidSpotInstanceRequestID.Malformed",
    "InvalidSubnet.Conflict",
    "InvalidSubnet.Range",
    "InvalidVpc.Range",
  ]),
};

const forms: Readonly<Record<BuiltOperation["protocol"], RegExp>> = {
  awsJson1_1: /^\{.*"__type":"[A-Za-z]+","message":".+"\}$/s,
  query:
    /^<ErrorResponse(?: xmlns="[^"]+")?><Error><Type>Sender<\/Type><Code>[A-Za-z]+<\/Code><Message>[^<]+<\/Message><\/Error><RequestId>[0-9a-f-]{36}<\/RequestId><\/ErrorResponse>$/s,
  ec2: /^<\?xml [^>]+>\n<Response><Errors><Error><Code>[A-Za-z.]+<\/Code><Message>[^<]+<\/Message><\/Error><\/Errors><RequestID>[0-9a-f-]{36}<\/RequestID><\/Response>$/s,
};

/** What is wrong with a refusal; undefined when it is as AWS would refuse. */
export function fault(
  { service, protocol, name, shapes }: BuiltOperation,
  answer: Answer,
  sent: unknown,
): object | undefined {
  const { status, code = "", text } = answer;
  const isKnown = common[protocol].has(code) || shapes.error(code) !== undefined;
  if (status >= 400 && status < 500 && forms[protocol].test(text) && isKnown) return undefined;
  return { operation: `${service}:${name}`, sent: brief(sent), status, text: brief(text) };
}
const brief = (sent: unknown): string =>
  (JSON.stringify(sent) ?? "").replace(/(.)\1{40,}/g, "$1…").slice(0, 300);
