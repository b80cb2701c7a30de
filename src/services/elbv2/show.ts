// Stored rows as the API shows them.
import type {
  Action,
  Listener,
  LoadBalancer,
  Rule,
  TargetGroup,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import type {
  ListenerActionRow,
  ListenerRow,
  LoadBalancerRow,
  TargetGroupRow,
} from "#domain/elbv2/load-balancer.ts";

export const showLoadBalancer = (row: LoadBalancerRow): LoadBalancer => ({
  LoadBalancerArn: row.arn,
  LoadBalancerName: row.name,
  DNSName: row.dnsName,
  CreatedTime: new Date(row.createdAt),
  Scheme: row.scheme,
  VpcId: row.vpcId,
  State: { Code: row.state, ...(row.stateReason === undefined ? {} : { Reason: row.stateReason }) },
  Type: row.type,
  AvailabilityZones: row.subnets.map((s) => ({
    ZoneName: s.availabilityZone,
    SubnetId: s.subnetId,
    LoadBalancerAddresses: [],
  })),
  SecurityGroups: [...row.securityGroupIds],
  IpAddressType: "ipv4",
});

export function showAction(action: ListenerActionRow): Action {
  switch (action.type) {
    case "forward":
      return {
        Type: "forward",
        // As AWS: the short form as well when there is one group.
        ...(action.targetGroups.length === 1 ? { TargetGroupArn: action.targetGroups[0]?.arn } : {}),
        ForwardConfig: {
          TargetGroups: action.targetGroups.map((t) => ({ TargetGroupArn: t.arn, Weight: t.weight })),
          TargetGroupStickinessConfig: { Enabled: false },
        },
      };
    case "fixed-response":
      return {
        Type: "fixed-response",
        FixedResponseConfig: {
          StatusCode: action.statusCode,
          ContentType: action.contentType,
          MessageBody: action.messageBody,
        },
      };
    case "redirect":
      return {
        Type: "redirect",
        RedirectConfig: {
          StatusCode: action.statusCode,
          Protocol: action.protocol,
          Host: action.host,
          Port: action.port,
          Path: action.path,
          Query: action.query,
        },
      };
  }
}

export const showListener = (row: ListenerRow): Listener => ({
  ListenerArn: row.arn,
  LoadBalancerArn: row.loadBalancerArn,
  Port: row.port,
  Protocol: row.protocol,
  DefaultActions: [showAction(row.defaultAction)],
});

/** A listener's default rule; its id is the listener's own. */
export const defaultRuleArn = (row: ListenerRow): string =>
  `${row.arn.replace(":listener/", ":listener-rule/")}/${row.id}`;

export const showDefaultRule = (row: ListenerRow): Rule => ({
  RuleArn: defaultRuleArn(row),
  Priority: "default",
  Conditions: [],
  Actions: [showAction(row.defaultAction)],
  IsDefault: true,
});

export const showTargetGroup = (row: TargetGroupRow, loadBalancerArns: readonly string[]): TargetGroup => ({
  TargetGroupArn: row.arn,
  TargetGroupName: row.name,
  Protocol: row.protocol,
  ProtocolVersion: row.protocolVersion,
  Port: row.port,
  VpcId: row.vpcId,
  HealthCheckProtocol: row.healthCheck.protocol,
  HealthCheckPort: row.healthCheck.port,
  HealthCheckEnabled: row.healthCheck.enabled,
  HealthCheckIntervalSeconds: row.healthCheck.intervalSeconds,
  HealthCheckTimeoutSeconds: row.healthCheck.timeoutSeconds,
  HealthyThresholdCount: row.healthCheck.healthyThresholdCount,
  UnhealthyThresholdCount: row.healthCheck.unhealthyThresholdCount,
  HealthCheckPath: row.healthCheck.path,
  Matcher: { HttpCode: row.healthCheck.matcher },
  LoadBalancerArns: [...loadBalancerArns],
  TargetType: row.targetType,
  IpAddressType: row.ipAddressType,
});
