// A hosts file that is a mount of its own, as in a container: it can not be replaced.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { writeHostNames } from "./hosts-file-writer.ts";

it("a mounted hosts file is written in place, longer and shorter", async () => {
  const folder = mkdtempSync(join(tmpdir(), "estiba-mount-"));
  const source = join(folder, "source");
  const hosts = join(folder, "hosts");
  writeFileSync(source, "127.0.0.1 localhost\n", { mode: 0o644 });
  writeFileSync(hosts, "");
  execFileSync("mount", ["--bind", source, hosts]);
  try {
    await writeHostNames(hosts, "a", [{ name: "a.estiba.internal", address: "10.64.0.9" }]);
    expect(readFileSync(source, "utf8")).toContain("10.64.0.9 a.estiba.internal\n");
    await writeHostNames(hosts, "a", []);
    expect(readFileSync(source, "utf8")).toBe("127.0.0.1 localhost\n");
    expect(statSync(source).mode & 0o7777).toBe(0o644);
    expect(readdirSync(folder).sort()).toEqual(["hosts", "source"]);
  } finally {
    execFileSync("umount", [hosts]);
    rmSync(folder, { recursive: true });
  }
});
