import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { instance } from "./fixture.suite.ts";
import { FreeIndex } from "./free-index.ts";

describe("the index of what is free", () => {
  const step = fc.record({
    id: fc.nat(6),
    cpu: fc.integer({ min: -10, max: 4096 }),
    memoryMiB: fc.integer({ min: -10, max: 8192 }),
    removed: fc.constantFrom(false, false, true),
  });

  it("finds every instance with room after any changes, each once and as it is now", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.nat(4096), fc.nat(8192), (steps, cpu, memory) => {
        const index = new FreeIndex();
        const model = new Map<string, ReturnType<typeof instance>>();
        for (const s of steps) {
          const row = instance(`i${s.id}`, { cpu: s.cpu, memoryMiB: s.memoryMiB });
          if (s.removed) index.delete(row.arn);
          else index.set(row);
          if (s.removed) model.delete(row.arn);
          else model.set(row.arn, row);
        }
        expect(index.size).toBe(model.size);
        expect(new Map([...index.all()].map((i) => [i.arn, i]))).toEqual(model);
        const found = index.candidates(cpu, memory).flat();
        expect(new Set(found.map((i) => i.arn)).size).toBe(found.length);
        for (const i of found) expect(i).toBe(model.get(i.arn));
        const roomy = [...model.values()].filter((i) => i.cpu >= cpu && i.memoryMiB >= memory);
        for (const i of roomy) expect(found).toContain(i);
      }),
    );
  });
  it("passes over instances that are full", () => {
    const index = new FreeIndex();
    for (let n = 0; n < 100; n += 1) index.set(instance(`i${n}`, { memoryMiB: n === 7 ? 1000 : 10 }));
    expect(index.candidates(0, 500).flat()).toHaveLength(1);
  });
});
