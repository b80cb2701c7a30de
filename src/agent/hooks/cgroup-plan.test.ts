import { describe, expect, it } from "vitest";
import { cgroupPlan, taskCgroup } from "./cgroup-plan.ts";

describe("the cgroup of a task", () => {
  it("lies below the instance's, whatever slashes the setting has", () => {
    expect(taskCgroup("/estiba/i-1", "t-1")).toBe("/estiba/i-1/t-1");
    expect(taskCgroup("estiba//i-1/", "t-1")).toBe("/estiba/i-1/t-1");
  });

  it("is left to Docker when the task has no limits", () => {
    expect(cgroupPlan("v1", "/estiba/i-1", "t-1", {})).toEqual([]);
    expect(cgroupPlan("v2", "/estiba/i-1", "t-1", {})).toEqual([]);
  });

  it("carries the limits in each controller's hierarchy of version 1", () => {
    expect(cgroupPlan("v1", "/estiba/i-1", "t-1", { cpu: 0.5, memoryMiB: 256 })).toEqual([
      { type: "make", path: "/memory/estiba/i-1/t-1" },
      { type: "write", path: "/memory/estiba/i-1/t-1/memory.use_hierarchy", value: "1" },
      { type: "write", path: "/memory/estiba/i-1/t-1/memory.limit_in_bytes", value: "268435456" },
      { type: "make", path: "/cpu/estiba/i-1/t-1" },
      { type: "write", path: "/cpu/estiba/i-1/t-1/cpu.shares", value: "512" },
      { type: "write", path: "/cpu/estiba/i-1/t-1/cpu.cfs_period_us", value: "100000" },
      { type: "write", path: "/cpu/estiba/i-1/t-1/cpu.cfs_quota_us", value: "50000" },
    ]);
  });

  it("enables the controllers on every level above it in version 2", () => {
    expect(cgroupPlan("v2", "/estiba/i-1", "t-1", { cpu: 1, memoryMiB: 64 })).toEqual([
      { type: "write", path: "/cgroup.subtree_control", value: "+cpu +memory" },
      { type: "make", path: "/estiba" },
      { type: "write", path: "/estiba/cgroup.subtree_control", value: "+cpu +memory" },
      { type: "make", path: "/estiba/i-1" },
      { type: "write", path: "/estiba/i-1/cgroup.subtree_control", value: "+cpu +memory" },
      { type: "make", path: "/estiba/i-1/t-1" },
      { type: "write", path: "/estiba/i-1/t-1/memory.max", value: "67108864" },
      { type: "write", path: "/estiba/i-1/t-1/cpu.weight", value: "39" },
      { type: "write", path: "/estiba/i-1/t-1/cpu.max", value: "100000 100000" },
    ]);
  });

  it("touches only the controller that a limit needs", () => {
    const paths = (version: "v1" | "v2") =>
      cgroupPlan(version, "/p", "t", { memoryMiB: 4 }).map((step) => step.path);
    expect(paths("v1").every((path) => path.startsWith("/memory/"))).toBe(true);
    expect(paths("v2").some((path) => path.includes("/cpu."))).toBe(false);
  });

  it.each([
    [0.001, "2", "1000"],
    [0.125, "128", "12500"],
    [512, "262144", "51200000"],
  ])("keeps %d vCPUs within what the kernel takes", (cpu, shares, quota) => {
    const values = new Map(
      cgroupPlan("v1", "/p", "t", { cpu }).flatMap((s) =>
        s.type === "write" ? [[s.path, s.value] as const] : [],
      ),
    );
    expect(values.get("/cpu/p/t/cpu.shares")).toBe(shares);
    expect(values.get("/cpu/p/t/cpu.cfs_quota_us")).toBe(quota);
    const weight = cgroupPlan("v2", "/p", "t", { cpu }).find((s) => s.path.endsWith("cpu.weight"));
    expect(Number(weight?.type === "write" && weight.value)).toBeGreaterThanOrEqual(1);
    expect(Number(weight?.type === "write" && weight.value)).toBeLessThanOrEqual(10_000);
  });
});
