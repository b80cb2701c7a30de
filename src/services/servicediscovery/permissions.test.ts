// What policies can name of Cloud Map's calls: the namespace, the service, and their tags.
import { afterEach, beforeEach, expect, it } from "vitest";
import { ACCOUNT, createFixture, REGION, type Fixture } from "./fixture.suite.ts";
import { serviceDiscoveryPermissions } from "./permissions.ts";

let fixture: Fixture;
beforeEach(async () => {
  fixture = await createFixture();
});
afterEach(() => fixture.close());

const scope = { region: REGION, account: ACCOUNT };
const arn = (resource: string) => `arn:aws:servicediscovery:${REGION}:${ACCOUNT}:${resource}`;

it("a call is judged on what it means, by whatever name", async () => {
  const NamespaceId = await fixture.namespace("api");
  const { Service } = await fixture.client.createService({
    Name: "web",
    NamespaceId,
    Tags: [{ Key: "team", Value: "blue" }],
  });
  const { Id = "", Arn = "" } = Service ?? {};
  const asked = serviceDiscoveryPermissions(fixture.store);
  const tags = { "aws:ResourceTag/team": "blue" };

  expect(asked.GetService({ Id }, scope)).toEqual([{ resource: Arn, context: tags }]);
  expect(asked.GetService({ Id: Arn }, scope)).toEqual([{ resource: Arn, context: tags }]);
  expect(asked.RegisterInstance({ ServiceId: Id }, scope)).toEqual([
    {
      resource: Arn,
      context: {
        ...tags,
        "servicediscovery:ServiceArn": Arn,
        "servicediscovery:ServiceCreatedByAccount": ACCOUNT,
      },
    },
  ]);
  expect(
    asked
      .DiscoverInstances({ NamespaceName: "api", ServiceName: "web" }, scope)
      .map(({ resource }) => resource),
  ).toEqual([arn(`namespace/${NamespaceId}`), Arn]);
  expect(
    asked
      .DiscoverInstances({ NamespaceName: "x", ServiceName: "web" }, scope)
      .map(({ resource }) => resource),
  ).toEqual([arn("namespace/*"), arn("service/*")]);
  const { OperationId } = await fixture.client.registerInstance({
    ServiceId: Id,
    InstanceId: "1",
    Attributes: {},
  });
  expect(asked.GetOperation({ OperationId }, scope).map(({ resource }) => resource)).toEqual([
    arn(`namespace/${NamespaceId}`),
    Arn,
  ]);
  expect(asked.ListTagsForResource({ ResourceARN: Arn }, scope)).toEqual([{ resource: "*", context: tags }]);
});

it("who makes a service needs to be let into its namespace", () => {
  const asked = serviceDiscoveryPermissions(fixture.store);
  const made = asked.CreateService(
    { Name: "web", NamespaceId: "ns-1", Tags: [{ Key: "a", Value: "b" }] },
    scope,
  );
  expect(made.map(({ resource }) => resource)).toEqual([arn("namespace/ns-1"), arn("service/*")]);
  expect(made[1]?.context).toEqual({
    "aws:RequestTag/a": "b",
    "aws:TagKeys": ["a"],
    "servicediscovery:NamespaceArn": arn("namespace/ns-1"),
  });
});
