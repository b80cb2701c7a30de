import { describe, expect, it } from "vitest";
import { readsEndpointVariable } from "./env.ts";

describe("an AWS CLI reads AWS_ENDPOINT_URL", () => {
  it.each([
    ["2.9.19", false],
    ["2.12.99", false],
    ["2.13.0", true],
    ["2.27.1", true],
    ["1.28.85", false],
    ["1.29.0", true],
    ["1.40.3", true],
  ])("%s: %s", (version, reads) => {
    expect(readsEndpointVariable(version)).toBe(reads);
  });
});
