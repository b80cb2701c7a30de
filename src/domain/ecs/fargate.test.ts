import { describe, expect, it } from "vitest";
import { hostSizeFor, isTaskSize, TASK_SIZES } from "./fargate.ts";

describe("sizes of tasks on Fargate", () => {
  // ECS Developer Guide, "Task CPU and memory": units, then GiB from, to, by.
  it.each([
    [512, 1, 4, 1],
    [1024, 2, 8, 1],
    [2048, 4, 16, 1],
    [4096, 8, 30, 1],
    [8192, 16, 60, 4],
    [16_384, 32, 120, 8],
  ])("%i units go with whole GiB of AWS's range only", (cpu, from, to, by) => {
    for (let gib = 0; gib <= 130; gib += 1)
      expect(isTaskSize(cpu, gib * 1024), `${gib} GiB`).toBe(
        gib >= from && gib <= to && (gib - from) % by === 0,
      );
    expect(isTaskSize(cpu, from * 1024 + 512)).toBe(false);
  });

  it("of 256 units are three, and other CPU is none of Fargate's", () => {
    expect(TASK_SIZES.get(256)).toEqual([512, 1024, 2048]);
    for (const cpu of [0, 128, 257, 768, 32_768, NaN]) expect(isTaskSize(cpu, 1024)).toBe(false);
  });

  it("fit their hosts with room for what runs beside the task", () => {
    for (const [cpu, sizes] of TASK_SIZES)
      for (const memoryMiB of sizes) {
        const host = hostSizeFor({ cpu, memoryMiB });
        expect(host.vcpus * 1024).toBeGreaterThanOrEqual(cpu);
        expect(host.memoryMiB).toBeGreaterThan(memoryMiB);
      }
  });
});
