// Bundles one bench and runs it: `npm run bench -- scheduler --instances 1000`. Its JSON goes to standard output.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const [name, ...args] = process.argv.slice(2);
const source = `bench/${name}.ts`;
if (name === undefined || !existsSync(source)) {
  const names = readdirSync("bench").filter((file) => file.endsWith(".ts") && file !== "report.ts");
  console.error(`Which one? ${names.map((file) => file.slice(0, -3)).join(", ")}`);
  process.exit(1);
}
const outfile = join("node_modules/.cache/bench", `${name}.mjs`);
mkdirSync("node_modules/.cache/bench", { recursive: true });
await build({
  entryPoints: [source],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  logLevel: "error",
});
// The SDK's advice on Node versions is for those who develop with it.
const env = { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" };
process.exit(
  spawnSync(process.execPath, ["--expose-gc", outfile, ...args], { stdio: "inherit", env }).status ?? 1,
);
