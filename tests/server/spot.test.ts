// Spot interruptions over the whole server with simulated hosts: who may ask for one, and what an instance's own agent makes of it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DescribeSpotInstanceRequestsCommand } from "@aws-sdk/client-ec2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { IAM } from "@aws-sdk/client-iam";
import { interruptSpot } from "#cli/commands/spot.ts";
import { clientsFor, connect, type Clients } from "#cli/connection.ts";
import * as stack from "#cli/demo/stack.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/logger.ts";
import { systemRandom } from "#lib/random.ts";
import { readConfig } from "#server/config.ts";
import { createIdentities } from "#server/identities.ts";
import { startServer, type RunningServer } from "#server/server.ts";
import { serverKeys, stateFolder } from "#server/state-folder.ts";
import { eventually } from "#tests/support/estiba.ts";
import { runSpotInstance } from "#tests/support/spot.ts";

let dataDirectory: string;
let server: RunningServer;
let clients: Clients;

const start = async (spotNoticeMs: number) => {
  const flags = { dataDirectory, engine: "sim", port: 0, steadyAfterMs: 200, spotNoticeMs };
  server = await startServer(readConfig({ ...flags, logLevel: "silent" }, {}), {}, silentLogger);
  clients = clientsFor(connect(dataDirectory));
};
const stop = async () => {
  clients.close();
  await server.close();
};
beforeEach(() => {
  dataDirectory = mkdtempSync(join(tmpdir(), "estiba-spot-"));
});
afterEach(async () => {
  await stop();
  rmSync(dataDirectory, { recursive: true, force: true });
});

const interrupt = async (id: string) => {
  const said: string[] = [];
  await interruptSpot(connect(dataDirectory), id, (line) => said.push(line));
  return said.join("\n");
};
const stateOf = async (id: string) => (await stack.describeInstances(clients, [id]))[0];
const memberOf = async (id: string) =>
  (await stack.containerInstances(clients)).find((i) => i.ec2InstanceId === id);

async function spotAndOther(): Promise<readonly [spot: string, other: string]> {
  const place = await stack.findPlace(clients);
  await stack.createCluster(clients);
  const spot = await runSpotInstance(clients, place, 2);
  const [other = ""] = await stack.runInstances(clients, place);
  await eventually(
    "three container instances",
    async () => (await stack.containerInstances(clients)).length === 3 || undefined,
  );
  return [spot, other];
}

describe("an interruption", () => {
  it("is announced to the instance's agent, which drains it; the instance goes at the deadline", async () => {
    await start(4000);
    const [spot] = await spotAndOther();
    expect(await interrupt(spot)).toMatch(new RegExp(`^${spot} was told; it goes at \\d{4}-.*Z\\.$`));
    await eventually(
      "the instance drains",
      async () => (await memberOf(spot))?.status === "DRAINING" || undefined,
    );
    expect((await stateOf(spot))?.State?.Name).toBe("running");
    const { SpotInstanceRequests } = await clients.ec2.send(new DescribeSpotInstanceRequestsCommand({}));
    expect(SpotInstanceRequests).toMatchObject([
      { InstanceId: spot, Status: { Code: "marked-for-termination" } },
    ]);
    await eventually(
      "the instance is terminated",
      async () => (await stateOf(spot))?.State?.Name === "terminated" || undefined,
    );
    expect(await stateOf(spot)).toMatchObject({
      InstanceLifecycle: "spot",
      StateReason: { Code: "Server.SpotInstanceTermination" },
    });
    expect(await memberOf(spot)).toBeUndefined();
  }, 60_000);

  it("outlives the control plane: the next one ends the instance at the same deadline", async () => {
    await start(3000);
    const [spot] = await spotAndOther();
    const told = await interrupt(spot);
    await stop();
    await start(3_600_000);
    expect(await interrupt(spot)).toBe(told);
    await eventually(
      "the instance is terminated",
      async () => (await stateOf(spot))?.State?.Name === "terminated" || undefined,
    );
  }, 60_000);

  it("is refused to an instance, whose role does not allow it, also for itself", async () => {
    await start(3_600_000);
    const [spot] = await spotAndOther();
    const connection = connect(dataDirectory);
    const iam = new IAM({ ...connection, maxAttempts: 1 });
    const { Role } = await iam.getRole({ RoleName: "ecsInstanceRole" });
    iam.destroy();
    const { issuer } = createIdentities({
      store: { get: () => ({ id: Role?.RoleId }) } as never,
      clock: systemClock,
      logger: silentLogger,
      random: systemRandom,
      account: connection.account,
      sealingKey: serverKeys(stateFolder(dataDirectory)).session,
      root: connection.credentials,
    });
    const roleArn = `arn:aws:iam::${connection.account}:role/ecsInstanceRole`;
    const credentials = issuer.forInstance({ roleArn, instanceId: spot });
    await expect(interruptSpot({ ...connection, credentials }, spot, () => {})).rejects.toThrow(
      `is not authorized to perform: ec2:SendSpotInstanceInterruptions on resource: arn:aws:ec2:${connection.region}:${connection.account}:instance/${spot}`,
    );
  }, 60_000);

  it("is refused for what is no Spot Instance, and without a valid signature", async () => {
    await start(3_600_000);
    const [spot, other] = await spotAndOther();
    await expect(interrupt(other)).rejects.toThrow(`The instance '${other}' is not a Spot Instance.`);
    await expect(interrupt("i-00000000000000000")).rejects.toThrow("does not exist");
    const connection = connect(dataDirectory);
    const forged = { ...connection.credentials, secretAccessKey: "x".repeat(40) };
    await expect(interruptSpot({ ...connection, credentials: forged }, spot, () => {})).rejects.toThrow(
      /signature/,
    );
    const unsigned = await fetch(`${connection.endpoint}/_estiba/spot/${spot}/interrupt`, { method: "POST" });
    expect(unsigned.status).toBe(400);
    expect(await unsigned.json()).toMatchObject({ __type: "MissingAuthenticationTokenException" });
    expect((await memberOf(spot))?.status).toBe("ACTIVE");
  }, 60_000);
});
