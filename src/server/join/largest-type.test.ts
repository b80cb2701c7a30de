// As what a machine counts when nobody says.
import { expect, it } from "vitest";
import { largestType } from "./largest-type.ts";

it("a machine counts as the largest type that it has room for, processors first", () => {
  const type = largestType(2, 8000);
  expect(type).toMatchObject({ vcpus: 2, memoryMiB: 4096 });
  expect(type?.burstable).toBe(false);
  expect(largestType(64, 300_000)).toMatchObject({ vcpus: 64, memoryMiB: 256 * 1024 });
});

it("a machine that is smaller than every type counts as none", () => {
  expect(largestType(1, 100)).toBeUndefined();
});
