// When credentials end on a whole server: with their instance, with their task, with their time; and what never opens at all.
import { TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { StopTaskCommand } from "@aws-sdk/client-ecs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { systemRandom } from "#lib/random.ts";
import type { SigningCredentials } from "#lib/sigv4-sign.ts";
import { createSealedCredentials } from "#gateway/credentials/sealed.ts";
import type { Principal } from "#gateway/service-definition.ts";
import { serverKeys, stateFolder } from "#server/state-folder.ts";
import { instances } from "#store/tables/ec2.ts";
import { channelRefusal, openChannel } from "#tests/support/agent-channel.ts";
import { eventually } from "#tests/support/estiba.ts";
import { call, type Answer, type Service } from "#tests/support/signed-request.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";
import { CLUSTER, instanceRow, startTwoHosts, taskRow, type Host } from "#tests/support/two-hosts.ts";

let server: SimulatedServer;
let first: Host;
let second: Host;
let ofFirst: SigningCredentials;

beforeAll(async () => {
  server = await startSimulatedServer();
  [first, second] = await startTwoHosts(server);
  ofFirst = await server.credentialsOf(first.instanceId);
}, 30_000);
afterAll(() => server.close());

const whoAmI = (credentials: SigningCredentials) =>
  call("sts", "GetCallerIdentity", {}, { endpoint: server.endpoint, credentials });

/** Each protocol's word for credentials that are over: the one by which SDKs fetch new ones. */
const EXPIRED: readonly (readonly [Service, string, number, string])[] = [
  ["ecs", "DiscoverPollEndpoint", 400, "ExpiredTokenException"],
  ["sts", "GetCallerIdentity", 403, "ExpiredToken"],
  ["elasticloadbalancing", "DescribeLoadBalancers", 403, "ExpiredToken"],
  ["ec2", "DescribeTags", 400, "RequestExpired"],
];
async function expectDead(credentials: SigningCredentials) {
  for (const [service, operation, status, code] of EXPIRED) {
    const answer = await call(service, operation, {}, { endpoint: server.endpoint, credentials });
    expect([service, answer.status, answer.code]).toEqual([service, status, code]);
  }
}

/** What a server with this folder's key would issue. */
function sealed(principal: Principal, expiresAt: number, key?: Buffer): SigningCredentials {
  const { session } = serverKeys(stateFolder(server.dataDirectory));
  return createSealedCredentials({ key: key ?? session, clock: systemClock, random: systemRandom }).issue({
    principal,
    expiresAt,
  });
}
const common = { account: "000000000000", arn: "arn:aws:sts::000000000000:assumed-role/app/x", id: "AROA:x" };
const asInstance = (instanceId: string): Principal => ({
  ...common,
  type: "instance",
  instanceId,
  roleArn: "arn:aws:iam::000000000000:role/app",
});
const asTask = (taskArn: string): Principal => ({
  ...common,
  type: "task",
  taskArn,
  roleArn: "arn:aws:iam::000000000000:role/app",
});
const soon = () => Date.now() + 60_000;

describe("a session token", () => {
  it("whose time is over is expired", async () => {
    await expectDead(sealed(asInstance(first.instanceId), Date.now() - 1));
  });

  it.each<[string, () => SigningCredentials]>([
    ["of an instance that never was", () => sealed(asInstance("i-0123456789abcdef0"), soon())],
    [
      "of a task that never was",
      () => sealed(asTask(`arn:aws:ecs:us-east-1:000000000000:task/web/${"0".repeat(32)}`), soon()),
    ],
    ["of something that is no task", () => sealed(asTask("nothing"), soon())],
  ])("%s is expired", async (_what, credentials) => {
    await expectDead(credentials());
  });

  it.each<[string, () => Promise<SigningCredentials> | SigningCredentials]>([
    ["of another installation", () => sealed(asInstance(first.instanceId), soon(), Buffer.alloc(32, 1))],
    [
      "with one bit changed",
      () => {
        const octets = Buffer.from(ofFirst.sessionToken ?? "", "base64");
        octets[octets.length >> 1] = (octets[octets.length >> 1] ?? 0) ^ 1;
        return { ...ofFirst, sessionToken: octets.toString("base64") };
      },
    ],
    ["cut short", () => ({ ...ofFirst, sessionToken: ofFirst.sessionToken?.slice(0, 40) })],
    [
      "of another session's key",
      async () => ({
        ...ofFirst,
        sessionToken: (await server.credentialsOf(second.instanceId)).sessionToken,
      }),
    ],
    ["left out", () => ({ ...ofFirst, sessionToken: undefined })],
    [
      "that is root's access key's",
      () => ({ ...server.connection.credentials, sessionToken: ofFirst.sessionToken }),
    ],
  ])("%s is not known", async (_what, credentials) => {
    expect(await whoAmI(await credentials())).toMatchObject({ status: 403, code: "InvalidClientTokenId" });
  });

  it("whose secret is another session's does not sign", async () => {
    const { secretAccessKey } = await server.credentialsOf(second.instanceId);
    expect(await whoAmI({ ...ofFirst, secretAccessKey })).toMatchObject({
      status: 403,
      code: "SignatureDoesNotMatch",
    });
  });
});

describe("a task's credentials", () => {
  it("live until the task is STOPPED, and no longer", async () => {
    const channel = await openChannel("acs", second.containerInstanceArn, {
      endpoint: server.endpoint,
      credentials: await server.credentialsOf(second.instanceId),
    });
    const { roleCredentials } = await eventually(
      "the task's credentials",
      () => channel.heard.flatMap((m) => (m.type === "IAMRoleCredentialsMessage" ? [m.message] : [])).at(0),
      5,
    );
    expect(await whoAmI(roleCredentials)).toMatchObject({ status: 200 });

    // This connection is the agent's now, so nothing stops before the test says so.
    await server.clients.ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: second.taskArn }));
    await eventually(
      "the order to stop",
      () =>
        channel.heard.some(
          (m) => m.type === "PayloadMessage" && m.message.tasks.some((t) => t.desiredStatus === "STOPPED"),
        ) || undefined,
      5,
    );
    expect(taskRow(server, second.taskArn)?.lastStatus).toBe("STOPPING");
    expect(await whoAmI(roleCredentials)).toMatchObject({ status: 200 });

    channel.close();
    await eventually(
      "the task is STOPPED",
      () => taskRow(server, second.taskArn)?.lastStatus === "STOPPED" || undefined,
      20,
    );
    await expectDead(roleCredentials);
  });
});

describe("an instance that is terminated", () => {
  it("takes its credentials, its channels and its place at the metadata service with it", async () => {
    const metadata = await server.metadataOf(first.instanceId);
    const { document, signature } = await server.identityOf(first.instanceId);
    expect(await whoAmI(ofFirst)).toMatchObject({ status: 200 });
    // Held by somebody who is not the host's agent, and so does not end with the host.
    const signer = { endpoint: server.endpoint, credentials: ofFirst };
    const held = await openChannel("tcs", first.containerInstanceArn, signer);

    await server.clients.ec2.send(new TerminateInstancesCommand({ InstanceIds: [first.instanceId] }));
    await eventually(
      "terminated",
      () => server.store.find(instances, "id", first.instanceId)[0]?.[1].state === "terminated" || undefined,
      20,
    );
    await expectDead(ofFirst);
    for (const channel of ["acs", "tcs"] as const)
      expect(await channelRefusal(channel, first.containerInstanceArn, signer)).toMatchObject({
        status: 400,
        type: "AccessDeniedException",
      });
    const token = await fetch(`${metadata}/latest/api/token`, {
      method: "PUT",
      headers: { "x-aws-ec2-metadata-token-ttl-seconds": "60" },
    });
    expect(token.status).toBe(404);
    await eventually("the held channel is closed", () => (held.closed() === undefined ? undefined : true), 5);
    expect(instanceRow(server, first.containerInstanceArn)).toMatchObject({
      status: "INACTIVE",
      agentConnected: false,
    });

    const register = (credentials: SigningCredentials): Promise<Answer> =>
      call(
        "ecs",
        "RegisterContainerInstance",
        {
          cluster: CLUSTER,
          containerInstanceArn: first.containerInstanceArn,
          instanceIdentityDocument: document,
          instanceIdentityDocumentSignature: signature,
          totalResources: [
            { name: "CPU", type: "INTEGER", integerValue: 1024 },
            { name: "MEMORY", type: "INTEGER", integerValue: 1024 },
          ],
        },
        { endpoint: server.endpoint, credentials },
      );
    // Nor does its document let anybody else bring it back.
    expect(await register(server.connection.credentials)).toMatchObject({ code: "AccessDeniedException" });
    expect(await register(await server.credentialsOf(second.instanceId))).toMatchObject({
      code: "AccessDeniedException",
    });
    expect(instanceRow(server, first.containerInstanceArn)?.status).toBe("INACTIVE");
  });
});
