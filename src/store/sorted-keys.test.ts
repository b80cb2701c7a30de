import fc from "fast-check";
import { expect, it } from "vitest";
import { SortedKeys } from "./sorted-keys.ts";

/** Few enough for collisions, many enough for several chunks. */
const key = fc.integer({ min: 0, max: 3000 }).map((n) => n.toString(36));

it("holds what a set holds, in order, through insertions and deletions", () => {
  fc.assert(
    fc.property(
      fc.array(key, { maxLength: 2000, size: "max" }),
      fc.array(fc.tuple(fc.boolean(), key), { maxLength: 2000, size: "max" }),
      key,
      (initial, steps, from) => {
        const model = new Set(initial);
        const keys = SortedKeys.fromSorted([...model].sort());
        for (const [add, k] of steps) {
          if (add) {
            model.add(k);
            keys.add(k);
          } else {
            model.delete(k);
            keys.delete(k);
          }
        }
        expect(keys.size).toBe(model.size);
        expect([...keys.from("")]).toEqual([...model].sort());
        expect([...keys.from(from)]).toEqual([...model].sort().filter((k) => k >= from));
      },
    ),
    { numRuns: 40 },
  );
});

it("walks on correctly when keys come and go under the walk", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(key, { minLength: 1, maxLength: 1500, size: "max" }),
      fc.array(fc.tuple(fc.boolean(), key), { minLength: 1, maxLength: 300, size: "max" }),
      (initial, steps) => {
        const keys = SortedKeys.fromSorted([...initial].sort());
        const model = new Set(initial);
        const walked: string[] = [];
        let step = 0;
        for (const k of keys.from("")) {
          expect(model.has(k)).toBe(true);
          walked.push(k);
          const next = steps[step++];
          if (next === undefined) continue;
          if (next[0]) {
            keys.add(next[1]);
            model.add(next[1]);
          } else {
            keys.delete(next[1]);
            model.delete(next[1]);
          }
        }
        expect(walked).toEqual([...new Set(walked)].sort());
        const changed = new Set(steps.map(([, k]) => k));
        for (const k of initial) if (!changed.has(k)) expect(walked).toContain(k);
      },
    ),
    { numRuns: 30 },
  );
});
