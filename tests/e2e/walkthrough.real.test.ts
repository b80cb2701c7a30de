// Every command of docs/walkthrough.md, in order, in one shell, with Debian's AWS CLI and keys that real AWS would refuse.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startEstiba, type Estiba } from "#tests/support/estiba.ts";

let estiba: Estiba;
beforeAll(async () => {
  estiba = await startEstiba({ vpc: 66 });
});
afterAll(async () => estiba?.destroy());

it(
  "runs the walkthrough with Debian's AWS CLI, without leaving the machine",
  { timeout: 300_000 },
  async () => {
    const page = readFileSync("docs/walkthrough.md", "utf8");
    const commands = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1]);
    expect(commands.length).toBeGreaterThan(5);
    const shell = await bash(commands.join("\n"), {
      ...process.env,
      PATH: `/usr/bin:/bin:/usr/sbin:/sbin:${process.env["PATH"] ?? ""}`,
      ESTIBA_DATA: estiba.dataDirectory,
      // Whatever would leave the machine fails at once.
      HTTPS_PROXY: "http://127.0.0.1:9",
      https_proxy: "http://127.0.0.1:9",
      AWS_ACCESS_KEY_ID: "AKIAINVALIDINVALID00",
      AWS_SECRET_ACCESS_KEY: "invalid",
    });
    expect(shell.status, `${shell.stdout.slice(-2000)}\n${shell.stderr.slice(-6000)}`).toBe(0);
    expect(shell.stdout).toContain("revision 2");
  },
);

function bash(script: string, env: NodeJS.ProcessEnv) {
  const child = spawn("bash", ["-euxo", "pipefail"], { env, stdio: ["pipe", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.end(script);
  return new Promise<{ status: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, stdout, stderr }));
  });
}
