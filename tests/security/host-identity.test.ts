// What a host's and a task's credentials can do on a whole server: their own agent's work, for themselves, and nothing else.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { IAM } from "@aws-sdk/client-iam";
import { channelRefusal, openChannel } from "#tests/support/agent-channel.ts";
import { eventually } from "#tests/support/estiba.ts";
import {
  builtOperations,
  encoded,
  leastInput,
  type BuiltOperation,
} from "#tests/support/operation-inputs.ts";
import { call, send, sign, type Answer, type Service, type Signer } from "#tests/support/signed-request.ts";
import { startSimulatedServer, type LogLine, type SimulatedServer } from "#tests/support/simulated-server.ts";
import { instanceRow, startTwoHosts, taskRow, type Host } from "#tests/support/two-hosts.ts";

let server: SimulatedServer;
/** `own` is taken over by the attacker; `other` is the victim. */
let own: Host;
let other: Host;
let attacker: Signer;

beforeAll(async () => {
  server = await startSimulatedServer({ allowReset: true });
  [own, other] = await startTwoHosts(server);
  attacker = { endpoint: server.endpoint, credentials: await server.credentialsOf(own.instanceId) };
}, 30_000);
afterAll(() => server.close());

const ecs = (operation: string, input: Readonly<Record<string, unknown>>, signer = attacker) =>
  call("ecs", operation, input, signer);
/** What the server warned of while `work` was done. */
async function warnings(work: () => Promise<unknown>): Promise<readonly LogLine[]> {
  const before = server.log.length;
  await work();
  return server.log.slice(before).filter((line) => line.level === "warn");
}
const denied = (answer: Answer) => ({ status: answer.status, code: answer.code });
const DENIED = { status: 400, code: "AccessDeniedException" };

describe("an instance that registers", () => {
  const register = (document: string, signature: string, more = {}) =>
    ecs("RegisterContainerInstance", {
      cluster: "web",
      instanceIdentityDocument: document,
      instanceIdentityDocumentSignature: signature,
      totalResources: [
        { name: "CPU", type: "INTEGER", integerValue: 1024 },
        { name: "MEMORY", type: "INTEGER", integerValue: 1024 },
      ],
      ...more,
    });

  it("as itself is admitted", async () => {
    const { document, signature } = await server.identityOf(own.instanceId);
    const containerInstanceArn = own.containerInstanceArn;
    expect(await register(document, signature, { containerInstanceArn })).toMatchObject({ status: 200 });
  });

  it.each<[string, () => Promise<Answer>]>([
    [
      "with another instance's document",
      async () => {
        const { document, signature } = await server.identityOf(other.instanceId);
        return register(document, signature);
      },
    ],
    [
      "with another's document in which its own id stands",
      async () => {
        const { document, signature } = await server.identityOf(other.instanceId);
        return register(document.replace(other.instanceId, own.instanceId), signature);
      },
    ],
    [
      "with its own document of another size",
      async () => {
        const { document, signature } = await server.identityOf(own.instanceId);
        return register(document.replace("t3.small", "m5.24xlarge"), signature);
      },
    ],
    [
      "with its own document and another's signature",
      async () => {
        const { document } = await server.identityOf(own.instanceId);
        const { signature } = await server.identityOf(other.instanceId);
        return register(document, signature);
      },
    ],
    [
      "with its own document, a space added",
      async () => {
        const { document, signature } = await server.identityOf(own.instanceId);
        return register(`${document} `, signature);
      },
    ],
    ["without a document", async () => register("", "")],
    ["without a signature", async () => register((await server.identityOf(own.instanceId)).document, "")],
    [
      "with a metadata token for a document",
      async () => register("metadata token", (await server.identityOf(own.instanceId)).signature),
    ],
    [
      "under another's container instance",
      async () => {
        const { document, signature } = await server.identityOf(own.instanceId);
        return register(document, signature, { containerInstanceArn: other.containerInstanceArn });
      },
    ],
  ])("%s is denied, and nothing changes", async (_what, attempt) => {
    const before = [
      instanceRow(server, own.containerInstanceArn),
      instanceRow(server, other.containerInstanceArn),
    ];
    expect(denied(await attempt())).toEqual(DENIED);
    expect([
      instanceRow(server, own.containerInstanceArn),
      instanceRow(server, other.containerInstanceArn),
    ]).toEqual(before);
  });
});

describe("a channel", () => {
  it.each(["acs", "tcs"] as const)("(%s) opens for the instance's own agent", async (channel) => {
    expect(await channelRefusal(channel, own.containerInstanceArn, attacker)).toBeUndefined();
  });

  it.each(["acs", "tcs"] as const)("(%s) of another instance is refused and told about", async (channel) => {
    let refusal: unknown;
    const warned = await warnings(async () => {
      refusal = await channelRefusal(channel, other.containerInstanceArn, attacker);
    });
    expect(refusal).toMatchObject({ status: 403, type: "AccessDeniedException" });
    expect(warned.map((line) => line.fields["containerInstanceArn"])).toEqual([other.containerInstanceArn]);
    expect(instanceRow(server, other.containerInstanceArn)?.agentConnected).toBe(true);
  });

  const arn = (change: (arn: string) => string) => () => change(own.containerInstanceArn);
  it.each<[string, () => string]>([
    ["no container instance", arn((a) => a.replace(/.{32}$/, "0".repeat(32)))],
    ["its own under another account", arn((a) => a.replace(":000000000000:", ":111111111111:"))],
    ["its own in another region", arn((a) => a.replace(":us-east-1:", ":eu-west-1:"))],
    ["its own as if it were a task", arn((a) => a.replace("container-instance/", "task/"))],
    ["a prototype's name", () => "__proto__"],
  ])("that names %s is refused", async (_what, named) => {
    expect(await channelRefusal("acs", named(), attacker)).toMatchObject({
      status: 400,
      type: "InvalidInstanceException",
    });
  });

  it.each<[string, () => Partial<Signer>]>([
    [
      "signed with another secret",
      () => ({ credentials: { ...attacker.credentials, secretAccessKey: "x" } }),
    ],
    ["signed six minutes ago", () => ({ time: Date.now() - 6 * 60_000 })],
    ["signed for another service", () => ({ scopeService: "sts" })],
    [
      "without the session token",
      () => ({ credentials: { ...attacker.credentials, sessionToken: undefined } }),
    ],
  ])("%s is refused", async (_what, change) => {
    expect(await channelRefusal("acs", own.containerInstanceArn, { ...attacker, ...change() })).toMatchObject(
      { status: 400, type: "AccessDeniedException" },
    );
  });

  it("signed for another region than its container instance's is refused", async () => {
    const elsewhere = { ...attacker, region: "eu-west-1" };
    expect(await channelRefusal("acs", own.containerInstanceArn, elsewhere)).toMatchObject({
      status: 400,
      type: "InvalidInstanceException",
    });
  });
});

describe("a report about a task on another instance", () => {
  it.each<[string, () => Promise<Answer>]>([
    [
      "of the task",
      () => ecs("SubmitTaskStateChange", { cluster: "web", task: other.taskArn, status: "STOPPED" }),
    ],
    [
      "of the task by its id",
      () =>
        ecs("SubmitTaskStateChange", {
          cluster: "web",
          task: other.taskArn.split("/").at(-1),
          status: "STOPPED",
        }),
    ],
    [
      "of a container",
      () =>
        ecs("SubmitContainerStateChange", {
          cluster: "web",
          task: other.taskArn,
          containerName: "app",
          status: "STOPPED",
          exitCode: 137,
        }),
    ],
  ])("(%s) is acknowledged, ignored and told about", async (_what, report) => {
    const before = taskRow(server, other.taskArn);
    let answer: Answer | undefined;
    const warned = await warnings(async () => {
      answer = await report();
    });
    expect(answer).toMatchObject({ status: 200, text: '{"acknowledgment":"ACK"}' });
    expect(taskRow(server, other.taskArn)).toEqual(before);
    expect(warned.map((line) => line.fields)).toMatchObject([
      { taskArn: other.taskArn, reporterInstanceId: own.instanceId },
    ]);
  });

  it("(its health, over telemetry) is ignored", async () => {
    const before = taskRow(server, other.taskArn);
    expect(before?.containers).toMatchObject([{ hasHealthCheck: true }]);
    const channel = await openChannel("tcs", own.containerInstanceArn, attacker);
    const telemetry = {
      metadata: { cluster: "web", containerInstance: own.containerInstanceArn },
      timestamp: 1,
    };
    channel.send("PublishHealthRequest", {
      ...telemetry,
      tasks: [{ taskArn: other.taskArn, containers: [{ containerName: "app", healthStatus: "UNHEALTHY" }] }],
    });
    // What comes after it is heard.
    channel.send("PublishInstanceStatusRequest", {
      ...telemetry,
      statuses: [{ type: "ContainerRuntime", status: "IMPAIRED" }],
    });
    await eventually(
      "its own instance is impaired",
      () => instanceRow(server, own.containerInstanceArn)?.healthStatus === "IMPAIRED" || undefined,
      5,
    );
    expect(taskRow(server, other.taskArn)?.healthStatus).toBe(before?.healthStatus);
    channel.close();
  });
});

describe("an agent's call about another instance", () => {
  it.each<[string, () => Readonly<Record<string, unknown>>]>([
    ["DeregisterContainerInstance", () => ({ containerInstance: other.containerInstanceArn, force: true })],
    [
      "UpdateContainerInstancesState",
      () => ({ containerInstances: [other.containerInstanceArn], status: "DRAINING" }),
    ],
    ["DiscoverPollEndpoint", () => ({ containerInstance: other.containerInstanceArn })],
    ["ListTagsForResource", () => ({ resourceArn: other.containerInstanceArn })],
    ["ListTagsForResource", () => ({ resourceArn: other.taskArn })],
    ["ListTagsForResource", () => ({ resourceArn: "arn:aws:ecs:us-east-1:000000000000:service/web/spread" })],
  ])("%s is denied", async (operation, input) => {
    const before = instanceRow(server, other.containerInstanceArn);
    const answer = await ecs(operation, {
      ...(operation === "ListTagsForResource" ? {} : { cluster: "web" }),
      ...input(),
    });
    expect(denied(answer)).toEqual(DENIED);
    expect(answer.message).toContain(
      `/${own.instanceId} is not authorized to perform: ecs:${operation} on resource: ${(input()["resourceArn"] as string) ?? other.containerInstanceArn}`,
    );
    expect(instanceRow(server, other.containerInstanceArn)).toEqual(before);
  });

  it("drains none of several when one is another's", async () => {
    const containerInstances = [own.containerInstanceArn, other.containerInstanceArn];
    expect(
      denied(
        await ecs("UpdateContainerInstancesState", {
          cluster: "web",
          containerInstances,
          status: "DRAINING",
        }),
      ),
    ).toEqual(DENIED);
    expect(instanceRow(server, own.containerInstanceArn)?.status).toBe("ACTIVE");
  });

  // AmazonEC2ContainerServiceforEC2Role allows ecs:CreateCluster on everything: it is for the role's policies to say otherwise.
  it("makes clusters as far as its role's policies let it", async () => {
    expect(await ecs("CreateCluster", {})).toMatchObject({ status: 200 });
    const only = {
      Effect: "Deny",
      Action: "ecs:CreateCluster",
      NotResource: "arn:aws:ecs:*:*:cluster/default",
    };
    const iam = new IAM({ ...server.connection, maxAttempts: 1 });
    const inline = { RoleName: "ecsInstanceRole", PolicyName: "default-only" };
    await iam.putRolePolicy({
      ...inline,
      PolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: only }),
    });
    const refused = await ecs("CreateCluster", { clusterName: "mine" });
    expect(denied(refused)).toEqual(DENIED);
    expect(refused.message).toContain("cluster/mine with an explicit deny in an identity-based policy");
    expect(await ecs("CreateCluster", {})).toMatchObject({ status: 200 });
    await iam.deleteRolePolicy(inline);
    iam.destroy();
  });
});

/** The protocol's way to say no. */
const refusals: Readonly<Record<BuiltOperation["protocol"], { status: number; code: string }>> = {
  awsJson1_1: { status: 400, code: "AccessDeniedException" },
  query: { status: 403, code: "AccessDenied" },
  ec2: { status: 403, code: "UnauthorizedOperation" },
};

const reset = (signer: Signer) =>
  send(sign("ecs", { method: "POST", headers: {}, body: "" }, { ...signer, path: "/_estiba/reset" }));

/** Of operations whose permission has another name. */
const ACTIONS: Readonly<Record<string, string>> = { ReEncrypt: "kms:ReEncryptFrom" };

/** Of all operations those that are not denied. */
async function allowed(signer: Signer): Promise<readonly string[]> {
  const before = taskRow(server, other.taskArn);
  const out: string[] = [];
  for (const operation of await builtOperations()) {
    const { service, protocol, name } = operation;
    const answer = await call(service, name, encoded(operation, leastInput(operation)), signer);
    // Every identity may ask for a session, but none that is one itself.
    if (answer.message === "Cannot call GetSessionToken with session credentials") continue;
    const refusal = refusals[protocol];
    if (answer.code !== refusal.code || !answer.message?.includes("is not authorized to perform")) {
      out.push(`${service}:${name}`);
      continue;
    }
    expect(answer.status).toBe(refusal.status);
    const action = ACTIONS[name] ?? `${service}:${name}`;
    expect(answer.message).toMatch(
      new RegExp(
        `is not authorized to perform: ${action} on resource: (\\*|arn:aws:\\S+|nothing) because no (identity-based|role trust|resource-based) policy allows the ${action} action(\\. Encoded authorization failure message: [\\w-]+)?$`,
      ),
    );
  }
  expect(taskRow(server, other.taskArn)).toEqual(before);
  return out;
}

it("an instance does not empty the server", async () => {
  expect(await reset(attacker)).toMatchObject({
    status: 403,
    text: '{"message":"Only the root principal may reset."}',
  });
  expect(taskRow(server, other.taskArn)).toBeDefined();
});

describe("of all operations there are", () => {
  it("an instance may call its agent's, and learns of the rest that it is denied", async () => {
    const own: readonly `${Service}:${string}`[] = [
      "ecs:CreateCluster",
      "ecs:DeregisterContainerInstance",
      "ecs:DiscoverPollEndpoint",
      "ecs:RegisterContainerInstance",
      "ecs:SubmitAttachmentStateChanges",
      "ecs:SubmitContainerStateChange",
      "ecs:SubmitTaskStateChange",
      "ecs:UpdateContainerInstancesState",
      "ec2:DescribeTags",
      "logs:CreateLogStream",
      "logs:PutLogEvents",
      "sts:GetCallerIdentity",
    ];
    expect([...(await allowed(attacker))].sort()).toEqual([...own].sort());
  });

  it("an instance may list the tags of its own container instance: its policy names those alone, and tasks", async () => {
    const input = { resourceArn: own.containerInstanceArn };
    expect(await ecs("ListTagsForResource", input)).toMatchObject({ status: 200 });
  });

  it("a task whose role has no policy may ask who it is, which names the task and its role, and nothing else", async () => {
    const channel = await openChannel("acs", own.containerInstanceArn, attacker);
    const credentials = await eventually(
      "the task's credentials",
      () =>
        channel.heard.flatMap((m) => (m.type === "IAMRoleCredentialsMessage" ? [m.message] : [])).at(0)
          ?.roleCredentials,
      5,
    );
    channel.close();
    const task = { endpoint: server.endpoint, credentials };
    expect(await allowed(task)).toEqual(["sts:GetCallerIdentity"]);
    const identity = await call("sts", "GetCallerIdentity", {}, task);
    const id = own.taskArn.split("/").at(-1) ?? "";
    expect(identity.text).toContain(`<Arn>arn:aws:sts::000000000000:assumed-role/app/${id}</Arn>`);
    expect(await channelRefusal("acs", own.containerInstanceArn, task)).toMatchObject({
      status: 400,
      type: "AccessDeniedException",
    });
    expect(await reset(task)).toMatchObject({ status: 403 });
    expect(taskRow(server, other.taskArn)).toBeDefined();
  });
});
