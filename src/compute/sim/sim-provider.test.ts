import { describe, expect, it } from "vitest";
import type { HostSpec } from "../port.ts";
import { createSimProvider } from "./sim-provider.ts";
import { readSimulatedUserData } from "./user-data.ts";

const spec = (instanceId = "i-1"): HostSpec => ({
  instanceId,
  region: "us-east-1",
  availabilityZone: "us-east-1a",
  instanceType: "t3.small",
  vcpus: 2,
  memoryMiB: 2048,
  vpcId: "vpc-1",
  privateIp: "10.64.0.4",
  macAddress: "02:00:00:00:00:01",
  metadataHopLimit: 2,
  userData: "",
  endpoint: "http://127.0.0.1:4566",
});

describe("a simulated host", () => {
  it("is one agent, however often it is launched, and none once terminated", async () => {
    const running = new Set<string>();
    const provider = createSimProvider({
      startAgent: async ({ instanceId }, print) => {
        expect(running.has(instanceId)).toBe(false);
        running.add(instanceId);
        print("started");
        return { close: async () => void running.delete(instanceId) };
      },
    });
    await Promise.all([provider.launch(spec()), provider.launch(spec())]);
    await provider.launch(spec("i-2"));
    expect([...running]).toEqual(["i-1", "i-2"]);
    expect(await provider.consoleOutput("i-1")).toMatch(/simulated host i-1.*\nstarted\n$/);
    await provider.terminate("i-1");
    await provider.terminate("i-1");
    expect(await provider.list()).toEqual(["i-2"]);
    await provider.removeEverything();
    expect(running.size).toBe(0);
  });

  it("that could not start says why, and may be launched again", async () => {
    let broken = true;
    const provider = createSimProvider({
      startAgent: async () => {
        if (broken) throw new Error("no room");
        return { close: async () => {} };
      },
    });
    await expect(provider.launch(spec())).rejects.toThrow("no room");
    expect(await provider.consoleOutput("i-1")).toContain("no room");
    broken = false;
    await provider.launch(spec());
    expect(await provider.list()).toEqual(["i-1"]);
  });
});

describe("user data of a simulated host", () => {
  it.each([
    ["#!/bin/bash\necho ECS_CLUSTER=web >> /etc/ecs/ecs.config\n"],
    ['#!/bin/sh\necho "ECS_CLUSTER=web" > /etc/ecs/ecs.config'],
    ["cat <<'EOF' >> /etc/ecs/ecs.config\nECS_CLUSTER=web\nEOF\n"],
    ["cat >> /etc/ecs/ecs.config <<EOF\n  ECS_CLUSTER=web\nEOF\n"],
  ])("%j names the cluster", (text) => {
    expect(readSimulatedUserData(text)).toEqual({ agentConfiguration: "ECS_CLUSTER=web\n", notRun: [] });
  });

  it("tells what a real host would have run", () => {
    const { notRun } = readSimulatedUserData("#!/bin/bash\nyum update -y\necho x > /etc/motd\n");
    expect(notRun).toEqual(["yum update -y", "echo x > /etc/motd"]);
  });
});
