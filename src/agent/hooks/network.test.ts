// The hook over the simulated engine, whose containers get process ids here, and a wiring that records what it is asked.
import { beforeEach, describe, expect, it } from "vitest";
import type { WireTask } from "#acs/messages.ts";
import { seededRandom } from "#lib/random.ts";
import { TestClock } from "#lib/test-clock.ts";
import { LABELS } from "../container-spec.ts";
import type { Engine } from "../engine/port.ts";
import { createSimEngine } from "../engine/sim/sim-engine.ts";
import { PAUSE_IMAGE } from "../network/pause-image.ts";
import { pauseName } from "../network/pause.ts";
import { createNetworkHook, type NetworkHook } from "./network.ts";

const task = {
  arn: "arn:aws:ecs:us-east-1:000000000000:task/main/t1",
  family: "web",
  version: "1",
  desiredStatus: "RUNNING",
  networkMode: "awsvpc",
  containers: [],
  volumes: [],
  elasticNetworkInterfaces: [
    {
      attachmentArn: "arn:a1",
      macAddress: "02:00:00:00:00:01",
      ec2Id: "eni-1",
      ipv4Addresses: [{ privateAddress: "10.64.0.9", primary: true }],
      subnetGatewayIpv4Address: "10.64.0.1/24",
      domainName: [],
      domainNameServers: [],
      privateDnsName: "ip-10-64-0-9.ec2.internal",
      index: 0,
    },
  ],
} satisfies WireTask;
const hookTask = { id: "t1", task };

let engine: Engine;
let wired: unknown[];
let loads: number;
let failure: Error | undefined;
let hook: NetworkHook;
const newHook = () =>
  createNetworkHook({
    engine,
    wiring: {
      async wire(pid, what) {
        wired.push([pid, what]);
        if (failure !== undefined) throw failure;
      },
      endpointAddress: async () => "169.254.172.2",
    },
    cluster: "main",
    cgroupOf: (id) => `/estiba/${id}`,
    image: async () => Buffer.from("archive"),
  });

beforeEach(() => {
  const sim = createSimEngine({
    clock: new TestClock(),
    random: seededRandom(1),
    cpus: 2,
    memoryBytes: 1024 ** 3,
  });
  const withPid = async (found: ReturnType<Engine["inspect"]>) => {
    const state = await found;
    return state?.status === "running" ? { ...state, pid: 42 } : state;
  };
  loads = 0;
  engine = {
    ...sim,
    inspect: (id) => withPid(sim.inspect(id)),
    list: async (label, value) =>
      (await sim.list(label, value)).map((c) => (c.status === "running" ? { ...c, pid: 42 } : c)),
    async loadImage() {
      loads += 1;
      await sim.pullImage(PAUSE_IMAGE);
    },
  };
  wired = [];
  failure = undefined;
  hook = newHook();
});
const pauses = () => engine.list(LABELS.taskArn, task.arn);

describe("the network of an awsvpc task", () => {
  it("is a pause container, made once and wired as often as it is asked for", async () => {
    await hook.prepare?.(hookTask);
    await hook.prepare?.(hookTask);
    expect(await pauses()).toMatchObject([{ name: pauseName(task), status: "running" }]);
    expect(wired.at(-1)).toEqual([42, { macAddress: "02:00:00:00:00:01", privateIp: "10.64.0.9" }]);
    expect([loads, wired.length]).toEqual([1, 2]);
    expect(hook.endpointAddress(task)).toBe("169.254.172.2");
  });

  it("is the network of the task's containers", async () => {
    const spec = { name: "web", config: {}, hostConfig: { NetworkMode: "awsvpc" } };
    expect(await hook.creating?.(hookTask, {} as never, spec)).toMatchObject({
      hostConfig: { NetworkMode: `container:${pauseName(task)}` },
    });
    expect(
      await hook.creating?.({ id: "t2", task: { ...task, networkMode: "bridge" } }, {} as never, spec),
    ).toBe(spec);
  });

  it("is found again by the next agent, and gone with the task, however often it is asked", async () => {
    await hook.prepare?.(hookTask);
    const next = newHook();
    expect(next.endpointAddress(task)).toBeUndefined();
    await next.restored?.(hookTask);
    expect(next.endpointAddress(task)).toBe("169.254.172.2");
    const [pause] = await pauses();
    if (pause === undefined) throw new Error("there is no pause container");
    expect(next.claims?.(hookTask, pause)).toBe(true);
    expect(next.claims?.(hookTask, { ...pause, labels: { [LABELS.containerName]: "web" } })).toBe(false);
    await next.stopped?.(hookTask);
    await next.cleanup?.(hookTask);
    expect(await pauses()).toEqual([]);
    expect(next.endpointAddress(task)).toBeUndefined();
  });

  it("fails the task by AWS's name when it cannot be made, and leaves nothing then", async () => {
    failure = new Error("the interface with the MAC 02:00:00:00:00:01 is not on the host");
    await expect(hook.prepare?.(hookTask)).rejects.toMatchObject({
      reason:
        "ContainerNetworkingError: network of the task: the interface with the MAC 02:00:00:00:00:01 is not on the host",
    });
    await hook.stopped?.(hookTask);
    expect(await pauses()).toEqual([]);
  });
});
