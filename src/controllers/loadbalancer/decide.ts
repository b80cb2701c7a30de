// Rows of a VPC → what its proxy must be: the structure that only a reload can change, and each group's targets.
import type {
  ListenerAction,
  ProxyLoadBalancer,
  ProxyStructure,
  ProxyTarget,
  ProxyTargetGroup,
} from "#loadbalancer/port.ts";
import type {
  ListenerActionRow,
  ListenerRow,
  LoadBalancerRow,
  TargetGroupRow,
} from "#domain/elbv2/load-balancer.ts";
import { inEnabledZone } from "#domain/elbv2/target-health.ts";
import type { TargetRow } from "#domain/elbv2/target.ts";

export interface VpcRows {
  readonly loadBalancers: readonly LoadBalancerRow[];
  readonly listeners: readonly ListenerRow[];
  readonly targetGroups: readonly TargetGroupRow[];
}

const DEFAULT_IDLE_TIMEOUT_SECONDS = 60;

/** Groups behind no listener are not part of it: nobody checks their targets. Equal rows make an equal structure. */
export function decideStructure(rows: VpcRows): ProxyStructure {
  const groups = new Map(rows.targetGroups.map((g) => [g.arn, g]));
  const sources = new Map<string, string>();
  const loadBalancers = [...rows.loadBalancers].sort(byId).map((lb): ProxyLoadBalancer => {
    const own = rows.listeners.filter((l) => l.loadBalancerArn === lb.arn).sort(byId);
    for (const arn of own.flatMap((l) => forwardedTo(l.defaultAction))) sources.set(arn, lb.address);
    return {
      id: lb.id,
      address: lb.address,
      idleTimeoutSeconds: Number(
        lb.attributes["idle_timeout.timeout_seconds"] ?? DEFAULT_IDLE_TIMEOUT_SECONDS,
      ),
      listeners: own.map((l) => ({
        id: l.id,
        port: l.port,
        protocol: l.protocol,
        defaultAction: action(l.defaultAction, groups),
      })),
    };
  });
  const used = [...groups.values()].filter((g) => sources.has(g.arn)).sort(byId);
  return { loadBalancers, targetGroups: used.map((g) => targetGroup(g, sources.get(g.arn))) };
}

/**
 * The targets that the group's proxy holds, sorted by key. Draining ones stay until their deadline; removed ones, and
 * those in a zone that no load balancer in front has, are absent.
 */
export function decideTargets(
  targets: readonly TargetRow[],
  inFront: readonly LoadBalancerRow[],
  node: string,
  now: number,
): readonly ProxyTarget[] {
  return targets
    .filter((t) => (t.lifecycle === "draining" ? now < (t.drainingUntil ?? 0) : t.lifecycle === "registered"))
    .filter((t) => inFront.some((lb) => inEnabledZone(t, lb)))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map((t) => ({
      key: t.key,
      address: t.address,
      port: t.port,
      state: t.lifecycle === "registered" ? "in-service" : "draining",
      knownHealthy: t.lifecycle === "registered" && t.health[node]?.state === "healthy",
    }));
}

/** What of a target list the proxy must be told; its own findings about health are not news to it. */
export const targetsFingerprint = (targets: readonly ProxyTarget[]): string =>
  JSON.stringify(targets.map((t) => [t.key, t.address, t.port, t.state]));

export const forwardedTo = (row: ListenerActionRow): readonly string[] =>
  row.type === "forward" ? row.targetGroups.map((t) => t.arn) : [];

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1);

function action(row: ListenerActionRow, groups: ReadonlyMap<string, TargetGroupRow>): ListenerAction {
  switch (row.type) {
    case "forward":
      return {
        type: "forward",
        targetGroups: row.targetGroups.flatMap(({ arn, weight }) => {
          const group = groups.get(arn);
          return group === undefined ? [] : [{ targetGroupId: group.id, weight }];
        }),
      };
    case "fixed-response":
      return {
        type: "fixed-response",
        statusCode: Number(row.statusCode),
        contentType: row.contentType,
        body: row.messageBody,
      };
    case "redirect":
      return {
        type: "redirect",
        statusCode: row.statusCode === "HTTP_301" ? 301 : 302,
        location: {
          protocol: row.protocol,
          host: row.host,
          port: row.port,
          path: row.path,
          query: row.query,
        },
      };
  }
}

function targetGroup(row: TargetGroupRow, sourceAddress: string | undefined): ProxyTargetGroup {
  const { attributes, healthCheck } = row;
  return {
    id: row.id,
    protocol: row.protocol,
    algorithm:
      attributes["load_balancing.algorithm.type"] === "least_outstanding_requests"
        ? "least_outstanding_requests"
        : "round_robin",
    ...(attributes["stickiness.enabled"] === "true"
      ? {
          stickiness: {
            cookieName: "AWSALB",
            durationSeconds: Number(attributes["stickiness.lb_cookie.duration_seconds"] ?? 86_400),
          },
        }
      : {}),
    slowStartSeconds: Number(attributes["slow_start.duration_seconds"] ?? 0),
    healthCheck: {
      protocol: healthCheck.protocol,
      path: healthCheck.path,
      ...(healthCheck.port === "traffic-port" ? {} : { port: Number(healthCheck.port) }),
      intervalSeconds: healthCheck.intervalSeconds,
      timeoutSeconds: healthCheck.timeoutSeconds,
      healthyThreshold: healthCheck.healthyThresholdCount,
      unhealthyThreshold: healthCheck.unhealthyThresholdCount,
      matcher: healthCheck.matcher,
    },
    ...(sourceAddress === undefined ? {} : { sourceAddress }),
  };
}
