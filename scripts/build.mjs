// Bundles the sources into dist/, which plain Node runs: the command line (npm packages stay outside), the agent (one
// file with everything inside, for hosts that have no checkout) and the demo's image builder. Whole or not at all.
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const stamp = join(dist, ".stamp");

const bundles = [
  { entry: "src/cli/main.ts", out: "estiba.mjs", alone: false },
  { entry: "src/agent/main.ts", out: "agent.mjs", alone: true },
  { entry: "src/cli/demo/image.ts", out: "demo-image.mjs", alone: false },
];

/** Names what the build rests on: every source with its size and time, and the installed packages. Milliseconds. */
function fingerprint() {
  const hash = createHash("sha256");
  const add = (path) => {
    const { mtimeMs, size } = statSync(path);
    hash.update(`${relative(root, path)} ${mtimeMs} ${size}\n`);
  };
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (entry.name.endsWith(".ts") && !/\.(test|suite)\.ts$/.test(entry.name)) add(path);
    }
  };
  walk(join(root, "src"));
  add(join(root, "scripts/build.mjs"));
  add(join(root, "package-lock.json"));
  return hash.digest("hex");
}

const isFresh = (wanted) =>
  existsSync(stamp) &&
  readFileSync(stamp, "utf8") === wanted &&
  bundles.every(({ out }) => existsSync(join(dist, out)));

/** Builds when a source changed since the last build. Answers whether it did. Throws with esbuild's words. */
export async function buildIfStale(say = () => {}) {
  const wanted = fingerprint();
  if (isFresh(wanted)) return false;
  say("building dist/ …");
  await build(wanted);
  return true;
}

async function build(wanted) {
  for (const { entry } of bundles)
    if (!existsSync(join(root, entry))) throw new Error(`${entry} is missing: this checkout is not whole.`);
  const esbuild = await import("esbuild");
  const outputs = await Promise.all(bundles.map((bundle) => bundleCode(esbuild, bundle)));
  mkdirSync(dist, { recursive: true });
  rmSync(stamp, { force: true });
  bundles.forEach(({ out }, i) => writeWhole(join(dist, out), outputs[i]));
  writeWhole(stamp, wanted);
}

async function bundleCode(esbuild, { entry, alone }) {
  const result = await esbuild.build({
    entryPoints: [join(root, entry)],
    absWorkingDir: root,
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "silent",
    ...(alone
      ? {
          minifyWhitespace: true,
          minifySyntax: true,
          // Packages written for `require` find it here.
          banner: {
            js: 'import { createRequire as createRequireOfBundle } from "node:module"; const require = createRequireOfBundle(import.meta.url);',
          },
        }
      : { packages: "external" }),
  });
  return result.outputFiles[0].contents;
}

/** A process that starts meanwhile sees the old file or the new one. */
function writeWhole(path, content) {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    console.log((await buildIfStale()) ? "built dist/" : "dist/ is up to date");
  } catch (error) {
    console.error(`The build failed:\n${error.message}`);
    process.exit(1);
  }
}
