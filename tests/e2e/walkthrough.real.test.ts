// Every command of docs/walkthrough.md, in order, in one shell, with Debian's AWS CLI and keys that real AWS would refuse.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startEstiba, type Estiba } from "#tests/support/estiba.ts";

let estiba: Estiba;
beforeAll(async () => {
  estiba = await startEstiba({ vpc: 66 });
});
afterAll(async () => estiba?.destroy());

it("runs the walkthrough with Debian's AWS CLI, without leaving the machine", { timeout: 300_000 }, () => {
  const page = readFileSync("docs/walkthrough.md", "utf8");
  const commands = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1]);
  expect(commands.length).toBeGreaterThan(5);
  const shell = spawnSync("bash", ["-euxo", "pipefail"], {
    // The wrapper keeps the page's words and adds this test's data folder.
    input: commands.join("\n"),
    encoding: "utf8",
    env: {
      ...process.env,
      PATH: `/usr/bin:/bin:/usr/sbin:/sbin:${process.env["PATH"] ?? ""}`,
      ESTIBA_DATA: estiba.dataDirectory,
      // Whatever would leave the machine fails at once.
      HTTPS_PROXY: "http://127.0.0.1:9",
      https_proxy: "http://127.0.0.1:9",
      AWS_ACCESS_KEY_ID: "AKIAINVALIDINVALID00",
      AWS_SECRET_ACCESS_KEY: "invalid",
    },
    timeout: 280_000,
  });
  expect(shell.status, `${shell.stdout.slice(-2000)}\n${shell.stderr.slice(-6000)}`).toBe(0);
  expect(shell.stdout).toContain("revision 2");
});
