// The server's keys: made at the first start, or given from outside and then written nowhere.
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BadConfiguration } from "./config.ts";
import { serverKeys, stateFolder, type StateFolder } from "./state-folder.ts";

let folder: StateFolder;
beforeEach(() => {
  folder = stateFolder(mkdtempSync(join(tmpdir(), "estiba-keys-")));
});
afterEach(() => rmSync(folder.root, { recursive: true }));

const ESTIBA_MASTER_KEY = "ab".repeat(32);

describe("the keys of a server", () => {
  it("are made once, in a file that only its owner may read", () => {
    const made = serverKeys(folder);
    expect(serverKeys(folder)).toEqual(made);
    expect(made.session).toHaveLength(32);
    expect(made.session).not.toEqual(made.identity);
    expect(statSync(folder.keysFile).mode & 0o777).toBe(0o600);
  });

  it("come from the master key when there is one, and neither is written", () => {
    const made = serverKeys(folder, { ESTIBA_MASTER_KEY });
    expect(serverKeys(folder, { ESTIBA_MASTER_KEY })).toEqual(made);
    const written = readFileSync(folder.keysFile, "utf8");
    for (const key of [ESTIBA_MASTER_KEY, made.session.toString("hex"), made.identity.toString("hex")])
      expect(written).not.toContain(key);
  });

  it("are never exchanged for others: what was sealed with them would be lost", () => {
    serverKeys(folder, { ESTIBA_MASTER_KEY });
    expect(() => serverKeys(folder)).toThrow(BadConfiguration);
    expect(() => serverKeys(folder, { ESTIBA_MASTER_KEY: "cd".repeat(32) })).toThrow(BadConfiguration);
    expect(() => serverKeys(folder, { ESTIBA_MASTER_KEY: "short" })).toThrow(BadConfiguration);
    rmSync(folder.keysFile);
    serverKeys(folder);
    expect(() => serverKeys(folder, { ESTIBA_MASTER_KEY })).toThrow(BadConfiguration);
  });
});
