#!/usr/bin/env node
// Runs the bundled command line; in a checkout whose sources changed it is built first.
import { buildIfStale } from "../scripts/build.mjs";

try {
  await buildIfStale();
} catch (error) {
  const word =
    error?.code === "ERR_MODULE_NOT_FOUND"
      ? "Run `npm run setup` first."
      : `The build failed:\n${error?.message}`;
  process.stderr.write(`estiba: ${word}\n`);
  process.exit(1);
}
// The SDK's advice on Node versions is for those who develop with it.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
await import("../dist/estiba.mjs");
