// Registered targets as stored, and their transitions. One row is one registration: the same id and port registered again
// while it drains is another row. Key: target group id/registration key.

export interface TargetHealth {
  readonly state: "initial" | "healthy" | "unhealthy";
  readonly reason?: string;
  readonly description?: string;
}

export interface TargetRow {
  readonly targetGroupArn: string;
  readonly targetGroupId: string;
  /** Unique per registration, `[a-z0-9-]+`: the proxy's server name. */
  readonly key: string;
  /** Instance id or IP address, as registered. */
  readonly targetId: string;
  readonly port: number;
  /** Where connections go. */
  readonly address: string;
  readonly availabilityZone?: string;
  readonly lifecycle: "registered" | "draining" | "removed";
  readonly registeredAt: number;
  /** The end of the deregistration delay, epoch milliseconds: shown as draining until then. */
  readonly drainingUntil?: number;
  /** Load-balancer node → nothing in flight there (while draining). */
  readonly idleOn: readonly string[];
  /** Load-balancer node → health as that node sees it. */
  readonly health: Readonly<Record<string, TargetHealth>>;
}

export const targetRowKey = (targetGroupId: string, key: string): string => `${targetGroupId}/${key}`;

/** A node's health check changed its mind. Draining and removed targets keep their state. */
export function reportTargetHealth(target: TargetRow, node: string, health: TargetHealth): TargetRow {
  const before = target.health[node];
  if (target.lifecycle !== "registered") return target;
  if (
    before?.state === health.state &&
    before.reason === health.reason &&
    before.description === health.description
  )
    return target;
  return { ...target, health: { ...target.health, [node]: health } };
}

/** DeregisterTargets, or a stop: no new requests from now on; shown as draining for the whole delay. */
export function drainTarget(target: TargetRow, delaySeconds: number, now: number): TargetRow {
  if (target.lifecycle !== "registered") return target;
  return { ...target, lifecycle: "draining", drainingUntil: now + delaySeconds * 1000, idleOn: [] };
}

/** Nothing is in flight to it on this node. */
export function targetIdle(target: TargetRow, node: string): TargetRow {
  if (target.lifecycle !== "draining" || target.idleOn.includes(node)) return target;
  return { ...target, idleOn: [...target.idleOn, node] };
}

/** Out of the proxy at once: the container or host is gone, or draining is over. Shown as draining until `drainingUntil`. */
export function removeTarget(target: TargetRow, delaySeconds: number, now: number): TargetRow {
  if (target.lifecycle === "removed") return target;
  return {
    ...target,
    lifecycle: "removed",
    drainingUntil: target.drainingUntil ?? now + delaySeconds * 1000,
  };
}

/** Draining is done as far as the proxies of `nodes` go, or the delay is over. */
export function isDrained(target: TargetRow, nodes: readonly string[], now: number): boolean {
  if (target.lifecycle === "removed") return true;
  if (target.lifecycle !== "draining") return false;
  return (
    now >= (target.drainingUntil ?? 0) ||
    (nodes.length > 0 && nodes.every((node) => target.idleOn.includes(node)))
  );
}

/** As DescribeTargetHealth tells it: the worst of the nodes' views; `initial` until every node has one. */
export function overallTargetHealth(target: TargetRow, nodes: readonly string[]): TargetHealth {
  const views = nodes.map((node) => target.health[node]);
  const unhealthy = views.find((v) => v?.state === "unhealthy");
  if (unhealthy !== undefined) return unhealthy;
  if (views.length > 0 && views.every((v) => v?.state === "healthy")) return { state: "healthy" };
  return {
    state: "initial",
    reason: "Elb.InitialHealthChecking",
    description: "Initial health checks in progress",
  };
}

/** The node checks the target no longer: its group is behind no load balancer any more, or the target's zone is not. */
export function forgetTargetHealth(target: TargetRow, node: string): TargetRow {
  if (!(node in target.health)) return target;
  const { [node]: _forgotten, ...health } = target.health;
  return { ...target, health };
}
