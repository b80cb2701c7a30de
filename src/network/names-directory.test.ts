import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createNamesDirectory, dnsUser } from "./names-directory.ts";

describe("the names directory", () => {
  let root = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "estiba-names-"));
    chmodSync(root, 0o755);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it("remembers the names of all VPCs for whoever opens it next", async () => {
    const names = createNamesDirectory(root);
    await names.set("vpc-2", "b.c", "10.1.0.4");
    await names.set("vpc-1", "a.b", "10.0.0.4");
    await names.set("vpc-1", "a.b", "10.0.0.5");
    await names.set("vpc-1", "gone.b", "10.0.0.6");
    await names.set("vpc-1", "gone.b", undefined);
    await names.set("vpc-3", "never.b", undefined);
    expect(await createNamesDirectory(root).all()).toEqual([
      { name: "a.b", address: "10.0.0.5" },
      { name: "b.c", address: "10.1.0.4" },
    ]);
    expect(readdirSync(join(root, "vpc-1", "names"))).toEqual(["a.b"]);
  });

  it("removes its VPCs' folders and nothing else", async () => {
    const names = createNamesDirectory(join(root, "network"));
    expect(await names.all()).toEqual([]);
    await names.removeAll();
    await names.set("vpc-1", "a.b", "10.0.0.4");
    await createNamesDirectory(root).removeAll();
    expect(await names.all()).toHaveLength(1);
    await names.removeAll();
    expect(await names.all()).toEqual([]);
  });

  it("is read by an unprivileged server only where others may pass", async () => {
    const folder = await createNamesDirectory(root).prepare("vpc-1");
    expect(await dnsUser(folder)).toBe("nobody");
    chmodSync(root, 0o711);
    expect(await dnsUser(folder)).toBe("nobody");
    chmodSync(root, 0o700);
    expect(await dnsUser(folder)).toBe("root");
  });
});
