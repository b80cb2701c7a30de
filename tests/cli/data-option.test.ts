// The program as a person types it: where `--data` may stand.
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";

const estiba = (...args: string[]) =>
  spawnSync(process.execPath, ["bin/estiba.js", ...args], { encoding: "utf8", timeout: 30_000 });
const folder = "/nonexistent/estiba";

describe("--data", () => {
  it.each([[["--data", folder, "status"]], [["status", "--data", folder]], [["env", "--data", folder]]])(
    "names the data folder before the command and after it: %j",
    (args) => {
      const { status, stderr } = estiba(...args);
      expect(status).toBe(1);
      expect(stderr).toContain(`No server is running with the data folder ${folder}.`);
    },
  );

  it("after a subcommand's command as well", () => {
    expect(estiba("image", "list", "--data", folder)).toMatchObject({ status: 0, stdout: "" });
  });

  it("after `aws` is the AWS CLI's", () => {
    const { status, stderr } = estiba("--data", folder, "aws", "ecs", "list-clusters", "--data", "/other");
    expect(status).toBe(1);
    expect(stderr).toContain(`No server is running with the data folder ${folder}.`);
  });
});
