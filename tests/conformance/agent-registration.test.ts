// How our agent registers, under a control plane that holds it to the protocol.
import { beforeEach, describe, expect, it } from "vitest";
import { CallFailed } from "#agent/control-plane.ts";
import { LABELS } from "#agent/container-spec.ts";
import { expectAbout, gaps, recordedBody, useStrictAgent } from "./strict-agent.suite.ts";
import { createStrictServer, INSTANCE_ARN, order, taskArn, type StrictServer } from "./strict-server.ts";

const world = useStrictAgent();
let server: StrictServer;
beforeEach(() => void (server = world.server));
const { payload, statuses } = world;
const running = async (id: string) => {
  payload(1, order(id));
  await server.until(() => statuses(id).includes("RUNNING"));
};
const containersOf = (id: string) => server.engine.list(LABELS.taskArn, taskArn(id));

describe("registration", () => {
  it("comes first, says what the host has, and what the agent never registers is not there", () => {
    const [first] = server.calls;
    expect(first?.operation).toBe("RegisterContainerInstance");
    expect(first?.input).toMatchObject({
      cluster: "default",
      totalResources: [
        { name: "CPU", integerValue: 2048 },
        { name: "MEMORY", integerValue: 4096 },
        { name: "PORTS", stringSetValue: ["22", "2375", "2376", "51678", "51679"] },
        { name: "PORTS_UDP", stringSetValue: [] },
      ],
    });
    expect(first?.input["attributes"]).toContainEqual({ name: "rack", value: "r1" });
    expect(first?.input).not.toHaveProperty("containerInstanceArn");
    expect(first?.input).not.toHaveProperty("versionInfo");
  });

  it("names only attributes that the stock agent has too", () => {
    const stock = new Set((recordedBody("register")["attributes"] as { name: string }[]).map((a) => a.name));
    const known =
      /docker-remote-api|logging-driver\.|docker-plugin\.|task-iam-role|task-cpu-mem-limit|task-eni/;
    for (const { name } of server.calls[0]?.input["attributes"] as { name: string }[])
      expect(stock.has(name) || known.test(name), name).toBe(true);
  });

  it("again, after a restart, is under its ARN and without custom attributes; containers ran on, credentials are asked for", async () => {
    await running("a1");
    expect(server.channel().query.sendCredentials).toBe(true);
    const before = await containersOf("a1");
    server.calls.length = 0;
    await world.restart();
    const input = server.calls.find((c) => c.operation === "RegisterContainerInstance")?.input ?? {};
    expect(input).toMatchObject({ containerInstanceArn: INSTANCE_ARN });
    expect((input["attributes"] as { name: string }[]).map((a) => a.name)).not.toContain("rack");
    expect(server.channel().query.sendCredentials).toBe(true);
    expect(await containersOf("a1")).toEqual(before);
    expect(server.reports(taskArn("a1"))).toEqual([]);
    server.channel().close(1000);
    await server.until(() => server.acs.length > 2);
    expect(server.channel().query.sendCredentials).toBe(false);
  });

  it.each([
    ["InvalidParameterException", 5],
    ["ClientException", 5],
    ["AccessDeniedException", 1],
  ])("that is refused with %s ends the agent with %d", async (code, exitCode) => {
    const other = createStrictServer();
    other.fail = () => new CallFailed(code, "no");
    const refused = await other.startAgent();
    await expect(refused.registered).rejects.toMatchObject({ exitCode });
    refused.close();
  });

  it("whose answer alters an attribute ends the agent for good", async () => {
    const other = createStrictServer();
    const lossy = await other.startAgent({
      controlPlane: {
        call: async () => ({ containerInstance: { containerInstanceArn: INSTANCE_ARN, attributes: [] } }),
        open: () => Promise.reject(new Error("never asked")),
      },
    });
    await expect(lossy.registered).rejects.toMatchObject({
      exitCode: 5,
      message: expect.stringMatching(/^Attribute validation failed/) as string,
    });
    lossy.close();
  });

  it("is tried again from 3 to 192 seconds while the control plane is throttling", async () => {
    const other = createStrictServer();
    other.fail = () =>
      other.calls.length < 9 ? new CallFailed("ThrottlingException", "slow down") : undefined;
    const slow = await other.startAgent();
    await other.until(() => other.acs.length > 0, 1000);
    const waits = gaps(other.calls.map((c) => c.at));
    [3, 6, 12, 24, 48, 96, 192, 192].forEach((seconds, i) => expectAbout(waits[i], seconds * 1000));
    slow.close();
  });
});
