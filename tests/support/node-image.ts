// An image of busybox, this machine's node and one program in one file, so that a container can use the official SDK.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { build } from "esbuild";
import { writeBusyboxImage } from "./busybox-image.ts";

/** Where the program is in the image: `node /program.cjs`. */
export const PROGRAM = "/program.cjs";

/** Writes the archive. `entry`: the program, a path from the repository's root; whatever it imports goes with it. */
export async function writeNodeImage(path: string, tag: string, entry: string): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: [resolve(import.meta.dirname, "../..", entry)],
    bundle: true,
    minify: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node20",
    logLevel: "silent",
  });
  const files: Record<string, Buffer> = {
    [PROGRAM.slice(1)]: Buffer.from(outputFiles[0]?.contents ?? []),
    "bin/node": readFileSync(process.execPath),
  };
  for (const library of librariesOf(process.execPath)) files[library.slice(1)] = readFileSync(library);
  writeBusyboxImage(path, { tags: [tag], config: { Cmd: ["sleep", "3600"] }, files });
}

/** The shared libraries and the loader that the program needs. */
function librariesOf(program: string): readonly string[] {
  const needed = execFileSync("ldd", [program], { encoding: "utf8" });
  return [...needed.matchAll(/(?:=> )?(\/\S+) \(0x/g)].flatMap((match) => match[1] ?? []);
}
