// The stock agent on EC2 instances: its recorded words with the instance's identity in them, its credentials from the metadata
// service, two of them side by side.
import {
  CreateClusterCommand,
  DescribeContainerInstancesCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  type Attribute,
  type ContainerInstance,
  type Resource,
} from "@aws-sdk/client-ecs";
import {
  DescribeImagesCommand,
  DescribeSubnetsCommand,
  DescribeTagsCommand,
  RunInstancesCommand,
} from "@aws-sdk/client-ec2";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createImdsClient } from "#agent/imds-client.ts";
import { systemClock } from "#lib/clock.ts";
import { eventually } from "#tests/support/estiba.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";
import { createRecordedAgent, type RecordedAgent } from "./recorded-agent.ts";

let server: SimulatedServer;
beforeEach(async () => {
  server = await startSimulatedServer();
  await server.clients.ecs.send(new CreateClusterCommand({ clusterName: "default" }));
});
afterEach(() => server.close());

interface Host {
  readonly instanceId: string;
  readonly agent: RecordedAgent;
  readonly register: (
    change?: (body: Record<string, unknown>) => Record<string, unknown>,
  ) => ReturnType<RecordedAgent["register"]>;
}

/** An instance whose own agent finds no cluster to join, and the recorded one in its place. */
async function host(instanceType: "t3.micro" | "t3.small"): Promise<Host> {
  const userData = "#!/bin/bash\necho ECS_CLUSTER=elsewhere >> /etc/ecs/ecs.config\n";
  const subnet = (await server.clients.ec2.send(new DescribeSubnetsCommand())).Subnets?.[0];
  const { Instances } = await server.clients.ec2.send(
    new RunInstancesCommand({
      ...{ ImageId: await imageId(), InstanceType: instanceType, MinCount: 1, MaxCount: 1 },
      ...{ SubnetId: subnet?.SubnetId, IamInstanceProfile: { Name: "ecsInstanceRole" } },
      UserData: Buffer.from(userData).toString("base64"),
      TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key: "team", Value: "blue" }] }],
    }),
  );
  const instanceId = Instances?.[0]?.InstanceId ?? "";
  const agent = createRecordedAgent(
    server.endpoint,
    await eventually("credentials", () => credentials(instanceId)),
  );
  const identity = await server.identityOf(instanceId);
  return {
    instanceId,
    agent,
    register: (change = (body) => body) =>
      agent.register("register", (body) =>
        change({
          ...body,
          // What only an external agent says.
          attributes: (body["attributes"] as Attribute[]).filter(
            ({ name }) => name !== "ecs.capability.external" && name !== "ecs.cpu-architecture",
          ),
          clientToken: instanceId,
          instanceIdentityDocument: identity.document,
          instanceIdentityDocumentSignature: identity.signature,
        }),
      ),
  };
}
const credentials = (instanceId: string) => server.credentialsOf(instanceId).catch(() => undefined);

async function imageId(): Promise<string> {
  const { Images } = await server.clients.ec2.send(new DescribeImagesCommand({ Owners: ["amazon"] }));
  return Images?.[0]?.ImageId ?? "";
}
const described = async (...hosts: readonly Host[]): Promise<readonly ContainerInstance[]> => {
  const arns = hosts.map((h) => h.agent.instanceArn());
  const found = await server.clients.ecs.send(
    new DescribeContainerInstancesCommand({ containerInstances: arns }),
  );
  return arns.map((arn) => found.containerInstances?.find((i) => i.containerInstanceArn === arn) ?? {});
};
const sizeOf = (resources: readonly Resource[] = []) =>
  ["CPU", "MEMORY"].map((name) => resources.find((r) => r.name === name)?.integerValue);

it("the metadata service answers every path that the stock agent asks, or says that there is no such thing", async () => {
  const { instanceId } = await host("t3.micro");
  const imds = createImdsClient(await server.metadataOf(instanceId), systemClock);
  const text = (path: string) =>
    imds.text(path).then(
      (t) => t,
      (error: Error) => error.message,
    );
  const mac = await text("meta-data/mac");
  expect(await text("meta-data/network/interfaces/macs")).toBe(`${mac}/`);
  const { document } = await imds.identity();
  const identity = JSON.parse(document) as Record<string, unknown>;
  const there: Readonly<Record<string, RegExp>> = {
    [`meta-data/network/interfaces/macs/${mac}/vpc-id`]: /^vpc-[0-9a-f]+$/,
    [`meta-data/network/interfaces/macs/${mac}/subnet-id`]: /^subnet-[0-9a-f]+$/,
    [`meta-data/network/interfaces/macs/${mac}/vpc-ipv4-cidr-block`]: /^[\d.]+\/16$/,
    "meta-data/instance-id": new RegExp(`^${instanceId}$`),
    "meta-data/placement/region": /^us-east-1$/,
    "meta-data/placement/availability-zone-id": /^use1-az\d$/,
    "meta-data/local-ipv4": /^[\d.]+$/,
    "meta-data/iam/security-credentials/": /^ecsInstanceRole$/,
    "dynamic/instance-identity/signature": /^[A-Za-z0-9+/=\n]+$/,
    "user-data": /^#!\/bin\/bash/,
  };
  for (const [path, form] of Object.entries(there)) expect(await text(path), path).toMatch(form);
  const none = [
    "public-ipv4",
    "ipv6",
    "outpost-arn",
    "spot/instance-action",
    "autoscaling/target-lifecycle-state",
  ];
  for (const path of none) expect(await text(`meta-data/${path}`), path).toMatch(/meta-data/);
  for (const member of [
    "imageId",
    "instanceType",
    "availabilityZone",
    "region",
    "architecture",
    "instanceId",
    "accountId",
  ])
    expect(identity[member], member).toMatch(/./);
});

it("two side by side have the size of their instance types, whatever they counted on the machine, and the platform's attributes", async () => {
  const hosts = [await host("t3.micro"), await host("t3.small")];
  for (const h of hosts) expect(await h.register()).toMatchObject({ status: 200 });
  const [micro, small] = await described(...hosts);
  expect(sizeOf(micro?.registeredResources)).toEqual([2048, 1024]);
  expect(sizeOf(small?.registeredResources)).toEqual([2048, 2048]);
  expect(micro).toMatchObject({ ec2InstanceId: hosts[0]?.instanceId, status: "ACTIVE" });
  const attributes = new Map(micro?.attributes?.map((a) => [a.name, a.value]));
  expect(attributes.get("ecs.instance-type")).toBe("t3.micro");
  expect(attributes.get("ecs.cpu-architecture")).toBe("x86_64");
  for (const name of ["ecs.availability-zone", "ecs.ami-id", "ecs.vpc-id", "ecs.subnet-id"])
    expect(attributes.get(name), name).toMatch(/./);
});

it("registers, opens both channels with its role's credentials, runs a task of the launch type EC2, and reads its tags", async () => {
  const { agent, instanceId, register } = await host("t3.small");
  await register();
  const [tcs, acs] = [await agent.open("tcsUpgrade"), await agent.open("acsUpgrade")];
  await acs.next("TaskManifestMessage");
  tcs.send(agent.telemetry("metricsIdle"));
  await tcs.next("AckPublishMetric");
  const { ecs, ec2 } = server.clients;
  await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: "fam",
      containerDefinitions: ["web", "probe"].map((name) => ({ name, image: "local/bb:1", memory: 64 })),
    }),
  );
  const run = await eventually("a task", async () => {
    const { tasks } = await ecs.send(new RunTaskCommand({ taskDefinition: "fam" }));
    return tasks?.[0];
  });
  expect((await acs.next("PayloadMessage")).message["tasks"]).toMatchObject([
    { arn: run.taskArn, launchType: "EC2" },
  ]);
  const mine = { [`arn:aws:ecs:us-east-1:000000000000:task/default/aa${"0".repeat(30)}`]: run.taskArn ?? "" };
  expect(await agent.replay("runningWithPorts", mine)).toMatchObject({
    status: 200,
    body: { acknowledgment: "ACK" },
  });
  expect(await agent.replay("listTags")).toEqual({ status: 200, body: { tags: [] } });
  expect(await agent.call("ListTagsForResource", { resourceArn: run.taskArn })).toMatchObject({
    status: 200,
  });
  const tags = await ec2.send(
    new DescribeTagsCommand({ Filters: [{ Name: "resource-id", Values: [instanceId] }] }),
  );
  expect(tags.Tags).toMatchObject([{ Key: "team", Value: "blue", ResourceType: "instance" }]);
});

it("may not register without its identity, as an external host, or with another's", async () => {
  const [mine, other] = [await host("t3.micro"), await host("t3.micro")];
  const without = { instanceIdentityDocument: "", instanceIdentityDocumentSignature: "" };
  expect(await mine.register((body) => ({ ...body, ...without }))).toMatchObject({
    status: 400,
    body: { __type: "AccessDeniedException" },
  });
  const theirs = await server.identityOf(other.instanceId);
  expect(
    await mine.register((body) => ({
      ...body,
      instanceIdentityDocument: theirs.document,
      instanceIdentityDocumentSignature: theirs.signature,
    })),
  ).toMatchObject({ status: 400, body: { __type: "AccessDeniedException" } });
  const external = { name: "ecs.capability.external" };
  const asExternal = (body: Record<string, unknown>) => ({
    ...body,
    attributes: [...(body["attributes"] as Attribute[]), external],
  });
  expect(await mine.register(asExternal)).toMatchObject({
    status: 400,
    body: { __type: "InvalidParameterException" },
  });
  await mine.register();
  // Under the ARN of another's instance.
  expect(
    await other.register((body) => ({ ...body, containerInstanceArn: mine.agent.instanceArn() })),
  ).toMatchObject({ status: 400, body: { __type: "AccessDeniedException" } });
});
