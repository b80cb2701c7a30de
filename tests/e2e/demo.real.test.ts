// The README's first command, as a new user types it, and what is left when it is over.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { freePort } from "#tests/support/estiba.ts";
import { snapshotMachine } from "#tests/support/leaks.ts";

const dataDirectory = mkdtempSync(join(tmpdir(), "estiba-demo-"));
afterAll(() => rmSync(dataDirectory, { recursive: true, force: true }));

it(
  "draws the picture, has every task answer, deploys without a failed request, and leaves nothing behind",
  { timeout: 300_000 },
  async () => {
    const before = snapshotMachine();
    const port = String(await freePort());
    const { stdout: output } = await promisify(execFile)(
      process.execPath,
      ["bin/estiba.js", "--data", dataDirectory, "demo"],
      {
        env: { ...process.env, ESTIBA_PORT: port, ESTIBA_VPC_CIDR: "10.67.0.0/16" },
        timeout: 280_000,
      },
    );
    expect(output).toMatch(/ALB {2}web-[0-9a-f]{16}\.us-east-1\.elb\.estiba\.internal:80/);
    expect(output.match(/task [0-9a-f]{8} :\d+/g)?.length).toBe(8);
    expect(output).toMatch(/requests, 0 failed/);
    expect(snapshotMachine()).toEqual(before);
  },
);
