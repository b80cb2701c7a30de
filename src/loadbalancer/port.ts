// The port to the load balancer's data plane: what a controller asks of one node and what the node reports back.
// HAProxy fills it (haproxy/), a recording one serves simulation. Every value is plain data.

export type ListenerProtocol = "HTTP" | "HTTPS" | "TCP";

export interface WeightedTargetGroup {
  readonly targetGroupId: string;
  /** 0–999, as in ELBv2. */
  readonly weight: number;
}

export type ListenerAction =
  | { readonly type: "forward"; readonly targetGroups: readonly WeightedTargetGroup[] }
  | {
      readonly type: "fixed-response";
      readonly statusCode: number;
      readonly contentType: string;
      readonly body: string;
    }
  | { readonly type: "redirect"; readonly statusCode: 301 | 302; readonly location: RedirectLocation };

/** ELBv2's RedirectActionConfig; each part may hold `#{protocol}`, `#{host}`, `#{port}`, `#{path}`, `#{query}`. */
export interface RedirectLocation {
  readonly protocol: string;
  readonly host: string;
  readonly port: string;
  readonly path: string;
  readonly query: string;
}

export interface ProxyListener {
  /** Short unique id (hex); names in the configuration are made from it. */
  readonly id: string;
  readonly port: number;
  readonly protocol: ListenerProtocol;
  readonly defaultAction: ListenerAction;
}

export interface ProxyLoadBalancer {
  readonly id: string;
  /** The VPC address that its listeners bind and that its requests to targets come from. */
  readonly address: string;
  /** Seconds; ELBv2's `idle_timeout.timeout_seconds` (default 60). */
  readonly idleTimeoutSeconds: number;
  readonly listeners: readonly ProxyListener[];
}

export interface ProxyHealthCheck {
  readonly protocol: "HTTP" | "TCP";
  readonly path: string;
  /** Undefined means the port that receives traffic. */
  readonly port?: number;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
  /** ELBv2's Matcher.HttpCode, for instance `200` or `200-299,301`. */
  readonly matcher: string;
}

export interface ProxyTargetGroup {
  readonly id: string;
  readonly protocol: "HTTP" | "TCP";
  readonly algorithm: "round_robin" | "least_outstanding_requests";
  readonly stickiness?: { readonly cookieName: string; readonly durationSeconds: number };
  readonly slowStartSeconds: number;
  readonly healthCheck: ProxyHealthCheck;
  /** Address that connections to targets come from: that of the load balancer in front. */
  readonly sourceAddress?: string;
}

/** Everything that only a reload can change. */
export interface ProxyStructure {
  readonly loadBalancers: readonly ProxyLoadBalancer[];
  readonly targetGroups: readonly ProxyTargetGroup[];
}

export interface ProxyTarget {
  /** Unique in its group and never used again for another registration, `[a-z0-9-]+`. */
  readonly key: string;
  readonly address: string;
  readonly port: number;
  /** `draining` takes no new request and lets those in flight end. Absent from the list: removed at once. */
  readonly state: "in-service" | "draining";
  /** Last stored as healthy: after a cold start of the proxy it takes traffic before its first check. */
  readonly knownHealthy: boolean;
}

/** ELBv2's TargetHealthReasonEnum, as far as a health check can tell. */
export type UnhealthyReason = "Target.ResponseCodeMismatch" | "Target.Timeout" | "Target.FailedHealthChecks";

export type ProxyEvent =
  | { readonly type: "healthy"; readonly targetGroupId: string; readonly key: string }
  | {
      readonly type: "unhealthy";
      readonly targetGroupId: string;
      readonly key: string;
      readonly reason: UnhealthyReason;
      /** AWS's words, for instance `Health checks failed with these codes: [503]`. */
      readonly description: string;
    }
  /** A draining target has nothing in flight in any proxy process, old ones after a reload included. */
  | { readonly type: "idle"; readonly targetGroupId: string; readonly key: string };

/** The proxy refused a structure; what ran before still runs. */
export class StructureRefused extends Error {
  override readonly name = "StructureRefused";
}

export interface LoadBalancerDriver {
  /** Adopts a running proxy or starts one. `listener` hears every event from then on, and the current health of adopted targets. */
  start(listener: (event: ProxyEvent) => void): Promise<void>;
  /**
   * Makes listeners, groups and checks so. Resolves when the running proxy has them; rejects with StructureRefused.
   * Calls that come while one is under way are merged into the next.
   */
  applyStructure(structure: ProxyStructure): Promise<void>;
  /** Makes a group's targets exactly these, without a reload. A new one gets no request before its first passed check. */
  applyTargets(targetGroupId: string, targets: readonly ProxyTarget[]): Promise<void>;
  /** Stops watching. The proxy itself runs on. */
  close(): Promise<void>;
}
