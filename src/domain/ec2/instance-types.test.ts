import { describe, expect, it } from "vitest";
import { instanceType, instanceTypes, isArmFamily } from "./instance-types.ts";

describe("instance types", () => {
  it.each([
    ["t2.micro", 1, 1024, 2],
    ["t3.nano", 2, 512, 2],
    ["t3.small", 2, 2048, 3],
    ["t3a.small", 2, 2048, 2],
    ["t3.2xlarge", 8, 32_768, 4],
    ["m5.large", 2, 8192, 3],
    ["m5.12xlarge", 48, 196_608, 8],
    ["m7i.48xlarge", 192, 786_432, 15],
    ["c5.9xlarge", 36, 73_728, 8],
    ["c6i.4xlarge", 16, 32_768, 8],
    ["r5.24xlarge", 96, 786_432, 15],
    ["r6i.32xlarge", 128, 1_048_576, 15],
  ])("%s has %i vCPUs, %i MiB and %i network interfaces", (name, vcpus, memoryMiB, interfaces) => {
    expect(instanceType(name)).toMatchObject({
      name,
      vcpus,
      memoryMiB,
      maximumNetworkInterfaces: interfaces,
      architecture: "x86_64",
    });
  });

  it.each(["t4g.micro", "m7i.32xlarge", "t3.huge", "", "constructor"])("%j is none of them", (name) => {
    expect(instanceType(name)).toBeUndefined();
  });

  it("are each listed once, with whole numbers", () => {
    expect(new Set(instanceTypes.map((t) => t.name)).size).toBe(instanceTypes.length);
    for (const t of instanceTypes)
      expect([t.vcpus, t.memoryMiB, t.maximumNetworkInterfaces].every(Number.isInteger)).toBe(true);
  });

  it("know the names of Arm types apart from names of nothing", () => {
    expect(["t4g.micro", "m6g.large", "c7gn.xlarge", "a1.large"].every(isArmFamily)).toBe(true);
    expect([...instanceTypes.map((t) => t.name), "g5.xlarge", "nope"].some(isArmFamily)).toBe(false);
  });
});
