// The doctor on this machine: what it has is found, and what is taken away is named with a remedy.
import { createServer, type AddressInfo } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readConfig } from "#server/config.ts";
import { missingRequirements, doctor } from "../commands/doctor.ts";
import { findings } from "./checks.ts";
import { findProgram, versionOf } from "./programs.ts";

const dataDirectory = mkdtempSync(join(tmpdir(), "estiba-doctor-"));
afterAll(() => rmSync(dataDirectory, { recursive: true, force: true }));
const config = (flags: Parameters<typeof readConfig>[0] = {}) =>
  readConfig({ dataDirectory, port: 0, defaultVpcCidr: "10.249.0.0/16", ...flags }, {});

describe("what a machine must have", () => {
  it("is all there on a machine that setup prepared", async () => {
    expect(await missingRequirements(config())).toEqual([]);
    const names = (await findings(config())).map((f) => f.name);
    expect(names).toEqual(expect.arrayContaining(["root", "dockerd", "runsv", "cgroups", "namespaces"]));
  });

  it("a port that another program listens on is named, with the way out", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    try {
      expect(await missingRequirements(config({ port }))).toEqual([
        {
          name: `port ${port}`,
          met: false,
          explanation: expect.stringMatching(/another program listens there/) as unknown,
          remedy: expect.stringMatching(/--port/) as unknown,
        },
      ]);
    } finally {
      other.close();
    }
  });

  it("a VPC range that the machine uses already is named, with its user", async () => {
    const missing = await missingRequirements(config({ defaultVpcCidr: "172.17.0.0/16" }));
    expect(missing.map((m) => m.name)).toEqual(["VPC range"]);
    expect(missing[0]?.explanation).toMatch(/172\.17\.0\.0\/16, used by the default bridge/);
  });

  it("is printed with versions, an item a line, and the exit code says whether all is there", async () => {
    const lines: string[] = [];
    const before = process.env["ESTIBA_VPC_CIDR"];
    process.env["ESTIBA_VPC_CIDR"] = "172.17.0.0/16";
    try {
      expect(await doctor(dataDirectory, (line) => void lines.push(line))).toBe(1);
    } finally {
      if (before === undefined) delete process.env["ESTIBA_VPC_CIDR"];
      else process.env["ESTIBA_VPC_CIDR"] = before;
    }
    const text = lines.join("\n");
    expect(text).toMatch(/^ok {7}haproxy \d+\.\d+\S*: The load balancer\.$/m);
    expect(text).toMatch(/^MISSING {2}VPC range: .*\n {10}→ Choose another: --vpc-cidr/m);
    expect(text).toMatch(/missing for real hosts/);
  });
});

describe("a program", () => {
  it("is found outside PATH among the system's folders, and not where there is none", () => {
    expect(findProgram("runsv", "")).toMatch(/\/runsv$/);
    expect(findProgram("estiba-no-such-program")).toBeUndefined();
  });

  it("without a version to tell has none", async () => {
    expect(await versionOf("/bin/true", [])).toBeUndefined();
  });
});
