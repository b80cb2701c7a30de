// What the VPCs' DNS servers are told, from rows alone and by the controller that follows them.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newDefaultVpc } from "#domain/ec2/default-vpc.ts";
import { ec2Key } from "#domain/ec2/instance.ts";
import {
  deregisterInstance,
  discoveryKey,
  instanceKey,
  newDiscoveryService,
  newNamespace,
  registerInstance,
  type DiscoveryInstanceRow,
  type DiscoveryServiceRow,
  type NamespaceRow,
} from "#domain/servicediscovery/records.ts";
import { seededRandom } from "#lib/random.ts";
import type { DnsZone } from "#network/zones.ts";
import { vpcs } from "#store/tables/ec2.ts";
import { instances, namespaces, services } from "#store/tables/servicediscovery.ts";
import type { Controller } from "../controller.ts";
import { createWorld, quiet, REGION, type World } from "../world.suite.ts";
import { decideZone } from "./decide.ts";
import { createDiscoveryController } from "./run.ts";

const { vpc } = newDefaultVpc(REGION, "10.64.0.0/16", seededRandom(1));
const owned = (id: string) => ({
  id,
  arn: `arn:${id}`,
  region: REGION,
  account: "000000000000",
  tags: {},
});
const namespace = (more: Partial<NamespaceRow> = {}): NamespaceRow =>
  newNamespace(
    {
      ...owned("ns-1"),
      name: "Corp.local",
      httpName: "Corp.local",
      type: "DNS_PRIVATE",
      vpcId: vpc.id,
      ...more,
    },
    0,
  );
const service = (types: readonly ("A" | "SRV")[] = ["A"], more: Partial<DiscoveryServiceRow> = {}) =>
  newDiscoveryService(
    {
      ...owned("srv-1"),
      name: "api",
      namespaceId: "ns-1",
      dnsRecords: types.map((type) => ({ type, ttlSeconds: 10 })),
      routingPolicy: "MULTIVALUE",
      customHealth: true,
      ...more,
    },
    0,
  );
const instance = (
  id: string,
  address: string,
  more: { readonly port?: string; readonly health?: DiscoveryInstanceRow["health"] } = {},
) =>
  registerInstance(
    service(),
    {
      id,
      attributes: {
        AWS_INSTANCE_IPV4: address,
        ...(more.port === undefined ? {} : { AWS_INSTANCE_PORT: more.port }),
      },
      ...(more.health === undefined ? {} : { health: more.health }),
    },
    undefined,
    0,
  ).instance;
const decided = (of: DiscoveryServiceRow, ...found: DiscoveryInstanceRow[]) =>
  decideZone(namespace(), [{ service: of, instances: found }]);

describe("a private namespace's zone", () => {
  it("has the addresses of a service's healthy instances under its name", () => {
    expect(
      decided(
        service(),
        instance("a", "10.64.0.5"),
        instance("b", "10.64.0.6", { health: "UNHEALTHY" }),
        instance("c", "10.64.0.7"),
      ),
    ).toEqual({
      domain: "corp.local",
      addresses: [{ name: "api.corp.local", addresses: ["10.64.0.5", "10.64.0.7"] }],
      services: [],
    });
  });

  it("has those of all instances when none is healthy", () => {
    const [only] = decided(service(), instance("b", "10.64.0.6", { health: "UNHEALTHY" })).addresses;
    expect(only?.addresses).toEqual(["10.64.0.6"]);
  });

  it("names each instance with a port in an SRV record, with an address under that name", () => {
    expect(
      decided(service(["SRV"]), instance("T1", "10.64.0.5", { port: "32768" }), instance("t2", "10.64.0.6")),
    ).toEqual({
      domain: "corp.local",
      addresses: [{ name: "t1.api.corp.local", addresses: ["10.64.0.5"] }],
      services: [{ name: "api.corp.local", target: "t1.api.corp.local", port: 32768 }],
    });
  });

  it("has nothing of a service that only DiscoverInstances finds, or whose name no DNS name can be", () => {
    const empty = { domain: "corp.local", addresses: [], services: [] };
    const here = instance("a", "10.64.0.5", { port: "1" });
    expect(decided(service([]), here)).toEqual(empty);
    expect(decided(service(["A", "SRV"], { name: "a b" }), here)).toEqual(empty);
  });
});

describe("the discovery controller", () => {
  let world: World;
  let controller: Controller;
  let calls: (readonly [string, readonly DnsZone[]])[];
  let failures: number;
  let withNetwork: readonly string[];
  beforeEach(async () => {
    world = await createWorld();
    calls = [];
    failures = 0;
    withNetwork = [];
    await world.store.transact((tx) => tx.put(vpcs, ec2Key(REGION, vpc.id), vpc));
    controller = create();
  });
  afterEach(() => controller.close());
  const create = () =>
    createDiscoveryController({
      ...world.base,
      async setZones(vpcId, zones) {
        if (failures-- > 0) throw new Error("no network");
        calls.push([vpcId, zones]);
      },
      listVpcs: async () => withNetwork,
    });
  const put = async (...found: DiscoveryInstanceRow[]) => {
    await world.store.transact((tx) => {
      tx.put(namespaces, discoveryKey(REGION, "ns-1"), namespace());
      tx.put(services, discoveryKey(REGION, "srv-1"), service());
      for (const row of found) tx.put(instances, instanceKey("srv-1", row.id), row);
    });
    await quiet();
  };
  const remove = async (what: "instance" | "service" | "namespace") => {
    await world.store.transact((tx) => {
      if (what === "instance") tx.delete(instances, instanceKey("srv-1", "a"));
      else if (what === "service") tx.delete(services, discoveryKey(REGION, "srv-1"));
      else tx.delete(namespaces, discoveryKey(REGION, "ns-1"));
    });
    await quiet();
  };
  const addresses = () => calls.at(-1)?.[1][0]?.addresses;

  it("tells a VPC what its namespaces hold, and what they hold no more", async () => {
    await controller.start();
    await put(instance("a", "10.64.0.5"), instance("b", "10.64.0.6"));
    expect(calls.at(-1)?.[0]).toBe(vpc.id);
    expect(addresses()).toEqual([{ name: "api.corp.local", addresses: ["10.64.0.5", "10.64.0.6"] }]);
    await remove("instance");
    expect(addresses()).toEqual([{ name: "api.corp.local", addresses: ["10.64.0.6"] }]);
    await remove("service");
    expect(addresses()).toEqual([]);
    await remove("namespace");
    expect(calls.at(-1)).toEqual([vpc.id, []]);
  });

  it("says nothing when only a revision changed, and nothing to a VPC without namespaces", async () => {
    await controller.start();
    expect(calls).toEqual([]);
    await put(instance("a", "10.64.0.5"));
    const before = calls.length;
    await world.store.transact((tx) =>
      tx.put(services, discoveryKey(REGION, "srv-1"), deregisterInstance(service())),
    );
    await quiet();
    expect(calls).toHaveLength(before);
  });

  it("tells a VPC that has a network anew after a start, also that its last namespace went meanwhile", async () => {
    withNetwork = [vpc.id, "vpc-gone"];
    await controller.start();
    await quiet();
    expect(calls).toEqual([[vpc.id, []]]);
    await controller.close();
    await put(instance("a", "10.64.0.5"));
    controller = create();
    await controller.start();
    await quiet();
    expect(addresses()).toEqual([{ name: "api.corp.local", addresses: ["10.64.0.5"] }]);
  });

  it("tries again when a network cannot be told", async () => {
    await controller.start();
    // The rows that come together are looked at twice.
    failures = 2;
    await put(instance("a", "10.64.0.5"));
    expect(calls).toEqual([]);
    await world.clock.advance(60_000);
    await quiet();
    expect(addresses()).toHaveLength(1);
  });
});
