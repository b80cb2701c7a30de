// DescribeAccountLimits: the limits that are enforced, under AWS's names.
import type { Elbv2Operations } from "../dependencies.ts";

const limits = {
  "application-load-balancers": 50,
  "listeners-per-application-load-balancer": 50,
  "target-groups": 3000,
  "target-groups-per-action-on-application-load-balancer": 5,
  "targets-per-application-load-balancer": 1000,
};

export function limitOperations() {
  return {
    DescribeAccountLimits: () => ({
      Limits: Object.entries(limits).map(([Name, Max]) => ({ Name, Max: String(Max) })),
    }),
  } satisfies Elbv2Operations;
}
