// The controller over a memory store and a recording driver: what it tells the proxy, and what the proxy's news become.
import { describe, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock, settle } from "#lib/test-clock.ts";
import { newDefaultVpc } from "#domain/ec2/default-vpc.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import {
  elbNameKey,
  listenerKey,
  type ListenerRow,
  type LoadBalancerRow,
} from "#domain/elbv2/load-balancer.ts";
import type { TargetGroupRow } from "#domain/elbv2/load-balancer.ts";
import { drainTarget, targetRowKey, type TargetRow } from "#domain/elbv2/target.ts";
import { createRecordingDriver, type RecordingDriver } from "#loadbalancer/recording-driver.ts";
import { createMemoryBackend } from "#store/memory-backend.ts";
import { createStore } from "#store/create-store.ts";
import type { AnyTable } from "#store/store.ts";
import * as ec2 from "#store/tables/ec2.ts";
import * as elbv2 from "#store/tables/elbv2.ts";
import { createLoadBalancerController } from "./run.ts";

const REGION = "us-east-1";
const { vpc, subnets } = newDefaultVpc(REGION, "10.64.0.0/16", seededRandom(1));
const LB_ARN = `arn:aws:elasticloadbalancing:${REGION}:1:loadbalancer/app/web/aa`;
const loadBalancer: LoadBalancerRow = {
  arn: LB_ARN,
  id: "aa",
  region: REGION,
  name: "web",
  type: "application",
  scheme: "internal",
  state: "provisioning",
  vpcId: vpc.id,
  subnets: subnets.slice(0, 2).map((s) => ({ subnetId: s.id, availabilityZone: s.availabilityZone })),
  securityGroupIds: [],
  dnsName: "web.elb.estiba.internal",
  address: "10.64.0.4",
  attributes: {},
  createdAt: 0,
  tags: {},
};
const group: TargetGroupRow = {
  arn: "arn:tg",
  id: "bb",
  region: REGION,
  name: "tg",
  protocol: "HTTP",
  protocolVersion: "HTTP1",
  port: 80,
  vpcId: vpc.id,
  targetType: "instance",
  ipAddressType: "ipv4",
  healthCheck: {
    enabled: true,
    protocol: "HTTP",
    port: "traffic-port",
    path: "/",
    intervalSeconds: 5,
    timeoutSeconds: 2,
    healthyThresholdCount: 2,
    unhealthyThresholdCount: 2,
    matcher: "200",
  },
  attributes: {},
  createdAt: 0,
  tags: {},
};
const listener: ListenerRow = {
  arn: "arn:li",
  id: "cc",
  region: REGION,
  loadBalancerArn: LB_ARN,
  port: 80,
  protocol: "HTTP",
  defaultAction: { type: "forward", targetGroups: [{ arn: "arn:tg", weight: 1 }] },
  attributes: {},
  tags: {},
};
const target = (key: string): TargetRow => ({
  targetGroupArn: "arn:tg",
  targetGroupId: "bb",
  key,
  targetId: "i-1",
  port: 80,
  address: "10.64.0.5",
  availabilityZone: `${REGION}a`,
  lifecycle: "registered",
  registeredAt: 0,
  idleOn: [],
  health: {},
});

async function createWorld(driver = createRecordingDriver(), backend = createMemoryBackend()) {
  const store = await createStore({
    backend,
    logger: silentLogger,
    tables: [ec2, elbv2].flatMap((g) => Object.values(g) as AnyTable[]),
  });
  const clock = new TestClock();
  const network: string[] = [];
  await store.transact((tx) => {
    tx.put(ec2.vpcs, ec2Key(REGION, vpc.id), vpc);
    for (const s of subnets) tx.put(ec2.subnets, ec2Key(REGION, s.id), s);
  });
  let drivers = 0;
  let failures = 0;
  const start = () =>
    createLoadBalancerController({
      store,
      clock,
      random: seededRandom(2),
      logger: silentLogger,
      nodeId: "n1",
      driverFor: async () => {
        drivers++;
        if (failures-- > 0) throw new Error("no proxy");
        return driver;
      },
      ensureAddress: async (_vpc, address) => void network.push(`+${address}`),
      removeAddress: async (_vpc, address) => void network.push(`-${address}`),
      setName: async (_vpc, name, address) => void network.push(`${name}=${address}`),
    });
  const controller = start();
  const put = (...rows: ("lb" | "tg" | "li" | TargetRow)[]) =>
    store.transact((tx) => {
      for (const row of rows) {
        if (row === "lb") {
          tx.put(elbv2.loadBalancers, elbNameKey(REGION, "web"), loadBalancer);
          const [subnet] = subnets;
          if (subnet !== undefined)
            tx.put(ec2.addresses, `${subnet.id}/10.64.0.4`, {
              subnetId: subnet.id,
              address: "10.64.0.4",
              owner: LB_ARN,
            });
        } else if (row === "tg") tx.put(elbv2.targetGroups, elbNameKey(REGION, "tg"), group);
        else if (row === "li") tx.put(elbv2.listeners, listenerKey(REGION, "web", "cc"), listener);
        else tx.put(elbv2.targets, targetRowKey("bb", row.key), row);
      }
    });
  const idle = async () => {
    for (let i = 0; i < 5; i++) await settle();
  };
  return {
    ...{ store, clock, network, controller, put, idle, driver, start },
    failNext: (count: number) => void (failures = count),
    drivers: () => drivers,
    state: () => store.get(elbv2.loadBalancers, elbNameKey(REGION, "web"))?.state,
    target: (key: string) => store.get(elbv2.targets, targetRowKey("bb", key)),
  };
}
const applied = (driver: RecordingDriver) => driver.calls.filter((c) => c !== "start");

describe("the load-balancer controller", () => {
  it("starts no proxy for a VPC without load balancers", async () => {
    const w = await createWorld();
    await w.controller.start();
    await w.put("tg", target("k1"));
    await w.idle();
    expect(w.drivers()).toBe(0);
  });

  it("makes a load balancer active once the proxy has it, with its address and its name", async () => {
    const w = await createWorld();
    await w.controller.start();
    await w.put("lb");
    await w.controller.settled(vpc.id);
    expect(w.state()).toBe("active");
    expect(w.network).toEqual(["+10.64.0.4", "web.elb.estiba.internal=10.64.0.4"]);
    expect(w.driver.structure.loadBalancers.map((l) => l.id)).toEqual(["aa"]);
  });

  it("changes targets without a new structure, and health without telling the proxy", async () => {
    const w = await createWorld();
    await w.controller.start();
    await w.put("lb", "tg", "li");
    await w.controller.settled(vpc.id);
    const before = applied(w.driver).length;
    await w.put(target("k1"));
    await w.controller.settled(vpc.id);
    await w.idle();
    expect(applied(w.driver).slice(before)).toEqual(["applyTargets bb"]);
    expect(w.target("k1")?.health).toEqual({ n1: { state: "healthy" } });
    w.driver.setHealth("bb", "k1", { state: "unhealthy", reason: "Target.Timeout", description: "slow" });
    await w.idle();
    expect(w.target("k1")?.health).toEqual({
      n1: { state: "unhealthy", reason: "Target.Timeout", description: "slow" },
    });
    const commits = w.store.durableCommits;
    w.driver.setHealth("bb", "k1", { state: "unhealthy", reason: "Target.Timeout", description: "slow" });
    await w.idle();
    expect(w.store.durableCommits).toBe(commits);
    expect(applied(w.driver).slice(before)).toEqual(["applyTargets bb"]);
  });

  it("removes a drained target when nothing is in flight, or at the end of its delay", async () => {
    const w = await createWorld(createRecordingDriver({ idleAtOnce: false }));
    await w.controller.start();
    await w.put("lb", "tg", "li", target("k1"), target("k2"));
    await w.controller.settled(vpc.id);
    await w.idle();
    for (const key of ["k1", "k2"])
      await w.put(drainTarget(w.target(key) ?? target(key), 300, w.clock.now()));
    await w.controller.settled(vpc.id);
    expect(w.driver.targets("bb").map((t) => t.state)).toEqual(["draining", "draining"]);
    w.driver.setIdle("bb", "k1");
    await w.idle();
    expect(w.target("k1")).toMatchObject({ lifecycle: "removed", drainingUntil: w.clock.now() + 300_000 });
    expect(w.driver.targets("bb").map((t) => t.key)).toEqual(["k2"]);
    await w.clock.advance(300_000);
    await w.idle();
    expect(w.target("k2")?.lifecycle).toBe("removed");
    expect(w.driver.targets("bb")).toEqual([]);
  });

  it("tells a refused structure to whoever waits, and goes on with the old one", async () => {
    const w = await createWorld();
    await w.controller.start();
    await w.put("lb");
    await w.controller.settled(vpc.id);
    w.driver.refuseNext("bad");
    await w.put("tg", "li");
    await expect(w.controller.settled(vpc.id)).rejects.toThrow("bad");
    expect(w.driver.structure.loadBalancers[0]?.listeners).toEqual([]);
    await w.store.transact((tx) => tx.delete(elbv2.listeners, listenerKey(REGION, "web", "cc")));
    const before = w.driver.calls.length;
    await w.controller.settled(vpc.id);
    expect(w.driver.calls.length).toBe(before);
  });

  it("tries again while there is no proxy; who waits is let go after ten seconds", async () => {
    const w = await createWorld();
    w.failNext(1000);
    await w.controller.start();
    await w.put("lb");
    let settled = false;
    const waiting = w.controller.settled(vpc.id).then(() => (settled = true));
    await w.clock.advance(9_999);
    expect(settled).toBe(false);
    await w.clock.advance(1);
    await waiting;
    expect(w.state()).toBe("provisioning");
    w.failNext(0);
    await w.clock.advance(40_000);
    await w.idle();
    expect(w.state()).toBe("active");
  });

  it("lets go of a deleted load balancer's name and address, and of its targets' health", async () => {
    const w = await createWorld();
    await w.controller.start();
    await w.put("lb", "tg", "li", target("k1"));
    await w.controller.settled(vpc.id);
    await w.idle();
    expect(w.target("k1")?.health).not.toEqual({});
    await w.store.transact((tx) => {
      tx.delete(elbv2.loadBalancers, elbNameKey(REGION, "web"));
      tx.delete(elbv2.listeners, listenerKey(REGION, "web", "cc"));
    });
    await w.controller.settled(vpc.id);
    await w.idle();
    expect(w.driver.structure.loadBalancers).toEqual([]);
    expect(w.network.slice(-2)).toEqual(["web.elb.estiba.internal=undefined", "-10.64.0.4"]);
    expect([...w.store.scan(ec2.addresses)]).toEqual([]);
    expect(w.target("k1")?.health).toEqual({});
  });

  it("finishes after a restart what a dead process left: addresses of deleted load balancers", async () => {
    const w = await createWorld();
    await w.put("lb");
    await w.store.transact((tx) => tx.delete(elbv2.loadBalancers, elbNameKey(REGION, "web")));
    await w.controller.start();
    await w.controller.settled(vpc.id);
    await w.idle();
    expect([...w.store.scan(ec2.addresses)]).toEqual([]);
    expect(w.network).toEqual(["-10.64.0.4"]);
  });

  it("tells a restarted control plane's proxy the same again, with what is known of health", async () => {
    const w = await createWorld();
    await w.controller.start();
    await w.put("lb", "tg", "li", target("k1"));
    await w.controller.settled(vpc.id);
    await w.idle();
    const before = w.driver.structure;
    await w.controller.close();
    await w.driver.applyTargets("bb", []);
    const again = w.start();
    await again.start();
    await again.settled(vpc.id);
    expect(w.driver.structure).toEqual(before);
    expect(w.driver.targets("bb")).toMatchObject([{ key: "k1", knownHealthy: true }]);
  });

  it("stops following when it is closed", async () => {
    const w = await createWorld();
    await w.controller.start();
    await w.put("lb");
    await w.controller.settled(vpc.id);
    await w.controller.close();
    const before = w.driver.calls.length;
    await w.put("tg", "li", target("k1"));
    await w.idle();
    await w.controller.settled(vpc.id);
    expect(w.driver.calls.length).toBe(before);
    expect(w.clock.pendingTimers).toBe(0);
  });
});
