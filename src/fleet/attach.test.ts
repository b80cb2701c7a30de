// What an agent hears of a task whose network interface is on its way: the interface first, the task once it is confirmed.
import { beforeEach, describe, expect, it } from "vitest";
import { decodeFromServer } from "#acs/codec.ts";
import { memoryDuplexPair } from "#acs/duplex.ts";
import type { AcsServerMessages, Envelope } from "#acs/messages.ts";
import { createPlacement } from "#controllers/placement/placement.ts";
import {
  addDefinition,
  addInstances,
  addSubnets,
  allTasks,
  changeTask,
  CLUSTER,
  createWorld,
  instanceArn,
  interfaceAttributes,
  quiet,
  runTaskRequest,
  type World,
} from "#controllers/world.suite.ts";
import { stopTask } from "#domain/ecs/task-transitions.ts";
import { createFleet, type Fleet } from "./fleet.ts";

let world: World;
let fleet: Fleet;
const issued = { accessKeyId: "A", secretAccessKey: "s", sessionToken: "t", expiration: 0 };

beforeEach(async () => {
  world = await createWorld();
  const network = await addSubnets(world, ["us-east-1a"]);
  await addInstances(world, ["us-east-1a"], { attributes: interfaceAttributes() });
  await addDefinition(world, 1, { networkMode: "awsvpc" });
  const issuer = { credentialsId: () => "id", forTask: () => issued, forInstance: () => issued };
  fleet = createFleet({ ...world.base, issuer, graceMs: 1000 });
  await fleet.start();
  const placement = createPlacement(world.base);
  await placement.start();
  await placement.place(runTaskRequest({ network }));
});

async function connect() {
  const [ours, theirs] = memoryDuplexPair();
  const heard: Envelope<AcsServerMessages>[] = [];
  ours.onMessage((frame) => {
    const decoded = decodeFromServer(frame);
    if (decoded instanceof Error || "unknown" in decoded) throw new Error(`not understood: ${frame}`);
    heard.push(decoded);
  });
  fleet.acceptAcs(theirs, {
    channel: "acs",
    containerInstanceArn: instanceArn("c0"),
    cluster: CLUSTER,
    sendCredentials: false,
  });
  await quiet();
  return heard;
}
const types = (heard: Awaited<ReturnType<typeof connect>>) => heard.map((m) => m.type);
const task = () => {
  const [row] = allTasks(world);
  if (row?.attachment === undefined) throw new Error("there is no task with an interface");
  return { ...row, attachment: row.attachment };
};
const confirm = async () => {
  await fleet.ingest.taskReport({ taskArn: task().arn, containers: [], attached: [task().attachment.id] });
  await quiet();
};

describe("a task whose interface is on its way", () => {
  it("is announced by its interface, and ordered with it once the agent has confirmed it", async () => {
    const heard = await connect();
    expect(types(heard)).toEqual(["TaskManifestMessage", "AttachTaskNetworkInterfacesMessage"]);
    const { attachment } = task();
    const wire = {
      attachmentArn: `arn:aws:ecs:us-east-1:000000000000:attachment/${attachment.id}`,
      macAddress: attachment.macAddress,
      ec2Id: attachment.networkInterfaceId,
      ipv4Addresses: [{ privateAddress: "10.64.0.4", primary: true }],
      subnetGatewayIpv4Address: "10.64.0.1/28",
      domainName: ["ec2.internal"],
      domainNameServers: ["10.64.0.2"],
      privateDnsName: "ip-10-64-0-4.ec2.internal",
      index: 0,
    };
    expect(heard[1]?.message).toMatchObject({
      taskArn: task().arn,
      waitTimeoutMs: 180_000,
      elasticNetworkInterfaces: [wire],
    });
    await confirm();
    expect(task().lastStatus).toBe("PENDING");
    expect(types(heard).slice(2)).toEqual(["PayloadMessage"]);
    expect(heard[2]?.message).toMatchObject({
      tasks: [{ arn: task().arn, networkMode: "awsvpc", elasticNetworkInterfaces: [wire] }],
    });
    const hostConfig = (heard[2]?.message as AcsServerMessages["PayloadMessage"]).tasks[0]?.containers[0]
      ?.dockerConfig?.hostConfig;
    expect(JSON.parse(hostConfig ?? "")).not.toHaveProperty("NetworkMode");
  });

  it("is announced again on every connection with the time that is left, and only until it is confirmed", async () => {
    await connect();
    await world.clock.advance(60_000);
    const again = await connect();
    expect(again[1]?.message).toMatchObject({ waitTimeoutMs: 120_000 });
    await confirm();
    expect(types(await connect())).not.toContain("AttachTaskNetworkInterfacesMessage");
  });

  it("is nothing to its agent when it was stopped before", async () => {
    const heard = await connect();
    await changeTask(world, task(), (t) => stopTask(t, { code: "UserInitiated", reason: "" }, 1));
    await quiet();
    expect(task().lastStatus).toBe("DEPROVISIONING");
    await confirm();
    expect(task()).toMatchObject({ lastStatus: "DEPROVISIONING", attachment: { status: "PRECREATED" } });
    expect(types(heard)).toEqual(["TaskManifestMessage", "AttachTaskNetworkInterfacesMessage"]);
  });
});
