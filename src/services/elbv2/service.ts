// Elastic Load Balancing v2: load balancers, listeners and target groups as rows; the proxies follow them
// (controllers/loadbalancer). What is not here answers as an unknown operation.
import type { ElasticLoadBalancingV2 } from "@aws-sdk/client-elastic-load-balancing-v2";
import type { PermissionTable, ServiceDefinition } from "#gateway/service-definition.ts";
import type { Elbv2Dependencies, Elbv2Operations } from "./dependencies.ts";
import { limitOperations } from "./operations/limits.ts";
import { listenerOperations } from "./operations/listeners.ts";
import { loadBalancerOperations } from "./operations/load-balancers.ts";
import { tagOperations } from "./operations/tags.ts";
import { targetGroupOperations } from "./operations/target-groups.ts";
import { targetOperations } from "./operations/targets.ts";
import { elbv2Permissions } from "./permissions.ts";

export function elbv2Operations(deps: Elbv2Dependencies) {
  return {
    ...loadBalancerOperations(deps),
    ...listenerOperations(deps),
    ...targetGroupOperations(deps),
    ...targetOperations(deps),
    ...tagOperations(deps),
    ...limitOperations(),
  } satisfies Elbv2Operations;
}

export function createElbv2Service(deps: Elbv2Dependencies): ServiceDefinition {
  return {
    name: "elasticloadbalancing",
    signingName: "elasticloadbalancing",
    protocol: "query",
    wireName: "2015-12-01",
    loadSchemas: () => import("@aws-sdk/client-elastic-load-balancing-v2"),
    operations: elbv2Operations(deps),
    permissions: elbv2Permissions(deps.store) satisfies PermissionTable<
      ElasticLoadBalancingV2,
      keyof ReturnType<typeof elbv2Operations>
    >,
  };
}
