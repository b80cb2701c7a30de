// The controller over a memory store and a network that remembers what it was told: who is in which groups at every moment, across
// crashes and failures.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ec2Key, instanceRunning, instanceTerminated, type VpcRow } from "#domain/ec2/instance.ts";
import { interfaceDetached, type NetworkInterfaceRow } from "#domain/ec2/network-interface.ts";
import type { SecurityGroupRow, SecurityGroupRule } from "#domain/ec2/security-group.ts";
import { elbNameKey, type LoadBalancerRow } from "#domain/elbv2/load-balancer.ts";
import type { SecurityGroups } from "#network/group-rules.ts";
import { seededRandom } from "#lib/random.ts";
import { hostInterface, taskInterface } from "#network/names.ts";
import { attachGateway, newRouteTable } from "#domain/ec2/vpc-parts.ts";
import {
  instances,
  internetGateways,
  networkInterfaces,
  routeTables,
  securityGroups,
  vpcs,
} from "#store/tables/ec2.ts";
import { loadBalancers } from "#store/tables/elbv2.ts";
import { createWorld, host, quiet, REGION, type World } from "../world.suite.ts";
import type { Controller } from "../controller.ts";
import { decideGroups } from "./decide.ts";
import { createSecurityGroupController } from "./run.ts";

const vpc: VpcRow = { id: "vpc-1", region: REGION, cidrBlock: "10.64.0.0/16", isDefault: true, tags: {} };
const rule = (id: string, more: Partial<SecurityGroupRule> = {}): SecurityGroupRule => ({
  id,
  direction: "ingress",
  protocol: "tcp",
  fromPort: 80,
  toPort: 80,
  peer: { cidr: "0.0.0.0/0" },
  tags: {},
  ...more,
});
const group: SecurityGroupRow = {
  id: "sg-0000000a",
  region: REGION,
  vpcId: vpc.id,
  name: "web",
  description: "d",
  rules: [rule("sgr-1")],
  tags: {},
};
const instance = { ...host("00000001", 4), securityGroupIds: [group.id] };
const balancer = {
  region: REGION,
  name: "lb",
  arn: "arn:lb",
  vpcId: vpc.id,
  address: "10.64.0.9",
  securityGroupIds: [group.id],
} as unknown as LoadBalancerRow;
const eni = {
  id: "eni-00000007",
  region: REGION,
  vpcId: vpc.id,
  subnetId: "subnet-1",
  instanceId: instance.id,
  taskKey: "t",
  privateIp: "10.64.0.7",
  securityGroupIds: [group.id],
  status: "attaching",
} as unknown as NetworkInterfaceRow;

let world: World;
let controller: Controller;
let network: ReturnType<typeof createNetwork>;

/** Networks that are there, with what each was told last. */
function createNetwork() {
  const told = new Map<string, SecurityGroups>();
  const calls: string[] = [];
  return {
    told,
    calls,
    failures: 0,
    async setSecurityGroups(vpcId: string, wanted: SecurityGroups) {
      calls.push(`set ${vpcId}`);
      if (network.failures-- > 0) throw new Error("nft is missing");
      told.set(vpcId, wanted);
    },
    listVpcs: () => Promise.resolve([...told.keys()]),
    async removeVpc(vpcId: string) {
      calls.push(`remove ${vpcId}`);
      told.delete(vpcId);
    },
  };
}

const start = async () => {
  controller = createSecurityGroupController({ ...world.base, ...network });
  await controller.start();
  await quiet();
};
const change = async (write: Parameters<World["store"]["transact"]>[0]) => {
  await world.store.transact(write);
  await quiet();
};
const members = () => network.told.get(vpc.id)?.members.map((m) => [m.address, m.interface, m.groups]);

beforeEach(async () => {
  world = await createWorld();
  network = createNetwork();
  await world.store.transact((tx) => {
    tx.put(vpcs, ec2Key(REGION, vpc.id), vpc);
    tx.put(securityGroups, ec2Key(REGION, group.id), group);
  });
});
afterEach(() => controller.close());

describe("the network is told", () => {
  it("nothing of a VPC that nobody is in: it has no network yet", async () => {
    await start();
    expect(network.calls).toEqual([]);
  });

  it("of instances, load balancers and tasks' interfaces as soon as they have an address", async () => {
    await start();
    await change((tx) => tx.put(instances, ec2Key(REGION, instance.id), { ...instance, state: "pending" }));
    expect(members()).toEqual([["10.64.0.4", hostInterface(instance.id), [group.id]]]);
    await change((tx) => {
      tx.put(loadBalancers, elbNameKey(REGION, "lb"), balancer);
      tx.put(networkInterfaces, ec2Key(REGION, eni.id), eni);
    });
    expect(members()).toEqual([
      ["10.64.0.4", hostInterface(instance.id), [group.id]],
      ["10.64.0.7", taskInterface(eni.id), [group.id]],
      ["10.64.0.9", undefined, [group.id]],
    ]);
  });

  it("of those who left, an instance when nothing of it is left", async () => {
    const key = ec2Key(REGION, instance.id);
    await start();
    await change((tx) => {
      tx.put(instances, key, { ...instance, state: "shutting-down" });
      tx.put(networkInterfaces, ec2Key(REGION, eni.id), eni);
      tx.put(loadBalancers, elbNameKey(REGION, "lb"), balancer);
    });
    expect(members()).toHaveLength(3);
    await change((tx) => {
      tx.put(instances, key, instanceTerminated(instance, 1));
      tx.put(networkInterfaces, ec2Key(REGION, eni.id), interfaceDetached(eni));
      tx.delete(loadBalancers, elbNameKey(REGION, "lb"));
    });
    expect(members()).toEqual([]);
  });

  it("of changed rules, and of nothing that it does not need to know", async () => {
    const key = ec2Key(REGION, instance.id);
    await start();
    await change((tx) => tx.put(instances, key, { ...instance, state: "pending" }));
    const before = network.calls.length;
    await change((tx) => {
      tx.put(instances, key, instanceRunning({ ...instance, state: "pending" }));
      tx.put(securityGroups, ec2Key(REGION, group.id), { ...group, tags: { a: "b" } });
    });
    expect(network.calls).toHaveLength(before);
    const rules = [rule("sgr-1"), rule("sgr-2", { fromPort: 81, toPort: 81 })];
    await change((tx) => tx.put(securityGroups, ec2Key(REGION, group.id), { ...group, rules }));
    expect(network.told.get(vpc.id)?.groups[0]?.ingress.map((r) => r.ports?.from)).toEqual([80, 81]);
  });

  it("again when it failed", async () => {
    network.failures = 2;
    await start();
    await change((tx) => tx.put(instances, ec2Key(REGION, instance.id), instance));
    expect(network.told.size).toBe(0);
    await world.clock.advance(60_000);
    await quiet();
    expect(members()).toHaveLength(1);
  });
});

describe("after a crash", () => {
  it("the networks that are there have today's groups before start resolves, also when nobody is left", async () => {
    network.told.set(vpc.id, decideGroups([], [{ address: "10.64.0.99", groups: [group.id] }]));
    controller = createSecurityGroupController({ ...world.base, ...network });
    await controller.start();
    expect(members()).toEqual([]);
  });

  it("the network of a VPC that is no more is removed", async () => {
    network.told.set("vpc-0", decideGroups([], []));
    await start();
    expect(network.calls).toEqual(["remove vpc-0"]);
  });

  it("a network that refuses does not keep the others from their groups, nor the server from its start", async () => {
    network.told.set(vpc.id, decideGroups([], []));
    network.failures = 1;
    await world.store.transact((tx) => tx.put(instances, ec2Key(REGION, instance.id), instance));
    await start();
    await world.clock.advance(60_000);
    await quiet();
    expect(members()).toHaveLength(1);
  });
});

it("a VPC's network goes with the VPC", async () => {
  await start();
  const key = ec2Key(REGION, instance.id);
  await change((tx) => tx.put(instances, key, instance));
  await change((tx) => tx.put(instances, key, instanceTerminated(instance, 1)));
  await change((tx) => {
    tx.delete(vpcs, ec2Key(REGION, vpc.id));
    tx.delete(securityGroups, ec2Key(REGION, group.id));
  });
  expect(network.calls.at(-1)).toBe(`remove ${vpc.id}`);
});

it("who reaches what beyond the VPC is told when routes, gateways or public addresses change", async () => {
  const tableKey = ec2Key(REGION, "rtb-1");
  const table = {
    ...newRouteTable(vpc, {}, seededRandom(1)),
    associations: [{ id: "rtbassoc-1" }],
    routes: [{ destination: "0.0.0.0/0", gatewayId: "igw-1" }],
  };
  const gateway = { id: "igw-1", region: REGION, tags: {} };
  const outside = () => network.told.get(vpc.id)?.members.map((m) => m.outside?.map((o) => o.passes));
  await start();
  await change((tx) => {
    tx.put(instances, ec2Key(REGION, instance.id), { ...instance, hasPublicAddress: true });
    tx.put(networkInterfaces, ec2Key(REGION, eni.id), eni);
  });
  expect(outside()).toEqual([[], []]);
  await change((tx) => tx.put(routeTables, tableKey, table));
  expect(outside()).toEqual([[false], [false]]);
  await change((tx) => tx.put(internetGateways, ec2Key(REGION, gateway.id), attachGateway(gateway, vpc.id)));
  expect(outside()).toEqual([[true], [false]]);
  await change((tx) => tx.put(networkInterfaces, ec2Key(REGION, eni.id), { ...eni, hasPublicAddress: true }));
  expect(outside()).toEqual([[true], [true]]);
  await change((tx) => tx.put(internetGateways, ec2Key(REGION, gateway.id), gateway));
  expect(outside()).toEqual([[false], [false]]);
  await change((tx) => tx.delete(routeTables, tableKey));
  expect(outside()).toEqual([[], []]);
});

describe("a rule as the network is told it", () => {
  it.each([
    [{ protocol: "-1", fromPort: -1, toPort: -1 }, { protocol: "all" }],
    [
      { protocol: "tcp", fromPort: 1, toPort: 2 },
      { protocol: 6, ports: { from: 1, to: 2 } },
    ],
    [
      { protocol: "udp", fromPort: 1, toPort: 2 },
      { protocol: 17, ports: { from: 1, to: 2 } },
    ],
    [{ protocol: "icmp", fromPort: -1, toPort: -1 }, { protocol: 1 }],
    [
      { protocol: "icmp", fromPort: 8, toPort: -1 },
      { protocol: 1, icmp: { type: 8 } },
    ],
    [
      { protocol: "icmp", fromPort: 3, toPort: 4 },
      { protocol: 1, icmp: { type: 3, code: 4 } },
    ],
    [{ protocol: "50", fromPort: -1, toPort: -1 }, { protocol: 50 }],
  ])("%j", (stored, told) => {
    const rules = [
      rule("sgr-1", stored),
      rule("sgr-2", { ...stored, direction: "egress", peer: { groupId: group.id } }),
    ];
    const [shown] = decideGroups([{ ...group, rules }], []).groups;
    expect(shown).toEqual({
      id: group.id,
      ingress: [{ ...told, peer: { cidr: "0.0.0.0/0" } }],
      egress: [{ ...told, peer: { group: group.id } }],
    });
  });
});
