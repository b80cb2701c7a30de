// Other machines at a whole server with simulated hosts: who gets a token, what a token is good for, and what a machine that joined
// may then do with what it was told.
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CreateClusterCommand, DescribeContainerInstancesCommand } from "@aws-sdk/client-ecs";
import { createJoinToken, removeMachine } from "#cli/commands/join-token.ts";
import { JOIN_PATH, MACHINE_PATH, type ExternalAnswer } from "#domain/join/answer.ts";
import { systemClock } from "#lib/clock.ts";
import { signingKey, type SigningKey } from "#lib/sealed-call.ts";
import { sealedPost } from "#lib/sealed-post.ts";
import { readToken } from "#server/join/token-text.ts";
import { call } from "#tests/support/signed-request.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";

let server: SimulatedServer;

beforeAll(async () => {
  server = await startSimulatedServer();
  await server.clients.ecs.send(new CreateClusterCommand({ clusterName: "edge" }));
});
afterAll(() => server.close());

const newKey = () => signingKey(randomBytes(32));
const tokenFor = (options: Parameters<typeof createJoinToken>[1]) =>
  createJoinToken(server.connection, options).then(({ token }) => token);

const joinWith = (token: string, machine: SigningKey, change: Readonly<Record<string, unknown>> = {}) => {
  const { key, serverPublicKey } = readToken(token);
  return sealedPost({
    endpoint: server.endpoint,
    path: JOIN_PATH,
    key,
    server: serverPublicKey,
    payload: { publicKey: machine.publicKey, hostname: "edge-1", vcpus: 2, memoryMiB: 2048, ...change },
    clock: systemClock,
  }) as Promise<ExternalAnswer>;
};
const ask = (token: string, machine: SigningKey, payload: Readonly<Record<string, unknown>> = {}) =>
  sealedPost({
    endpoint: server.endpoint,
    path: MACHINE_PATH,
    key: machine,
    server: readToken(token).serverPublicKey,
    payload,
    clock: systemClock,
  });

const register = (answer: ExternalAnswer, attributes: readonly { name: string; value?: string }[]) => {
  const resource = (name: string, integerValue: number) => ({ name, type: "INTEGER", integerValue });
  return call(
    "ecs",
    "RegisterContainerInstance",
    { cluster: "edge", totalResources: [resource("CPU", 2048), resource("MEMORY", 2048)], attributes },
    { endpoint: server.endpoint, credentials: answer.credentials },
  );
};

describe("a join token", () => {
  it("lets one machine in, which is known by its own key from then on", async () => {
    const token = await tokenFor({ external: true, cluster: "edge" });
    const machine = newKey();
    const answer = await joinWith(token, machine);
    expect(answer).toMatchObject({ state: "joined", kind: "external", cluster: "edge", region: "us-east-1" });
    expect(answer.id).toMatch(/^mi-[0-9a-f]{17}$/);
    await expect(joinWith(token, newKey())).rejects.toThrow("The token is not valid");
    // The answer of the first try might have been lost.
    expect((await joinWith(token, machine)).id).toBe(answer.id);
    expect(await ask(token, machine)).toMatchObject({ id: answer.id });
  });

  it("is not for anybody to whom it was not given", async () => {
    const token = await tokenFor({ external: true });
    const { serverPublicKey } = readToken(token);
    const payload = { publicKey: newKey().publicKey, hostname: "x", vcpus: 1, memoryMiB: 1024 };
    const forged = sealedPost({
      endpoint: server.endpoint,
      path: JOIN_PATH,
      key: newKey(),
      server: serverPublicKey,
      payload,
      clock: systemClock,
    });
    await expect(forged).rejects.toThrow("The token is not valid");
    expect(await ask(token, newKey())).toEqual({
      state: "gone",
      reason: "The server knows this machine no longer.",
    });
  });

  it("is over after its time", async () => {
    const token = await tokenFor({ external: true, seconds: 1 });
    await expect
      // A call that is refused for another reason while the token still counts.
      .poll(() => joinWith(token, newKey(), { hostname: "" }).catch((e: Error) => e.message), {
        timeout: 5000,
      })
      .toContain("The token is not valid");
  });

  it("is stored nowhere", async () => {
    const token = await tokenFor({ external: true });
    const secret = Buffer.from(token.slice(8), "base64url").subarray(0, 32);
    const files = readdirSync(server.dataDirectory, { recursive: true, withFileTypes: true }).filter((f) =>
      f.isFile(),
    );
    const contents = files.map((f) => readFileSync(join(f.parentPath, f.name)).toString("latin1"));
    expect(contents.length).toBeGreaterThan(1);
    for (const form of [secret.toString("latin1"), secret.toString("hex"), secret.toString("base64url")])
      expect(contents.some((text) => text.includes(form))).toBe(false);
    expect(JSON.stringify(server.log)).not.toContain(token);
  });

  it("is made for root alone, and refuses what cannot be", async () => {
    const answer = await joinWith(await tokenFor({ external: true }), newKey());
    await expect(
      createJoinToken({ ...server.connection, credentials: answer.credentials }, { external: true }),
    ).rejects.toThrow("Only the root principal may let machines join.");
    await expect(tokenFor({})).rejects.toThrow("A server with simulated hosts has no network");
    await expect(tokenFor({ external: true, type: "t3.small" })).rejects.toThrow("has no type");
    await expect(tokenFor({ external: true, seconds: 1e9 })).rejects.toThrow("A token lives for");
    await expect(tokenFor({ external: true, role: "nobody" })).rejects.toThrow("There is no role nobody.");
    await expect(tokenFor({ external: true, role: "ecsInstanceRole" })).rejects.toThrow(
      "does not trust ssm.amazonaws.com",
    );
  });
});

describe("an external machine", () => {
  it("registers as a container instance of ECS Anywhere and as nothing else", async () => {
    const answer = await joinWith(await tokenFor({ external: true }), newKey());
    const refused = await register(answer, []);
    expect(refused.status).toBe(400);
    expect(refused.text).toContain("must have the attribute ecs.capability.external");
    const { status, text } = await register(answer, [{ name: "ecs.capability.external" }]);
    expect(status).toBe(200);
    const { containerInstance } = JSON.parse(text) as {
      containerInstance: { containerInstanceArn: string };
    };
    const { containerInstances } = await server.clients.ecs.send(
      new DescribeContainerInstancesCommand({
        cluster: "edge",
        containerInstances: [containerInstance.containerInstanceArn],
      }),
    );
    expect(containerInstances?.[0]?.ec2InstanceId).toBe(answer.id);
  });

  it("has no rights any more once it left or was removed", async () => {
    const [tokenA, tokenB] = [await tokenFor({ external: true }), await tokenFor({ external: true })];
    const [left, removed] = [newKey(), newKey()];
    const [a, b] = [await joinWith(tokenA, left), await joinWith(tokenB, removed)];
    expect(await ask(tokenA, left, { leaves: true })).toMatchObject({ state: "gone" });
    await removeMachine(server.connection, b.id, () => undefined);
    for (const [token, key, { credentials }] of [
      [tokenA, left, a],
      [tokenB, removed, b],
    ] as const) {
      expect(await ask(token, key)).toMatchObject({ state: "gone" });
      const answer = await call(
        "ecs",
        "DiscoverPollEndpoint",
        {},
        { endpoint: server.endpoint, credentials },
      );
      expect(answer.status).toBe(400);
      expect(answer.text).toContain("ExpiredToken");
    }
    await expect(removeMachine(server.connection, b.id, () => undefined)).rejects.toThrow(
      "no external machine",
    );
  });

  it("may not register as another one, whose ARN it knows", async () => {
    const external = [{ name: "ecs.capability.external" }];
    const first = await joinWith(await tokenFor({ external: true }), newKey());
    const other = await joinWith(await tokenFor({ external: true }), newKey());
    const { text } = await register(first, external);
    const { containerInstance } = JSON.parse(text) as { containerInstance: { containerInstanceArn: string } };
    const stolen = await call(
      "ecs",
      "RegisterContainerInstance",
      {
        cluster: "edge",
        containerInstanceArn: containerInstance.containerInstanceArn,
        totalResources: [
          { name: "CPU", type: "INTEGER", integerValue: 1 },
          { name: "MEMORY", type: "INTEGER", integerValue: 1 },
        ],
        attributes: external,
      },
      { endpoint: server.endpoint, credentials: other.credentials },
    );
    expect(stolen.status).toBe(400);
    expect(stolen.text).toContain("is not authorized");
  });
});
