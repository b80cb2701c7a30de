// Structures and targets that the tests and the bench of this folder share.
import type {
  ListenerAction,
  ProxyHealthCheck,
  ProxyStructure,
  ProxyTarget,
  ProxyTargetGroup,
} from "./port.ts";

export const quickCheck: ProxyHealthCheck = {
  protocol: "HTTP",
  path: "/health",
  intervalSeconds: 1,
  timeoutSeconds: 1,
  healthyThreshold: 2,
  unhealthyThreshold: 2,
  matcher: "200",
};

export const testGroup = (id: string, change: Partial<ProxyTargetGroup> = {}): ProxyTargetGroup => ({
  id,
  protocol: "HTTP",
  algorithm: "round_robin",
  slowStartSeconds: 0,
  healthCheck: quickCheck,
  ...change,
});

/** One load balancer, one HTTP listener, by default in front of group `a1`. */
export function testStructure(input: {
  readonly address: string;
  readonly port: number;
  readonly action?: ListenerAction;
  readonly groups?: readonly ProxyTargetGroup[];
  readonly idleTimeoutSeconds?: number;
}): ProxyStructure {
  return {
    loadBalancers: [
      {
        id: "b1",
        address: input.address,
        idleTimeoutSeconds: input.idleTimeoutSeconds ?? 60,
        listeners: [
          {
            id: "c1",
            port: input.port,
            protocol: "HTTP",
            defaultAction: input.action ?? {
              type: "forward",
              targetGroups: [{ targetGroupId: "a1", weight: 1 }],
            },
          },
        ],
      },
    ],
    targetGroups: input.groups ?? [testGroup("a1")],
  };
}

export const testTarget = (key: string, address: string, port: number): ProxyTarget => ({
  key,
  address,
  port,
  state: "in-service",
  knownHealthy: false,
});
