// Debian's AWS CLI against the service: `aws logs tail` pages and follows by FilterLogEvents.
import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { accessKeyId, secretAccessKey } from "#gateway/gateway.suite.ts";
import { createFixture, REGION, type Fixture } from "./fixture.suite.ts";

let f: Fixture;
beforeAll(async () => {
  f = await createFixture();
  await f.group("g", "web/1", "web/2");
});
afterAll(() => f.close());

const environment = {
  PATH: "/usr/bin:/bin",
  HOME: "/nonexistent",
  AWS_DEFAULT_REGION: REGION,
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
  AWS_EC2_METADATA_DISABLED: "true",
  // Into a pipe it would write by the block.
  PYTHONUNBUFFERED: "1",
};
const words = (...args: string[]) => ["--endpoint-url", f.endpoint, "--no-cli-pager", "logs", ...args];
const aws = async (...args: string[]) =>
  (await promisify(execFile)("/usr/bin/aws", words(...args), { env: environment })).stdout;

it("puts events and reads them", async () => {
  const events = JSON.stringify([{ timestamp: Date.now(), message: "by hand ✓" }]);
  await aws(
    ...["put-log-events", "--log-group-name", "g", "--log-stream-name", "web/1"],
    ...["--log-events", events],
  );
  const output = await aws("get-log-events", "--log-group-name", "g", "--log-stream-name", "web/1");
  expect((JSON.parse(output) as { events: object[] }).events).toMatchObject([{ message: "by hand ✓" }]);
});

it("tails a group of more than one page, and what arrives while it follows", async () => {
  for (let i = 0; i < 3; i++)
    await f.put(
      "g",
      "web/2",
      ...Array.from({ length: 4000 }, (_, n) => [-1000, `m${i * 4000 + n}`] as const),
    );
  const tail = spawn("/usr/bin/aws", words("tail", "g", "--follow", "--format", "short"), {
    env: environment,
  });
  let output = "";
  tail.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  tail.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const seen = async (text: string) => {
    while (!output.includes(text)) await new Promise((resolve) => tail.stdout.once("data", resolve));
  };
  try {
    await seen("m11999");
    // The CLI goes on from the last event's time, and the one put by hand has the machine's.
    await f.put("g", "web/1", [Date.now() - f.clock.now(), "arrived later"]);
    await seen("arrived later");
    const lines = output.trimEnd().split("\n");
    expect(lines.filter((line) => / m\d+$/.test(line))).toHaveLength(12_000);
    expect(lines.filter((line) => line.includes("arrived later"))).toHaveLength(1);
  } finally {
    tail.kill();
    await new Promise((resolve) => tail.once("close", resolve));
  }
});
