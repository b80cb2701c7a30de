// Turns a TypeScript entry into a module that a child process can run: tests that kill a process need a real one.
import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { build } from "esbuild";

const root = resolve(import.meta.dirname, "../..");

/**
 * Bundles `entry` (a path from the repository's root) and returns the path of an ES module, runnable by `node`.
 * Packages stay external; the output lies under node_modules so that they resolve.
 */
export async function bundle(entry: string): Promise<string> {
  const folder = join(root, "node_modules/.cache/bundles");
  await mkdir(folder, { recursive: true });
  const tag = createHash("sha256").update(entry).digest("hex").slice(0, 8);
  const outfile = join(folder, `${basename(entry, ".ts")}-${tag}-${process.pid}.mjs`);
  await build({
    entryPoints: [resolve(root, entry)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    sourcemap: "inline",
    logLevel: "silent",
  });
  return outfile;
}
