import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeHostNames } from "./hosts-file-writer.ts";

const names = [{ name: "a.estiba.internal", address: "10.64.0.9" }];

describe("writing a hosts file", () => {
  let folder = "";
  let hosts = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "estiba-hosts-"));
    hosts = join(folder, "hosts");
    writeFileSync(hosts, "127.0.0.1 localhost\n");
    chmodSync(hosts, 0o640);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("keeps its mode, replaces it in one step and leaves no other file", async () => {
    const { ino } = statSync(hosts);
    await writeHostNames(hosts, "a", names);
    expect(readFileSync(hosts, "utf8")).toContain("10.64.0.9 a.estiba.internal\n");
    expect(statSync(hosts).mode & 0o7777).toBe(0o640);
    expect(statSync(hosts).ino).not.toBe(ino);
    expect(readdirSync(folder)).toEqual(["hosts"]);
  });

  it("does not touch a file that is right already", async () => {
    await writeHostNames(hosts, "a", names);
    const { ino } = statSync(hosts);
    await writeHostNames(hosts, "a", names);
    expect(statSync(hosts).ino).toBe(ino);
  });

  it("writes through a symbolic link", async () => {
    const link = join(folder, "link");
    symlinkSync(hosts, link);
    await writeHostNames(link, "a", names);
    expect(readFileSync(hosts, "utf8")).toContain("a.estiba.internal");
    expect(readdirSync(folder).sort()).toEqual(["hosts", "link"]);
  });

  it("fails for a file that is not there, rather than making one", async () => {
    await expect(writeHostNames(join(folder, "none"), "a", names)).rejects.toThrow("ENOENT");
  });
});
