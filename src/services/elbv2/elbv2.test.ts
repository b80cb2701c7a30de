import { beforeEach, describe, expect, it } from "vitest";
import type { CreateTargetGroupInput } from "@aws-sdk/client-elastic-load-balancing-v2";
import { ProxyRefused } from "#domain/ports/proxy-ready.ts";
import { addresses } from "#store/tables/ec2.ts";
import { listeners, targetGroups, targets } from "#store/tables/elbv2.ts";
import { context, createFixture, type Fixture, REGION } from "./fixture.suite.ts";

let f: Fixture;
beforeEach(async () => {
  f = await createFixture();
});

/** Runs an operation whose answer may be a promise or not; the refusal's code, or its answer. */
const code = async (run: () => unknown): Promise<unknown> => {
  try {
    return await run();
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

const makeLoadBalancer = async (Name = "web", zones = 2) => {
  const made = await f.api.CreateLoadBalancer({ Name, Subnets: f.subnetIds.slice(0, zones) }, context);
  return made.LoadBalancers[0]?.LoadBalancerArn ?? "";
};
const makeGroup = async (input: Partial<CreateTargetGroupInput> = {}) => {
  const made = await f.api.CreateTargetGroup(
    { Name: "web", Protocol: "HTTP", Port: 80, VpcId: f.vpcId, ...input },
    context,
  );
  return made.TargetGroups[0]?.TargetGroupArn ?? "";
};
const makeListener = async (lb: string, tg: string, Port = 80) => {
  const made = await f.api.CreateListener(
    {
      LoadBalancerArn: lb,
      Port,
      Protocol: "HTTP",
      DefaultActions: [{ Type: "forward", TargetGroupArn: tg }],
    },
    context,
  );
  return made.Listeners[0]?.ListenerArn ?? "";
};
const health = async (tg: string, Targets?: { Id: string; Port?: number }[]) =>
  f.api
    .DescribeTargetHealth({ TargetGroupArn: tg, ...(Targets === undefined ? {} : { Targets }) }, context)
    .TargetHealthDescriptions.map((d) => [d.Target?.Id, d.TargetHealth?.State, d.TargetHealth?.Reason]);

describe("CreateLoadBalancer", () => {
  it("answers a provisioning load balancer with an address of its first subnet and a name", async () => {
    const { LoadBalancers } = await f.api.CreateLoadBalancer(
      { Name: "web", Subnets: [f.subnetIds[1] ?? "", f.subnetIds[0] ?? ""] },
      context,
    );
    expect(LoadBalancers[0]).toMatchObject({ State: { Code: "provisioning" }, Type: "application" });
    expect(LoadBalancers[0]?.DNSName).toMatch(/^web-[0-9a-f]{16}\.us-east-1\.elb\.estiba\.internal$/);
    expect(LoadBalancers[0]?.SecurityGroups).toEqual([f.securityGroupId]);
    expect(Array.from(f.store.scan(addresses), ([, row]) => row.address)).toEqual(["10.64.1.4"]);
  });

  it("is idempotent by name and refuses other settings under the same name", async () => {
    expect(await makeLoadBalancer()).toBe(await makeLoadBalancer());
    expect(await code(() => makeLoadBalancer("web", 3))).toBe("DuplicateLoadBalancerName");
    expect([...f.store.scan(addresses)]).toHaveLength(1);
  });

  const refusals: [string, object, string][] = [
    ["one zone", { Subnets: (s: readonly string[]) => s.slice(0, 1) }, "ValidationError"],
    ["an unknown subnet", { Subnets: () => ["subnet-1", "subnet-2"] }, "SubnetNotFound"],
    ["a network load balancer", { Type: "network" }, "InvalidConfigurationRequest"],
    ["a name with an underscore", { Name: "a_b" }, "ValidationError"],
    ["a name of 33 characters", { Name: "a".repeat(33) }, "ValidationError"],
    ["an unknown security group", { SecurityGroups: ["sg-1"] }, "InvalidSecurityGroup"],
    ["IPv6", { IpAddressType: "dualstack" }, "InvalidConfigurationRequest"],
    ["a repeated tag", { Tags: [{ Key: "a" }, { Key: "a" }] }, "DuplicateTagKeys"],
  ];
  it.each(refusals)("refuses %s", async (_what, change, expected) => {
    const { Subnets, ...rest } = change as { Subnets?: (s: readonly string[]) => string[] };
    const input = { Name: "web", Subnets: Subnets?.(f.subnetIds) ?? f.subnetIds.slice(0, 2), ...rest };
    expect(await code(() => f.api.CreateLoadBalancer(input, context))).toBe(expected);
  });
});

describe("load balancers", () => {
  it("are found by name and ARN, and missing ones are LoadBalancerNotFound", async () => {
    const arn = await makeLoadBalancer();
    expect(f.api.DescribeLoadBalancers({ Names: ["web"] }, context).LoadBalancers[0]?.LoadBalancerArn).toBe(
      arn,
    );
    expect(f.api.DescribeLoadBalancers({ LoadBalancerArns: [arn] }, context).LoadBalancers).toHaveLength(1);
    for (const input of [{ Names: ["nope"] }, { LoadBalancerArns: [arn.replace(/.$/, "x")] }])
      expect(await code(() => f.api.DescribeLoadBalancers(input, context))).toBe("LoadBalancerNotFound");
    expect(f.api.DescribeLoadBalancers({}, { ...context, region: "eu-west-1" }).LoadBalancers).toEqual([]);
  });

  it("come in pages, whose markers belong to their question", async () => {
    for (const name of ["c", "a", "b"]) await makeLoadBalancer(name);
    const first = f.api.DescribeLoadBalancers({ PageSize: 2 }, context);
    expect(first.LoadBalancers.map((l) => l.LoadBalancerName)).toEqual(["a", "b"]);
    const marker = (first as { NextMarker?: string }).NextMarker;
    const second = f.api.DescribeLoadBalancers({ PageSize: 2, Marker: marker }, context);
    expect(second.LoadBalancers.map((l) => l.LoadBalancerName)).toEqual(["c"]);
    expect(second).not.toHaveProperty("NextMarker");
    expect(await code(() => f.api.DescribeTargetGroups({ Marker: marker }, context))).toBe("ValidationError");
  });

  it("are deleted with their listeners; deletion protection forbids it; deleting again succeeds", async () => {
    const lb = await makeLoadBalancer();
    const tg = await makeGroup();
    await makeListener(lb, tg);
    const protect = (Value: string) =>
      f.api.ModifyLoadBalancerAttributes(
        { LoadBalancerArn: lb, Attributes: [{ Key: "deletion_protection.enabled", Value }] },
        context,
      );
    await protect("true");
    const remove = () => f.api.DeleteLoadBalancer({ LoadBalancerArn: lb }, context);
    expect(await code(remove)).toBe("OperationNotPermitted");
    await protect("false");
    await remove();
    await remove();
    expect([...f.store.scan(listeners)]).toEqual([]);
    expect(await code(() => f.api.DescribeLoadBalancers({ Names: ["web"] }, context))).toBe(
      "LoadBalancerNotFound",
    );
  });

  it("know AWS's attributes with their defaults and say which cannot be changed", async () => {
    const lb = await makeLoadBalancer();
    const set = (Key: string, Value: string) =>
      f.api.ModifyLoadBalancerAttributes({ LoadBalancerArn: lb, Attributes: [{ Key, Value }] }, context);
    const attributes = f.api.DescribeLoadBalancerAttributes({ LoadBalancerArn: lb }, context).Attributes;
    expect(attributes).toContainEqual({ Key: "idle_timeout.timeout_seconds", Value: "60" });
    expect((await set("idle_timeout.timeout_seconds", "120")).Attributes).toContainEqual({
      Key: "idle_timeout.timeout_seconds",
      Value: "120",
    });
    expect(await code(() => set("idle_timeout.timeout_seconds", "0"))).toBe("ValidationError");
    expect(await code(() => set("nope", "1"))).toBe("ValidationError");
    expect(await code(() => set("access_logs.s3.enabled", "false"))).not.toBe("InvalidConfigurationRequest");
    expect(await code(() => set("access_logs.s3.enabled", "true"))).toBe("InvalidConfigurationRequest");
  });
});

describe("listeners", () => {
  it("forward, answer or redirect, and show it as AWS does", async () => {
    const lb = await makeLoadBalancer();
    const tg = await makeGroup();
    const listener = await makeListener(lb, tg);
    const [shown] = f.api.DescribeListeners({ LoadBalancerArn: lb }, context).Listeners;
    expect(shown?.DefaultActions?.[0]).toMatchObject({
      Type: "forward",
      TargetGroupArn: tg,
      ForwardConfig: { TargetGroups: [{ TargetGroupArn: tg, Weight: 1 }] },
    });
    const { Listeners } = await f.api.ModifyListener(
      {
        ListenerArn: listener,
        DefaultActions: [
          { Type: "redirect", RedirectConfig: { StatusCode: "HTTP_301", Host: "example.com" } },
        ],
      },
      context,
    );
    expect(Listeners[0]?.DefaultActions?.[0]?.RedirectConfig).toEqual({
      StatusCode: "HTTP_301",
      Protocol: "#{protocol}",
      Host: "example.com",
      Port: "#{port}",
      Path: "/#{path}",
      Query: "#{query}",
    });
    const [rule] = f.api.DescribeRules({ ListenerArn: listener }, context).Rules;
    expect(rule).toMatchObject({ Priority: "default", IsDefault: true });
    expect(f.api.DescribeRules({ RuleArns: [rule?.RuleArn ?? ""] }, context).Rules).toEqual([rule]);
  });

  const actions: [string, object[], string][] = [
    ["an unknown target group", [{ Type: "forward", TargetGroupArn: "TG/x" }], "TargetGroupNotFound"],
    ["no group", [{ Type: "forward" }], "ValidationError"],
    ["none", [], "ValidationError"],
    ["two", [{ Type: "forward" }, { Type: "forward" }], "InvalidLoadBalancerAction"],
    ["a login", [{ Type: "authenticate-oidc" }], "InvalidLoadBalancerAction"],
    [
      "a redirect to itself",
      [{ Type: "redirect", RedirectConfig: { StatusCode: "HTTP_301" } }],
      "InvalidLoadBalancerAction",
    ],
    [
      "a fixed 301",
      [{ Type: "fixed-response", FixedResponseConfig: { StatusCode: "301" } }],
      "ValidationError",
    ],
  ];
  it.each(actions)("refuse %s as the default action", async (_what, given, expected) => {
    const lb = await makeLoadBalancer();
    const text = JSON.stringify(given).replace(
      "TG/x",
      `arn:aws:elasticloadbalancing:${REGION}:123456789012:targetgroup/x/0123456789abcdef`,
    );
    const input = {
      LoadBalancerArn: lb,
      Port: 80,
      Protocol: "HTTP" as const,
      DefaultActions: JSON.parse(text) as never,
    };
    expect(await code(() => f.api.CreateListener(input, context))).toBe(expected);
  });

  it("share no port, no group with another load balancer, and speak no HTTPS yet", async () => {
    const lb = await makeLoadBalancer();
    const tg = await makeGroup();
    await makeListener(lb, tg);
    expect(await code(() => makeListener(lb, tg))).toBe("DuplicateListener");
    expect(await makeListener(lb, tg, 81)).toMatch(/:listener\/app\/web\//);
    const other = await makeLoadBalancer("other");
    expect(await code(() => makeListener(other, tg))).toBe("TargetGroupAssociationLimit");
    const https = { LoadBalancerArn: lb, Port: 443, Protocol: "HTTPS" as const, DefaultActions: [] };
    expect(await code(() => f.api.CreateListener(https, context))).toBe("UnsupportedProtocol");
  });

  it("are taken back when the proxy refuses them", async () => {
    let refuse = false;
    f = await createFixture({
      nodes: () => ["node-1"],
      settled: async () => {
        if (refuse) throw new ProxyRefused("no");
      },
    });
    const lb = await makeLoadBalancer();
    const tg = await makeGroup();
    const listener = await makeListener(lb, tg);
    const before = [...f.store.scan(listeners)];
    refuse = true;
    expect(await code(() => makeListener(lb, tg, 81))).toBe("InvalidConfigurationRequest");
    expect(await code(() => f.api.ModifyListener({ ListenerArn: listener, Port: 90 }, context))).toBe(
      "InvalidConfigurationRequest",
    );
    expect(await code(() => f.api.DeleteListener({ ListenerArn: listener }, context))).toBe(
      "InvalidConfigurationRequest",
    );
    expect([...f.store.scan(listeners)]).toEqual(before);
  });
});

describe("target groups", () => {
  it("have AWS's defaults", async () => {
    const arn = await makeGroup();
    expect(f.api.DescribeTargetGroups({ TargetGroupArns: [arn] }, context).TargetGroups[0]).toMatchObject({
      HealthCheckIntervalSeconds: 30,
      HealthCheckTimeoutSeconds: 5,
      HealthyThresholdCount: 5,
      UnhealthyThresholdCount: 2,
      HealthCheckPath: "/",
      HealthCheckPort: "traffic-port",
      Matcher: { HttpCode: "200" },
      TargetType: "instance",
      ProtocolVersion: "HTTP1",
      LoadBalancerArns: [],
    });
    expect(f.api.DescribeTargetGroupAttributes({ TargetGroupArn: arn }, context).Attributes).toContainEqual({
      Key: "deregistration_delay.timeout_seconds",
      Value: "300",
    });
  });

  it("are idempotent by name with equal settings", async () => {
    expect(await makeGroup()).toBe(await makeGroup());
    expect(await code(() => makeGroup({ Port: 81 }))).toBe("DuplicateTargetGroupName");
  });

  const refusals: [string, Partial<CreateTargetGroupInput>, string][] = [
    ["no protocol", { Protocol: undefined }, "ValidationError"],
    ["no port", { Port: undefined }, "ValidationError"],
    ["no VPC", { VpcId: undefined }, "ValidationError"],
    ["an unknown VPC", { VpcId: "vpc-1" }, "ValidationError"],
    ["an interval of 4 s", { HealthCheckIntervalSeconds: 4 }, "ValidationError"],
    [
      "a timeout as long as the interval",
      { HealthCheckIntervalSeconds: 5, HealthCheckTimeoutSeconds: 5 },
      "ValidationError",
    ],
    ["a relative path", { HealthCheckPath: "x" }, "ValidationError"],
    ["a path with a line break", { HealthCheckPath: "/\nx" }, "ValidationError"],
    ["a matcher of 500", { Matcher: { HttpCode: "200,500" } }, "ValidationError"],
    ["lambda targets", { TargetType: "lambda" }, "InvalidConfigurationRequest"],
    ["gRPC", { ProtocolVersion: "GRPC" }, "InvalidConfigurationRequest"],
    ["TCP", { Protocol: "TCP" }, "InvalidConfigurationRequest"],
  ];
  it.each(refusals)("refuse %s", async (_what, change, expected) => {
    expect(await code(() => makeGroup(change))).toBe(expected);
  });

  it("cannot be deleted while a listener forwards to them, and take their targets along", async () => {
    const lb = await makeLoadBalancer();
    const tg = await makeGroup();
    const listener = await makeListener(lb, tg);
    const remove = () => f.api.DeleteTargetGroup({ TargetGroupArn: tg }, context);
    expect(await code(remove)).toBe("ResourceInUse");
    await f.api.DeleteListener({ ListenerArn: listener }, context);
    await f.instance("i-1", "10.64.0.4");
    const Targets = Array.from({ length: 120 }, (_, i) => ({ Id: "i-1", Port: 8000 + i }));
    await f.api.RegisterTargets({ TargetGroupArn: tg, Targets }, context);
    expect([...f.store.scan(targets)]).toHaveLength(120);
    await remove();
    await remove();
    expect([...f.store.scan(targets)]).toEqual([]);
    expect([...f.store.scan(targetGroups)]).toEqual([]);
  });

  it("change their checks and attributes within AWS's limits", async () => {
    const tg = await makeGroup();
    await f.api.ModifyTargetGroup({ TargetGroupArn: tg, HealthCheckIntervalSeconds: 10 }, context);
    expect(
      f.api.DescribeTargetGroups({ Names: ["web"] }, context).TargetGroups[0]?.HealthCheckIntervalSeconds,
    ).toBe(10);
    const set = (Key: string, Value: string) =>
      f.api.ModifyTargetGroupAttributes({ TargetGroupArn: tg, Attributes: [{ Key, Value }] }, context);
    await set("slow_start.duration_seconds", "30");
    for (const [key, value, expected] of [
      ["slow_start.duration_seconds", "29", "ValidationError"],
      ["load_balancing.algorithm.type", "least_outstanding_requests", "InvalidConfigurationRequest"],
      ["load_balancing.algorithm.type", "weighted_random", "ValidationError"],
      ["stickiness.type", "app_cookie", "ValidationError"],
      ["deregistration_delay.timeout_seconds", "3601", "ValidationError"],
      ["__proto__", "1", "ValidationError"],
    ] as const)
      expect(await code(() => set(key, value))).toBe(expected);
  });
});

describe("targets", () => {
  it("are refused unless they are there, run, and are in the VPC", async () => {
    const tg = await makeGroup();
    const ip = await makeGroup({ Name: "ip", TargetType: "ip" });
    await f.instance("i-2", "10.64.0.5", 0, "pending");
    const register = (arn: string, Id: string) =>
      f.api.RegisterTargets({ TargetGroupArn: arn, Targets: [{ Id }] }, context);
    expect(await code(() => register(tg, "i-1"))).toBe("InvalidTarget");
    expect(await code(() => register(tg, "i-2"))).toBe("InvalidTarget");
    expect(await code(() => register(ip, "10.65.0.1"))).toBe("InvalidTarget");
    expect(await code(() => register(ip, "10.64.0.256"))).toBe("ValidationError");
    await register(ip, "10.64.2.9");
    expect(f.store.find(targets, "targetId", "10.64.2.9")[0]?.[1]).toMatchObject({
      port: 80,
      availabilityZone: "us-east-1c",
    });
  });

  it("are unused while nobody uses the group, or their zone; then initial", async () => {
    const tg = await makeGroup();
    await f.instance("i-1", "10.64.0.4");
    await f.instance("i-3", "10.64.2.4", 2);
    await f.api.RegisterTargets({ TargetGroupArn: tg, Targets: [{ Id: "i-1" }, { Id: "i-3" }] }, context);
    expect(await health(tg)).toContainEqual(["i-1", "unused", "Target.NotInUse"]);
    await makeListener(await makeLoadBalancer(), tg);
    expect(await health(tg)).toEqual(
      expect.arrayContaining([
        ["i-1", "initial", "Elb.RegistrationInProgress"],
        ["i-3", "unused", "Target.NotInUse"],
      ]),
    );
    expect(await health(tg, [{ Id: "i-1", Port: 81 }])).toEqual([["i-1", "unused", "Target.NotRegistered"]]);
  });

  it("show draining for the whole delay, and a new registration in its place", async () => {
    const tg = await makeGroup();
    await makeListener(await makeLoadBalancer(), tg);
    await f.instance("i-1", "10.64.0.4");
    const Targets = [{ Id: "i-1" }];
    await f.api.RegisterTargets({ TargetGroupArn: tg, Targets }, context);
    await f.api.RegisterTargets({ TargetGroupArn: tg, Targets }, context);
    expect([...f.store.scan(targets)]).toHaveLength(1);
    await f.api.DeregisterTargets({ TargetGroupArn: tg, Targets }, context);
    await f.api.DeregisterTargets({ TargetGroupArn: tg, Targets }, context);
    await f.clock.advance(299_000);
    expect(await health(tg)).toEqual([["i-1", "draining", "Target.DeregistrationInProgress"]]);
    await f.api.RegisterTargets({ TargetGroupArn: tg, Targets }, context);
    expect(await health(tg)).toEqual([["i-1", "initial", "Elb.RegistrationInProgress"]]);
    await f.api.DeregisterTargets({ TargetGroupArn: tg, Targets }, context);
    await f.clock.advance(300_000);
    expect(await health(tg)).toEqual([]);
    expect(await health(tg, Targets)).toEqual([["i-1", "unused", "Target.NotRegistered"]]);
  });

  it("leave a group that nobody uses at once", async () => {
    const tg = await makeGroup();
    await f.instance("i-1", "10.64.0.4");
    await f.api.RegisterTargets({ TargetGroupArn: tg, Targets: [{ Id: "i-1" }] }, context);
    await f.api.DeregisterTargets({ TargetGroupArn: tg, Targets: [{ Id: "i-1" }] }, context);
    expect(await health(tg)).toEqual([]);
  });
});

describe("tags", () => {
  it("are added, shown and removed on load balancers, groups and listeners", async () => {
    const lb = await makeLoadBalancer();
    const tg = await makeGroup();
    const arns = [lb, tg, await makeListener(lb, tg)];
    await f.api.AddTags({ ResourceArns: arns, Tags: [{ Key: "a", Value: "1" }, { Key: "b" }] }, context);
    await f.api.RemoveTags({ ResourceArns: arns, TagKeys: ["b"] }, context);
    expect(f.api.DescribeTags({ ResourceArns: arns }, context).TagDescriptions).toEqual(
      arns.map((ResourceArn) => ({ ResourceArn, Tags: [{ Key: "a", Value: "1" }] })),
    );
    const many = Array.from({ length: 50 }, (_, i) => ({ Key: `k${i}` }));
    expect(await code(() => f.api.AddTags({ ResourceArns: [lb], Tags: many }, context))).toBe("TooManyTags");
  });
});
