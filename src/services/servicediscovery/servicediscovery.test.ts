// Cloud Map as clients see it, through the official SDK.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ACCOUNT, createFixture, refusal, REGION, VPC, type Fixture } from "./fixture.suite.ts";

let fixture: Fixture;
let map: Fixture["client"];
beforeEach(async () => {
  fixture = await createFixture();
  map = fixture.client;
});
afterEach(() => fixture.close());

const A = { Type: "A", TTL: 10 } as const;
const SRV = { Type: "SRV", TTL: 20 } as const;

async function service(
  namespaceId: string,
  name: string,
  more: Partial<Parameters<typeof map.createService>[0]> = {},
): Promise<string> {
  const { Service } = await map.createService({ Name: name, NamespaceId: namespaceId, ...more });
  return Service?.Id ?? "";
}

describe("a namespace", () => {
  it("is made by an operation that has succeeded, and shown by id and by ARN", async () => {
    const { OperationId } = await map.createPrivateDnsNamespace({
      Name: "shop.local",
      Vpc: VPC,
      Description: "d",
      CreatorRequestId: "1",
      Tags: [{ Key: "a", Value: "b" }],
    });
    const { Operation } = await map.getOperation({ OperationId });
    const id = Operation?.Targets?.NAMESPACE ?? "";
    expect(Operation).toMatchObject({
      Id: OperationId,
      OwnerAccount: ACCOUNT,
      Type: "CREATE_NAMESPACE",
      Status: "SUCCESS",
    });
    expect(id).toMatch(/^ns-[a-z0-9]{16}$/);
    const { Namespace } = await map.getNamespace({ Id: id });
    expect(Namespace).toMatchObject({
      Arn: `arn:aws:servicediscovery:${REGION}:${ACCOUNT}:namespace/${id}`,
      Name: "shop.local",
      Type: "DNS_PRIVATE",
      Description: "d",
      ServiceCount: 0,
      CreatorRequestId: "1",
      Properties: { HttpProperties: { HttpName: "shop.local" } },
    });
    expect((await map.getNamespace({ Id: Namespace?.Arn })).Namespace).toEqual(Namespace);
    expect((await map.listTagsForResource({ ResourceARN: Namespace?.Arn })).Tags).toEqual([
      { Key: "a", Value: "b" },
    ]);
  });

  it("has a domain name only once in a VPC, and an HTTP name only once in a region", async () => {
    const first = await fixture.namespace("shop.local", VPC);
    const again = map.createPrivateDnsNamespace({ Name: "SHOP.local", Vpc: VPC });
    await expect(again).rejects.toMatchObject({ name: "NamespaceAlreadyExists", NamespaceId: first });
    const elsewhere = await fixture.namespace("shop.local", "vpc-1");
    const { Namespace } = await map.getNamespace({ Id: elsewhere });
    expect(Namespace?.Properties?.HttpProperties?.HttpName).toMatch(/^shop\.local-[a-z0-9]+$/);
    expect(await refusal(map.createHttpNamespace({ Name: "shop.local" }))).toBe("NamespaceAlreadyExists");
  });

  it("is not made twice by the same request", async () => {
    const asked = { Name: "api", CreatorRequestId: "once" };
    const { OperationId } = await map.createHttpNamespace(asked);
    expect((await map.createHttpNamespace(asked)).OperationId).toBe(OperationId);
    expect((await map.listNamespaces()).Namespaces).toHaveLength(1);
  });

  it("is refused without a VPC that is there, or with a name that is no domain's", async () => {
    for (const [Name, Vpc] of [
      ["shop.local", "vpc-nothing"],
      ["-shop", VPC],
      ["shop..local", VPC],
      ["a".repeat(64), VPC],
    ] as const)
      expect(await refusal(map.createPrivateDnsNamespace({ Name, Vpc }))).toBe("InvalidInput");
    const Properties = { DnsProperties: { SOA: { TTL: 5 } } };
    await expect(map.createPrivateDnsNamespace({ Name: "x", Vpc: VPC, Properties })).rejects.toThrow(
      "'Properties' is not implemented by Estiba",
    );
  });

  it("is one of at most 50 in a region", async () => {
    for (let i = 0; i < 50; i++) await fixture.namespace(`n${i}`);
    expect(await refusal(fixture.namespace("one-more"))).toBe("ResourceLimitExceeded");
  });

  it("is listed by filters, in pages", async () => {
    await fixture.namespace("shop.local", VPC);
    await fixture.namespace("shop-api");
    await fixture.namespace("other");
    const names = async (
      ...Filters: NonNullable<Parameters<typeof map.listNamespaces>[0]>["Filters"] & object
    ) => (await map.listNamespaces({ Filters })).Namespaces?.map(({ Name }) => Name).sort();
    expect(await names({ Name: "TYPE", Values: ["HTTP"] })).toEqual(["other", "shop-api"]);
    expect(await names({ Name: "NAME", Values: ["shop"], Condition: "BEGINS_WITH" })).toEqual([
      "shop-api",
      "shop.local",
    ]);
    expect(await names({ Name: "HTTP_NAME", Values: ["other"], Condition: "EQ" })).toEqual(["other"]);
    expect(await names({ Name: "RESOURCE_OWNER", Values: ["OTHER_ACCOUNTS"] })).toEqual([]);
    expect(await refusal(names({ Name: "TYPE", Values: ["HTTP"], Condition: "IN" }))).toBe("InvalidInput");
    const { Namespaces: one, NextToken } = await map.listNamespaces({ MaxResults: 2 });
    const { Namespaces: two, NextToken: end } = await map.listNamespaces({ MaxResults: 2, NextToken });
    expect([one?.length, two?.length, end]).toEqual([2, 1, undefined]);
    expect(await refusal(map.listNamespaces({ NextToken: "nonsense" }))).toBe("InvalidInput");
  });

  it("is described anew by the operation of its kind", async () => {
    const dns = await fixture.namespace("shop.local", VPC);
    const http = await fixture.namespace("api");
    const { OperationId } = await map.updatePrivateDnsNamespace({ Id: dns, Namespace: { Description: "a" } });
    await map.updateHttpNamespace({ Id: http, Namespace: { Description: "b" } });
    expect((await map.getNamespace({ Id: dns })).Namespace?.Description).toBe("a");
    expect((await map.getNamespace({ Id: http })).Namespace?.Description).toBe("b");
    expect((await map.getOperation({ OperationId })).Operation?.Type).toBe("UPDATE_NAMESPACE");
    const wrong = map.updateHttpNamespace({ Id: dns, Namespace: { Description: "c" } });
    expect(await refusal(wrong)).toBe("InvalidInput");
  });

  it("is deleted only without services", async () => {
    const id = await fixture.namespace("api");
    const inside = await service(id, "web");
    expect(await refusal(map.deleteNamespace({ Id: id }))).toBe("ResourceInUse");
    await map.deleteService({ Id: inside });
    const { OperationId } = await map.deleteNamespace({ Id: id });
    expect((await map.getOperation({ OperationId })).Operation).toMatchObject({
      Type: "DELETE_NAMESPACE",
      Status: "SUCCESS",
    });
    expect(await refusal(map.getNamespace({ Id: id }))).toBe("NamespaceNotFound");
  });
});

describe("a service", () => {
  it("has DNS records, a routing policy and health that others tell", async () => {
    const NamespaceId = await fixture.namespace("shop.local", VPC);
    const { Service } = await map.createService({
      Name: "web",
      NamespaceId,
      DnsConfig: { DnsRecords: [A, SRV], RoutingPolicy: "WEIGHTED" },
      HealthCheckCustomConfig: { FailureThreshold: 3 },
    });
    expect(Service).toMatchObject({
      Arn: `arn:aws:servicediscovery:${REGION}:${ACCOUNT}:service/${Service?.Id}`,
      NamespaceId,
      Type: "DNS_HTTP",
      DnsConfig: { RoutingPolicy: "WEIGHTED", DnsRecords: [A, SRV] },
      HealthCheckCustomConfig: { FailureThreshold: 1 },
      InstanceCount: 0,
    });
    expect(Service?.Id).toMatch(/^srv-[a-z0-9]{16}$/);
    expect((await map.getService({ Id: Service?.Arn })).Service).toEqual(Service);
    const { Services } = await map.listServices({
      Filters: [{ Name: "NAMESPACE_ID", Values: [NamespaceId] }],
    });
    expect(Services).toHaveLength(1);
    expect((await map.getNamespace({ Id: NamespaceId })).Namespace?.ServiceCount).toBe(1);
  });

  it("is refused by name where Estiba does not have what is asked", async () => {
    const NamespaceId = await fixture.namespace("shop.local", VPC);
    for (const [more, words] of [
      [{ DnsConfig: { DnsRecords: [{ Type: "CNAME", TTL: 1 }] } }, "record type CNAME is not implemented"],
      [{ DnsConfig: { DnsRecords: [{ Type: "AAAA", TTL: 1 }] } }, "record type AAAA is not implemented"],
      [{ HealthCheckConfig: { Type: "TCP" } }, "'HealthCheckConfig' is not implemented"],
    ] as const) {
      const call = map.createService({ Name: "web", NamespaceId, ...(more as object) });
      await expect(call).rejects.toThrow(words);
    }
  });

  it("is refused where it does not go with its namespace", async () => {
    const dns = await fixture.namespace("shop.local", VPC);
    const http = await fixture.namespace("api");
    for (const [NamespaceId, more] of [
      [http, { DnsConfig: { DnsRecords: [A] } }],
      [dns, {}],
      [dns, { DnsConfig: { DnsRecords: [A, A] } }],
      [dns, { DnsConfig: { DnsRecords: [] } }],
      [dns, { DnsConfig: { DnsRecords: [{ Type: "A", TTL: -1 }] } }],
      [dns, { DnsConfig: { DnsRecords: [A] }, Type: "HTTP" }],
      [dns, { DnsConfig: { DnsRecords: [A], NamespaceId: http } }],
    ] as const) {
      const call = map.createService({ Name: "web", NamespaceId, ...(more as object) });
      expect(await refusal(call)).toBe("InvalidInput");
    }
    expect(await refusal(map.createService({ Name: "web", NamespaceId: "ns-nothing" }))).toBe(
      "NamespaceNotFound",
    );
    expect(await refusal(map.createService({ Name: "a b", NamespaceId: http }))).toBe("InvalidInput");
  });

  it("has a name only once, whose case counts only where there is no DNS", async () => {
    const dns = await fixture.namespace("shop.local", VPC);
    const http = await fixture.namespace("api");
    const DnsConfig = { DnsRecords: [A] };
    const first = await service(dns, "web", { DnsConfig, CreatorRequestId: "1" });
    const again = service(dns, "WEB", { DnsConfig });
    await expect(again).rejects.toMatchObject({ name: "ServiceAlreadyExists", ServiceId: first });
    expect(await service(dns, "web", { DnsConfig, CreatorRequestId: "1" })).toBe(first);
    await service(http, "web");
    expect(await service(http, "WEB")).toMatch(/^srv-/);
  });

  it("changes how long its records live, and not their types", async () => {
    const NamespaceId = await fixture.namespace("shop.local", VPC);
    const id = await service(NamespaceId, "web", { DnsConfig: { DnsRecords: [A] } });
    const DnsConfig = { DnsRecords: [{ ...A, TTL: 99 }] };
    await map.updateService({ Id: id, Service: { Description: "new", DnsConfig } });
    expect((await map.getService({ Id: id })).Service).toMatchObject({ Description: "new", DnsConfig });
    const other = map.updateService({ Id: id, Service: { DnsConfig: { DnsRecords: [SRV] } } });
    expect(await refusal(other)).toBe("InvalidInput");
    const inHttp = await service(await fixture.namespace("api"), "web");
    expect(await refusal(map.updateService({ Id: inHttp, Service: { Description: "new" } }))).toBe(
      "InvalidInput",
    );
  });

  it("loses the records that a change leaves out", async () => {
    const NamespaceId = await fixture.namespace("shop.local", VPC);
    const id = await service(NamespaceId, "web", { DnsConfig: { DnsRecords: [A, SRV] } });
    await map.updateService({ Id: id, Service: { DnsConfig: { DnsRecords: [SRV] } } });
    const { Service } = await map.getService({ Id: id });
    expect(Service?.DnsConfig?.DnsRecords).toEqual([SRV]);
    await map.updateService({ Id: id, Service: { Description: "d" } });
    const bare = (await map.getService({ Id: id })).Service;
    expect([bare?.Type, bare?.DnsConfig, bare?.Description]).toEqual(["HTTP", undefined, "d"]);
  });

  it("is deleted only without instances", async () => {
    const id = await service(await fixture.namespace("api"), "web");
    await map.registerInstance({ ServiceId: id, InstanceId: "1", Attributes: {} });
    expect(await refusal(map.deleteService({ Id: id }))).toBe("ResourceInUse");
    await map.deregisterInstance({ ServiceId: id, InstanceId: "1" });
    await map.deleteService({ Id: id });
    expect(await refusal(map.getService({ Id: id }))).toBe("ServiceNotFound");
  });
});

it("tags of namespaces and services are put and taken away", async () => {
  const id = await fixture.namespace("api");
  const ResourceARN = `arn:aws:servicediscovery:${REGION}:${ACCOUNT}:service/${await service(id, "web")}`;
  await map.tagResource({
    ResourceARN,
    Tags: [
      { Key: "a", Value: "1" },
      { Key: "b", Value: "2" },
    ],
  });
  await map.untagResource({ ResourceARN, TagKeys: ["a"] });
  expect((await map.listTagsForResource({ ResourceARN })).Tags).toEqual([{ Key: "b", Value: "2" }]);
  const nothing = `arn:aws:servicediscovery:${REGION}:${ACCOUNT}:namespace/ns-nothing`;
  expect(await refusal(map.listTagsForResource({ ResourceARN: nothing }))).toBe("ResourceNotFoundException");
  const Tags = Array.from({ length: 50 }, (_, i) => ({ Key: `k${i}`, Value: "" }));
  expect(await refusal(map.tagResource({ ResourceARN, Tags }))).toBe("TooManyTagsException");
});

it("operations are listed by filters, and forgotten after a day", async () => {
  const id = await fixture.namespace("api");
  const web = await service(id, "web");
  const { OperationId } = await map.registerInstance({ ServiceId: web, InstanceId: "1", Attributes: {} });
  const Filters = [
    { Name: "SERVICE_ID", Values: [web] },
    { Name: "TYPE", Values: ["REGISTER_INSTANCE", "DEREGISTER_INSTANCE"], Condition: "IN" },
    { Name: "STATUS", Values: ["SUCCESS"] },
  ] as const;
  const expected = [{ Id: OperationId, Status: "SUCCESS" }];
  const asked = Filters.map((filter) => ({ ...filter, Values: [...filter.Values] }));
  expect((await map.listOperations({ Filters: asked })).Operations).toEqual(expected);
  const seconds = fixture.clock.now() / 1000;
  const Values = [`${seconds - 1}`, `${seconds + 1}`];
  const within = await map.listOperations({
    Filters: [{ Name: "UPDATE_DATE", Values, Condition: "BETWEEN" }],
  });
  expect(within.Operations).toHaveLength(2);
  expect(await refusal(map.getOperation({ OperationId: "nothing" }))).toBe("OperationNotFound");
  await fixture.clock.advance(24 * 60 * 60 * 1000);
  expect(await refusal(map.getOperation({ OperationId }))).toBe("OperationNotFound");
  await map.deregisterInstance({ ServiceId: web, InstanceId: "1" });
  expect((await map.listOperations()).Operations).toHaveLength(1);
});
