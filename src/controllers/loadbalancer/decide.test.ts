import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ListenerRow, LoadBalancerRow, TargetGroupRow } from "#domain/elbv2/load-balancer.ts";
import type { TargetRow } from "#domain/elbv2/target.ts";
import { decideStructure, decideTargets, targetsFingerprint } from "./decide.ts";

const loadBalancer = (id: string): LoadBalancerRow => ({
  arn: `arn:lb/${id}`,
  id,
  region: "r",
  name: id,
  type: "application",
  scheme: "internal",
  state: "active",
  vpcId: "vpc-1",
  subnets: [{ subnetId: "subnet-1", availabilityZone: "ra" }],
  securityGroupIds: [],
  dnsName: `${id}.x`,
  address: `10.0.0.${id.length + 4}`,
  attributes: { "idle_timeout.timeout_seconds": "90" },
  createdAt: 0,
  tags: {},
});
const group = (id: string, attributes: Record<string, string> = {}): TargetGroupRow => ({
  arn: `arn:tg/${id}`,
  id,
  region: "r",
  name: id,
  protocol: "HTTP",
  protocolVersion: "HTTP1",
  port: 80,
  vpcId: "vpc-1",
  targetType: "instance",
  ipAddressType: "ipv4",
  healthCheck: {
    enabled: true,
    protocol: "HTTP",
    port: "8081",
    path: "/h",
    intervalSeconds: 5,
    timeoutSeconds: 2,
    healthyThresholdCount: 3,
    unhealthyThresholdCount: 4,
    matcher: "200-299",
  },
  attributes,
  createdAt: 0,
  tags: {},
});
const listener = (id: string, lb: string, groups: readonly string[]): ListenerRow => ({
  arn: `arn:li/${id}`,
  id,
  region: "r",
  loadBalancerArn: `arn:lb/${lb}`,
  port: 80,
  protocol: "HTTP",
  defaultAction: { type: "forward", targetGroups: groups.map((g, i) => ({ arn: `arn:tg/${g}`, weight: i })) },
  attributes: {},
  tags: {},
});
const target = (change: Partial<TargetRow> = {}): TargetRow => ({
  targetGroupArn: "arn:tg/a",
  targetGroupId: "a",
  key: "k",
  targetId: "i-1",
  port: 1,
  address: "10.0.0.9",
  availabilityZone: "ra",
  lifecycle: "registered",
  registeredAt: 0,
  idleOn: [],
  health: {},
  ...change,
});

describe("the structure", () => {
  it("holds the groups that a listener forwards to, with the load balancer's address as their source", () => {
    const structure = decideStructure({
      loadBalancers: [loadBalancer("one")],
      listeners: [listener("l", "one", ["a", "b"])],
      targetGroups: [group("b"), group("a"), group("unused")],
    });
    expect(structure.targetGroups.map((g) => [g.id, g.sourceAddress])).toEqual([
      ["a", "10.0.0.7"],
      ["b", "10.0.0.7"],
    ]);
    expect(structure.loadBalancers[0]).toMatchObject({
      idleTimeoutSeconds: 90,
      listeners: [{ id: "l", defaultAction: { targetGroups: [{ weight: 0 }, { weight: 1 }] } }],
    });
    expect(structure.targetGroups[0]?.healthCheck).toEqual({
      protocol: "HTTP",
      path: "/h",
      port: 8081,
      intervalSeconds: 5,
      timeoutSeconds: 2,
      healthyThreshold: 3,
      unhealthyThreshold: 4,
      matcher: "200-299",
    });
  });

  it("is the same whatever the order of the rows", () => {
    const rows = {
      loadBalancers: ["one", "three"].map(loadBalancer),
      listeners: [listener("l1", "one", ["a"]), listener("l2", "one", ["b"]), listener("l3", "three", ["c"])],
      targetGroups: ["a", "b", "c"].map((id) => group(id)),
    };
    const shuffled = <T>(items: readonly T[]) => fc.shuffledSubarray([...items], { minLength: items.length });
    fc.assert(
      fc.property(
        shuffled(rows.loadBalancers),
        shuffled(rows.listeners),
        shuffled(rows.targetGroups),
        (loadBalancers, listeners, targetGroups) => {
          expect(decideStructure({ loadBalancers, listeners, targetGroups })).toEqual(decideStructure(rows));
        },
      ),
    );
  });

  it("reads stickiness, algorithm and slow start from the attributes", () => {
    const [shown] = decideStructure({
      loadBalancers: [loadBalancer("one")],
      listeners: [listener("l", "one", ["a"])],
      targetGroups: [
        group("a", {
          "stickiness.enabled": "true",
          "stickiness.lb_cookie.duration_seconds": "60",
          "load_balancing.algorithm.type": "least_outstanding_requests",
          "slow_start.duration_seconds": "30",
        }),
      ],
    }).targetGroups;
    expect(shown).toMatchObject({
      stickiness: { cookieName: "AWSALB", durationSeconds: 60 },
      algorithm: "least_outstanding_requests",
      slowStartSeconds: 30,
    });
  });
});

describe("a group's targets", () => {
  const inFront = [loadBalancer("one")];
  const keys = (rows: TargetRow[], now = 0) => decideTargets(rows, inFront, "n", now).map((t) => t.key);

  it("are the registered ones and those draining until their deadline", () => {
    const rows = [
      target({ key: "c", lifecycle: "draining", drainingUntil: 10 }),
      target({ key: "b", lifecycle: "removed", drainingUntil: 10 }),
      target({ key: "a" }),
    ];
    expect(keys(rows)).toEqual(["a", "c"]);
    expect(keys(rows, 10)).toEqual(["a"]);
  });

  it("are those in a zone of the load balancer; without a zone everywhere", () => {
    expect(
      keys([
        target({ key: "a", availabilityZone: "rb" }),
        target({ key: "b", availabilityZone: "all" }),
        target({ key: "c" }),
      ]),
    ).toEqual(["b", "c"]);
  });

  it("are known healthy by this node's stored view alone, which is no news to the proxy", () => {
    const healthy = target({ health: { n: { state: "healthy" } } });
    const elsewhere = target({ health: { m: { state: "healthy" } } });
    const [a, b] = [healthy, elsewhere].map((t) => decideTargets([t], inFront, "n", 0));
    expect(a?.[0]?.knownHealthy).toBe(true);
    expect(b?.[0]?.knownHealthy).toBe(false);
    expect(targetsFingerprint(a ?? [])).toBe(targetsFingerprint(b ?? []));
  });
});
