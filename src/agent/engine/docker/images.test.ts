import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "#lib/logger.ts";
import { tar } from "#lib/tar.ts";
import { ImageFolder } from "./images.ts";

const CONFIG = "c".repeat(64);

describe("the folder of image archives", () => {
  let folder: string;
  let warned: unknown[];
  let images: ImageFolder;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "estiba-images-"));
    warned = [];
    images = new ImageFolder(folder, {
      ...silentLogger,
      warn: (_message, fields) => void warned.push(fields),
    });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const manifest = (tags: readonly string[], config = `${CONFIG}.json`) =>
    Buffer.from(JSON.stringify([{ Config: config, RepoTags: tags, Layers: [] }]));
  const archive = (tags: readonly string[], config?: string) =>
    tar([
      { name: "layer/" },
      { name: "layer/layer.tar", content: Buffer.alloc(5_000, 1) },
      { name: "manifest.json", content: manifest(tags, config) },
    ]);
  const write = (name: string, content: Buffer, seconds = 1_000) => {
    writeFileSync(join(folder, name), content);
    utimesSync(join(folder, name), seconds, seconds);
  };
  const pathOf = async (reference: string) => (await images.find(reference))?.path.slice(folder.length + 1);

  it("finds an archive by the full form of each of its tags", async () => {
    write("a.tar", archive(["web:1", "registry.test/o/web:2"]));
    expect(await images.find("docker.io/library/web:1")).toMatchObject({ configDigest: `sha256:${CONFIG}` });
    expect(await pathOf("registry.test/o/web:2")).toBe("a.tar");
    expect(await pathOf("docker.io/library/web:2")).toBeUndefined();
  });

  it("knows the configuration's digest in newer archives too", async () => {
    write("a.tar", archive(["web:1"], `blobs/sha256/${CONFIG}`));
    expect((await images.find("docker.io/library/web:1"))?.configDigest).toBe(`sha256:${CONFIG}`);
    write("a.tar", archive(["web:1"], "something-else"), 2_000);
    expect(await images.find("docker.io/library/web:1")).not.toHaveProperty("configDigest");
  });

  it("prefers the newest of two archives with one tag", async () => {
    write("old.tar", archive(["web:1"]), 1_000);
    write("new.tar", archive(["web:1"]), 2_000);
    write("middle.tar", archive(["web:1"]), 1_500);
    expect(await pathOf("docker.io/library/web:1")).toBe("new.tar");
  });

  it("follows what is put there, replaced and taken away", async () => {
    expect(await pathOf("docker.io/library/web:1")).toBeUndefined();
    write("a.tar", archive(["web:1"]));
    const first = await images.find("docker.io/library/web:1");
    write("a.tar", archive(["web:1", "web:2"]), 2_000);
    expect(await pathOf("docker.io/library/web:2")).toBe("a.tar");
    expect((await images.find("docker.io/library/web:1"))?.version).not.toBe(first?.version);
    rmSync(join(folder, "a.tar"));
    expect(await pathOf("docker.io/library/web:1")).toBeUndefined();
  });

  it("reads each version of a file once", async () => {
    write("bad.tar", Buffer.from("this is no archive, however long it may be".repeat(40)));
    await images.find("docker.io/library/web:1");
    await images.find("docker.io/library/web:1");
    expect(warned).toHaveLength(1);
    write("bad.tar", Buffer.from("nor is this".repeat(100)), 2_000);
    await images.find("docker.io/library/web:1");
    expect(warned).toHaveLength(2);
  });

  it("ignores unfinished files, folders and other files", async () => {
    write(".partial-12", archive(["web:1"]));
    write("readme.txt", archive(["web:1"]));
    mkdirSync(join(folder, "folder.tar"));
    expect(await pathOf("docker.io/library/web:1")).toBeUndefined();
    expect(warned).toEqual([]);
  });

  it("holds nothing when it is not there", async () => {
    const none = new ImageFolder(join(folder, "none"), silentLogger);
    expect(await none.find("docker.io/library/web:1")).toBeUndefined();
  });

  it.each([
    ["an empty file", Buffer.alloc(0), "no manifest.json"],
    ["an archive without a manifest", tar([]), "no manifest.json"],
    ["a file that is no archive", Buffer.alloc(2048, 65), "no tar archive"],
    ["a manifest that is no JSON", tar([{ name: "manifest.json", content: Buffer.from("{") }]), "JSON"],
    ["an archive that is cut short", archive(["web:1"]).subarray(0, 512 * 13 + 20), "cut short"],
    ["a broken compression", gzipSync(archive(["web:1"])).subarray(0, 60), "unexpected end"],
  ])("warns of %s and goes on with the others", async (_what, content, reason) => {
    write("bad.tar", content);
    write("good.tar", archive(["web:1"]));
    expect(await pathOf("docker.io/library/web:1")).toBe("good.tar");
    expect(warned).toEqual([
      { archive: join(folder, "bad.tar"), reason: expect.stringContaining(reason) as string },
    ]);
  });

  it.each(["gnu", "posix", "ustar"])(
    "reads what tar writes in the form %s, also compressed",
    async (format) => {
      const source = join(folder, "source");
      const deep = join(source, "a".repeat(60), "b".repeat(60));
      mkdirSync(deep, { recursive: true });
      writeFileSync(join(deep, "layer.tar"), Buffer.alloc(3_000_000, 7));
      writeFileSync(join(source, "manifest.json"), manifest([`${format}:1`]));
      const make = (file: string, ...flags: string[]) =>
        execFileSync("tar", [`--format=${format}`, ...flags, "-C", source, "-cf", join(folder, file), "."]);
      make("plain.tar");
      expect(await pathOf(`docker.io/library/${format}:1`)).toBe("plain.tar");
      rmSync(join(folder, "plain.tar"));
      make("zipped.tar", "-z");
      expect(await pathOf(`docker.io/library/${format}:1`)).toBe("zipped.tar");
      expect(warned).toEqual([]);
    },
  );
});
