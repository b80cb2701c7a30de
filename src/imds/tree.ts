// What the metadata service tells an instance, as a tree of paths. Names and shapes: EC2 User Guide, "Instance metadata
// categories". What does not apply to these hosts (public addresses, block devices, keys) is not there: 404, as on EC2, and so is
// the notice of a Spot interruption until there is one.
import type { InstanceProfileRow, RoleRow } from "#domain/iam/records.ts";
import type { InstanceRow, SubnetRow, VpcRow } from "#domain/ec2/instance.ts";
import type { SecurityGroupRow } from "#domain/ec2/security-group.ts";
import { serviceMayAssume } from "#iam/assume.ts";
import type { IssuedCredentials } from "./role-credentials.ts";

/** A leaf is its text, made when it is asked for. */
export interface Tree {
  readonly [name: string]: Tree | (() => string);
}

export interface InstanceFacts {
  readonly account: string;
  readonly instance: InstanceRow;
  readonly vpc: VpcRow | undefined;
  readonly subnet: SubnetRow | undefined;
  readonly securityGroups: readonly SecurityGroupRow[];
  readonly architecture: string;
  readonly profile: { readonly row: InstanceProfileRow; readonly role: RoleRow | undefined } | undefined;
  readonly credentials: (roleArn: string) => IssuedCredentials;
  readonly sign: (document: string) => string;
}

/** The tree below `/latest/`. */
export function metadataTree(facts: InstanceFacts): Tree {
  const { instance } = facts;
  const document = () => identityDocument(facts);
  return {
    dynamic: {
      "instance-identity": { document, signature: () => inLines(facts.sign(document())) },
    },
    "meta-data": metaData(facts),
    ...(instance.userData === undefined
      ? {}
      : { "user-data": () => Buffer.from(instance.userData ?? "", "base64").toString("latin1") }),
  };
}

function metaData(facts: InstanceFacts): Tree {
  const { instance, subnet } = facts;
  const name = () => localHostname(instance);
  return {
    "ami-id": () => instance.imageId,
    "ami-launch-index": () => String(instance.launchIndex),
    hostname: name,
    ...(facts.profile === undefined ? {} : { iam: iam(facts, facts.profile) }),
    "instance-action": () => "none",
    "instance-id": () => instance.id,
    "instance-life-cycle": () => (instance.spot === undefined ? "on-demand" : "spot"),
    "instance-type": () => instance.instanceType,
    "local-hostname": name,
    "local-ipv4": () => instance.privateIp,
    mac: () => instance.macAddress,
    network: { interfaces: { macs: { [instance.macAddress]: networkInterface(facts) } } },
    placement: {
      "availability-zone": () => instance.availabilityZone,
      ...(subnet === undefined ? {} : { "availability-zone-id": () => subnet.availabilityZoneId }),
      region: () => instance.region,
    },
    "reservation-id": () => instance.reservationId,
    "security-groups": () => groupNames(facts),
    services: { domain: () => "amazonaws.com", partition: () => "aws" },
    ...interruption(instance),
  };
}

/** EC2 User Guide, "Spot Instance interruption notices" and "EC2 instance rebalance recommendations": both come at once here. */
function interruption({ spot }: InstanceRow): Tree {
  const notice = spot?.interruption;
  if (notice === undefined) return {};
  const time = seconds(notice.at);
  return {
    events: {
      recommendations: { rebalance: () => JSON.stringify({ noticeTime: seconds(notice.noticedAt) }) },
    },
    spot: {
      "instance-action": () => JSON.stringify({ action: "terminate", time }),
      "termination-time": () => time,
    },
  };
}

function networkInterface({ instance, vpc, subnet, account, securityGroups }: InstanceFacts): Tree {
  return {
    "device-number": () => "0",
    "interface-id": () => instance.networkInterfaceId,
    "local-hostname": () => localHostname(instance),
    "local-ipv4s": () => instance.privateIp,
    mac: () => instance.macAddress,
    "owner-id": () => account,
    "security-group-ids": () => instance.securityGroupIds.join("\n"),
    "security-groups": () => securityGroups.map((g) => g.name).join("\n"),
    "subnet-id": () => instance.subnetId,
    ...(subnet === undefined ? {} : { "subnet-ipv4-cidr-block": () => subnet.cidrBlock }),
    "vpc-id": () => instance.vpcId,
    ...(vpc === undefined
      ? {}
      : { "vpc-ipv4-cidr-block": () => vpc.cidrBlock, "vpc-ipv4-cidr-blocks": () => vpc.cidrBlock }),
  };
}

function iam(facts: InstanceFacts, { row, role }: NonNullable<InstanceFacts["profile"]>): Tree {
  const info = () =>
    pretty({
      Code: "Success",
      LastUpdated: seconds(facts.instance.launchTime),
      InstanceProfileArn: row.arn,
      InstanceProfileId: row.id,
    });
  if (role === undefined) return { info };
  const credentials = () => {
    if (!serviceMayAssume(role.assumeRolePolicyDocument, { service: "ec2.amazonaws.com" })) {
      // IAM User Guide, "Troubleshoot Amazon EC2 and IAM".
      return pretty({
        Code: "AssumeRoleUnauthorizedAccess",
        Message: `EC2 cannot assume the role ${role.name}. Please see documentation at https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html#troubleshoot_iam-ec2_errors-info-doc.`,
        LastUpdated: seconds(facts.instance.launchTime),
      });
    }
    const made = facts.credentials(role.arn);
    return pretty({
      Code: "Success",
      LastUpdated: seconds(made.issuedAt),
      Type: "AWS-HMAC",
      AccessKeyId: made.accessKeyId,
      SecretAccessKey: made.secretAccessKey,
      Token: made.sessionToken,
      Expiration: seconds(made.expiration),
    });
  };
  return { info, "security-credentials": { [role.name]: credentials } };
}

/** EC2 User Guide, "Instance identity documents". */
function identityDocument({ account, instance, architecture }: InstanceFacts): string {
  return pretty({
    accountId: account,
    architecture,
    availabilityZone: instance.availabilityZone,
    billingProducts: null,
    devpayProductCodes: null,
    marketplaceProductCodes: null,
    imageId: instance.imageId,
    instanceId: instance.id,
    instanceType: instance.instanceType,
    kernelId: null,
    pendingTime: seconds(instance.launchTime),
    privateIp: instance.privateIp,
    ramdiskId: null,
    region: instance.region,
    version: "2017-09-30",
  });
}

function localHostname({ privateIp, region }: InstanceRow): string {
  const domain = region === "us-east-1" ? "ec2.internal" : `${region}.compute.internal`;
  return `ip-${privateIp.replaceAll(".", "-")}.${domain}`;
}

const groupNames = ({ securityGroups }: InstanceFacts) => securityGroups.map((g) => g.name).join("\n");
const pretty = (value: unknown) => JSON.stringify(value, null, 2);
const seconds = (time: number) => `${new Date(time).toISOString().slice(0, 19)}Z`;
const inLines = (text: string) => (text.match(/.{1,64}/g) ?? []).join("\n");

/** The text at a path, or the names in it, folders with a slash. Undefined: 404. A final slash makes no difference. */
export function readTree(tree: Tree, path: readonly string[]): string | undefined {
  let at: Tree | (() => string) = tree;
  for (const name of path) {
    if (typeof at === "function" || !Object.hasOwn(at, name)) return undefined;
    const next: Tree[string] | undefined = at[name];
    if (next === undefined) return undefined;
    at = next;
  }
  if (typeof at === "function") return at();
  return Object.entries(at)
    .map(([name, below]) => (typeof below === "function" ? name : `${name}/`))
    .sort()
    .join("\n");
}
