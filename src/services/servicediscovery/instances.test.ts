// Instances, their health and their discovery, through the official SDK.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ACCOUNT, createFixture, refusal, VPC, type Fixture } from "./fixture.suite.ts";

let fixture: Fixture;
let map: Fixture["client"];
/** With A and SRV records and custom health. */
let watched: string;
/** Of an HTTP namespace, without a health check. */
let plain: string;
beforeEach(async () => {
  fixture = await createFixture();
  map = fixture.client;
  const dns = await map.createService({
    Name: "web",
    NamespaceId: await fixture.namespace("shop.local", VPC),
    DnsConfig: {
      DnsRecords: [
        { Type: "A", TTL: 10 },
        { Type: "SRV", TTL: 10 },
      ],
    },
    HealthCheckCustomConfig: {},
  });
  watched = dns.Service?.Id ?? "";
  const http = await map.createService({ Name: "web", NamespaceId: await fixture.namespace("api") });
  plain = http.Service?.Id ?? "";
});
afterEach(() => fixture.close());

const place = { AWS_INSTANCE_IPV4: "10.0.0.7", AWS_INSTANCE_PORT: "8080" };
const register = (ServiceId: string, InstanceId: string, Attributes: Record<string, string> = place) =>
  map.registerInstance({ ServiceId, InstanceId, Attributes });
const discovered = async (more: Partial<Parameters<typeof map.discoverInstances>[0]> = {}) => {
  const { Instances } = await map.discoverInstances({
    NamespaceName: "shop.local",
    ServiceName: "web",
    ...more,
  });
  return Instances?.map(({ InstanceId }) => InstanceId);
};

describe("an instance", () => {
  it("is registered with attributes, shown and listed", async () => {
    const Attributes = { ...place, version: "2" };
    const { OperationId } = await register(watched, "i/1", Attributes);
    expect((await map.getOperation({ OperationId })).Operation).toMatchObject({
      Type: "REGISTER_INSTANCE",
      Status: "SUCCESS",
      Targets: { INSTANCE: "i/1" },
    });
    const shown = await map.getInstance({ ServiceId: watched, InstanceId: "i/1" });
    expect(shown).toMatchObject({ ResourceOwner: ACCOUNT, Instance: { Id: "i/1", Attributes } });
    const { Instances } = await map.listInstances({ ServiceId: watched });
    expect(Instances).toEqual([{ Id: "i/1", Attributes, CreatedByAccount: ACCOUNT }]);
    expect((await map.getService({ Id: watched })).Service?.InstanceCount).toBe(1);
  });

  it("needs what the service's records say, and nothing that means something else", async () => {
    for (const attributes of [
      { AWS_INSTANCE_PORT: "80" },
      { AWS_INSTANCE_IPV4: "10.0.0.7" },
      { ...place, AWS_INSTANCE_IPV4: "10.0.0.700" },
      { ...place, AWS_INSTANCE_PORT: "70000" },
      { ...place, AWS_INIT_HEALTH_STATUS: "SICK" },
      { ...place, AWS_OTHER: "x" },
      { ...place, "a b": "x" },
      { ...place, a: "x".repeat(1025) },
      { ...place, ...Object.fromEntries(Array.from({ length: 31 }, (_, i) => [`k${i}`, "v"])) },
      { ...place, ...Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`k${i}`, "v".repeat(1000)])) },
    ])
      expect(await refusal(register(watched, "1", attributes))).toBe("InvalidInput");
    await expect(register(watched, "1", { AWS_ALIAS_DNS_NAME: "lb" })).rejects.toThrow(
      "AWS_ALIAS_DNS_NAME is not implemented",
    );
    expect(await refusal(register(plain, "1", { AWS_INIT_HEALTH_STATUS: "HEALTHY" }))).toBe("InvalidInput");
    expect(await refusal(register(plain, "a b"))).toBe("InvalidInput");
    expect(await refusal(register("srv-nothing", "1"))).toBe("ServiceNotFound");
    expect((await map.listInstances({ ServiceId: watched })).Instances).toEqual([]);
  });

  it("takes other attributes when it is registered anew, and keeps its health", async () => {
    await register(watched, "1");
    await map.updateInstanceCustomHealthStatus({ ServiceId: watched, InstanceId: "1", Status: "UNHEALTHY" });
    await register(watched, "1", { ...place, version: "2" });
    const { Instance } = await map.getInstance({ ServiceId: watched, InstanceId: "1" });
    expect(Instance?.Attributes).toEqual({ ...place, version: "2" });
    const { Status } = await map.getInstancesHealthStatus({ ServiceId: watched });
    expect(Status).toEqual({ "1": "UNHEALTHY" });
  });

  it("is not registered twice by the same request", async () => {
    const asked = { ServiceId: plain, InstanceId: "1", Attributes: { a: "1" }, CreatorRequestId: "once" };
    const { OperationId } = await map.registerInstance(asked);
    const { InstancesRevision } = await map.discoverInstancesRevision({
      NamespaceName: "api",
      ServiceName: "web",
    });
    expect((await map.registerInstance(asked)).OperationId).toBe(OperationId);
    expect(await map.discoverInstancesRevision({ NamespaceName: "api", ServiceName: "web" })).toMatchObject({
      InstancesRevision,
    });
  });

  it("is gone once it is deregistered", async () => {
    await register(plain, "1");
    await map.deregisterInstance({ ServiceId: plain, InstanceId: "1" });
    expect(await refusal(map.getInstance({ ServiceId: plain, InstanceId: "1" }))).toBe("InstanceNotFound");
    expect(await refusal(map.deregisterInstance({ ServiceId: plain, InstanceId: "1" }))).toBe(
      "InstanceNotFound",
    );
  });
});

describe("the health of instances", () => {
  it("is what was said of them, from the start", async () => {
    await register(watched, "1");
    await register(watched, "2", { ...place, AWS_INIT_HEALTH_STATUS: "UNHEALTHY" });
    await register(watched, "3");
    await map.updateInstanceCustomHealthStatus({ ServiceId: watched, InstanceId: "3", Status: "UNHEALTHY" });
    const { Status, NextToken } = await map.getInstancesHealthStatus({ ServiceId: watched, MaxResults: 2 });
    expect(Status).toEqual({ "1": "HEALTHY", "2": "UNHEALTHY" });
    const rest = await map.getInstancesHealthStatus({ ServiceId: watched, MaxResults: 2, NextToken });
    expect(rest.Status).toEqual({ "3": "UNHEALTHY" });
    const one = await map.getInstancesHealthStatus({ ServiceId: watched, Instances: ["3"] });
    expect(one.Status).toEqual({ "3": "UNHEALTHY" });
    const none = map.getInstancesHealthStatus({ ServiceId: watched, Instances: ["4"] });
    expect(await refusal(none)).toBe("InstanceNotFound");
  });

  it("is unknown, and cannot be said, without a custom health check", async () => {
    await register(plain, "1");
    expect((await map.getInstancesHealthStatus({ ServiceId: plain })).Status).toEqual({ "1": "UNKNOWN" });
    const said = map.updateInstanceCustomHealthStatus({
      ServiceId: plain,
      InstanceId: "1",
      Status: "HEALTHY",
    });
    expect(await refusal(said)).toBe("CustomHealthNotFound");
  });
});

describe("DiscoverInstances", () => {
  it("finds by health: the healthy, or all when none is", async () => {
    await register(watched, "1");
    await register(watched, "2", { ...place, AWS_INIT_HEALTH_STATUS: "UNHEALTHY" });
    expect(await discovered()).toEqual(["1"]);
    expect(await discovered({ HealthStatus: "UNHEALTHY" })).toEqual(["2"]);
    expect(await discovered({ HealthStatus: "ALL" })).toEqual(["1", "2"]);
    expect(await discovered({ HealthStatus: "ALL", MaxResults: 1 })).toEqual(["1"]);
    await map.updateInstanceCustomHealthStatus({ ServiceId: watched, InstanceId: "1", Status: "UNHEALTHY" });
    expect(await discovered()).toEqual(["1", "2"]);
    expect(await discovered({ HealthStatus: "HEALTHY" })).toEqual([]);
  });

  it("finds by attributes: those that must be there, and those that would be good", async () => {
    await register(watched, "1", { ...place, version: "1", zone: "a" });
    await register(watched, "2", { ...place, version: "2", zone: "a" });
    expect(await discovered({ QueryParameters: { version: "2" } })).toEqual(["2"]);
    expect(await discovered({ OptionalParameters: { version: "1" } })).toEqual(["1"]);
    const neither = { QueryParameters: { zone: "a" }, OptionalParameters: { version: "3" } };
    expect(await discovered(neither)).toEqual(["1", "2"]);
  });

  it("does not mind health where nobody watches", async () => {
    await register(plain, "1", { a: "b" });
    const asked = { NamespaceName: "api", ServiceName: "web", HealthStatus: "UNHEALTHY" } as const;
    expect((await map.discoverInstances(asked)).Instances).toEqual([
      {
        InstanceId: "1",
        NamespaceName: "api",
        ServiceName: "web",
        HealthStatus: "UNKNOWN",
        Attributes: { a: "b" },
      },
    ]);
  });

  it("refuses names of nothing", async () => {
    expect(await refusal(discovered({ NamespaceName: "nothing" }))).toBe("NamespaceNotFound");
    expect(await refusal(discovered({ ServiceName: "nothing" }))).toBe("ServiceNotFound");
    expect(await refusal(discovered({ OwnerAccount: "999999999999" }))).toBe("NamespaceNotFound");
  });

  it("raises its revision with each change of instances or their health", async () => {
    const revision = async () => {
      const answer = await map.discoverInstancesRevision({ NamespaceName: "shop.local", ServiceName: "web" });
      return answer.InstancesRevision ?? 0;
    };
    const before = await revision();
    await register(watched, "1");
    const registered = await revision();
    await map.updateInstanceCustomHealthStatus({ ServiceId: watched, InstanceId: "1", Status: "UNHEALTHY" });
    const sick = await revision();
    await map.deregisterInstance({ ServiceId: watched, InstanceId: "1" });
    const all = [before, registered, sick, await revision()];
    expect([...new Set(all)].sort((a, b) => a - b)).toEqual(all);
  });

  it("is answered under the host that the SDK makes of the endpoint", async () => {
    await register(watched, "1");
    const { Instances } = await fixture.named.discoverInstances({
      NamespaceName: "shop.local",
      ServiceName: "web",
    });
    expect(Instances).toHaveLength(1);
    await fixture.named.listInstances({ ServiceId: watched });
    expect(fixture.hosts).toEqual(["data-map.test", "map.test"]);
  });
});
