import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { AGENT_VERSION } from "./version.ts";

it("the agent's version is the package's", () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly version: string };
  expect(AGENT_VERSION.agent).toBe(version);
});
