import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFixture, identityDocument, refusal, type Fixture } from "./fixture.suite.ts";

const A = "i-0aaaaaaaaaaaaaaaa";
const B = "i-0bbbbbbbbbbbbbbbb";
const TASK = `arn:aws:ecs:us-east-1:123456789012:task/web/${"1".repeat(32)}`;
let f: Fixture;
let instanceArn: string;

beforeEach(async () => {
  f = await createFixture();
  await f.client.createCluster({ clusterName: "web" });
  const { document, signature } = identityDocument(await f.host(A));
  const made = await f.as({ instanceId: A }).registerContainerInstance({
    cluster: "web",
    instanceIdentityDocument: document,
    instanceIdentityDocumentSignature: signature,
    totalResources: [
      { name: "CPU", integerValue: 1024 },
      { name: "MEMORY", integerValue: 512 },
    ],
  });
  instanceArn = made.containerInstance?.containerInstanceArn ?? "";
});
afterEach(() => f.close());

describe("DiscoverPollEndpoint", () => {
  it("answers http URLs with distinct paths, on the host by which the caller came", async () => {
    const ask = { cluster: "web", containerInstance: instanceArn };
    const answer = await f.as({ instanceId: A }).discoverPollEndpoint(ask);
    expect(answer).toMatchObject({ endpoint: `${f.endpoint}/acs`, telemetryEndpoint: `${f.endpoint}/tcs` });
    expect(answer.endpoint).toMatch(/^http:/);
  });

  it("tells an instance nothing of another's", async () => {
    const call = f
      .as({ instanceId: B })
      .discoverPollEndpoint({ cluster: "web", containerInstance: instanceArn });
    expect(await refusal(call)).toMatch(/^AccessDeniedException: .*act for that instance only$/);
  });
});

describe("SubmitTaskStateChange", () => {
  it("hands the report to the fleet as it came, with the instance that signed it", async () => {
    await f.as({ instanceId: A }).submitTaskStateChange({
      cluster: "web",
      task: TASK,
      status: "RUNNING",
      reason: "",
      pullStartedAt: new Date(1_000),
      pullStoppedAt: new Date(2_000),
      containers: [
        {
          containerName: "app",
          status: "RUNNING",
          runtimeId: "docker-1",
          imageDigest: "sha256:0",
          networkBindings: [{ bindIP: "0.0.0.0", containerPort: 80, hostPort: 32_768, protocol: "tcp" }],
        },
        { containerName: "app", status: "STOPPED", exitCode: 3, reason: "OutOfMemoryError: …" },
      ],
    });
    expect(f.reports).toEqual([
      {
        taskArn: TASK,
        reporterInstanceId: A,
        status: "RUNNING",
        pullStartedAt: 1_000,
        pullStoppedAt: 2_000,
        containers: [
          {
            name: "app",
            status: "RUNNING",
            runtimeId: "docker-1",
            imageDigest: "sha256:0",
            networkBindings: [{ bindIP: "0.0.0.0", containerPort: 80, hostPort: 32_768, protocol: "tcp" }],
          },
          { name: "app", status: "STOPPED", exitCode: 3, reason: "OutOfMemoryError: …" },
        ],
      },
    ]);
  });

  it("acknowledges what it cannot place: another cluster, a network attachment, a managed agent", async () => {
    const agent = f.as({ instanceId: A });
    for (const more of [
      { cluster: "gone", status: "STOPPED" },
      { cluster: "web", attachments: [{ attachmentArn: "arn:a", status: "ATTACHED" }] },
      {
        cluster: "web",
        status: "RUNNING",
        managedAgents: [
          { managedAgentName: "ExecuteCommandAgent" as const, containerName: "app", status: "RUNNING" },
        ],
      },
    ])
      expect((await agent.submitTaskStateChange({ task: TASK, ...more })).acknowledgment).toBe("ACK");
    expect(f.reports.map((r) => r.status)).toEqual(["STOPPED", undefined, "RUNNING"]);
  });

  it("refuses a status that no agent has in the one way that makes an agent drop the report", async () => {
    const call = f.client.submitTaskStateChange({ cluster: "web", task: TASK, status: "DANCING" });
    expect(await refusal(call)).toBe("InvalidParameterException: Invalid status 'DANCING'.");
    expect(f.reports).toEqual([]);
  });

  it("completes a task's short id with the cluster", async () => {
    await f.client.submitTaskStateChange({ cluster: "web", task: "1".repeat(32), status: "STOPPED" });
    expect(f.reports[0]).toEqual({ taskArn: TASK, status: "STOPPED", containers: [] });
  });
});

it("SubmitContainerStateChange reports one container and nothing of the task", async () => {
  await f.as({ instanceId: A }).submitContainerStateChange({
    cluster: "web",
    task: TASK,
    containerName: "app",
    status: "STOPPED",
    exitCode: 0,
  });
  expect(f.reports).toEqual([
    { taskArn: TASK, reporterInstanceId: A, containers: [{ name: "app", status: "STOPPED", exitCode: 0 }] },
  ]);
});

it("SubmitAttachmentStateChanges is acknowledged", async () => {
  const call = f.client.submitAttachmentStateChanges({
    cluster: "web",
    attachments: [{ attachmentArn: "arn:a", status: "ATTACHED" }],
  });
  expect((await call).acknowledgment).toBe("ACK");
});

describe("attributes", () => {
  const put = (name: string, value?: string, targetId = instanceArn) =>
    refusal(f.client.putAttributes({ cluster: "web", attributes: [{ name, value, targetId }] }));

  it("are put, replaced, found by name and value, and deleted", async () => {
    await put("stack", "blue");
    expect(await put("stack", "green")).toMatchObject({
      attributes: [{ name: "stack", value: "green", targetId: instanceArn }],
    });
    const find = async (ask: object) =>
      (await f.client.listAttributes({ cluster: "web", targetType: "container-instance", ...ask }))
        .attributes;
    expect(await find({ attributeName: "stack" })).toEqual([
      { name: "stack", value: "green", targetId: instanceArn },
    ]);
    expect(await find({ attributeName: "stack", attributeValue: "blue" })).toEqual([]);
    const { attributes } = await f.client.deleteAttributes({
      cluster: "web",
      attributes: [
        { name: "stack", targetId: instanceArn },
        { name: "gone", targetId: instanceArn },
      ],
    });
    expect(attributes?.map((a) => a.name)).toEqual(["stack"]);
    expect(await find({ attributeName: "stack" })).toEqual([]);
  });

  it("are refused when reserved, misspelt, on nobody, or too many", async () => {
    expect(await put("ecs.capability.task-eni")).toMatch(/is reserved/);
    expect(await put("a b")).toMatch(/^InvalidParameterException: Invalid attribute name/);
    expect(await put("a", "b", "f".repeat(32))).toMatch(/^TargetNotFoundException/);
    for (let i = 0; i < 10; i += 1) await put(`a${i}`);
    expect(await put("a10")).toMatch(/^AttributeLimitExceededException/);
  });
});

describe("tags", () => {
  it("are kept on every kind of resource, and shown by ListTagsForResource", async () => {
    const cluster = "arn:aws:ecs:us-east-1:123456789012:cluster/web";
    const { taskDefinition } = await f.client.registerTaskDefinition({
      family: "web",
      containerDefinitions: [{ name: "app", image: "nginx", memory: 64 }],
    });
    for (const resourceArn of [cluster, instanceArn, taskDefinition?.taskDefinitionArn ?? ""]) {
      await f.client.tagResource({
        resourceArn,
        tags: [
          { key: "a", value: "1" },
          { key: "b", value: "2" },
        ],
      });
      await f.client.tagResource({ resourceArn, tags: [{ key: "b", value: "3" }] });
      await f.client.untagResource({ resourceArn, tagKeys: ["a", "never"] });
      expect((await f.client.listTagsForResource({ resourceArn })).tags).toEqual([{ key: "b", value: "3" }]);
    }
  });

  it("are refused on what is not there, not here, or no resource", async () => {
    const ask = (resourceArn: string) => refusal(f.client.listTagsForResource({ resourceArn }));
    const arn = (resource: string, region = "us-east-1") => `arn:aws:ecs:${region}:123456789012:${resource}`;
    expect(await ask(arn("cluster/nope"))).toBe("ClusterNotFoundException: Cluster not found.");
    expect(await ask(arn(`task/web/${"f".repeat(32)}`))).toMatch(/^ResourceNotFoundException/);
    expect(await ask(arn("service/web/nope"))).toMatch(/^ResourceNotFoundException/);
    expect(await ask(arn("cluster/web", "eu-west-1"))).toMatch(/^InvalidParameterException/);
    expect(await ask("web")).toMatch(/^InvalidParameterException/);
    await f.client.createCluster({ clusterName: "old" });
    await f.client.deleteCluster({ cluster: "old" });
    expect(await ask(arn("cluster/old"))).toBe(
      "InvalidParameterException: The specified cluster is inactive. Specify an active cluster and try again.",
    );
  });

  it("are limited to 50 on a resource, counted with those that are there", async () => {
    const resourceArn = "arn:aws:ecs:us-east-1:123456789012:cluster/web";
    const tags = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({ key: `k${from + i}`, value: "" }));
    await f.client.tagResource({ resourceArn, tags: tags(0, 49) });
    expect(await refusal(f.client.tagResource({ resourceArn, tags: tags(49, 2) }))).toMatch(
      /at most 50 tags/,
    );
    expect((await f.client.listTagsForResource({ resourceArn })).tags).toHaveLength(49);
  });

  it("are an instance's to see for itself only", async () => {
    const ask = (instanceId: string) =>
      refusal(f.as({ instanceId }).listTagsForResource({ resourceArn: instanceArn }));
    expect(await ask(A)).toMatchObject({ tags: [] });
    expect(await ask(B)).toMatch(/^AccessDeniedException/);
  });
});

describe("account settings", () => {
  it("are what they are: long ARNs on, everything that is not built off", async () => {
    const { settings } = await f.client.listAccountSettings({ effectiveSettings: true });
    expect(Object.fromEntries((settings ?? []).map((s) => [s.name, s.value]))).toEqual({
      awsvpcTrunking: "disabled",
      containerInsights: "disabled",
      containerInstanceLongArnFormat: "enabled",
      serviceLongArnFormat: "enabled",
      taskLongArnFormat: "enabled",
    });
    expect((await f.client.listAccountSettings({})).settings).toEqual([]);
  });

  it("can be set to what they are and to nothing else", async () => {
    const set = (name: string, value: string) =>
      refusal(f.client.putAccountSetting({ name: name as "taskLongArnFormat", value }));
    expect(await set("taskLongArnFormat", "enabled")).toMatchObject({ setting: { value: "enabled" } });
    expect(await set("containerInsights", "enabled")).toBe(
      "InvalidParameterException: The account setting containerInsights 'enabled' is not implemented by Estiba.",
    );
    expect(await set("fargateFIPSMode", "enabled")).toMatch(/'fargateFIPSMode' is not implemented/);
    expect(await set("__proto__", "x")).toBe("InvalidParameterException: Invalid account setting name.");
  });
});
