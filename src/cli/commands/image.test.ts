import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stateFolder } from "#server/state-folder.ts";
import { listImages, loadImage } from "./image.ts";

let folder: string;
let said: string[];
const print = (line: string) => void said.push(line);
const stored = () => readdirSync(stateFolder(folder).images);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "estiba-image-"));
  said = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function archive(tags: readonly string[], compression = "", config = "c.json"): string {
  const from = join(folder, "from");
  writeFileSync(
    join(folder, "manifest.json"),
    JSON.stringify([{ Config: config, RepoTags: tags, Layers: [] }]),
  );
  execFileSync("tar", [`-c${compression}f`, from, "-C", folder, "manifest.json"]);
  return from;
}

describe("estiba image", () => {
  it.each([[""], ["z"]])(
    "takes an archive of `docker save` (tar -c%sf), once, and lists its names",
    async (compression) => {
      const path = archive(["b:1", "a:latest"], compression);
      await loadImage(folder, path, print);
      await loadImage(folder, path, print);
      expect(said).toEqual(["loaded b:1", "loaded a:latest", "loaded b:1", "loaded a:latest"]);
      expect(stored()).toHaveLength(1);
      said = [];
      listImages(folder, print);
      expect(said).toEqual(["a:latest", "b:1"]);
    },
  );

  it("refuses what agents could not read, names no image, or is no archive, and keeps nothing of it", async () => {
    await expect(loadImage(folder, archive(["a:1"], "j"), print)).rejects.toThrow(/plain tar and gzip/);
    await expect(loadImage(folder, archive([]), print)).rejects.toThrow(/names no image/);
    const text = join(folder, "text");
    writeFileSync(text, "x".repeat(2000));
    await expect(loadImage(folder, text, print)).rejects.toThrow(`${text} is no archive of \`docker save\``);
    await expect(loadImage(folder, join(folder, "nowhere"), print)).rejects.toThrow(
      `There is no file ${join(folder, "nowhere")}.`,
    );
    expect(stored()).toEqual([]);
  });

  it("lists a name once that was given to another image", async () => {
    await loadImage(folder, archive(["a:1"], "", "one.json"), print);
    await loadImage(folder, archive(["a:1"], "", "two.json"), print);
    expect(stored()).toHaveLength(2);
    said = [];
    listImages(folder, print);
    expect(said).toEqual(["a:1"]);
  });
});
