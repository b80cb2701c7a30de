// The load-balancer tables.
import { defineTable } from "#store/store.ts";
import type { ListenerRow, LoadBalancerRow, TargetGroupRow } from "#domain/elbv2/load-balancer.ts";
import type { TargetRow } from "#domain/elbv2/target.ts";

/** region/name */
export const loadBalancers = defineTable<LoadBalancerRow>({
  name: "elbv2-load-balancers",
  indexes: { arn: (row) => [row.arn], vpc: (row) => [row.vpcId] },
});
/** region/load balancer name/id */
export const listeners = defineTable<ListenerRow>({
  name: "elbv2-listeners",
  indexes: {
    arn: (row) => [row.arn],
    loadBalancer: (row) => [row.loadBalancerArn],
    targetGroup: (row) =>
      row.defaultAction.type === "forward" ? row.defaultAction.targetGroups.map((t) => t.arn) : [],
  },
});
/** region/name */
export const targetGroups = defineTable<TargetGroupRow>({
  name: "elbv2-target-groups",
  indexes: { arn: (row) => [row.arn], id: (row) => [row.id], vpc: (row) => [row.vpcId] },
});
/** target group id/registration key */
export const targets = defineTable<TargetRow>({
  name: "elbv2-targets",
  indexes: {
    targetGroup: (row) => [row.targetGroupArn],
    /** What is not yet past its draining display, for the sweeper. */
    leaving: (row) => (row.lifecycle === "registered" ? [] : ["all"]),
    targetId: (row) => [row.targetId],
  },
});
