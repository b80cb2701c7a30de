// Turns a TypeScript entry into a module that a child process can run: tests that kill a process need a real one.
import { createHash } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { build } from "esbuild";

const root = resolve(import.meta.dirname, "../..");

/**
 * Bundles `entry` (a path from the repository's root) and returns the path of an ES module, runnable by `node`.
 * Packages stay external; the output lies under node_modules so that they resolve. It is named by its content, so
 * tests that bundle the same entry at once do not disturb each other.
 */
export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [resolve(root, entry)],
    absWorkingDir: root,
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    sourcemap: "inline",
    logLevel: "silent",
  });
  const code = outputFiles[0]?.contents ?? new Uint8Array();
  const folder = join(root, "node_modules/.cache/bundles");
  const digest = createHash("sha256").update(code).digest("hex").slice(0, 12);
  const path = join(folder, `${basename(entry, ".ts")}-${digest}.mjs`);
  await mkdir(folder, { recursive: true });
  await writeFile(`${path}.${process.pid}`, code);
  await rename(`${path}.${process.pid}`, path);
  return path;
}
