// Load balancers, listeners and target groups as stored. Key of each: its ARN without the prefix arn:aws:…: see keys below.
import type { Tags } from "../tags.ts";

export interface LoadBalancerRow {
  readonly arn: string;
  /** 16 hex digits, the ARN's end. */
  readonly id: string;
  readonly region: string;
  readonly name: string;
  readonly type: "application" | "network";
  readonly scheme: "internet-facing" | "internal";
  readonly state: "provisioning" | "active" | "failed";
  readonly stateReason?: string;
  readonly vpcId: string;
  readonly subnets: readonly { readonly subnetId: string; readonly availabilityZone: string }[];
  readonly securityGroupIds: readonly string[];
  readonly dnsName: string;
  /** The VPC address it listens on. */
  readonly address: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly tags: Tags;
}

export type ListenerActionRow =
  | {
      readonly type: "forward";
      readonly targetGroups: readonly { readonly arn: string; readonly weight: number }[];
    }
  | {
      readonly type: "fixed-response";
      readonly statusCode: string;
      readonly contentType: string;
      readonly messageBody: string;
    }
  | {
      readonly type: "redirect";
      readonly statusCode: "HTTP_301" | "HTTP_302";
      readonly protocol: string;
      readonly host: string;
      readonly port: string;
      readonly path: string;
      readonly query: string;
    };

export interface ListenerRow {
  readonly arn: string;
  readonly id: string;
  readonly region: string;
  readonly loadBalancerArn: string;
  readonly port: number;
  readonly protocol: "HTTP" | "TCP";
  readonly defaultAction: ListenerActionRow;
  readonly attributes: Readonly<Record<string, string>>;
  readonly tags: Tags;
}

export interface HealthCheckSettings {
  readonly enabled: boolean;
  readonly protocol: "HTTP" | "TCP";
  /** `traffic-port` or a number. */
  readonly port: string;
  readonly path: string;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly healthyThresholdCount: number;
  readonly unhealthyThresholdCount: number;
  readonly matcher: string;
}

export interface TargetGroupRow {
  readonly arn: string;
  readonly id: string;
  readonly region: string;
  readonly name: string;
  readonly protocol: "HTTP" | "TCP";
  readonly protocolVersion: "HTTP1";
  readonly port: number;
  readonly vpcId: string;
  readonly targetType: "instance" | "ip";
  readonly ipAddressType: "ipv4";
  readonly healthCheck: HealthCheckSettings;
  /** All attributes with their values, defaults included. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly tags: Tags;
}

/** Key: `<region>/<name>`: names are unique per region. */
export const elbNameKey = (region: string, name: string): string => `${region}/${name}`;
/** Listeners are found by ARN. */
export const listenerKey = (region: string, loadBalancerName: string, id: string): string =>
  `${region}/${loadBalancerName}/${id}`;

/** Every listener that it has is served. */
export function loadBalancerActive(row: LoadBalancerRow): LoadBalancerRow {
  return row.state === "provisioning" ? { ...row, state: "active" } : row;
}
