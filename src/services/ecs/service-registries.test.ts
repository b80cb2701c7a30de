import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { REGION } from "#controllers/world.suite.ts";
import { discoveryKey, type DnsRecord, newDiscoveryService } from "#domain/servicediscovery/records.ts";
import { services } from "#store/tables/servicediscovery.ts";
import { refusal } from "./fixture.suite.ts";
import { createPlacingFixture, type PlacingFixture } from "./placing.suite.ts";
import { serviceCalls, type ServiceCalls } from "./service-calls.suite.ts";

let f: PlacingFixture;
let web: ServiceCalls;
beforeEach(async () => {
  f = await createPlacingFixture();
  web = serviceCalls(f);
  await f.define();
});
afterEach(() => f.close());

/** A Cloud Map service with these records; answers its ARN. */
async function registry(id: string, types: readonly DnsRecord["type"][], region = REGION): Promise<string> {
  const arn = `arn:aws:servicediscovery:${region}:000000000000:service/${id}`;
  const row = newDiscoveryService(
    {
      id,
      arn,
      region,
      account: "000000000000",
      tags: {},
      name: id,
      namespaceId: "ns-1",
      dnsRecords: types.map((type) => ({ type, ttlSeconds: 10 })),
      routingPolicy: "MULTIVALUE",
      customHealth: true,
    },
    0,
  );
  await f.world.store.transact((tx) => tx.put(services, discoveryKey(region, id), row));
  return arn;
}
const bound = { containerName: "app", containerPort: 80 };

describe("a service's registries", () => {
  it("are shown, and in its revision; another is another deployment, and an empty list none", async () => {
    const registryArn = await registry("srv-1", ["SRV"]);
    const service = await web.create({ serviceRegistries: [{ registryArn, ...bound }] });
    expect(service?.serviceRegistries).toEqual([{ registryArn, ...bound }]);
    const same = await web.create({ serviceRegistries: [{ registryArn, ...bound }] });
    expect(same?.deployments).toHaveLength(1);
    expect(await refusal(web.create({}))).toMatch(/not idempotent/);
    const other = await registry("srv-2", ["SRV"]);
    expect((await web.update())?.deployments).toHaveLength(1);
    const moved = await web.update({ serviceRegistries: [{ registryArn: other, ...bound }] });
    expect(moved?.serviceRegistries).toEqual([{ registryArn: other, ...bound }]);
    expect(moved?.deployments).toHaveLength(2);
    const { serviceRevisions } = await f.client.describeServiceRevisions({
      serviceRevisionArns: (moved?.currentServiceRevisions ?? []).flatMap((r) => r.arn ?? []),
    });
    expect(serviceRevisions?.map((r) => r.serviceRegistries?.[0]?.registryArn).sort()).toEqual(
      [registryArn, other].sort(),
    );
    const none = await web.update({ serviceRegistries: [] });
    expect(none?.serviceRegistries).toEqual([]);
    expect(none?.deployments).toHaveLength(3);
  });

  const cases: [string, () => Promise<readonly object[]>, RegExp][] = [
    ["one that is not there", async () => [{ registryArn: "arn:x" }], /registry arn:x does not exist\.$/],
    [
      "one of another region",
      async () => [{ registryArn: await registry("srv-9", ["SRV"], "eu-west-1"), ...bound }],
      /does not exist\.$/,
    ],
    [
      "no container for tasks with their host's address",
      async () => [{ registryArn: await registry("srv-1", ["SRV"]) }],
      /^InvalidParameterException: When specifying 'host' or 'bridge' for networkMode, values for 'containerName' and 'containerPort' must be specified from the task definition\.$/,
    ],
    [
      "A records for tasks with their host's address",
      async () => [{ registryArn: await registry("srv-1", ["A"]), ...bound }],
      /has A records, which require the network mode awsvpc/,
    ],
    [
      "half of a container and its port",
      async () => [{ registryArn: await registry("srv-1", ["SRV"]), containerName: "app" }],
      /Both 'containerName' and 'containerPort'/,
    ],
    [
      "a port beside a container's",
      async () => [{ registryArn: await registry("srv-1", ["SRV"]), ...bound, port: 80 }],
      /not both\.$/,
    ],
    [
      "a port that is not mapped",
      async () => [{ registryArn: await registry("srv-1", ["SRV"]), ...bound, containerPort: 81 }],
      /The container app did not have a container port 81 defined\.$/,
    ],
    ["two", async () => [{ registryArn: "a" }, { registryArn: "b" }], /at most 1 items/],
  ];
  it.each(cases)("refuse %s", async (_what, make, words) => {
    expect(await refusal(web.create({ serviceRegistries: [...(await make())] }))).toMatch(words);
  });
});
