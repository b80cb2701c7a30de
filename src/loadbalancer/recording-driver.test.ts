import { expect, it } from "vitest";
import { driverSuite } from "./driver.suite.ts";
import { createRecordingDriver } from "./recording-driver.ts";
import { testStructure, testTarget } from "./test-structure.ts";

driverSuite("the recording driver", async () => ({
  driver: createRecordingDriver({
    health: (_, target) => ({ state: target.key === "bad" ? "unhealthy" : "healthy" }),
  }),
  structure: testStructure({ address: "127.0.0.1", port: 80 }),
  groupId: "a1",
  target: async (key) => testTarget(key, "127.0.0.1", 8080),
  dispose: async () => undefined,
}));

it("tells health that the test sets, to in-service targets only", async () => {
  const events: string[] = [];
  const driver = createRecordingDriver({ health: () => ({ state: "initial" }), idleAtOnce: false });
  await driver.start((event) => events.push(event.type));
  await driver.applyStructure(testStructure({ address: "127.0.0.1", port: 80 }));
  await driver.applyTargets("a1", [testTarget("k", "127.0.0.1", 1)]);
  expect(events).toEqual([]);
  driver.setHealth("a1", "k", {
    state: "unhealthy",
    reason: "Target.Timeout",
    description: "Request timed out",
  });
  await driver.applyTargets("a1", [{ ...testTarget("k", "127.0.0.1", 1), state: "draining" }]);
  driver.setHealth("a1", "k", { state: "healthy" });
  expect(events).toEqual(["unhealthy"]);
  driver.setIdle("a1", "k");
  expect(events).toEqual(["unhealthy", "idle"]);
});
