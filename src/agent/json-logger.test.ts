import { expect, it } from "vitest";
import { TestClock } from "#lib/test-clock.ts";
import { createJsonLogger } from "./json-logger.ts";

it("writes a line of JSON for each message at or above its level, with the fields bound to it", () => {
  const lines: unknown[] = [];
  const write = (line: string) => void lines.push(JSON.parse(line));
  const logger = createJsonLogger("info", new TestClock(0), write).with({ taskArn: "t1" });
  logger.debug("hidden");
  logger.warn("failed", { error: new TypeError("no") });
  expect(lines).toMatchObject([
    {
      level: 40,
      time: "1970-01-01T00:00:00.000Z",
      taskArn: "t1",
      msg: "failed",
      error: { name: "TypeError", message: "no" },
    },
  ]);
});
