// What DescribeTargetHealth says of a target (ELBv2 API reference, TargetHealth). Pure.
import type { LoadBalancerRow, TargetGroupRow } from "./load-balancer.ts";
import { overallTargetHealth, type TargetRow } from "./target.ts";

export interface ShownHealth {
  readonly state: "initial" | "healthy" | "unhealthy" | "unused" | "draining";
  readonly reason?: string;
  readonly description?: string;
}

export const notRegistered: ShownHealth = {
  state: "unused",
  reason: "Target.NotRegistered",
  description: "Target is not registered to the target group",
};

/** Whether the target's zone is one of the load balancer's; `all` is every zone. */
export function inEnabledZone(
  target: Pick<TargetRow, "availabilityZone">,
  loadBalancer: LoadBalancerRow,
): boolean {
  const zone = target.availabilityZone;
  return (
    zone === undefined || zone === "all" || loadBalancer.subnets.some((s) => s.availabilityZone === zone)
  );
}

/** The health as shown; undefined once a deregistered target is past its deregistration delay. */
export function shownHealth(
  target: TargetRow,
  group: Pick<TargetGroupRow, "targetType">,
  loadBalancers: readonly LoadBalancerRow[],
  nodes: readonly string[],
  instanceState: string | undefined,
  now: number,
): ShownHealth | undefined {
  if (target.lifecycle !== "registered") {
    if (now >= (target.drainingUntil ?? 0)) return undefined;
    return {
      state: "draining",
      reason: "Target.DeregistrationInProgress",
      description: "Target deregistration is in progress",
    };
  }
  if (loadBalancers.length === 0) {
    return {
      state: "unused",
      reason: "Target.NotInUse",
      description: "Target group is not configured to receive traffic from the load balancer",
    };
  }
  if (!loadBalancers.some((lb) => inEnabledZone(target, lb))) {
    return {
      state: "unused",
      reason: "Target.NotInUse",
      description: "Target is in an Availability Zone that is not enabled for the load balancer",
    };
  }
  if (group.targetType === "instance" && instanceState !== "running") {
    const state = instanceState === "pending" ? "pending" : "terminated";
    return { state: "unused", reason: "Target.InvalidState", description: `Target is in the ${state} state` };
  }
  if (loadBalancers.every((lb) => lb.state === "provisioning")) {
    return {
      state: "initial",
      reason: "Elb.RegistrationInProgress",
      description: "Target registration is in progress",
    };
  }
  return overallTargetHealth(target, nodes);
}
