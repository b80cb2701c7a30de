import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RegisterContainerInstanceRequest, Resource } from "@aws-sdk/client-ecs";
import { keyOfEcsArn } from "#domain/ecs/arns.ts";
import { ec2Key, type InstanceRow } from "#domain/ec2/instance.ts";
import { instances } from "#store/tables/ec2.ts";
import { deactivateCluster } from "#domain/ecs/cluster.ts";
import { clusters, containerInstances, tasks } from "#store/tables/ecs.ts";
import { createFixture, identityDocument, refusal, sending, type Fixture } from "./fixture.suite.ts";

const A = "i-0aaaaaaaaaaaaaaaa";
const B = "i-0bbbbbbbbbbbbbbbb";
let f: Fixture;
let host: InstanceRow;
let other: InstanceRow;

beforeEach(async () => {
  f = await createFixture();
  await f.client.createCluster({ clusterName: "web" });
  host = await f.host(A);
  other = await f.host(B, { instanceType: "t3.medium" });
});
afterEach(() => f.close());

/** What the stock agent sends on EC2, the whole machine's size included. */
const agentRequest = (of: InstanceRow, changes: object = {}): RegisterContainerInstanceRequest => {
  const { document, signature } = identityDocument(of);
  const resource = (name: string, rest: object) => ({ name, doubleValue: 0, longValue: 0, ...rest });
  return {
    cluster: "web",
    instanceIdentityDocument: document,
    instanceIdentityDocumentSignature: signature,
    totalResources: [
      resource("CPU", { type: "INTEGER", integerValue: 65_536 }),
      resource("MEMORY", { type: "INTEGER", integerValue: 1900 }),
      resource("PORTS", { type: "STRINGSET", stringSetValue: ["22", "2375", "51678"] }),
      resource("PORTS_UDP", { type: "STRINGSET", stringSetValue: [] }),
    ],
    attributes: [
      { name: "rack", value: "r1" },
      { name: "ecs.capability.container-ordering" },
      { name: "com.amazonaws.ecs.capability.logging-driver.json-file" },
      { name: "ecs.os-type", value: "linux" },
    ],
    ...changes,
  };
};

const register = async (of: InstanceRow = host, changes: object = {}) => {
  const made = await f.as({ instanceId: of.id }).registerContainerInstance(agentRequest(of, changes));
  return made.containerInstance ?? {};
};
const describeOne = async (
  arn: string | undefined,
  include: ("TAGS" | "CONTAINER_INSTANCE_HEALTH")[] = [],
) => {
  const answer = await f.client.describeContainerInstances({
    cluster: "web",
    containerInstances: [arn ?? ""],
    include,
  });
  return answer.containerInstances?.[0];
};
const integer = (name: string, resources: Resource[] | undefined) =>
  resources?.find((r) => r.name === name)?.integerValue;

/** A task's row on the instance; what these tests do not look at is left out. */
const putTask = (id: string, containerInstanceArn: string | undefined, values: object = {}) =>
  f.store.transact((tx) =>
    tx.put(tasks, `us-east-1/web/${id}`, {
      arn: `arn:aws:ecs:us-east-1:123456789012:task/web/${id}`,
      id,
      region: "us-east-1",
      clusterName: "web",
      containerInstanceArn,
      group: "family:web",
      lastStatus: "RUNNING",
      desiredStatus: "RUNNING",
      launchType: "EC2",
      containers: [],
      loadBalancers: [],
      version: 1,
      tags: {},
      resources: { cpu: 256, memoryMiB: 128, tcpPorts: [80], udpPorts: [] },
      ...values,
    } as never),
  );

describe("RegisterContainerInstance", () => {
  it("echoes every attribute as sent and adds what the platform knows of the host", async () => {
    const made = await register();
    expect(made.attributes).toEqual([
      { name: "rack", value: "r1" },
      { name: "ecs.capability.container-ordering" },
      { name: "com.amazonaws.ecs.capability.logging-driver.json-file" },
      { name: "ecs.os-type", value: "linux" },
      { name: "ecs.availability-zone", value: host.availabilityZone },
      { name: "ecs.instance-type", value: "t3.small" },
      { name: "ecs.ami-id", value: host.imageId },
      { name: "ecs.cpu-architecture", value: "x86_64" },
      { name: "ecs.vpc-id", value: host.vpcId },
      { name: "ecs.subnet-id", value: host.subnetId },
    ]);
    expect(made).toMatchObject({ ec2InstanceId: A, status: "ACTIVE", agentConnected: false, version: 1 });
    expect(made.containerInstanceArn).toMatch(
      /^arn:aws:ecs:us-east-1:123456789012:container-instance\/web\/[0-9a-f]{32}$/,
    );
  });

  it("books no more than the instance type has, and no more than the agent counted", async () => {
    const made = await register();
    expect(integer("CPU", made.registeredResources)).toBe(2048);
    expect(integer("MEMORY", made.registeredResources)).toBe(1900);
    expect(made.registeredResources?.find((r) => r.name === "PORTS")?.stringSetValue).toEqual([
      "22",
      "2375",
      "51678",
    ]);
  });

  it("answers the same instance to the same clientToken, which the public model lacks", async () => {
    const body = { ...agentRequest(host), clientToken: "token-1" };
    const send = async () =>
      (await sending(f.as({ instanceId: A }), body).registerContainerInstance({})).containerInstance;
    const first = await send();
    const again = await send();
    expect(again?.containerInstanceArn).toBe(first?.containerInstanceArn);
    expect((await f.client.listContainerInstances({ cluster: "web" })).containerInstanceArns).toHaveLength(1);
  });

  it("takes an agent back under its ARN and keeps the custom attributes that it does not send again", async () => {
    const { containerInstanceArn } = await register();
    const again = await register(host, {
      containerInstanceArn,
      attributes: [{ name: "ecs.os-type", value: "linux" }],
    });
    expect(again.containerInstanceArn).toBe(containerInstanceArn);
    const names = again.attributes?.map((a) => a.name);
    expect(names).toContain("rack");
    expect(names).not.toContain("ecs.capability.container-ordering");
    expect(again.version).toBe(2);
  });

  it("revives an INACTIVE instance, and makes one anew under an ARN that it does not know", async () => {
    const { containerInstanceArn } = await register();
    await f.client.deregisterContainerInstance({ cluster: "web", containerInstance: containerInstanceArn });
    expect((await register(host, { containerInstanceArn })).status).toBe("ACTIVE");
    const unknown = containerInstanceArn?.replace(/[0-9a-f]{32}$/, "0".repeat(32));
    expect((await register(other, { containerInstanceArn: unknown })).containerInstanceArn).toBe(unknown);
  });

  it("keeps an instance DRAINING when its agent comes back", async () => {
    const { containerInstanceArn = "" } = await register();
    await f.client.updateContainerInstancesState({
      cluster: "web",
      containerInstances: [containerInstanceArn],
      status: "DRAINING",
    });
    expect((await register(host, { containerInstanceArn })).status).toBe("DRAINING");
  });

  it("lets root register a host that is no EC2 instance, with the size that its agent counted", async () => {
    const { containerInstance } = await f.client.registerContainerInstance(
      agentRequest(host, { instanceIdentityDocument: "", instanceIdentityDocumentSignature: "" }),
    );
    expect(containerInstance?.ec2InstanceId).toBeUndefined();
    expect(integer("CPU", containerInstance?.registeredResources)).toBe(65_536);
    expect(containerInstance?.attributes?.some((a) => a.name === "ecs.instance-type")).toBe(false);
  });

  it("tells the agent of a cluster that is not there, or not any more", async () => {
    const send = (cluster: string) => refusal(register(host, { cluster }));
    expect(await send("nope")).toBe("ClusterNotFoundException: Cluster not found.");
    await f.store.transact((tx) => {
      const row = tx.get(clusters, "us-east-1/web");
      if (row !== undefined) tx.put(clusters, "us-east-1/web", deactivateCluster(row, 0));
    });
    expect(await send("web")).toBe("ClientException: The referenced cluster was inactive.");
  });

  describe("against an instance that claims to be another", () => {
    const asA = (changes: object) =>
      refusal(f.as({ instanceId: A }).registerContainerInstance(agentRequest(host, changes)));

    it("refuses another's identity document", async () => {
      const { document, signature } = identityDocument(other);
      const words = await asA({
        instanceIdentityDocument: document,
        instanceIdentityDocumentSignature: signature,
      });
      expect(words).toMatch(/^AccessDeniedException: .*ecs:RegisterContainerInstance/);
    });

    it("refuses a document whose signature is not this server's, or that is missing", async () => {
      expect(await asA({ instanceIdentityDocumentSignature: "forged" })).toMatch(/^AccessDeniedException/);
      expect(await asA({ instanceIdentityDocument: "" })).toMatch(/^AccessDeniedException/);
    });

    it("refuses another's container-instance ARN, also one that was deregistered", async () => {
      const { containerInstanceArn } = await register(other);
      expect(await asA({ containerInstanceArn })).toMatch(/^AccessDeniedException/);
      await f.client.deregisterContainerInstance({ cluster: "web", containerInstance: containerInstanceArn });
      expect(await asA({ containerInstanceArn })).toMatch(/^AccessDeniedException/);
      expect((await describeOne(containerInstanceArn))?.ec2InstanceId).toBe(B);
    });

    it("refuses the document of an instance that is terminated", async () => {
      await f.store.transact((tx) =>
        tx.put(instances, ec2Key("us-east-1", A), { ...host, state: "terminated" as const }),
      );
      expect(await asA({})).toMatch(/is not running/);
    });

    it.each([
      ["a zone it is not in", { attributes: [{ name: "ecs.availability-zone", value: "us-east-1z" }] }],
      ["a type it is not of", { attributes: [{ name: "ecs.instance-type", value: "m5.24xlarge" }] }],
    ])("refuses %s", async (_what, changes) => {
      expect(await asA(changes)).toMatch(/^InvalidParameterException: The attribute ecs\./);
    });
  });

  it.each([
    ["a GPU", { platformDevices: [{ id: "0", type: "GPU" }] }, /'platformDevices' is not implemented/],
    ["no CPU", { totalResources: [] }, /The resource CPU must have an integerValue/],
    [
      "a resource that is not booked",
      { totalResources: [{ name: "NEURON_CORES", type: "INTEGER", integerValue: 1 }] },
      /'NEURON_CORES' is not implemented/,
    ],
    [
      "an ARN of another cluster",
      { containerInstanceArn: `arn:aws:ecs:us-east-1:123456789012:container-instance/x/${"0".repeat(32)}` },
      /Identifier is for x\. Your cluster is web/,
    ],
  ])("refuses %s by name", async (_what, changes, words) => {
    expect(await refusal(register(host, changes))).toMatch(words);
  });
});

describe("DescribeContainerInstances", () => {
  it("subtracts what the tasks hold until the agent has stopped them", async () => {
    const { containerInstanceArn } = await register();
    await putTask("1".repeat(32), containerInstanceArn);
    await putTask("2".repeat(32), containerInstanceArn, { lastStatus: "STOPPING", desiredStatus: "STOPPED" });
    await putTask("3".repeat(32), containerInstanceArn, { lastStatus: "STOPPED", desiredStatus: "STOPPED" });
    await putTask("4".repeat(32), containerInstanceArn, { lastStatus: "PENDING" });
    const shown = await describeOne(containerInstanceArn);
    expect(integer("CPU", shown?.remainingResources)).toBe(2048 - 3 * 256);
    expect(integer("MEMORY", shown?.remainingResources)).toBe(1900 - 3 * 128);
    expect(shown?.remainingResources?.find((r) => r.name === "PORTS")?.stringSetValue).toContain("80");
    expect(integer("CPU", shown?.registeredResources)).toBe(2048);
    expect(shown).toMatchObject({ runningTasksCount: 1, pendingTasksCount: 1 });
  });

  it("shows tags and health only when they are asked for", async () => {
    const { containerInstanceArn = "" } = await register(host, { tags: [{ key: "a", value: "1" }] });
    expect(await describeOne(containerInstanceArn)).toMatchObject({ tags: [] });
    expect(await describeOne(containerInstanceArn)).not.toHaveProperty("healthStatus");
    await f.store.transact((tx) => {
      const key = keyOfEcsArn(containerInstanceArn) ?? "";
      const row = tx.get(containerInstances, key);
      if (row !== undefined)
        tx.put(containerInstances, key, { ...row, healthStatus: "OK", healthStatusAt: 1_000 });
    });
    const full = await describeOne(containerInstanceArn, ["TAGS", "CONTAINER_INSTANCE_HEALTH"]);
    expect(full?.tags).toEqual([{ key: "a", value: "1" }]);
    expect(full?.healthStatus).toEqual({
      overallStatus: "OK",
      details: [
        {
          type: "CONTAINER_RUNTIME",
          status: "OK",
          lastUpdated: new Date(1_000),
          lastStatusChange: new Date(1_000),
        },
      ],
    });
  });

  it("tells unknown instances in failures and refuses what is no id", async () => {
    const ask = (containerInstances: string[], cluster = "web") =>
      f.client.describeContainerInstances({ cluster, containerInstances });
    const id = "f".repeat(32);
    expect((await ask([id])).failures).toEqual([
      { arn: `arn:aws:ecs:us-east-1:123456789012:container-instance/web/${id}`, reason: "MISSING" },
    ]);
    expect(await refusal(ask(["short"]))).toBe(
      "InvalidParameterException: containerInstanceId length should be one of [32,36]",
    );
    expect(await refusal(ask([]))).toBe("InvalidParameterException: Container instances cannot be empty.");
    expect(await refusal(ask([id], "nope"))).toBe("ClusterNotFoundException: Cluster not found.");
  });
});

describe("ListContainerInstances", () => {
  it("leaves out INACTIVE ones and filters by status and by the cluster query language", async () => {
    const a = (await register()).containerInstanceArn ?? "";
    const b = (await register(other)).containerInstanceArn ?? "";
    const list = async (input: object) =>
      (await f.client.listContainerInstances({ cluster: "web", ...input })).containerInstanceArns ?? [];
    expect((await list({})).sort()).toEqual([a, b].sort());
    expect(await list({ filter: "attribute:ecs.instance-type == t3.medium" })).toEqual([b]);
    await putTask("1".repeat(32), a, { group: "service:shop" });
    expect(await list({ filter: "task:group == service:shop" })).toEqual([a]);
    await f.client.updateContainerInstancesState({
      cluster: "web",
      containerInstances: [b],
      status: "DRAINING",
    });
    expect(await list({ status: "DRAINING" })).toEqual([b]);
    await f.client.deregisterContainerInstance({ cluster: "web", containerInstance: b });
    expect(await list({})).toEqual([a]);
    expect(await refusal(list({ filter: "zone is here" }))).toMatch(
      /^InvalidParameterException: Invalid filter/,
    );
  });
});

describe("UpdateContainerInstancesState", () => {
  it("drains and takes back, tells unknown and INACTIVE ones in failures", async () => {
    const a = (await register()).containerInstanceArn ?? "";
    const b = (await register(other)).containerInstanceArn ?? "";
    await f.client.deregisterContainerInstance({ cluster: "web", containerInstance: b });
    const set = (status: "DRAINING" | "ACTIVE", who: string[]) =>
      f.client.updateContainerInstancesState({ cluster: "web", containerInstances: who, status });
    const { containerInstances: updated, failures } = await set("DRAINING", [a, b, "f".repeat(32)]);
    expect(updated?.map((i) => i.status)).toEqual(["DRAINING"]);
    expect(failures?.map((x) => x.reason)).toEqual(["INACTIVE", "MISSING"]);
    expect((await set("ACTIVE", [a])).containerInstances?.[0]?.status).toBe("ACTIVE");
  });

  it("lets an instance drain itself and no other", async () => {
    const a = (await register()).containerInstanceArn ?? "";
    const drain = (instanceId: string) =>
      refusal(
        f.as({ instanceId }).updateContainerInstancesState({
          cluster: "web",
          containerInstances: [a],
          status: "DRAINING",
        }),
      );
    expect(await drain(B)).toMatch(/^AccessDeniedException/);
    expect(await drain(A)).toMatchObject({ failures: [] });
  });
});

describe("DeregisterContainerInstance", () => {
  it("refuses while tasks run, and with force orphans every one of them", async () => {
    const { containerInstanceArn } = await register();
    for (let i = 0; i < 120; i += 1) await putTask(String(i).padStart(32, "0"), containerInstanceArn);
    const remove = (force: boolean) =>
      f.client.deregisterContainerInstance({
        cluster: "web",
        containerInstance: containerInstanceArn,
        force,
      });
    expect(await refusal(remove(false))).toBe(
      "InvalidParameterException: Found running tasks on the instance.",
    );
    expect((await remove(true)).containerInstance).toMatchObject({
      status: "INACTIVE",
      agentConnected: false,
    });
    const rows = Array.from(f.store.scan(tasks), ([, row]) => row);
    expect(rows).toHaveLength(120);
    expect(rows.every((t) => t.lastStatus === "STOPPED" && t.stopCode === "UserInitiated")).toBe(true);
    expect((await describeOne(containerInstanceArn))?.status).toBe("INACTIVE");
  });

  it("does not know an instance that never was", async () => {
    const containerInstance = "f".repeat(32);
    expect(await refusal(f.client.deregisterContainerInstance({ cluster: "web", containerInstance }))).toBe(
      `InvalidParameterException: Referenced container instance ${containerInstance} not found.`,
    );
  });
});

describe("UpdateContainerAgent", () => {
  it("never has an update, and says which version it does not know", async () => {
    const { containerInstanceArn } = await register();
    const update = () =>
      refusal(f.client.updateContainerAgent({ cluster: "web", containerInstance: containerInstanceArn }));
    expect(await update()).toMatch(/^MissingVersionException/);
    await register(host, { containerInstanceArn, versionInfo: { agentVersion: "1.105.1" } });
    expect(await update()).toMatch(/^NoUpdateAvailableException/);
  });
});
